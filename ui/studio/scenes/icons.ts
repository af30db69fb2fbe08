// One icon for each kind of source.
import AppWindow from '@lucide/svelte/icons/app-window';
import Film from '@lucide/svelte/icons/film';
import Image from '@lucide/svelte/icons/image';
import Monitor from '@lucide/svelte/icons/monitor';
import TestTube from '@lucide/svelte/icons/monitor-check';
import Palette from '@lucide/svelte/icons/palette';
import Timer from '@lucide/svelte/icons/timer';
import Type from '@lucide/svelte/icons/type';
import Video from '@lucide/svelte/icons/video';
import type { Source } from '../bindings';

const ICONS: Record<Source['type'], typeof Monitor> = {
  display: Monitor,
  window: AppWindow,
  camera: Video,
  video: Film,
  image: Image,
  text: Type,
  timer: Timer,
  colour: Palette,
  test: TestTube,
};

export function icon(kind: Source['type']): typeof Monitor {
  return ICONS[kind];
}
