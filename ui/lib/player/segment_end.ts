// Where a player may turn to another rendition.

/** What hls.js tells of a part of a segment. */
interface Part {
  index: number;
  fragment: { sn: number | 'initSegment' };
}

/** What hls.js tells of a rendition's playlist. */
interface Playlist {
  /** The segments that are whole. */
  fragments: readonly { sn: number | 'initSegment' }[];
  partList: readonly Part[] | null;
}

/**
 * Whether what follows `part` begins a segment; `null` where whole segments are loaded.
 *
 * Another rendition can be begun with a segment only. Begun within one, its first parts replace pictures that are
 * about to be shown, and a browser that is in the middle of them shows none until the next keyframe.
 */
export function endsSegment(part: Part | null, playlist: Playlist | null | undefined): boolean {
  if (!part || !playlist?.partList) {
    return true;
  }
  const sn = part.fragment.sn;
  const whole = playlist.fragments.some((segment) => segment.sn === sn);
  return whole && !playlist.partList.some(({ index, fragment }) => fragment.sn === sn && index > part.index);
}
