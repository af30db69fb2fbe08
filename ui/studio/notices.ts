// What the person should know and what can be done about it, the most serious first.
import { formatBytes } from '$lib/format';
import { language } from '$lib/i18n/i18n.svelte';
import { commands, type DestinationView, type Notice, type NoticeKind, type View } from './bindings';
import { failedBecause, lostBecause } from './cause/words';
import { t as encode } from './encode/words';
import { t as keychain } from './keychain/words';
import { t as own } from './notice_words';
import { t as replay } from './replay/words';
import { recordElsewhere } from './saving/folder';
import { t as saving } from './saving/words';
import { rate } from './time';
import { wrongWithAll } from './trouble/words';
import { t } from './words';

/** Something that can be done about it. */
export interface Remedy {
  /** What tests call it. */
  test: string;
  label: string;
  run: () => void;
}

export interface Shown {
  key: string;
  level: 'err' | 'warn' | 'ok';
  text: string;
  /** The best first. */
  remedies?: Remedy[];
  dismiss?: () => void;
}

/** What a remedy may need of the window. */
export interface Ways {
  ask: (request: Promise<unknown>) => void;
  /** The page of the origin. */
  origin: () => void;
  /** The settings of the output. */
  output: () => void;
  /** The question whether to end. */
  end: () => void;
  /** The form of a destination. */
  fix: (destination: DestinationView) => void;
}

/** After so long without a connection, ending is offered too. Milliseconds. */
export const LONG_MS = 600_000;
const MB = 1_000_000;

const bytes = (mb: number): string => formatBytes(mb * MB, language());
const main = (label: string, run: () => void): Remedy[] => [{ test: 'notice-action', label, run }];

/** A destination that gave up says in its row why only while the others go on. */
function failed(
  view: View,
  { to, cause }: NoticeKind & { type: 'broadcast-failed' },
  fix: Ways['fix'],
): [string, Remedy[]] {
  const destination = view.live.destinations.find(({ name }) => name === to);
  if (destination === undefined) {
    return [failedBecause(to, cause), []];
  }
  const own = destination.id === 0;
  const remedies = own ? [] : main(t('dest.fix'), () => fix(destination));
  return [failedBecause(own ? t('dest.this') : destination.name, cause), remedies];
}

function fromProgram(view: View, { id, kind }: Notice, { ask, fix }: Ways): Shown {
  const key = `notice-${id}`;
  const dismiss = () => ask(commands.dismiss(id));
  const said = (level: Shown['level'], text: string, remedies: Remedy[] = []): Shown => ({
    key,
    level,
    text,
    remedies,
    dismiss,
  });
  switch (kind.type) {
    case 'settings-unusable':
      return said('warn', t('notice.settings-unusable', { path: kind.keptAs, reason: kind.reason }));
    case 'settings-not-saved':
      return said('warn', t('notice.settings-not-saved', { reason: kind.reason }));
    case 'scenes-not-saved':
      return said('warn', t('notice.scenes-not-saved', { reason: kind.reason }));
    case 'broadcast-failed':
      return said('err', ...failed(view, kind, fix));
    case 'origin-stopped':
      return said(
        'err',
        t('notice.origin-stopped'),
        main(t('notice.start'), () => ask(commands.startOrigin())),
      );
    case 'encoder-replaced':
      return said('warn', t('notice.encoder', { name: kind.name, by: kind.by, reason: kind.reason }));
    case 'recording-failed':
      return said('err', own(kind.kept ? 'recording.kept' : 'recording.none', { reason: kind.reason }));
    case 'recording-stays':
      return said('warn', saving('to.stays', { reason: kind.reason }));
    case 'disk-full':
      return said(
        'err',
        own('disk.stopped', { free: bytes(kind.stopMb) }),
        main(own('disk.folder'), () => ask(commands.showRecording())),
      );
    case 'replay-saved':
      return said(
        'ok',
        replay('saved', { file: kind.file }),
        main(replay('folder'), () => ask(commands.showReplay())),
      );
    case 'replay-failed':
      return said('err', replay('failed', { reason: kind.reason }));
    case 'cut-off': {
      const ready = view.live.phase.type === 'idle' && view.live.blocked === null;
      const again = main(t('notice.cut-off.again'), () => ask(commands.goLive()));
      return said('warn', t('notice.cut-off'), ready ? again : []);
    }
    case 'keys-closed': {
      const label = kind.state === 'locked' ? keychain('unlock') : keychain('again');
      const state = kind.state === 'unknown' ? 'absent' : kind.state;
      return said(
        'warn',
        keychain(`notice.${state}`, { names: kind.names }),
        main(label, () => ask(commands.unlockKeychain())),
      );
    }
    case 'keys-lost':
      return said('warn', keychain('notice.lost', { names: kind.names }));
    case 'link-refused':
      return said('warn', t('notice.link', { link: kind.link }));
    case 'picture-ended':
      return said('err', t('notice.picture-ended'));
  }
}

