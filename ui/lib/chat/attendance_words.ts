import { words } from '../i18n/i18n.svelte';

/** The words of who is in class. */
export const t = words(
  'attendance',
  {
    'people.here_one': '{{count}} here',
    'people.here_other': '{{count}} here',
    'people.of': '{{count}} of {{all}} here',
    'people.left': 'left {{time}}',
    'people.missing': 'Missing: {{names}}',
    'people.save': 'Save list (CSV)',
    'people.saved': 'Saved as {{file}}',
    'people.unsaved': 'The list could not be saved.',
    'people.none': 'Nobody has come yet.',
    'people.failed': 'The list cannot be had just now.',
  },
  {
    'people.here_other': '{{count}} 人在场',
    'people.of': '{{count}}/{{all}} 人在场',
    'people.left': '{{time}} 离开',
    'people.missing': '缺席：{{names}}',
    'people.save': '保存名单（CSV）',
    'people.saved': '已保存为 {{file}}',
    'people.unsaved': '名单无法保存。',
    'people.none': '还没有人到场。',
    'people.failed': '暂时无法获取名单。',
  },
);
