/** What people call the codecs whose RFC 6381 names begin so. */
const NAMES: readonly (readonly [prefix: string, name: string])[] = [
  ['avc', 'H.264'],
  ['hvc', 'HEVC'],
  ['hev', 'HEVC'],
  ['av01', 'AV1'],
  ['mp4a', 'AAC'],
  ['opus', 'Opus'],
];

/** The codecs in `CODECS` attributes as people write them, each once: `HEVC, AAC`. Unknown ones stay as they are. */
export function codecNames(attributes: readonly string[]): string {
  const codecs = attributes.flatMap((attribute) => attribute.split(',')).map((codec) => codec.trim());
  const names = codecs.map((codec) => NAMES.find(([prefix]) => codec.toLowerCase().startsWith(prefix))?.[1] ?? codec);
  return [...new Set(names)].filter((name) => name !== '').join(', ');
}
