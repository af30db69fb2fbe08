import Hls, { type LoaderCallbacks, type LoaderContext, LoadStats } from 'hls.js/light';
import { expect, test, vi } from 'vitest';
import { continuable, playlistLoader } from './playlist_loader';

const head = '#EXTM3U\n#EXT-X-TARGETDURATION:2\n';

test('a playlist that ends with a segment gets a line after it', () => {
  expect(continuable(`${head}#EXTINF:2,\nseg-1.m4s\n`)).toBe(`${head}#EXTINF:2,\nseg-1.m4s\n#\n`);
  expect(continuable(`${head}#EXTINF:2,\r\nseg-1.m4s`)).toBe(`${head}#EXTINF:2,\r\nseg-1.m4s\n#\n`);
});

test('a playlist that ends with a tag stays as it is', () => {
  const hint = `${head}#EXT-X-PRELOAD-HINT:TYPE=PART,URI="part-2-0.m4s"\n`;
  expect(continuable(hint)).toBe(hint);
  expect(continuable(`${head}#EXTINF:2,\nseg-1.m4s\n#EXT-X-ENDLIST`)).toMatch(/ENDLIST$/);
});

test('what hls.js hears of is the continued playlist', () => {
  const base = vi.spyOn(Hls.DefaultConfig.loader.prototype, 'load').mockImplementation(((
    context: LoaderContext,
    _config: unknown,
    callbacks: LoaderCallbacks<LoaderContext>,
  ) => {
    callbacks.onSuccess({ url: context.url, data: 'seg-1.m4s\n' }, new LoadStats(), context, null);
  }) as never);
  const Loader = playlistLoader(Hls);
  const onSuccess = vi.fn();
  new Loader(Hls.DefaultConfig).load({ url: 'x' } as never, {} as never, { onSuccess } as never);
  expect(base).toHaveBeenCalledOnce();
  expect(onSuccess.mock.calls[0]?.[0].data).toBe('seg-1.m4s\n#\n');
});
