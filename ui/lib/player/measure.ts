// What the player decides from numbers alone.

/** A buffered stretch of the media timeline, seconds. */
export interface Stretch {
  start: number;
  end: number;
}

/** What of a `<video>` is buffered. */
export function stretches(ranges: TimeRanges): Stretch[] {
  return Array.from({ length: ranges.length }, (_, at) => ({ start: ranges.start(at), end: ranges.end(at) }));
}

/**
 * How far the picture is behind the moment it was made, in seconds, or `null` when nothing is known.
 *
 * `edge_s` is the distance to the end of the playlist (hls.js' `latency`). `clock_s` is the viewer's clock minus
 * the programme date of the picture: the whole way from the camera, but wrong when the viewer's clock is. It is
 * believed while it is near the other figure.
 */
export function latencySeconds(edge_s: number | null, clock_s: number | null): number | null {
  if (edge_s === null || !Number.isFinite(edge_s) || edge_s <= 0) {
    return null;
  }
  const believable = clock_s !== null && clock_s > edge_s - CLOCK_TRUST_S && clock_s < edge_s + CLOCK_TRUST_S;
  return believable ? clock_s : edge_s;
}
/** Encoder, network and one part lie between the two figures; more than this is a wrong clock. Seconds. */
const CLOCK_TRUST_S = 2.5;

/** Whether the viewer is so far behind that *Go to live* is offered. Both in seconds. */
export function isBehind(latency_s: number | null, target_s: number | null): boolean {
  return latency_s !== null && latency_s > (target_s ?? 0) + BEHIND_S;
}
/** Beyond the player's own wandering, which it corrects by playing a little faster. Seconds. */
const BEHIND_S = 3;

/** What the player knows when its playhead does not move although it should. All in seconds. */
export interface Stuck {
  position: number;
  /** How long the playhead has not moved. */
  since: number;
  buffered: readonly Stretch[];
  /** Where playback should be for the wanted distance to the live edge. */
  liveSync: number | null;
}

/**
 * Where to move a playhead that is stuck, or `null` to wait.
 *
 * There must be media to play at the new place: with nothing newer than the playhead (the publisher is away) the
 * last picture stays. Not to be asked while the viewer has paused.
 */
export function unstick({ position, since, buffered, liveSync }: Stuck): number | null {
  if (since < STUCK_S) {
    return null;
  }
  const ahead = buffered.find((stretch) => stretch.start > position && stretch.end - stretch.start > PLAYABLE_S);
  const here = buffered.find((stretch) => stretch.start <= position && stretch.end - position > PLAYABLE_S);
  if (liveSync !== null && liveSync > position + FAR_S) {
    const reachable = buffered.some((stretch) => stretch.start <= liveSync && stretch.end > liveSync);
    return reachable ? liveSync : (ahead?.start ?? null);
  }
  if (here) {
    // Media lies under the playhead and the decoder does not take it: a small step flushes it.
    return since > STUCK_S * 2 ? position + NUDGE_S : null;
  }
  return ahead ? ahead.start + NUDGE_S : null;
}
/** A playhead that stands still for this long is stuck; hls.js tries first. Seconds. */
const STUCK_S = 1.25;
/** Less media than this is not worth a jump. Seconds. */
const PLAYABLE_S = 0.3;
const NUDGE_S = 0.05;
/** Farther from the live position than this, a jump is better than playing the rest. Seconds. */
const FAR_S = 4;

/**
 * Whether a player that ran dry may go on: with `ahead_s` of media before it, of which the first came `waited_s`
 * ago. Going on with the first scrap would run dry again at once, and again; every source has a little jitter.
 */
export function mayResume(ahead_s: number, waited_s: number): boolean {
  return ahead_s >= RESUME_S || (ahead_s > SCRAP_S && waited_s >= RESUME_WAIT_S);
}
/** Two parts of the usual length. Seconds. */
const RESUME_S = 0.65;
/** Less than this is what a player that ran dry has left. Seconds. */
export const SCRAP_S = 0.15;
/** A slow source is not waited for longer: playback moves within 3 s of the first new part. */
const RESUME_WAIT_S = 0.7;

/** How far a player is from where it should be, without its viewer having chosen that. All in seconds. */
export interface Lag {
  /** Beyond the wanted distance to the live edge. */
  beyond: number;
  /** Up to here hls.js itself plays a little faster; farther away it does nothing. */
  reach: number;
  /** How long it has been beyond `reach` without a break. */
  since: number;
}

/**
 * How a player that fell behind comes back: by playing a little faster, or, from farther away, by a jump. A computer
 * that is held up plays its sound slowly and never runs dry, so that nothing else would bring the viewer back.
 */
export function rejoin({ beyond, reach, since }: Lag): 'faster' | 'jump' | null {
  if (beyond <= reach) {
    return null;
  }
  return beyond > reach + FAR_S && since >= LAG_S ? 'jump' : 'faster';
}
/** A playlist that comes late makes the distance look great for a moment. Seconds. */
const LAG_S = 4;
