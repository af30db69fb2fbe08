import { readWish, type Wish } from './quality';

/** Where the wanted rendition is kept; absent = the player's own choice. */
const WISH_KEY = 'rostrum.quality';

/** What the viewer chose in this browser before. */
export function keptWish(): Wish {
  try {
    return readWish(localStorage.getItem(WISH_KEY));
  } catch {
    // Storage can be refused.
    return 'auto';
  }
}

/** Keeps what the viewer chose. */
export function keepWish(wish: Wish): void {
  try {
    localStorage.setItem(WISH_KEY, String(wish));
  } catch {
    // The choice then lasts as long as the page.
  }
}
