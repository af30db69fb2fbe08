import { getCurrentWindow } from '@tauri-apps/api/window';
import { mount } from 'svelte';
import '$lib/tokens.css';
import '$lib/components.css';
import './studio.css';
import './settings.css';
import './large_text.css';
import App from './App.svelte';
import { follow } from './model.svelte';
import Panel from './panel/Panel.svelte';

const target = document.getElementById('app');
if (!target) {
  throw new Error('index.html has an element with id "app"');
}
document.documentElement.dataset.density = 'compact';
follow();
// As `src-tauri/panel.rs` calls it.
mount(getCurrentWindow().label === 'panel' ? Panel : App, { target });
