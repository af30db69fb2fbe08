// What scenes and sources are called: by their own name, else by what they are.
import type { Layer, Scene, Source } from '../bindings';
import { t } from './words';

/** What people call a source. */
export function layerName(layer: Pick<Layer, 'name' | 'source'>): string {
  if (layer.name) {
    return layer.name;
  }
  const { source } = layer;
  switch (source.type) {
    case 'window':
      return source.title || t('kind.window');
    case 'image':
    case 'video':
      return source.file.split('/').at(-1) || t(`kind.${source.type}`);
    case 'text':
      return source.text.trim().split('\n')[0]?.slice(0, 40) || t('kind.text');
    default:
      return t(`kind.${source.type}`);
  }
}

/** What people call a scene. */
export function sceneName(scene: Scene): string {
  if (scene.name) {
    return scene.name;
  }
  const kinds = scene.layers.filter((layer) => !layer.hidden).map((layer) => t(`kind.${layer.source.type}`));
  const different = [...new Set(kinds)];
  if (different.length === 0) {
    return t('scene.empty');
  }
  const words = different.slice(0, 2).join(' + ');
  // As a sentence begins: "Display + camera".
  return words.charAt(0) + words.slice(1).toLowerCase();
}

/** The kinds of sources, in the order in which they are offered. */
export const KINDS: readonly Source['type'][] = [
  'display',
  'window',
  'camera',
  'image',
  'text',
  'timer',
  'colour',
  'video',
  'test',
];

/** A new source of a kind; a camera is the one with this id. */
export function newSource(kind: Source['type'], camera: string | null): Source {
  const style = { sizePercent: 7, colour: '#ffffff', background: null, align: 'centre', bold: false } as const;
  switch (kind) {
    case 'window':
      return { type: kind, id: null, title: '', cursor: true };
    case 'camera':
      return { type: kind, id: camera };
    case 'image':
    case 'video':
      return { type: kind, file: '' };
    case 'text':
      return { type: kind, text: t('text.new'), style };
    case 'timer':
      return { type: kind, downFromS: 300, over: '', style };
    case 'colour':
      return { type: kind, colour: '#1c2647' };
    case 'test':
      return { type: kind };
    default:
      return { type: 'display', cursor: true };
  }
}
