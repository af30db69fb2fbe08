// Carries chat frames through the program, which holds connection and token.
import { Channel } from '@tauri-apps/api/core';
import { type ClientFrame, readFrame } from '$lib/chat/frames';
import type { Transport, TransportListener } from '$lib/chat/transport';
import { commands, type Heard } from './bindings';

/** The chat by way of the program. It reconnects there. */
export class ProgramTransport implements Transport {
  #listener: TransportListener | null = null;
  #open = false;

  start(listener: TransportListener): void {
    this.#listener = listener;
    const heard = new Channel<Heard>();
    heard.onmessage = (what) => this.#hear(what);
    commands.showChat(heard).catch(() => this.#hear({ type: 'closed' }));
  }

  send(frame: ClientFrame): boolean {
    if (!this.#open) {
      return false;
    }
    // A frame that is refused stays unconfirmed, and the model says so after its time limit.
    commands.say(JSON.stringify(frame)).catch(() => undefined);
    return true;
  }

  stop(): void {
    this.#listener = null;
  }

  #hear(what: Heard): void {
    if (what.type === 'frames') {
      for (const text of what.frames) {
        const frame = readFrame(text);
        if (frame) {
          this.#listener?.frame(frame);
        }
      }
      return;
    }
    const open = what.type === 'opened';
    if (open !== this.#open) {
      this.#open = open;
      if (open) {
        this.#listener?.opened();
      } else {
        this.#listener?.closed();
      }
    }
  }
}

/** The chat for a page that only reads: what the connection missed while it was lost is not asked for. */
export class ReadingTransport extends ProgramTransport {
  override send(): boolean {
    return false;
  }
}
