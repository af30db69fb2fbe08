/** What of a scrolling log decides whether its reader is at the end. */
export type Scrolled = Pick<HTMLElement, 'scrollTop' | 'scrollHeight' | 'clientHeight'>;

/** Readers this close to the end follow new lines. Pixels. */
const NEAR_PX = 48;
/** What a person does scrolls for so long: a wheel that runs out, a key held down. Milliseconds. */
const ACT_MS = 1_000;

/**
 * Whether a reader follows the end of a log. Lines that grow when they come into sight, and old ones that go, scroll it too:
 * only who scrolled it themselves reads something earlier, and the others are taken to the end again.
 */
export class EndOfLog {
  #acted_ms = Number.NEGATIVE_INFINITY;

  /** The person turned the wheel, pressed a key or touched the log, at so many milliseconds. */
  acted(at_ms: number): void {
    this.#acted_ms = at_ms;
  }

  /** The log was scrolled; whether its reader follows it, who did so before or not. */
  scrolled(log: Scrolled, followed: boolean, at_ms: number): boolean {
    const isNear = log.scrollHeight - log.scrollTop - log.clientHeight <= NEAR_PX;
    if (isNear || !followed) {
      return isNear;
    }
    const byPerson = at_ms - this.#acted_ms <= ACT_MS;
    if (!byPerson) {
      this.show(log);
    }
    return !byPerson;
  }

  /** Shows the end. */
  show(log: Scrolled): void {
    log.scrollTop = log.scrollHeight;
  }
}

/** Tells it what the person does to a log; for `{@attach}`. */
export function watched(end: EndOfLog): (log: HTMLElement) => () => void {
  const ACTS = ['wheel', 'touchmove', 'keydown', 'pointerdown'] as const;
  return (log) => {
    const acted = (event: Event): void => end.acted(event.timeStamp);
    for (const act of ACTS) {
      log.addEventListener(act, acted, { passive: true });
    }
    return () => {
      for (const act of ACTS) {
        log.removeEventListener(act, acted);
      }
    };
  };
}
