/** Longest address of a room: the origin's limit. */
export const ADDRESS_MAX = 64;

/** The address nearest to a title, as the origin would make it; empty when nothing of the title can stand in one. */
export function addressOf(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-/, '')
    .slice(0, ADDRESS_MAX)
    .replace(/-$/, '');
}
