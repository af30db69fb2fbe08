// What sounds and their devices are called.
import type { SoundView, View } from '../bindings';
import { t } from './words';

/** What the person calls a sound, else what it is; numbered where two would be called the same. */
export function nameOf(view: View, sound: SoundView): string {
  const plain = (one: SoundView): string => one.name || t(`kind.${one.kind}`);
  const same = view.sounds.filter((one) => plain(one) === plain(sound));
  const number = same.findIndex(({ id }) => id === sound.id) + 1;
  return number > 1 ? `${plain(sound)} ${number}` : plain(sound);
}

/** The devices to choose from, the chosen one also when it is gone. */
export function devicesOf(view: View, chosen: string | null): { value: string; text: string }[] {
  const all = [
    { value: 'mic', text: t('default.microphone') },
    ...view.microphones.map(({ id, name }) => ({ value: `mic:${id}`, text: name })),
    { value: 'system', text: t('kind.system') },
  ];
  const known = chosen === null || all.some(({ value }) => value === chosen);
  return known ? all : [...all, { value: chosen, text: chosen.replace('mic:', '') }];
}
