import { expect, test } from 'vitest';
import { EndOfLog } from './end_of_log';

/** A log of 400 px that cannot be scrolled beyond its end. */
class Log {
  clientHeight = 400;
  #top = 0;
  constructor(public scrollHeight: number) {}
  get scrollTop(): number {
    return this.#top;
  }
  set scrollTop(top: number) {
    this.#top = Math.min(Math.max(0, top), this.scrollHeight - this.clientHeight);
  }
}

function atTheEnd(): { log: Log; end: EndOfLog } {
  const [log, end] = [new Log(2_000), new EndOfLog()];
  end.show(log);
  expect(end.scrolled(log, true, 0)).toBe(true);
  return { log, end };
}

test('who scrolls back reads something earlier, and follows again at the end', () => {
  const { log, end } = atTheEnd();
  end.acted(5_000);
  log.scrollTop -= 300;
  expect(end.scrolled(log, true, 5_016)).toBe(false);
  log.scrollTop += 100;
  expect(end.scrolled(log, false, 9_000)).toBe(false);
  expect(log.scrollTop).toBe(1_400);
  log.scrollTop += 200;
  expect(end.scrolled(log, false, 9_100)).toBe(true);
});

test('a small step back is left where it is', () => {
  const { log, end } = atTheEnd();
  end.acted(5_000);
  log.scrollTop -= 40;
  expect(end.scrolled(log, true, 5_010)).toBe(true);
  expect(log.scrollTop).toBe(1_560);
});

test('lines that grow or go leave nobody behind who follows', () => {
  const { log, end } = atTheEnd();
  log.scrollHeight += 500;
  log.scrollTop -= 100;
  expect(end.scrolled(log, true, 5_000)).toBe(true);
  expect(log.scrollTop).toBe(2_100);
});
