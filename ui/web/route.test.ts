import { expect, test } from 'vitest';
import { readRoute } from './route';

test.each([
  ['/', { page: 'home' }],
  ['/r/demo', { page: 'watch', room: 'demo' }],
  ['/r/demo/', { page: 'watch', room: 'demo' }],
  ['/r/%E0', { page: 'watch', room: '%E0' }],
  ['/r/demo/broadcast', { page: 'broadcast', room: 'demo' }],
  ['/r/demo/broadcast/x', { page: 'missing' }],
  ['/r', { page: 'missing' }],
  ['/r/demo/x', { page: 'missing' }],
])('%s', (path, route) => {
  expect(readRoute(path)).toEqual(route);
});
