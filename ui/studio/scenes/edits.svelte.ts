// Edits on their way to the program, one after the other, and which source is chosen in the window.
import { type Change, commands, type Edit, type Layer, type Place, type Scene } from '../bindings';
import { ask, view } from '../model.svelte';

interface Waiting {
  edit: Edit;
  gesture: number | null;
  done: (made: number | null) => void;
  failed: (error: unknown) => void;
}

const queue: Waiting[] = [];
let flying = false;
/** A page that reloads must not go on with a gesture of the one before. */
let lastGesture = Math.floor(Math.random() * 0x7fffffff);
let selected = $state<number | null>(null);
let renamed = $state<number | null>(null);
let renamedSceneId = $state<number | null>(null);
/** Where the chosen source is about to lie: ahead of the program while somebody moves it. */
let draft = $state.raw<{ layer: number; place: Place } | null>(null);
let puts = 0;
/** Longer than the program's answer takes to be shown. Milliseconds. */
const SHOWN_MS = 1_000;

/** A number for the edits that are undone as one. */
export function gesture(): number {
  lastGesture = (lastGesture + 1) % 0x7fffffff;
  return lastGesture;
}

/** The scene that is shown. */
export function chosenScene(): Scene | null {
  const scenes = view()?.scenes;
  return scenes?.scenes.find((scene) => scene.id === scenes.chosen) ?? null;
}

/** The chosen source of the scene that is shown. */
export function chosenLayer(): Layer | null {
  return chosenScene()?.layers.find((layer) => layer.id === selected) ?? null;
}

/** Chooses a source in the window; `null` chooses none. */
export function select(layer: number | null): void {
  if (selected !== layer) {
    selected = layer;
    draft = null;
  }
}

/** The source of the scene that is shown whose name is asked for. */
export function renamedLayer(): Layer | null {
  return chosenScene()?.layers.find((layer) => layer.id === renamed) ?? null;
}

/** Asks for a source's name; `null` asks no more. */
export function rename(layer: number | null): void {
  renamed = layer;
}

/** The scene whose name is asked for. */
export function renamedScene(): Scene | null {
  return view()?.scenes.scenes.find((scene) => scene.id === renamedSceneId) ?? null;
}

/** Asks for a scene's name; `null` asks no more. */
export function renameScene(scene: number | null): void {
  renamedSceneId = scene;
}

/** Where a source lies, as the person sees it. */
export function placeNow(layer: Layer): Place {
  return draft?.layer === layer.id ? draft.place : layer.place;
}

/** Puts a source somewhere; moves of one gesture are undone as one. */
export function put(layer: Layer, place: Place, gesture: number): void {
  const now = placeNow(layer);
  if ((Object.keys(place) as (keyof Place)[]).every((part) => now[part] === place[part])) {
    return;
  }
  const done = send({ type: 'change-layer', layer: layer.id, change: { of: 'place', to: place } }, gesture);
  draft = { layer: layer.id, place };
  puts += 1;
  const mine = puts;
  const settle = (): void => {
    if (mine === puts) {
      draft = null;
    }
  };
  ask(
    done.then(
      () => void setTimeout(settle, SHOWN_MS),
      (error: unknown) => {
        settle();
        throw error;
      },
    ),
  );
}

/** Takes the last edit back. */
export function undo(): void {
  draft = null;
  ask(commands.undoScenes());
}

/** Makes the edit again that was taken back last. */
export function redo(): void {
  draft = null;
  ask(commands.redoScenes());
}

/** Makes a change; answers with the id of what was made. */
export function send(edit: Edit, gesture: number | null = null): Promise<number | null> {
  draft = null;
  return new Promise((done, failed) => {
    const last = queue.at(-1);
    // Of a gesture that is faster than the program, only the latest matters.
    if (last && gesture !== null && last.gesture === gesture) {
      last.done(null);
      queue.pop();
    }
    queue.push({ edit, gesture, done, failed });
    void fly();
  });
}

async function fly(): Promise<void> {
  if (flying) {
    return;
  }
  flying = true;
  for (let next = queue.shift(); next; next = queue.shift()) {
    try {
      next.done(await commands.editScenes(next.edit, next.gesture));
    } catch (error) {
      next.failed(error);
    }
  }
  flying = false;
}

/** Makes a change; a refusal is said where notices are. */
export function edit(edit: Edit, gesture: number | null = null): void {
  ask(send(edit, gesture));
}

/** Changes one thing of a source. */
export function change(layer: number, change: Change, gesture: number | null = null): void {
  edit({ type: 'change-layer', layer, change }, gesture);
}

/** Adds something and chooses it. */
export function add(edit: Edit): void {
  ask(
    send(edit).then((made) => {
      if (edit.type === 'add-layer') {
        selected = made;
      }
    }),
  );
}

/** Moves a source up (1) or down (-1) among the others. */
export function raise(layer: Layer, step: 1 | -1): void {
  const at = chosenScene()?.layers.findIndex(({ id }) => id === layer.id) ?? -1;
  if (at >= 0 && at + step >= 0) {
    edit({ type: 'move-layer', layer: layer.id, to: at + step });
  }
}
