import type { ClientFrame, ServerFrame } from './frames';

/** What a transport reports. */
export interface TransportListener {
  /** A connection is open; the origin's `welcome` follows. */
  opened(): void;
  frame(frame: ServerFrame): void;
  /** The connection is gone; the transport tries again by itself. */
  closed(): void;
}

/**
 * The way chat frames travel: a WebSocket on the web page, the desktop program's own channel in its window.
 * It reconnects by itself; the model keeps what is unsent and asks for what was missed.
 */
export interface Transport {
  start(listener: TransportListener): void;
  /** `false` when there is no connection: the model then keeps the frame's message and repeats it. */
  send(frame: ClientFrame): boolean;
  stop(): void;
}
