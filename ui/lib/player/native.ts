/** What an error ends is begun again after this. Milliseconds. */
const AGAIN_MS = 1_000;

/**
 * Plays HLS in a browser that reads it itself and has no Media Source Extensions; the answer lets go of it, and is
 * `null` where the browser cannot. Such a browser gives up at the first error, and those of a live source pass.
 */
export function playNatively(video: HTMLVideoElement, url: string, play: () => void): (() => void) | null {
  if (video.canPlayType('application/vnd.apple.mpegurl') === '') {
    return null;
  }
  let timer: ReturnType<typeof setTimeout> | undefined;
  const begin = (): void => {
    video.src = url;
    play();
  };
  const again = (): void => {
    clearTimeout(timer);
    timer = setTimeout(begin, AGAIN_MS);
  };
  video.addEventListener('error', again);
  begin();
  return () => {
    clearTimeout(timer);
    video.removeEventListener('error', again);
  };
}
