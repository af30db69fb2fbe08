import type { HlsConfig, LoaderConfig, RetryConfig } from 'hls.js';

/** A publisher may be away for 20 s and an origin may restart: the network is asked again for as long as it takes. */
const RETRIES_ENDLESS = 100_000;
/** Longest wait between two tries, milliseconds: playback moves within 3 s of the first new part. */
const RETRY_DELAY_MAX_MS = 2_000;
/** A media file that is not there: it left the window, so asking again soon stops helping. */
const MISSING_MEDIA_RETRIES = 3;
/** The session in the address has ended: the list of renditions gives another one. */
export const HTTP_FORBIDDEN = 403;
/** As many watch as may. */
export const HTTP_UNAVAILABLE = 503;
const HTTP_NOT_FOUND = 404;
const HTTP_GONE = 410;
/** Catching up is inaudible to here: speech keeps its pitch. */
export const CATCH_UP_RATE = 1.08;

/** Tries again after any failure; hls.js by itself gives up at once on a refused connection and on 4xx. */
const always: NonNullable<RetryConfig['shouldRetry']> = (config, count) => !!config && count < config.maxNumRetry;

const unlessMissing: NonNullable<RetryConfig['shouldRetry']> = (config, count, _timeout, response) => {
  const missing = response?.code === HTTP_NOT_FOUND || response?.code === HTTP_GONE;
  return !!config && count < (missing ? MISSING_MEDIA_RETRIES : config.maxNumRetry);
};

function patient(shouldRetry: NonNullable<RetryConfig['shouldRetry']>, firstByteMs: number): { default: LoaderConfig } {
  const retry: RetryConfig = {
    maxNumRetry: RETRIES_ENDLESS,
    retryDelayMs: 500,
    maxRetryDelayMs: RETRY_DELAY_MAX_MS,
    shouldRetry,
  };
  return {
    default: { maxTimeToFirstByteMs: firstByteMs, maxLoadTimeMs: 60_000, timeoutRetry: retry, errorRetry: retry },
  };
}

/** How the list of renditions is waited for; `refused` is told each status it did not come with: hls.js tells none. */
export function manifestPolicy(refused: (status: number | undefined) => void): Pick<HlsConfig, 'manifestLoadPolicy'> {
  const again: typeof always = (config, count, ...more) => {
    refused(more[1]?.code);
    return always(config, count, ...more);
  };
  return { manifestLoadPolicy: patient(again, 20_000) };
}

/**
 * hls.js for Low-Latency HLS that must survive its publisher.
 *
 * The distance to the live edge is the playlist's own `PART-HOLD-BACK`: no `liveSync*` setting replaces it.
 */
export const HLS_CONFIG: Partial<HlsConfig> = {
  lowLatencyMode: true,
  // Fragmented MP4 passes through unchanged, so a worker has nothing to do; without one the content security
  // policy needs no `blob:` script.
  enableWorker: false,
  maxLiveSyncPlaybackRate: CATCH_UP_RATE,
  // Each stall moves the target back by this, so a poor network finds its distance; seconds.
  liveSyncOnStallIncrease: 0.3,
  liveDurationInfinity: true,
  // While the publisher is away the origin answers with the unchanged playlist, and that is no error.
  liveMaxUnchangedPlaylistRefresh: Number.POSITIVE_INFINITY,
  // Before anything was measured: most lines carry 480p. Bits per second.
  abrEwmaDefaultEstimate: 2_500_000,
  maxBufferLength: 20,
  backBufferLength: 30,
  // Where a publisher came back, audio and video need not start in the same millisecond; seconds.
  maxBufferHole: 0.5,
  // A stall without data is not an error of the player, so it may try for as long as it takes.
  nudgeMaxRetry: RETRIES_ENDLESS,
  appendErrorMaxRetry: 5,
  // A blocking reload is held by the origin until there is news.
  playlistLoadPolicy: patient(always, 30_000),
  fragLoadPolicy: patient(unlessMissing, 20_000),
};
