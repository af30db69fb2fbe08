import { describe, expect, it } from 'vitest';
import { setLanguage } from '$lib/i18n/i18n.svelte';
import type { Layer, Scene, Source } from '../bindings';
import { KINDS, layerName, newSource, sceneName } from './names';

function scene(name: string, ...sources: Source[]): Scene {
  return { id: 1, name, layers: sources.map((source, id) => ({ id, name: '', hidden: false, source }) as Layer) };
}

describe('what a scene is called', () => {
  it('is its name, else what is in it, in the language of the window', () => {
    const [display, camera] = [newSource('display', null), newSource('camera', 'webcam')];
    expect(sceneName(scene('Lesson', display))).toBe('Lesson');
    expect(sceneName(scene(''))).toBe('Empty scene');
    expect(sceneName(scene('', display, camera, camera))).toBe('Display + camera');
    setLanguage('zh-CN');
    expect(sceneName(scene('', display, camera))).toBe('屏幕 + 摄像头');
    setLanguage('en');
  });

  it('leaves out what is hidden', () => {
    const hidden = scene('', newSource('display', null));
    hidden.layers[0] = { ...(hidden.layers[0] as Layer), hidden: true };
    expect(sceneName(hidden)).toBe('Empty scene');
  });
});

describe('what a source is called', () => {
  it('is the file, the title or the first line, else the kind', () => {
    const named = (source: Source): string => layerName({ name: '', source });
    expect(named({ type: 'image', file: '/home/someone/logo.png' })).toBe('logo.png');
    expect(named({ type: 'window', id: null, title: 'Slides', cursor: true })).toBe('Slides');
    expect(named({ ...newSource('text', null), text: ' 第一课\nLesson' } as Source)).toBe('第一课');
    for (const kind of KINDS) {
      expect(named(newSource(kind, null))).not.toBe('');
    }
  });
});
