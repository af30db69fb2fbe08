import { commands } from '../bindings';
import { t } from './words';

/** Lets the person choose where to record to, also for a recording that runs. */
export async function recordElsewhere(): Promise<void> {
  const folder = await commands.pickFile('folder', t('to.title'));
  if (folder !== null) {
    await commands.recordTo(folder);
  }
}
