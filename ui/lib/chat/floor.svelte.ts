import {
  type FloorState,
  type Hand,
  type Held,
  type Mine,
  type Poll,
  type Question,
  type Rules,
  readFloor,
  type Whom,
} from './floor_frames';
import type { FloorFrame } from './frames';

const EMPTY: FloorState = readFloor(null);

/** What stands in a room besides what was said. The origin tells it whole in its welcome, then change by change. */
export class Floor {
  settings = $state<Rules>(EMPTY.settings);
  polls = $state<Poll[]>([]);
  questions = $state<Question[]>([]);
  likes = $state(0);
  hands = $state<Hand[]>([]);
  held = $state<Held[]>([]);
  mine = $state<Mine>(EMPTY.mine);

  welcome(floor: FloorState): void {
    this.settings = floor.settings;
    this.polls = floor.polls;
    this.questions = floor.questions;
    this.likes = floor.likes;
    this.hands = floor.hands;
    this.held = floor.held;
    this.mine = floor.mine;
  }

  receive(frame: FloorFrame): void {
    switch (frame.type) {
      case 'held':
        this.held = [...this.held.filter((entry) => entry.held !== frame.message.held), frame.message];
        break;
      case 'settled':
        this.held = this.held.filter((entry) => entry.held !== frame.held);
        break;
      case 'standing':
        this.mine.sanction = frame.sanction;
        break;
      case 'settings':
        this.settings = frame.settings;
        break;
      case 'poll':
        this.#poll(frame.poll);
        break;
      case 'hand':
        this.hands = frame.queue;
        break;
      case 'place':
        this.mine.place = frame.place;
        this.mine.called = frame.called;
        break;
      case 'question':
        this.#question(frame.question);
        break;
      case 'likes':
        this.likes = frame.total;
        break;
      case 'sanction':
        // Whom it concerns is told with `standing`; moderators see it in the list of bans.
        break;
    }
  }

  /** Somebody's account is gone: what waits of theirs is called so. Their hand goes down by a frame of its own. */
  forget(member: Whom): void {
    const renamed = <T extends { from: Whom }>(entry: T): T =>
      entry.from.id === member.id ? { ...entry, from: member } : entry;
    this.held = this.held.map(renamed);
    this.questions = this.questions.map(renamed);
  }

  /** What this member chose in a poll; `null` when they have not voted. */
  choiceIn(poll: number): number[] | null {
    return this.mine.votes.find(([id]) => id === poll)?.[1] ?? null;
  }

  /** The origin has counted our vote. */
  voted(poll: number, choices: number[]): void {
    this.mine.votes = [...this.mine.votes.filter(([id]) => id !== poll), [poll, choices]];
  }

  upvoted(question: number): void {
    this.mine.upvotes = [...this.mine.upvotes, question];
  }

  #poll(poll: Poll): void {
    const known = this.polls.some((entry) => entry.id === poll.id);
    this.polls = known ? this.polls.map((entry) => (entry.id === poll.id ? poll : entry)) : [...this.polls, poll];
  }

  #question(question: Question): void {
    const others = this.questions.filter((entry) => entry.id !== question.id);
    const all = question.answered ? others : [...others, question];
    this.questions = all.sort((one, other) => other.votes - one.votes || one.id - other.id);
  }
}
