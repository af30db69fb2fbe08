import { t } from './words';

/** What the origin calls a member whose account is deleted; no account can be called so. */
export const DELETED_NAME = 'deleted user';

/** A member's name for people: their own, or that they are gone in the reader's language. */
export function shownName({ name }: { name: string }): string {
  return name === DELETED_NAME ? t('deleted.user') : name;
}
