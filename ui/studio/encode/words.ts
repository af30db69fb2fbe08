import { words } from '$lib/i18n/i18n.svelte';

/** The words of a destination whose network is weaker than the others'. */
export const t = words(
  'encode',
  {
    'too-much': '{{name}} has a weaker network than the others, so its viewers miss pictures.',
    apart: 'Send it less',
    own: 'Weak network: gets {{size}}, {{fps}} fps, {{rate}}',
    encodes: 'Four pictures are encoded already, so it cannot get one of its own.',
    machine: 'This computer is not fast enough to make a picture of its own for it.',
    encoder: 'No encoder could be opened to make a picture of its own for it.',
  },
  {
    'too-much': '{{name}} 的网络比其他目的地弱，那里的观众会丢失画面。',
    apart: '降低发给它的码率',
    own: '网络较弱：发送 {{size}}，{{fps}} 帧/秒，{{rate}}',
    encodes: '已经在编码四路画面，无法再为它单独编码。',
    machine: '这台电脑不够快，无法为它单独编码。',
    encoder: '没有可用的编码器为它单独编码。',
  },
);
