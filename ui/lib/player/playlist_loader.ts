import type Hls from 'hls.js';
import type { HlsConfig } from 'hls.js';

type PlaylistLoader = NonNullable<HlsConfig['pLoader']>;

/**
 * A playlist that hls.js can continue.
 *
 * While its publisher is away, a live playlist ends with the URI of its last segment. hls.js 1.7 then takes that
 * segment for the coming one too, and calls the publisher's return a "discontinuity sequence mismatch". A line
 * after the URI, here an empty comment (RFC 8216 §4.1), makes it begin a new segment.
 */
export function continuable(playlist: string): string {
  const text = playlist.trimEnd();
  const last = text.slice(text.lastIndexOf('\n') + 1);
  return last.startsWith('#') ? playlist : `${text}\n#\n`;
}

/** hls.js' own loader for playlists, with [`continuable`] applied to what it brings. */
export function playlistLoader(library: typeof Hls): PlaylistLoader {
  const Loader = library.DefaultConfig.loader;
  return class extends Loader {
    override load(...[context, config, callbacks]: Parameters<InstanceType<typeof Loader>['load']>): void {
      super.load(context, config, {
        ...callbacks,
        onSuccess: (response, stats, loaded, details) => {
          if (typeof response.data === 'string') {
            response.data = continuable(response.data);
          }
          callbacks.onSuccess(response, stats, loaded, details);
        },
      });
    }
  } as unknown as PlaylistLoader;
}
