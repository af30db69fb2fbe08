// Who asks: the browser's session goes along by itself; an access token, for this tab, has to be sent.

const TOKEN_KEY = 'rostrum.token';

/** The headers of a request that not everybody may make. */
export function authorized(): Record<string, string> {
  const token = storedToken();
  return token === null ? {} : { authorization: `Bearer ${token}` };
}

/** Sends this access token from now on, as long as the tab is open; `null` forgets it. */
export function setToken(token: string | null): void {
  try {
    if (token === null) {
      sessionStorage.removeItem(TOKEN_KEY);
    } else {
      sessionStorage.setItem(TOKEN_KEY, token);
    }
  } catch {
    // Without storage the token is not kept, and the page asks again.
  }
}

function storedToken(): string | null {
  try {
    return sessionStorage.getItem(TOKEN_KEY);
  } catch {
    return null;
  }
}
