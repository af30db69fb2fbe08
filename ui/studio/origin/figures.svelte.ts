// How the origin does, asked for while its panel is open.
import { commands, type OriginFigures } from '../bindings';
import { ask } from '../model.svelte';

/** Often enough to see a viewer come. Milliseconds. */
const ASKED_MS = 2_000;

export class Figures {
  /** `null` until the first answer. */
  now = $state.raw<OriginFigures | null>(null);

  #timer = 0;
  #asking = false;

  follow(): () => void {
    this.again();
    this.#timer = window.setInterval(() => this.again(), ASKED_MS);
    return () => clearInterval(this.#timer);
  }

  /** Asks at once; one question is on its way at most. */
  again(): void {
    if (this.#asking) {
      return;
    }
    this.#asking = true;
    ask(
      commands
        .originFigures()
        .then((figures) => {
          this.now = figures;
        })
        .finally(() => {
          this.#asking = false;
        }),
    );
  }
}
