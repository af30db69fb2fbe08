// Read by svelte-check and editors; the build passes the same options in vite.config.ts.
import { vitePreprocess } from '@sveltejs/vite-plugin-svelte';

export default { preprocess: vitePreprocess() };
