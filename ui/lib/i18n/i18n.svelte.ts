import i18next from 'i18next';

/** The languages there are words for, as BCP 47 tags, with their own names. */
export const LANGUAGES = { en: 'English', 'zh-CN': '简体中文' } as const;
export type Language = keyof typeof LANGUAGES;

/** Where the choice is kept; absent = follow the browser. */
const STORAGE_KEY = 'rostrum.language';

/** The first language of `wanted` (as `navigator.languages` lists them) that there are words for. */
export function matchLanguage(wanted: readonly string[]): Language {
  for (const tag of wanted) {
    const primary = tag.toLowerCase().split('-')[0];
    if (primary === 'zh') {
      return 'zh-CN';
    }
    if (primary === 'en') {
      return 'en';
    }
  }
  return 'en';
}

function stored(): Language | null {
  try {
    const value = localStorage.getItem(STORAGE_KEY);
    return value !== null && value in LANGUAGES ? (value as Language) : null;
  } catch {
    // Storage can be refused; the browser's language is used then.
    return null;
  }
}

const initial: Language = stored() ?? matchLanguage(globalThis.navigator?.languages ?? []);
let current = $state<Language>(initial);

void i18next.init({
  lng: initial,
  fallbackLng: 'en',
  initAsync: false,
  // Keys are flat: a dot is part of the name.
  keySeparator: false,
  // Text is rendered as text by Svelte, so it is not escaped twice.
  interpolation: { escapeValue: false },
  resources: {},
});
document.documentElement.lang = initial;

/** The language on screen; reading it in a template or an effect follows changes. */
export function language(): Language {
  return current;
}

/** Shows another language from now on and remembers it in this browser. */
export function setLanguage(next: Language): void {
  void i18next.changeLanguage(next);
  current = next;
  document.documentElement.lang = next;
  try {
    localStorage.setItem(STORAGE_KEY, next);
  } catch {
    // The choice then lasts as long as the page.
  }
}

type PluralBase<Key> = Key extends `${infer Base}_one` | `${infer Base}_other` ? Base : Key;
/** Chinese has one plural form: `_other`. */
type Chinese<English> = { [Key in keyof English as Key extends `${string}_one` ? never : Key]: string };
export type Values = Record<string, string | number>;

/**
 * Adds the words of one part of the program and returns its `t`: typed by the English keys, following the
 * language. Plurals are `key_one` and `key_other`, chosen by the value `count`.
 */
export function words<English extends Record<string, string>>(
  part: string,
  english: English,
  chinese: Chinese<English>,
): (key: PluralBase<keyof English & string>, values?: Values) => string {
  i18next.addResourceBundle('en', part, english);
  i18next.addResourceBundle('zh-CN', part, chinese);
  return (key, values) => i18next.t(key, { ...values, ns: part, lng: current });
}
