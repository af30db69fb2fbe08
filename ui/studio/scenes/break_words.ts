import { words } from '$lib/i18n/i18n.svelte';

/** The words of breaks. */
export const t = words(
  'breaks',
  {
    menu: 'Scene',
    use: 'Use this scene for breaks',
    take: 'Take a break, sound off',
    end: 'End the break',
    words: 'Back in a moment',
    scene: 'shown in breaks, without sound',
    sound: 'Off during the break',
    badge: 'Break: viewers hear nothing',
  },
  {
    menu: '场景',
    use: '将此场景用于休息',
    take: '开始休息，关闭声音',
    end: '结束休息',
    words: '马上回来',
    scene: '休息时显示，没有声音',
    sound: '休息时关闭',
    badge: '休息中：观众听不到声音',
  },
);
