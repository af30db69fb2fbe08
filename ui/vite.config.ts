// One workspace, two programs' pages. `--mode studio` builds the desktop window, which Tauri embeds;
// `--mode web` builds the pages that the origin embeds and serves.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { svelte, vitePreprocess } from '@sveltejs/vite-plugin-svelte';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Where `npm run dev:web` finds the origin's API, chat and media. */
const ORIGIN = process.env.ROSTRUM_ORIGIN ?? 'http://127.0.0.1:8080';

/** The icon under the fixed name that the origin serves beside the pages. */
const favicon: Plugin = {
  name: 'favicon',
  generateBundle() {
    this.emitFile({ type: 'asset', fileName: 'favicon.svg', source: readFileSync(here('lib/icon.svg')) });
  },
};

export default defineConfig(({ mode }) => {
  const entry = mode === 'studio' ? 'studio' : 'web';
  return {
    root: mode === 'test' ? here('.') : here(entry),
    base: '/',
    publicDir: false,
    plugins: [svelte({ configFile: false, preprocess: vitePreprocess() }), ...(entry === 'web' ? [favicon] : [])],
    resolve: {
      alias: { $lib: here('lib') },
      // Component tests mount in a document, so they need Svelte's browser half.
      ...(mode === 'test' ? { conditions: ['browser'] } : {}),
    },
    build: {
      outDir: here(`dist/${entry}`),
      emptyOutDir: true,
      assetsDir: 'assets',
      target: entry === 'studio' ? 'safari15' : 'es2022',
      // Nothing is inlined as `data:`: the content security policy of both programs is `'self'`.
      assetsInlineLimit: 0,
      // The player (hls.js) is one lazily loaded file of about 360 kB before compression.
      chunkSizeWarningLimit: 700,
      modulePreload: { polyfill: false },
    },
    server: {
      host: '127.0.0.1',
      proxy: { '/api': { target: ORIGIN, ws: true }, '/live': ORIGIN },
    },
    test: {
      environment: 'jsdom',
      include: ['lib/**/*.test.ts', 'web/**/*.test.ts', 'studio/**/*.test.ts'],
      restoreMocks: true,
      // The first test of a file may wait for its components to be compiled on a busy machine.
      testTimeout: 20_000,
    },
  };
});
