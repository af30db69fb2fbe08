/**
 * So many random bytes as hexadecimal digits. `crypto.randomUUID` exists only on secure origins; the shared link on a
 * home network is plain http.
 */
export function randomId(bytes = 12): string {
  const random = crypto.getRandomValues(new Uint8Array(bytes));
  return Array.from(random, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
