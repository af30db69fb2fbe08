import type { Refusal } from './lines';
import { t } from './words';

/** A refusal in words: the page's own when it knows the code, else the origin's sentence. */
export function refusalText(refusal: Refusal): string {
  switch (refusal.code) {
    case 'rate_limited':
      return t('error.rate_limited', { count: Math.max(1, refusal.retry_after_s) });
    case 'too_long':
      return t('error.too_long');
    case 'empty':
      return t('error.empty');
    case 'name_refused':
      return t('error.name_refused');
    case 'not_stored':
      return t('error.not_stored');
    case 'slow_mode':
      return t('error.slow_mode', { count: Math.max(1, refusal.retry_after_s) });
    case 'timed_out':
      return t('error.timed_out', { count: Math.max(1, Math.ceil(refusal.retry_after_s / 60)) });
    case 'not_allowed':
    case 'banned':
    case 'locked':
    case 'emotes_only':
    case 'sign_in_needed':
    case 'followers_only':
    case 'unknown_command':
    case 'already_voted':
    case 'closed':
    case 'rejected':
    case 'not_enough':
      return t(`error.${refusal.code}`);
    case 'no_answer':
      return t('error.no_answer');
    default:
      return refusal.message === '' ? t('error.other') : refusal.message;
  }
}
