import { createRawSnippet, flushSync, mount, unmount } from 'svelte';
import { afterEach, expect, test, vi } from 'vitest';
import Dialog from './Dialog.svelte';

afterEach(() => document.body.replaceChildren());

function button(name: string): HTMLButtonElement {
  const made = document.createElement('button');
  made.textContent = name;
  document.body.append(made);
  return made;
}

/** Opens a dialog as the page does, the keyboard being on `opener`. */
function open(opener: HTMLElement) {
  // jsdom has no modal dialogs.
  HTMLDialogElement.prototype.showModal = vi.fn();
  opener.focus();
  const text = createRawSnippet(() => ({ render: () => '<p>Really?</p>' }));
  const actions = createRawSnippet(() => ({ render: () => '<button data-safe>No</button>' }));
  const shown = mount(Dialog, {
    target: document.body,
    props: { title: 'Sure?', onclose: () => {}, children: text, actions },
  });
  flushSync();
  return shown;
}

test('the keyboard starts on the safe answer, and is afterwards where it was', async () => {
  const opener = button('Delete…');
  const shown = open(opener);
  expect(document.activeElement?.textContent).toBe('No');
  await unmount(shown);
  expect(document.activeElement).toBe(opener);
});

test('what took the keyboard meanwhile keeps it', async () => {
  const opener = button('Delete…');
  const shown = open(opener);
  const other = button('Undo');
  other.focus();
  await unmount(shown);
  expect(document.activeElement).toBe(other);
});
