import { expect, test } from 'vitest';
import { isPort } from './port';

test('only a number that a program of this person may listen on is a port', () => {
  for (const typed of ['1024', '8081', ' 8081 ', '65535']) {
    expect(isPort(typed), typed).toBe(true);
  }
  for (const typed of ['', '0', '80', '1023', '65536', '-8080', '80.80', '8e3', 'http', '99999']) {
    expect(isPort(typed), typed).toBe(false);
  }
});
