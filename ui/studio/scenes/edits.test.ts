import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Edit, Layer, Place } from '../bindings';

const asked: {
  edit: Edit;
  gesture: number | null;
  answer: (made: number | null) => void;
  refuse: (why: unknown) => void;
}[] = [];

vi.mock('../bindings', () => ({
  commands: {
    editScenes: (edit: Edit, gesture: number | null) =>
      new Promise<number | null>((answer, refuse) => asked.push({ edit, gesture, answer, refuse })),
  },
}));
vi.mock('../model.svelte', () => ({
  ask: (request: Promise<unknown>) => void request.catch(() => undefined),
  view: () => null,
}));

const { gesture, placeNow, put, send } = await import('./edits.svelte');

const place: Place = { leftPpm: 0, topPpm: 0, widthPpm: 250_000, heightPpm: 250_000, fit: 'cover' };
const layer = { id: 7, place } as Layer;
const at = (leftPpm: number): Place => ({ ...place, leftPpm });
const sentPlaces = (): unknown[] =>
  asked.map(({ edit }) => (edit.type === 'change-layer' && edit.change.of === 'place' ? edit.change.to.leftPpm : edit));

/** Lets what was answered go on. */
async function answered(index: number, made: number | null = null): Promise<void> {
  asked[index]?.answer(made);
  await new Promise((done) => setTimeout(done, 0));
}

describe('edits on their way', () => {
  beforeEach(async () => {
    for (const { answer } of asked) {
      answer(null);
    }
    await new Promise((done) => setTimeout(done, 0));
    asked.length = 0;
  });

  it('go one after the other, and of a gesture that is faster only the latest', async () => {
    const drag = gesture();
    for (const left of [1, 2, 3, 4]) {
      put(layer, at(left), drag);
    }
    expect(sentPlaces()).toEqual([1]);
    await answered(0);
    expect(sentPlaces()).toEqual([1, 4]);
    put(layer, at(5), gesture());
    put(layer, at(6), gesture());
    await answered(1);
    await answered(2);
    // Two gestures are two steps: none is left out.
    expect(sentPlaces()).toEqual([1, 4, 5, 6]);
  });

  it('are seen before the program has them, until it refuses', async () => {
    put(layer, at(9), gesture());
    expect(placeNow(layer)).toEqual(at(9));
    asked[0]?.refuse(new Error('locked'));
    await new Promise((done) => setTimeout(done, 0));
    expect(placeNow(layer)).toEqual(place);
  });

  it('answer what was made', async () => {
    const made = send({ type: 'add-scene' });
    await answered(0, 12);
    expect(await made).toBe(12);
  });
});
