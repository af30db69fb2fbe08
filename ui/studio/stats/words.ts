import { words } from '$lib/i18n/i18n.svelte';

/** The words of the graph of what is sent. */
export const t = words(
  'stats',
  {
    minute: 'Bit rate over the last minute',
    open: 'Bit rate {{rate}}: show the last five minutes',
    title: 'Bit rate, last five minutes',
    close: 'Close',
    now: 'now',
    ago: '5 min ago',
    aim: 'aim {{rate}}',
    figures: 'Now {{now}}, lowest {{least}}, highest {{most}}, on average {{mean}}.',
    dropped: '{{count}} frames dropped in all.',
    short: 'The graph begins with the broadcast: {{seconds}} s so far.',
  },
  {
    minute: '最近一分钟的码率',
    open: '码率 {{rate}}：显示最近五分钟',
    title: '最近五分钟的码率',
    close: '关闭',
    now: '现在',
    ago: '5 分钟前',
    aim: '目标 {{rate}}',
    figures: '现在 {{now}}，最低 {{least}}，最高 {{most}}，平均 {{mean}}。',
    dropped: '共丢帧 {{count}}。',
    short: '图表从开播开始：目前 {{seconds}} 秒。',
  },
);
