import { words } from '$lib/i18n/i18n.svelte';

/** The words around what is saved: files that were asked for, and where recordings go. */
export const t = words(
  'saving',
  {
    wrong: 'It could not be saved: {{reason}}',
    working: 'Saving…',
    save: 'Save',
    cancel: 'Cancel',
    close: 'Close',
    folder: 'Open folder',
    to: 'Save to',
    'to.free': '{{free}} free.',
    'to.goes-on': 'A recording that runs goes on there in another file.',
    'to.change': 'Change…',
    'to.another': 'Save to another disk…',
    'to.title': 'Save recordings to',
    'to.stays': 'The recording goes on where it was: no file can be made in the other folder. ({{reason}})',
  },
  {
    wrong: '无法保存：{{reason}}',
    working: '正在保存…',
    save: '保存',
    cancel: '取消',
    close: '关闭',
    folder: '打开文件夹',
    to: '保存到',
    'to.free': '剩余 {{free}}。',
    'to.goes-on': '正在进行的录制会在那里继续，写入另一个文件。',
    'to.change': '更改…',
    'to.another': '保存到其他磁盘…',
    'to.title': '录像保存位置',
    'to.stays': '录制仍在原处继续：无法在另一个文件夹里建立文件。（{{reason}}）',
  },
);
