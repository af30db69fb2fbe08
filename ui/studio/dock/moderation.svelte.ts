// What a moderator does in the app, by keyboard or from the list of people, and how it is taken back.
import type { Chat } from '$lib/chat/chat.svelte';
import type { Line } from '$lib/chat/lines';
import { shownName } from '$lib/chat/shown_name';
import { t } from './words';

/** Seconds of a time-out by one key; others are in the message's menu. */
const TIMEOUT_S = 600;
/** So long it can be taken back. Milliseconds. */
const UNDO_MS = 10_000;

type Message = Extract<Line, { kind: 'message' }>;

/** Somebody as the room has them. */
export interface Whom {
  id: string;
  name: string;
  roles: readonly string[];
}

const isHost = ({ roles }: Whom): boolean => roles.includes('owner') || roles.includes('admin');

/** Whether this member may keep `whom` from writing; the origin has the last word. */
export function mayBar(chat: Chat, whom: Whom): boolean {
  const own = whom.id === chat.member?.id;
  return chat.isModerator && !own && !isHost(whom) && (chat.isHost || !whom.roles.includes('moderator'));
}

/** Whether this member may delete what `whom` said. */
export function mayDelete(chat: Chat, whom: Whom): boolean {
  return whom.id === chat.member?.id || (chat.isModerator && (chat.isHost || !isHost(whom)));
}

/** Deeds that can be undone for a while; the latest one is told. */
export class Moderation {
  /** What was done, or why it was not; empty when there is nothing to tell. */
  told = $state('');
  canUndo = $state(false);

  readonly #chat: Chat;
  #undo: (() => void) | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(chat: Chat) {
    this.#chat = chat;
  }

  delete(line: Message): void {
    const message = line.seq;
    if (line.deleted) {
      return;
    }
    if (!mayDelete(this.#chat, line.from)) {
      this.#tell(t('not.delete'), null);
    } else if (this.#chat.perform({ type: 'delete', message })) {
      this.#tell(t('done.deleted'), () => this.#chat.perform({ type: 'restore', message }));
    }
  }

  timeout(whom: Whom): void {
    this.#bar(whom, 'done.timeout', () => this.#chat.perform({ type: 'timeout', member: whom.id, seconds: TIMEOUT_S }));
  }

  ban(whom: Whom): void {
    this.#bar(whom, 'done.banned', () => this.#chat.perform({ type: 'ban', member: whom.id }));
  }

  /** Takes the latest one back. */
  undo(): void {
    this.#undo?.();
    this.forget();
  }

  forget(): void {
    clearTimeout(this.#timer);
    this.#undo = null;
    [this.told, this.canUndo] = ['', false];
  }

  #bar(whom: Whom, done: 'done.timeout' | 'done.banned', perform: () => boolean): void {
    const name = shownName(whom);
    if (!mayBar(this.#chat, whom)) {
      this.#tell(t('not.bar', { name }), null);
    } else if (perform()) {
      this.#tell(t(done, { name }), () => this.#chat.perform({ type: 'lift', member: whom.id }));
    }
  }

  #tell(text: string, undo: (() => void) | null): void {
    clearTimeout(this.#timer);
    this.#undo = undo;
    [this.told, this.canUndo] = [text, undo !== null];
    this.#timer = setTimeout(() => this.forget(), UNDO_MS);
  }
}
