import { words } from '$lib/i18n/i18n.svelte';

/** The words of what ends a broadcast, a recording or the program, and of what is kept of them. */
export const t = words(
  'ending',
  {
    'replay.kept': 'The replay is saved.',
    'replay.none': 'No replay is kept.',
    'recording.on': 'The recording goes on until you stop it.',
    'recording.ends': 'The recording ends too and is saved.',

    'close.held-back.title': 'Close before viewers have seen the end?',
    'close.held-back.text':
      'Viewers still get the last {{seconds}} s, which were held back. Closing now cuts that off and stops the origin.',
    'close.held-back.confirm': 'Cut off and close',
    'close.recording.title': 'Stop recording and close?',
    'close.recording.text': 'A recording runs. Closing ends it; what was recorded so far is saved as {{file}}.',
    'close.recording.confirm': 'Stop recording and close',
    'close.replay.title': 'Close while a replay is being saved?',
    'close.replay.text': 'It takes a moment more. Closing now may leave it without its end.',
    'close.replay.confirm': 'Close anyway',
    'close.nothing.title': 'Close Rostrum?',
    'close.nothing.text': 'Nothing runs any more.',
    'close.nothing.confirm': 'Close',

    countdown: 'Countdown before going live',
    'countdown.text': '3 seconds in which Esc cancels. Off: it begins at once.',
    'going.live': 'Going live',
  },
  {
    'replay.kept': '回放会保存。',
    'replay.none': '不保存回放。',
    'recording.on': '录制会继续，直到你停止。',
    'recording.ends': '录制也会结束并保存。',

    'close.held-back.title': '观众还没看到结尾，要关闭吗？',
    'close.held-back.text': '观众还会收到延迟的最后 {{seconds}} 秒。现在关闭会中断这部分，并停止源站。',
    'close.held-back.confirm': '中断并关闭',
    'close.recording.title': '停止录制并关闭？',
    'close.recording.text': '正在录制。关闭会结束录制，已录制的内容保存为 {{file}}。',
    'close.recording.confirm': '停止录制并关闭',
    'close.replay.title': '正在保存回放，要关闭吗？',
    'close.replay.text': '还需要一点时间。现在关闭，回放可能缺少结尾。',
    'close.replay.confirm': '仍然关闭',
    'close.nothing.title': '关闭 Rostrum？',
    'close.nothing.text': '没有正在进行的内容。',
    'close.nothing.confirm': '关闭',

    countdown: '开始直播前倒计时',
    'countdown.text': '3 秒，期间按 Esc 可取消。关闭后立即开始。',
    'going.live': '开始直播',
  },
);
