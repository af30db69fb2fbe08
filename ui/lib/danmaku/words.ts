import { words } from '../i18n/i18n.svelte';

/** The words of how comments fly over the picture. */
export const t = words(
  'danmaku',
  {
    title: 'Flying comments',
    settings: 'How flying comments look',
    opacity: 'Opacity',
    size: 'Size',
    area: 'Area',
    speed: 'Speed',
    percent: '{{value}}%',
    seconds: '{{value}} s across',
    'area.third': 'Top ⅓',
    'area.half': 'Top ½',
    'area.two_thirds': 'Top ⅔',
    'area.most': 'Nearly all',
    still: 'This device asks for less motion: the last three stand still.',
  },
  {
    title: '弹幕',
    settings: '弹幕设置',
    opacity: '不透明度',
    size: '大小',
    area: '显示区域',
    speed: '速度',
    percent: '{{value}}%',
    seconds: '{{value}} 秒飞过',
    'area.third': '顶部 ⅓',
    'area.half': '顶部 ½',
    'area.two_thirds': '顶部 ⅔',
    'area.most': '几乎全部',
    still: '此设备要求减少动态效果：最近三条静止显示。',
  },
);
