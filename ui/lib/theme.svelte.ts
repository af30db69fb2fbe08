/** `system`: as the operating system has it, also when that changes. */
export type ThemeChoice = 'system' | 'dark' | 'light';

const STORAGE_KEY = 'rostrum.theme';
const CHOICES: readonly string[] = ['system', 'dark', 'light'];

function stored(): ThemeChoice {
  try {
    const value = localStorage.getItem(STORAGE_KEY);
    return value !== null && CHOICES.includes(value) ? (value as ThemeChoice) : 'system';
  } catch {
    return 'system';
  }
}

const systemLight = globalThis.matchMedia?.('(prefers-color-scheme: light)');
let choice = $state<ThemeChoice>(stored());

function apply(): void {
  const light = choice === 'light' || (choice === 'system' && systemLight?.matches === true);
  document.documentElement.dataset.theme = light ? 'light' : 'dark';
}

apply();
systemLight?.addEventListener('change', apply);

export function theme(): ThemeChoice {
  return choice;
}

/** Uses another theme from now on and remembers it in this browser. */
export function setTheme(next: ThemeChoice): void {
  choice = next;
  apply();
  try {
    localStorage.setItem(STORAGE_KEY, next);
  } catch {
    // The choice then lasts as long as the page.
  }
}
