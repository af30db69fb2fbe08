// What stands in a room besides what was said, as the origin's frames tell it: rules, polls, hands, questions.

/** Somebody who is spoken of. */
export interface Whom {
  id: string;
  name: string;
}

/** The rules of the chat; `words` reach moderators only. */
export interface Rules {
  slow_mode_s: number;
  who: string;
  locked: boolean;
  emotes_only: boolean;
  hold_links: boolean;
  words: string[];
  danmaku: boolean;
  class: boolean;
}

/** A poll or quiz as this page may see it. */
export interface Poll {
  id: number;
  question: string;
  options: string[];
  multiple: boolean;
  quiz: boolean;
  /** Votes of each option; `null` while they are not for this page to see. */
  counts: number[] | null;
  voters: number;
  /** When it closes by itself, Unix time in milliseconds. */
  ends_at_ms: number | null;
  closed: boolean;
  /** A quiz's right options, once they are told. */
  right: number[] | null;
}

export interface Hand {
  member: Whom;
  since_ms: number;
  called: boolean;
}

export interface Question {
  id: number;
  from: Whom;
  text: string;
  votes: number;
  answered: boolean;
}

/** A message that waits for a moderator. */
export interface Held {
  held: number;
  from: Whom;
  text: string;
  at: number;
  why: string;
}

/** What keeps somebody from writing. */
export interface Sanction {
  ban: boolean;
  until_ms: number | null;
  /** In the words of who did it; `null` where none was given. */
  reason: string | null;
}

/** What concerns this page's member alone. */
export interface Mine {
  sanction: Sanction | null;
  /** Votes: the poll, and the options by their place. */
  votes: [number, number[]][];
  upvotes: number[];
  place: number | null;
  called: boolean;
}

export interface FloorState {
  settings: Rules;
  polls: Poll[];
  questions: Question[];
  likes: number;
  hands: Hand[];
  held: Held[];
  mine: Mine;
}

export type Fields = Record<string, unknown>;

export const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);
export const count = (value: unknown): number | null =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : null;

/** The fields of an object; empty for anything else. */
export function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function list<T>(value: unknown, read: (value: unknown) => T | null): T[] {
  return Array.isArray(value) ? value.map(read).filter((entry) => entry !== null) : [];
}

export function readWhom(value: unknown): Whom | null {
  const { id, name } = fieldsOf(value);
  return typeof id === 'string' && typeof name === 'string' ? { id, name } : null;
}

export function readRules(value: unknown): Rules {
  const rules = fieldsOf(value);
  return {
    slow_mode_s: count(rules.slow_mode_s) ?? 0,
    who: text(rules.who) ?? 'everyone',
    locked: rules.locked === true,
    emotes_only: rules.emotes_only === true,
    hold_links: rules.hold_links === true,
    words: list(rules.words, text),
    danmaku: rules.danmaku !== false,
    class: rules.class === true,
  };
}

export function readPoll(value: unknown): Poll | null {
  const poll = fieldsOf(value);
  const id = count(poll.id);
  const question = text(poll.question);
  const options = list(poll.options, text);
  if (id === null || question === null || options.length === 0) {
    return null;
  }
  return {
    id,
    question,
    options,
    multiple: poll.multiple === true,
    quiz: poll.quiz === true,
    counts: Array.isArray(poll.counts) ? poll.counts.map((each) => count(each) ?? 0) : null,
    voters: count(poll.voters) ?? 0,
    ends_at_ms: count(poll.ends_at_ms),
    closed: poll.closed === true,
    right: Array.isArray(poll.right) ? list(poll.right, count) : null,
  };
}

export function readHand(value: unknown): Hand | null {
  const hand = fieldsOf(value);
  const member = readWhom(hand.member);
  return member && { member, since_ms: count(hand.since_ms) ?? 0, called: hand.called === true };
}

export function readHands(value: unknown): Hand[] {
  return list(value, readHand);
}

export function readQuestion(value: unknown): Question | null {
  const question = fieldsOf(value);
  const [id, from, body] = [count(question.id), readWhom(question.from), text(question.text)];
  if (id === null || from === null || body === null) {
    return null;
  }
  return { id, from, text: body, votes: count(question.votes) ?? 0, answered: question.answered === true };
}

export function readHeld(value: unknown): Held | null {
  const held = fieldsOf(value);
  const [number, from, body] = [count(held.held), readWhom(held.from), text(held.text)];
  if (number === null || from === null || body === null) {
    return null;
  }
  return { held: number, from, text: body, at: count(held.at) ?? 0, why: text(held.why) ?? '' };
}

export function readSanction(value: unknown): Sanction | null {
  if (typeof value !== 'object' || value === null) {
    return null;
  }
  const { ban, until_ms, reason } = value as Fields;
  return { ban: ban === true, until_ms: count(until_ms), reason: text(reason) };
}

function readVote(value: unknown): [number, number[]] | null {
  const [poll, choices] = Array.isArray(value) ? value : [];
  const id = count(poll);
  return id === null ? null : [id, list(choices, count)];
}

/** Reads a welcome's `floor`; what is missing is what an empty room has. */
export function readFloor(value: unknown): FloorState {
  const floor = fieldsOf(value);
  const mine = fieldsOf(floor.mine);
  return {
    settings: readRules(floor.settings),
    polls: list(floor.polls, readPoll),
    questions: list(floor.questions, readQuestion),
    likes: count(floor.likes) ?? 0,
    hands: readHands(floor.hands),
    held: list(floor.held, readHeld),
    mine: {
      sanction: readSanction(mine.sanction),
      votes: list(mine.votes, readVote),
      upvotes: list(mine.upvotes, count),
      place: count(mine.place),
      called: mine.called === true,
    },
  };
}
