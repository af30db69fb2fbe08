import { words } from '$lib/i18n/i18n.svelte';

/** The words of the server's health over time. */
export const t = words(
  'health',
  {
    span: 'How far back',
    hour: 'Last hour',
    day: '24 hours',
    week: '7 days',
    table: 'The same as a table',
    none: 'Nothing is known of this time yet: figures come every five minutes.',
    most: 'Viewers, rooms and publishers are the most at a time; the rest is the mean of each {{minutes}} min.',
    summary: '{{name}}: now {{now}}; from {{from}} to {{to}} between {{least}} and {{most}}.',
    'summary.none': '{{name}}: nothing is known yet.',
  },
  {
    span: '时间范围',
    hour: '过去一小时',
    day: '24 小时',
    week: '7 天',
    table: '数据表',
    none: '这段时间还没有数据：每五分钟记录一次。',
    most: '观众、直播间和推流为同时最多的数量，其余为每 {{minutes}} 分钟的平均值。',
    summary: '{{name}}：当前 {{now}}；{{from}} 至 {{to}} 介于 {{least}} 和 {{most}} 之间。',
    'summary.none': '{{name}}：还没有数据。',
  },
);
