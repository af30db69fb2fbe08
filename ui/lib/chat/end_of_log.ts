/** What of a scrolling log decides whether its reader is at the end. */
export type Scrolled = Pick<HTMLElement, 'scrollTop' | 'scrollHeight' | 'clientHeight'>;

/** Readers this close to the end follow new lines. Pixels. */
const NEAR_PX = 48;

/**
 * Whether a reader follows the end of a log. Lines that grow when they come into sight, and old ones that go, move what is
 * shown too: only who moved back against the text reads something earlier.
 */
export class EndOfLog {
  #top = 0;
  #height = 0;

  /**
   * The log was scrolled, by whomever; whether its reader follows it, who did so before or not. Whom the text left behind
   * is taken to the end again.
   */
  scrolled(log: Scrolled, followed: boolean): boolean {
    const { scrollTop, scrollHeight, clientHeight } = log;
    const back = this.#top - scrollTop;
    const shrunk = Math.max(0, this.#height - scrollHeight);
    this.#top = scrollTop;
    this.#height = scrollHeight;
    const isNear = scrollHeight - scrollTop - clientHeight <= NEAR_PX;
    const isLeftBehind = !isNear && followed && back <= shrunk;
    if (isLeftBehind) {
      this.show(log);
    }
    return isNear || isLeftBehind;
  }

  /** Shows the end. */
  show(log: Scrolled): void {
    log.scrollTop = log.scrollHeight;
    this.#top = log.scrollTop;
    this.#height = log.scrollHeight;
  }
}
