import { words } from '$lib/i18n/i18n.svelte';

/** The words of the panel. */
export const t = words(
  'panel',
  {
    out: 'Pop out',
    'out.text': 'Chat and controls in a small window above all others',
    menu: 'Panel above other windows',
    title: '{{state}} – Rostrum',
    panel: 'Panel',
    close: 'Close the panel',
    'close.keys': 'Close the panel (Esc)',
    cancel: 'Cancel',
    hands_one: '{{count}} hand up',
    hands_other: '{{count}} hands up',
    'hands.more': '+{{count}}',
    'lines.none': 'No messages yet',
    mute: 'Mute',
    'mute.text': 'Mute the microphone',
  },
  {
    out: '弹出',
    'out.text': '在置顶小窗中显示聊天和控制',
    menu: '置顶小窗',
    title: '{{state}} – Rostrum',
    panel: '小窗',
    close: '关闭小窗',
    'close.keys': '关闭小窗（Esc）',
    cancel: '取消',
    hands_other: '{{count}} 人举手',
    'hands.more': '另有 {{count}} 人',
    'lines.none': '还没有消息',
    mute: '静音',
    'mute.text': '麦克风静音',
  },
);
