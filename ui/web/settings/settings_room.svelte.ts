import { type Answer, type OwnedRoom, type Owner, readOwnedRoom, readOwner } from './owner';

/** How often what arrives is looked at: the origin measures over as long. Milliseconds. */
const REFRESH_MS = 2_000;
/** Rates that are kept for the curve: two minutes of them. */
const RATES_MAX = 60;

/** `stranger`: whoever looks is not the owner. */
export type SettingsStatus = 'loading' | 'ready' | 'stranger' | 'missing' | 'failed';

/** A room as its settings page knows it: read again and again while the page is looked at. */
export class SettingsRoom {
  status = $state<SettingsStatus>('loading');
  /** The last look was not answered: what is shown is what was. */
  stale = $state(false);
  owned = $state<OwnedRoom | null>(null);
  owner = $state<Owner | null>(null);
  /** Bits a second as they were, the oldest first; empty while nobody publishes. */
  rates = $state.raw<number[]>([]);
  readonly #slug: string;
  #asking = false;

  constructor(slug: string) {
    this.#slug = slug;
  }

  /** Begins; the returned function ends it. */
  start(): () => void {
    void this.refresh();
    const again = (): void => {
      if (!document.hidden && this.status !== 'missing' && this.status !== 'stranger') {
        void this.refresh();
      }
    };
    const timer = setInterval(again, REFRESH_MS);
    document.addEventListener('visibilitychange', again);
    return () => {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', again);
    };
  }

  /** Looks again. Without an answer, what was known stays. */
  async refresh(): Promise<void> {
    if (this.#asking) {
      return;
    }
    this.#asking = true;
    const answer = await readOwnedRoom(this.#slug);
    this.stale = answer.kind === 'failed';
    this.take(answer);
    if (this.status === 'ready' && this.owner === null) {
      await this.refreshOwner();
    }
    this.#asking = false;
  }

  /** Looks again at what changes only when the owner changes it. */
  async refreshOwner(): Promise<void> {
    const answer = await readOwner(this.#slug);
    this.owner = answer.kind === 'ok' ? answer.value : this.owner;
  }

  /** What asking for the room gave, or changing it. */
  take(answer: Answer<OwnedRoom>): void {
    if (answer.kind === 'ok') {
      const { ingest } = answer.value;
      this.rates = ingest === null ? [] : [...this.rates, ingest.bitrate_bps].slice(-RATES_MAX);
      this.owned = answer.value;
      this.status = 'ready';
    } else if (answer.kind !== 'failed' || this.owned === null) {
      this.status = answer.kind;
    }
  }
}
