// A page that is open while its origin gets another version asks for files that are no more.

/** Between two looks whether the origin is there. Milliseconds. */
const LOOK_MS = 3_000;
/** A page that was loaded again so lately is not again: something else is wrong. Milliseconds. */
const AGAIN_MS = 60_000;
const KEY = 'rostrum.loaded_again';

/** Loads the page again once the origin answers, when a part of the page did not come. */
export function replaceMissingParts(reload: () => void = () => location.reload()): () => void {
  let looking = false;
  const missed = async (): Promise<void> => {
    if (looking || !mayReload()) {
      return;
    }
    looking = true;
    while (!(await answers())) {
      await new Promise((done) => setTimeout(done, LOOK_MS));
    }
    looking = false;
    noteReload();
    reload();
  };
  const listener = (): void => void missed();
  addEventListener('vite:preloadError', listener);
  return () => removeEventListener('vite:preloadError', listener);
}

/** Whether the origin answers, be it that there is no such room. */
async function answers(): Promise<boolean> {
  const answer = await fetch(location.pathname, { cache: 'no-store' }).catch(() => null);
  return answer !== null && answer.status < 500;
}

function mayReload(): boolean {
  try {
    return Date.now() - Number(sessionStorage.getItem(KEY) ?? 0) > AGAIN_MS;
  } catch {
    // Without a note of it the page might be loaded again and again.
    return false;
  }
}

function noteReload(): void {
  sessionStorage.setItem(KEY, String(Date.now()));
}
