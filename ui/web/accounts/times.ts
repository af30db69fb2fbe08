/** `21 Nov 2026, 18:52`, in the reader's zone and language. */
export function formatDay(at_ms: number, language: string): string {
  return new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short' }).format(at_ms);
}

/** `21 Nov 2026`, in the reader's zone and language. */
export function formatDate(at_ms: number, language: string): string {
  return new Intl.DateTimeFormat(language, { dateStyle: 'medium' }).format(at_ms);
}

/** `Firefox, Linux`: the parts of a user agent that tell a person which device it is; `null` when none is known. */
export function deviceName(agent: string): string | null {
  const browser = [
    ['Edg/', 'Edge'],
    ['OPR/', 'Opera'],
    ['Firefox/', 'Firefox'],
    ['Chrome/', 'Chrome'],
    ['Safari/', 'Safari'],
  ].find(([mark]) => agent.includes(mark ?? ''))?.[1];
  const system = [
    ['Android', 'Android'],
    ['iPhone', 'iPhone'],
    ['iPad', 'iPad'],
    ['Windows', 'Windows'],
    ['Mac OS', 'macOS'],
    ['Linux', 'Linux'],
  ].find(([mark]) => agent.includes(mark ?? ''))?.[1];
  const known = [browser, system].filter((part) => part !== undefined);
  return known.length === 0 ? null : known.join(', ');
}
