import { words } from '$lib/i18n/i18n.svelte';
import type { TroubleKind, TroubleView } from '../bindings';

const english = {
  'no-screen': 'there is no screen to capture',
  screen: 'the screen gives no picture',
  'not-shared': 'the screen is not shared; the desktop asks again when the source is hidden and shown',
  'unknown-window': 'there is no such window now',
  window: 'the window gives no picture',
  'no-camera': 'there is no camera',
  'unknown-camera': 'this camera is not there',
  camera: 'the camera gives no picture',
  'no-microphone': 'there is no microphone',
  'no-system-sound': 'what the computer plays cannot be recorded here',
  'unknown-device': 'this sound device is not there',
  device: 'the sound device does not open',
  file: 'the file cannot be played',
  missing: 'the file holds nothing that could be used here',
  conversion: 'the picture or sound cannot be converted',
  image: 'the image cannot be read',
  'no-fonts': 'this computer has no font for text',
  other: 'it does not work',
} satisfies Record<TroubleKind, string>;

/** What is wrong with a source, besides what the system says about it. */
const t = words(
  'trouble',
  { ...english, said: '{{what}} ({{said}})', and: '{{one}}; {{more}}' },
  {
    'no-screen': '没有可以捕获的屏幕',
    screen: '屏幕没有画面',
    'not-shared': '屏幕没有共享；隐藏再显示这个来源时，桌面会再次询问',
    'unknown-window': '现在没有这个窗口',
    window: '窗口没有画面',
    'no-camera': '没有摄像头',
    'unknown-camera': '这个摄像头不在',
    camera: '摄像头没有画面',
    'no-microphone': '没有麦克风',
    'no-system-sound': '这里无法录制电脑播放的声音',
    'unknown-device': '这个声音设备不在',
    device: '声音设备无法打开',
    file: '文件无法播放',
    missing: '文件里没有可用的内容',
    conversion: '画面或声音无法转换',
    image: '图片无法读取',
    'no-fonts': '这台电脑没有可用的字体',
    other: '无法使用',
    said: '{{what}}（{{said}}）',
    and: '{{one}}；{{more}}',
  },
);

/** What is wrong with a source, in the window's language; what the system says stays as it says it. */
export const wrongWith = ({ kind, said }: TroubleView): string =>
  said === '' ? t(kind) : t('said', { what: t(kind), said });

/** The same of several. */
export const wrongWithAll = (troubles: TroubleView[]): string =>
  troubles.map(wrongWith).reduce((one, more) => t('and', { one, more }));
