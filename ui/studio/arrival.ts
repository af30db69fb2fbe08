// Where a link or the tray leads to, as the program has checked it.
import type { WindowPlace } from './bindings';

/** The pages of the settings. */
export type Tab = 'video' | 'sound' | 'output' | 'destinations' | 'hotkeys' | 'origin' | 'accessibility' | 'language';
const TABS: readonly string[] = [
  'video',
  'sound',
  'output',
  'destinations',
  'hotkeys',
  'origin',
  'accessibility',
  'language',
] satisfies Tab[];

/** What can be shown. */
export interface Ways {
  page: (page: 'studio' | 'origin' | 'settings') => void;
  tab: (tab: Tab) => void;
  /** The form of a destination; `null` is a new one. */
  form: (id: number | null) => void;
  /** The question whether to end. */
  end: () => void;
}

export function arrive(place: WindowPlace, ways: Ways): void {
  switch (place.type) {
    case 'settings':
      if (place.tab !== null && TABS.includes(place.tab)) {
        ways.tab(place.tab as Tab);
      }
      ways.page('settings');
      break;
    case 'destination':
      ways.form(place.id);
      break;
    case 'end':
      ways.page('studio');
      ways.end();
      break;
    default:
      ways.page(place.type);
  }
}
