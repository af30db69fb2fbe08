import { language } from '$lib/i18n/i18n.svelte';

/** The languages that a room's owner chooses from, as BCP 47 tags; programs may set others. */
export const LANGUAGE_TAGS: readonly string[] = [
  'ar',
  'de',
  'en',
  'es',
  'fr',
  'hi',
  'id',
  'it',
  'ja',
  'ko',
  'nl',
  'pl',
  'pt',
  'ru',
  'tr',
  'uk',
  'vi',
  'zh-CN',
  'zh-TW',
];

/** A language's name in the language on screen; the tag itself where the browser knows none. */
export function languageName(tag: string): string {
  try {
    return new Intl.DisplayNames([language()], { type: 'language' }).of(tag) ?? tag;
  } catch {
    return tag;
  }
}
