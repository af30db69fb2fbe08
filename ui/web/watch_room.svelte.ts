import { Chat } from '$lib/chat/chat.svelte';
import type { ChatEvents } from '$lib/chat/events';
import type { MessageFrame, NoticeCode } from '$lib/chat/frames';
import { chatUrl, WebSocketTransport } from '$lib/chat/websocket';
import type { Room } from '$lib/room/room';
import { getRoom, type RoomAnswer } from './api';
import { showPlayer } from './player_cookie';

/** How often the room is read while the chat, which tells changes at once, is not connected. Milliseconds. */
const POLL_MS = 3_000;
/** How often else, while nothing is on: the chat does not tell what is planned. Milliseconds. */
const PLANS_MS = 30_000;
const NAME_KEY = 'rostrum.guest_name';

/** `loading`: not answered yet. `locked`: a private room that this browser was not let into. `failed`: no answer at all so far. */
export type WatchStatus = 'loading' | 'ready' | 'missing' | 'locked' | 'failed';

/** The guest name chosen in this browser, else empty: the origin then gives one. */
function storedName(): string {
  try {
    return localStorage.getItem(NAME_KEY) ?? '';
  } catch {
    return '';
  }
}

/** What is known of a room that the chat does not tell. */
function untold(room: Room | null): Partial<Room> {
  return {
    ...(room?.next_live_ms === undefined ? {} : { next_live_ms: room.next_live_ms }),
    ...(room?.about === undefined ? {} : { about: room.about }),
    ...(room === null ? {} : { picture: room.picture }),
  };
}

/** What the watch page knows about its room: read once, then kept true by the chat, or by asking again. */
export class WatchRoom {
  status = $state<WatchStatus>('loading');
  room = $state<Room | null>(null);
  /** Whether the room's settings are open to whoever looks. */
  owned = $state(false);
  guestName = $state(storedName());
  readonly chat: Chat;
  /** Told of each new message, for those that fly over the picture. */
  said: ((message: MessageFrame) => void) | null = null;

  readonly #slug: string;
  readonly #transport: WebSocketTransport;
  readonly #read: (slug: string) => Promise<RoomAnswer>;
  #chatting = false;
  /** When the room was asked for last, Unix milliseconds. */
  #asked = 0;
  /** Counts what was asked, and which of it was the last to be answered: a late answer tells what was. */
  #turn = 0;
  #answered = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(slug: string, read: (slug: string) => Promise<RoomAnswer> = getRoom) {
    this.#slug = slug;
    this.#read = read;
    this.#transport = new WebSocketTransport(() => chatUrl(location, slug, this.guestName));
    const events: ChatEvents = {
      room: (room) => this.#known({ ...room, ...untold(this.room) }),
      notice: (code) => this.#noticed(code),
      presence: (viewers, members) => this.#present(viewers, members),
      said: (message) => this.said?.(message),
    };
    this.chat = new Chat(this.#transport, events);
  }

  /** Begins; the returned function ends it. */
  start(): () => void {
    showPlayer();
    void this.refresh();
    this.#timer = setInterval(() => {
      const plans = this.room?.state === 'offline' && Date.now() - this.#asked >= PLANS_MS;
      if (this.status !== 'missing' && (plans || this.chat.connection !== 'open')) {
        void this.refresh();
      }
    }, POLL_MS);
    return () => {
      clearInterval(this.#timer);
      this.chat.stop();
    };
  }

  /** Reads the room again. Without an answer, what was known stays. */
  async refresh(): Promise<void> {
    this.#asked = Date.now();
    this.#turn += 1;
    const turn = this.#turn;
    const answer = await this.#read(this.#slug);
    if (turn < this.#answered) {
      return;
    }
    this.#answered = turn;
    if (answer.kind === 'room') {
      this.owned = answer.owned;
      this.#known(answer.room);
    } else if (answer.kind !== 'failed') {
      this.#leave(answer.kind);
    } else if (this.status === 'loading') {
      this.status = 'failed';
    }
  }

  /** Chats under another name from now on, and remembers it in this browser. */
  rename(name: string): void {
    this.guestName = name;
    try {
      localStorage.setItem(NAME_KEY, name);
    } catch {
      // The name then lasts as long as the page.
    }
    this.#transport.reconnect();
  }

  #known(room: Room): void {
    this.room = room;
    this.status = 'ready';
    if (!this.#chatting) {
      this.#chatting = true;
      this.chat.start();
    }
  }

  /** The room was deleted, or has become private: whoever looks is in it no more. */
  #leave(status: 'missing' | 'locked'): void {
    this.status = status;
    this.room = null;
    if (this.#chatting) {
      this.#chatting = false;
      this.chat.stop();
    }
  }

  #noticed(code: NoticeCode): void {
    if (this.room) {
      if (code === 'offline' || this.room.state === 'offline') {
        // The start of the last broadcast is not the start of the next.
        this.room.live_since_ms = null;
      }
      this.room.state = code;
    }
    // The notice has no start time and no counts.
    void this.refresh();
  }

  #present(viewers: number, members: number): void {
    if (this.room) {
      this.room.viewers = viewers;
      this.room.members = members;
    }
  }
}
