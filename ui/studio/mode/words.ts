import { words } from '$lib/i18n/i18n.svelte';

/** The words of the switch between a stream and a class. */
export const t = words(
  'mode',
  {
    mode: 'Kind of broadcast',
    stream: 'Stream',
    class: 'Class',
    'stream.title': 'Stream: chat and flying comments',
    'class.title': 'Class: raised hands, polls and attendance',
  },
  {
    mode: '直播类型',
    stream: '直播',
    class: '课堂',
    'stream.title': '直播：聊天和弹幕',
    'class.title': '课堂：举手、投票和出勤',
  },
);
