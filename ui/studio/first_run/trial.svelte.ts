// What the encoder can do on this computer, measured once and again when it is asked for.
import { commands, type EncoderTrial } from '../bindings';
import { reasonOf } from '../errors/words';

export class Trial {
  /** `null` while it is measured. */
  result = $state.raw<EncoderTrial | null>(null);
  /** Why nothing could be measured; empty when it could. */
  failed = $state('');

  #running = false;

  /** Measures, unless that was done or is being done. */
  begin(): void {
    if (!this.result && !this.failed) {
      this.again();
    }
  }

  again(): void {
    if (this.#running) {
      return;
    }
    this.#running = true;
    this.result = null;
    this.failed = '';
    commands
      .tryEncoder()
      .then(
        (result) => {
          this.result = result;
        },
        (error: unknown) => {
          this.failed = reasonOf(error);
        },
      )
      .finally(() => {
        this.#running = false;
      });
  }
}
