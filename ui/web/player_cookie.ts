import { randomId } from '$lib/random_id';

const NAME = 'rostrum_player';

/**
 * Makes this browser's player and chat known to the origin as one viewer. The cookie says nothing else and opens
 * nothing; without cookies the origin goes by address.
 */
export function showPlayer(): void {
  if (document.cookie.split('; ').some((pair) => pair.startsWith(`${NAME}=`))) {
    return;
  }
  const secure = location.protocol === 'https:' ? '; Secure' : '';
  // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is there on secure origins only.
  document.cookie = `${NAME}=${randomId(16)}; Path=/; SameSite=Lax${secure}`;
}
