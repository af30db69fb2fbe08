import { words } from '$lib/i18n/i18n.svelte';

/** The words of what is held: the replay and the delay. */
export const t = words(
  'replay',
  {
    save: 'Save the last {{length}}',
    seconds: '{{count}} s',
    minutes: '{{count}} min',
    off: 'Off',
    title: 'Replay',
    keep: 'Keep the last',
    'keep.text': 'To be saved as a video when something worth keeping has happened. Used from the next broadcast on.',
    'keep.memory': 'Takes about {{mb}} MB of memory.',
    delay: 'Send later',
    'delay.text':
      'Viewers get everything this much later, so that nobody can use what they see against you. Going live and ending take as much longer; recordings are not delayed. Used from the next broadcast on.',
    ending: 'Viewers still get the last {{seconds}} s',
    saved: 'The replay is saved: {{file}}',
    failed: 'The replay could not be saved. {{reason}}',
    folder: 'Open folder',
  },
  {
    save: '保存最近 {{length}}',
    seconds: '{{count}} 秒',
    minutes: '{{count}} 分钟',
    off: '关闭',
    title: '回放',
    keep: '保留最近',
    'keep.text': '出现精彩内容时可以保存成视频。从下一次直播开始使用。',
    'keep.memory': '大约占用 {{mb}} MB 内存。',
    delay: '延迟发送',
    'delay.text':
      '观众会晚这么久看到一切，别人就无法利用看到的内容对付你。开播和结束也会晚这么久；录制不延迟。从下一次直播开始使用。',
    ending: '观众还会收到最后 {{seconds}} 秒',
    saved: '回放已保存：{{file}}',
    failed: '回放无法保存。{{reason}}',
    folder: '打开文件夹',
  },
);
