import { afterEach, expect, it } from 'vitest';
import { setLanguage } from '$lib/i18n/i18n.svelte';
import type { CauseKind } from '../bindings';
import { because, failedBecause, lostBecause } from './words';

afterEach(() => setLanguage('en'));

// The type checker knows whether one is missing here.
const KINDS: Record<CauseKind, true> = {
  'key-refused': true,
  'key-unanswered': true,
  'app-refused': true,
  'stream-id-refused': true,
  'passphrase-wrong': true,
  'passphrase-unequal': true,
  'taken-off': true,
  dismissed: true,
  'name-unknown': true,
  'nothing-listens': true,
  unreachable: true,
  'no-answer': true,
  'no-srt': true,
  stuck: true,
  'left-behind': true,
  broken: true,
  closed: true,
  'closed-early': true,
  'shuts-down': true,
  unavailable: true,
  'not-understood': true,
  'not-tls': true,
  untrusted: true,
  unsupported: true,
  network: true,
  start: true,
};

it('every cause has words of its own in both languages', () => {
  const kinds = Object.keys(KINDS) as CauseKind[];
  for (const [language, own] of [
    ['en', /^[a-z]/],
    ['zh-CN', /[\u4e00-\u9fff]/],
  ] as const) {
    setLanguage(language);
    const said = kinds.map((kind) => because({ kind, said: '' }));
    expect(said.filter((words) => !own.test(words))).toEqual([]);
    expect(new Set(said).size).toBe(kinds.length);
  }
});

it('what the server said stays as it said it', () => {
  const cause = { kind: 'key-refused', said: 'No such key.' } as const;
  expect(because(cause)).toBe('the server refuses the stream key: No such key.');
  setLanguage('zh-CN');
  expect(because(cause)).toBe('服务器不接受这个推流密钥：No such key.');
  expect(lostBecause('连接断开。', { kind: 'broken', said: '' })).toBe('连接断开。（连接中断）');
  expect(failedBecause('Relay', cause)).toContain('Relay');
});
