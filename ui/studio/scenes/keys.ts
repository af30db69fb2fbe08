// Keys that work anywhere in the studio.
import { commands } from '../bindings';
import { ask, view } from '../model.svelte';
import { redo, undo } from './edits.svelte';

/** What a key does, by its name as `Ctrl Shift Z`; nothing where somebody types who wants to undo that. */
export function sceneKeys(event: KeyboardEvent): Record<string, () => void> {
  const scenes = view()?.scenes;
  const types = event.target instanceof Element && event.target.closest('input, textarea') !== null;
  const keys: Record<string, () => void> = {};
  for (const [at, scene] of (scenes?.scenes ?? []).slice(0, 9).entries()) {
    keys[`Ctrl ${at + 1}`] = () => ask(commands.chooseScene(scene.id));
  }
  if (!types) {
    keys['Ctrl Z'] = undo;
    keys['Ctrl Shift Z'] = redo;
  }
  return keys;
}
