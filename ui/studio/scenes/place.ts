// Where a source lies, in pixels of the canvas: moving, resizing, snapping. No page in here.
import type { Place } from '../bindings';

/** A rectangle on the canvas, pixels. */
export interface Rect {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** Pixels. */
export interface Size {
  width: number;
  height: number;
}

/** A line that something was drawn to, pixels from the left (`x`) or the top (`y`). */
export interface Guide {
  axis: 'x' | 'y';
  at: number;
}

/** Which edges a handle moves: -1 the left or upper one, 1 the right or lower one. */
export interface Handle {
  x: -1 | 0 | 1;
  y: -1 | 0 | 1;
}

/** The eight, in reading order. */
export const HANDLES: readonly Handle[] = [
  { x: -1, y: -1 },
  { x: 0, y: -1 },
  { x: 1, y: -1 },
  { x: -1, y: 0 },
  { x: 1, y: 0 },
  { x: -1, y: 1 },
  { x: 0, y: 1 },
  { x: 1, y: 1 },
];

/** Millionths of a side. */
const WHOLE = 1_000_000;
/** Smaller is not found again. Pixels. */
const SIDE_MIN = 16;
/** As the program's limit: times the canvas. */
const AWAY_MAX = 4;
/** Players cover what is nearer to the edge with their controls. */
const MARGIN = 0.05;

/** A place in pixels. */
export function rectOf(place: Place, canvas: Size): Rect {
  return {
    left: (place.leftPpm * canvas.width) / WHOLE,
    top: (place.topPpm * canvas.height) / WHOLE,
    width: (place.widthPpm * canvas.width) / WHOLE,
    height: (place.heightPpm * canvas.height) / WHOLE,
  };
}

/** A rectangle as a place, on whole pixels and within what the program takes. */
export function placeOf(rect: Rect, canvas: Size, fit: Place['fit']): Place {
  const side = (pixels: number, of: number): number =>
    Math.round((Math.min(Math.max(Math.round(pixels), SIDE_MIN), of * AWAY_MAX) * WHOLE) / of);
  const from = (pixels: number, of: number): number =>
    Math.round((Math.min(Math.max(Math.round(pixels), -of * AWAY_MAX), of * AWAY_MAX) * WHOLE) / of);
  return {
    leftPpm: from(rect.left, canvas.width),
    topPpm: from(rect.top, canvas.height),
    widthPpm: side(rect.width, canvas.width),
    heightPpm: side(rect.height, canvas.height),
    fit,
  };
}

/** Moved by so many pixels, and drawn to a line that is nearer than `reach`. */
export function moved(
  rect: Rect,
  dx: number,
  dy: number,
  canvas: Size,
  reach: number,
): { rect: Rect; guides: Guide[] } {
  const at = { ...rect, left: rect.left + dx, top: rect.top + dy };
  const x = nearest([at.left, at.left + at.width / 2, at.left + at.width], lines(canvas.width), reach);
  const y = nearest([at.top, at.top + at.height / 2, at.top + at.height], lines(canvas.height), reach);
  return { rect: { ...at, left: at.left + (x?.by ?? 0), top: at.top + (y?.by ?? 0) }, guides: guides(x, y) };
}

/**
 * Resized by a handle that was drawn by so many pixels. A corner keeps the shape unless `free`; what is turned grows to
 * both sides, so that its middle stays.
 */
export function resized(
  rect: Rect,
  handle: Handle,
  dx: number,
  dy: number,
  how: { canvas: Size; reach: number; free: boolean; turned: boolean },
): { rect: Rect; guides: Guide[] } {
  const edge = (begin: number, length: number, side: number): number => (side < 0 ? begin : begin + length);
  const snapX =
    handle.x === 0 || how.turned
      ? null
      : nearest([edge(rect.left, rect.width, handle.x) + dx], lines(how.canvas.width), how.reach);
  const snapY =
    handle.y === 0 || how.turned
      ? null
      : nearest([edge(rect.top, rect.height, handle.y) + dy], lines(how.canvas.height), how.reach);
  const twice = how.turned ? 2 : 1;
  let width = Math.max(SIDE_MIN, rect.width + handle.x * (dx + (snapX?.by ?? 0)) * twice);
  let height = Math.max(SIDE_MIN, rect.height + handle.y * (dy + (snapY?.by ?? 0)) * twice);
  if (handle.x !== 0 && handle.y !== 0 && !how.free) {
    // The side that was drawn farther decides.
    const scale = Math.max(width / rect.width, height / rect.height, SIDE_MIN / rect.width, SIDE_MIN / rect.height);
    const byWidth = scale === width / rect.width;
    width = rect.width * scale;
    height = rect.height * scale;
    const kept = byWidth ? snapX : snapY;
    return {
      rect: grown(rect, handle, width, height, how.turned),
      guides: guides(kept === snapX ? snapX : null, kept === snapY ? snapY : null),
    };
  }
  return { rect: grown(rect, handle, width, height, how.turned), guides: guides(snapX, snapY) };
}

/** Pixels as a hand drew them on something that is turned by so many degrees, in its own directions. */
export function turned(dx: number, dy: number, degrees: number): [number, number] {
  const angle = (-degrees * Math.PI) / 180;
  return [dx * Math.cos(angle) - dy * Math.sin(angle), dx * Math.sin(angle) + dy * Math.cos(angle)];
}

/** Whether a point is on a rectangle that is turned around its middle. */
export function covers(rect: Rect, degrees: number, x: number, y: number): boolean {
  const [dx, dy] = turned(x - rect.left - rect.width / 2, y - rect.top - rect.height / 2, degrees);
  return Math.abs(dx) <= rect.width / 2 && Math.abs(dy) <= rect.height / 2;
}

function grown(rect: Rect, handle: Handle, width: number, height: number, middle: boolean): Rect {
  const begin = (from: number, before: number, after: number, side: number): number => {
    if (middle || side === 0) {
      return from + (before - after) / 2;
    }
    return side < 0 ? from + before - after : from;
  };
  return {
    left: begin(rect.left, rect.width, width, handle.x),
    top: begin(rect.top, rect.height, height, handle.y),
    width,
    height,
  };
}

/** Edges, margins and middle. */
function lines(length: number): number[] {
  return [0, length * MARGIN, length / 2, length * (1 - MARGIN), length];
}

interface Snap {
  by: number;
  at: number;
}

function nearest(points: number[], lines: number[], reach: number): Snap | null {
  const all = points.flatMap((point) => lines.map((at) => ({ by: at - point, at })));
  const near = all.filter(({ by }) => Math.abs(by) <= reach);
  return near.sort((one, other) => Math.abs(one.by) - Math.abs(other.by))[0] ?? null;
}

function guides(x: Snap | null, y: Snap | null): Guide[] {
  return [...(x ? [{ axis: 'x' as const, at: x.at }] : []), ...(y ? [{ axis: 'y' as const, at: y.at }] : [])];
}
