import type { Transport } from './transport';

/** Likes that may wait for the connection: as many as the origin takes at once. */
const WAITING_MAX = 20;

/** Likes on their way; those that are pressed without a connection go once it is back. */
export class Likes {
  /** Pressed, and not sent. */
  waiting = 0;
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  add(count: number): void {
    this.waiting = Math.min(WAITING_MAX, this.waiting + count);
    this.send();
  }

  send(): void {
    if (this.waiting > 0 && this.#transport.send({ type: 'like', count: this.waiting })) {
      this.waiting = 0;
    }
  }
}
