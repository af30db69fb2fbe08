import { words } from '$lib/i18n/i18n.svelte';

/** The words of push to talk. */
export const t = words(
  'talk',
  {
    push: 'Push to talk',
    'push.text': 'You are heard only while you hold Space, outside text fields and buttons.',
    hold: 'Hold Space to talk',
  },
  {
    push: '按键说话',
    'push.text': '只有按住空格键时才能听到你，在文本框和按钮之外有效。',
    hold: '按住空格键说话',
  },
);
