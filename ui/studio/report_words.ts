import { words } from '$lib/i18n/i18n.svelte';

/** The words of the report. */
export const t = words(
  'report',
  {
    menu: 'Save a report…',
    title: 'Save a report',
    what: 'For people who help you: system, devices, encoders, settings, and what was logged, with names of rooms and network addresses of viewers.',
    not: 'Stream keys, passphrases and passwords are in none of it.',
    sent: 'It is saved on this computer and sent nowhere.',
    saved: 'The report is saved:',
  },
  {
    menu: '保存报告…',
    title: '保存报告',
    what: '给帮助你的人看：系统、设备、编码器、设置和日志，其中有直播间名称和观众的网络地址。',
    not: '不含推流密钥、密码短语和密码。',
    sent: '报告只保存在这台电脑上，不会发送到任何地方。',
    saved: '报告已保存：',
  },
);
