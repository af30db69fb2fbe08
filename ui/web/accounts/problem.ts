import type { Problem } from '$lib/api/client';
import { t } from './words';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;

/** Why a request was refused, as people read it. */
export function problemText(problem: Problem): string {
  const wait = waitText(problem.retry_after_ms ?? 0);
  switch (problem.code) {
    case 'wrong_password':
      return problem.tries_left === null || problem.tries_left > 4
        ? t('problem.wrong')
        : `${t('problem.wrong')} ${t('problem.tries', { count: problem.tries_left })}`;
    case 'too_many_tries':
      return t('problem.tries.wait', { wait });
    case 'too_many_requests':
      return t('problem.requests.wait', { wait });
    case 'busy':
      return t('problem.busy');
    case 'name_taken':
      return t('problem.name.taken');
    case 'name_refused':
      return t('problem.name.refused');
    case 'password_too_short':
      return t('problem.password.short');
    case 'password_too_long':
      return t('problem.password.long');
    case 'registration_closed':
      return t('problem.closed');
    case 'invitation_needed':
      return t('problem.invitation.needed');
    case 'invitation_wrong':
      return t('problem.invitation.wrong');
    case 'link_wrong':
      return t('problem.link');
    case 'email_refused':
      return t('problem.email');
    case 'no_letters':
      return t('problem.letters');
    case 'account_locked':
      return t('problem.locked');
    case 'last_admin':
      return t('problem.last');
    case 'unreachable':
      return t('problem.unreachable');
    default:
      // What no phrase is for is said as the origin says it.
      return problem.detail || t('problem.unreachable');
  }
}

function waitText(wait_ms: number): string {
  const seconds = Math.ceil(wait_ms / SECOND_MS);
  return wait_ms <= MINUTE_MS
    ? t('wait.seconds', { count: seconds })
    : t('wait.minutes', { count: Math.ceil(wait_ms / MINUTE_MS) });
}
