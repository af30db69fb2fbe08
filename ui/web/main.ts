import { mount } from 'svelte';
import '$lib/tokens.css';
import '$lib/components.css';
import './web.css';
import App from './App.svelte';
import { replaceMissingParts } from './missing_part';

const target = document.getElementById('app');
if (!target) {
  throw new Error('index.html has an element with id "app"');
}
replaceMissingParts();
mount(App, { target });
