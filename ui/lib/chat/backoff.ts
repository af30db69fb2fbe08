/** First wait after a lost connection, milliseconds. */
const WAIT_FIRST_MS = 500;
/** Longest wait: a viewer who looks at the page while the origin restarts is back within seconds. */
const WAIT_MAX_MS = 10_000;
/** Waits vary by this share either way, so that a thousand pages do not come back in one instant. */
const JITTER = 0.3;

/**
 * The wait before attempt `attempt` (0 = the first after a loss), in milliseconds.
 * `random` is in [0, 1) and an input, so that tests know the answer.
 */
export function backoffMs(attempt: number, random: number): number {
  const base = Math.min(WAIT_MAX_MS, WAIT_FIRST_MS * 2 ** Math.min(attempt, 16));
  return Math.round(base * (1 - JITTER + 2 * JITTER * random));
}