/** The connection is lost; `age` is how old the view is, milliseconds. */
function lost(view: View, age: number, { ask, end }: Ways): Shown[] {
  const phase = view.live.phase;
  if (phase.type !== 'reconnecting') {
    return [];
  }
  const long = phase.lostMs + age > LONG_MS;
  const remedies = main(t('go.try'), () => ask(commands.retryNow()));
  if (long) {
    remedies.push({ test: 'notice-end', label: own('lost.end'), run: end });
  }
  const text = long ? t('notice.lost.long') : lostBecause(t('notice.lost'), phase.cause);
  return [{ key: 'lost', level: 'warn', text, remedies }];
}

/** What the disk has no room for much longer. */
function disk({ disk }: View, { ask, origin }: Ways): Shown[] {
  if (disk.recording) {
    const remedies = [
      { test: 'notice-another', label: saving('to.another'), run: () => ask(recordElsewhere()) },
      { test: 'notice-action', label: own('disk.stop'), run: () => ask(commands.record(false)) },
    ];
    const text = own('disk.left', { count: disk.recording.minutes });
    return [{ key: 'disk', level: 'err', text, remedies }];
  }
  if (disk.replayMb !== null) {
    const text = own('disk.replay', { free: bytes(disk.replayMb) });
    return [{ key: 'disk', level: 'err', text, remedies: main(own('disk.recordings'), origin) }];
  }
  return [];
}

/** The computer is too slow for what is sent, while the network is not the reason. */
function slow(view: View, { ask, output }: Ways): Shown[] {
  const { tooSlow, stats } = view.live;
  if (!tooSlow || view.live.phase.type !== 'live') {
    return [];
  }
  const settings = { test: 'notice-settings', label: own('slow.settings'), run: output };
  const count = tooSlow.latePercent;
  if (!tooSlow.easier) {
    return [{ key: 'slow', level: 'warn', text: own('slow.least', { count }), remedies: [settings] }];
  }
  const { size, fps } = tooSlow.easier;
  const label = size === stats?.size ? own('slow.fps', { fps }) : own('slow.size', { size });
  const remedies = [...main(label, () => ask(commands.easePicture())), settings];
  return [{ key: 'slow', level: 'warn', text: own('slow.live', { count }), remedies }];
}

/** Destinations that lose pictures alone. */
function tooMuch(view: View, { ask }: Ways): Shown[] {
  return view.live.destinations.flatMap(({ id, name, encode: gets }): Shown[] => {
    if (gets.type !== 'too-much') {
      return [];
    }
    const which = id === 0 ? t('dest.this') : name;
    const reason = gets.noRoom === null ? '' : ` ${encode(gets.noRoom)}`;
    const remedies = gets.noRoom === null ? main(encode('apart'), () => ask(commands.letApart(id))) : [];
    return [{ key: `too-much-${id}`, level: 'warn', text: encode('too-much', { name: which }) + reason, remedies }];
  });
}

/** Everything to tell now; `age` is how old the view is, milliseconds. */
export function notices(view: View, age: number, ways: Ways, failed: Shown[]): Shown[] {
  const shown = [...lost(view, age, ways)];
  const origin = view.origin.state;
  if (origin.type === 'failed') {
    const { problem } = origin;
    shown.push({
      key: 'origin',
      level: 'err',
      text: problem.type === 'port-taken' ? t('notice.port', { port: problem.port }) : t('notice.origin-failed'),
      remedies: main(t('notice.fix'), ways.origin),
    });
  }
  if (view.trouble.length > 0) {
    shown.push({ key: 'trouble', level: 'warn', text: t('notice.trouble', { reason: wrongWithAll(view.trouble) }) });
  }
  shown.push(...disk(view, ways), ...tooMuch(view, ways));
  const { stats } = view.live;
  if (stats?.weak && view.live.phase.type === 'live') {
    const text = t('notice.weak', { size: stats.size, fps: stats.aimedFps, rate: rate(stats.aimedBps) });
    shown.push({ key: 'weak', level: 'warn', text });
  }
  const told = view.notices.map((notice) => fromProgram(view, notice, ways)).reverse();
  // It lasts, and can wait until what just happened was read.
  return [...shown, ...failed, ...told, ...slow(view, ways)];
}
