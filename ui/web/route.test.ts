import { expect, test } from 'vitest';
import { readRoute } from './route';

test.each([
  ['/', { page: 'home' }],
  ['/r/demo', { page: 'watch', room: 'demo' }],
  ['/r/demo/', { page: 'watch', room: 'demo' }],
  ['/r/%E0', { page: 'watch', room: '%E0' }],
  ['/r/demo/broadcast', { page: 'broadcast', room: 'demo' }],
  ['/r/demo/broadcast/x', { page: 'missing' }],
  ['/r/demo/files', { page: 'files', room: 'demo' }],
  ['/r/demo/settings', { page: 'settings', room: 'demo' }],
  ['/r', { page: 'missing' }],
  ['/r/demo/replay/0a', { page: 'replay', room: 'demo', id: '0a' }],
  ['/r/demo/replay', { page: 'missing' }],
  ['/r/demo/replay/0a/x', { page: 'missing' }],
  ['/r/demo/x', { page: 'missing' }],
])('%s', (path, route) => {
  expect(readRoute(path)).toEqual(route);
});
