import { onMount } from 'svelte';

/** Times on the pages are in minutes; this often they are looked at. Milliseconds. */
const STEP_MS = 10_000;

/** The time now, Unix milliseconds, for a component: it moves while the component is on screen. */
export function useClock(): { readonly now: number } {
  let now = $state(Date.now());
  onMount(() => {
    const timer = setInterval(() => {
      now = Date.now();
    }, STEP_MS);
    return () => clearInterval(timer);
  });
  return {
    get now() {
      return now;
    },
  };
}
