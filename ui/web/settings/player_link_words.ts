import { words } from '$lib/i18n/i18n.svelte';

/** The words of links for players. */
export const t = words(
  'playerLink',
  {
    title: 'Link for players',
    good: 'A player may begin for',
    'good.24': '1 day',
    'good.168': '1 week',
    'good.720': '30 days',
    'good.8784': '1 year',
    make: 'Make a link',
    end: 'End all links for players',
    ended: 'No link for players opens the room any more, and what played with one has stopped.',
    link: 'For mpv, VLC and pages with hls.js',
    until: 'Good until {{time}}. Whoever has it needs no password.',
    hint: 'It opens the picture and the sound, not the chat. Another password or invite link ends them too.',
  },
  {
    title: '播放器链接',
    good: '有效期',
    'good.24': '1 天',
    'good.168': '1 周',
    'good.720': '30 天',
    'good.8784': '1 年',
    make: '生成链接',
    end: '让所有播放器链接失效',
    ended: '所有播放器链接均已失效，用它们的播放也已停止。',
    link: '用于 mpv、VLC 和使用 hls.js 的网页',
    until: '{{time}} 前有效。有此链接的人无需密码。',
    hint: '只能播放画面和声音，不能进入聊天。更换密码或邀请链接也会让它们失效。',
  },
);
