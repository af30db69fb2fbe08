import { words } from '$lib/i18n/i18n.svelte';

/** The words of where keys are kept. */
export const t = words(
  'keychain',
  {
    unknown: 'Keys are never shown again.',
    open: "Keys are kept in this computer's keychain. They are never shown again.",
    'open.file_one':
      "Keys are kept in this computer's keychain, but that of {{count}} destination is still in a file. They are never shown again.",
    'open.file_other':
      "Keys are kept in this computer's keychain, but those of {{count}} destinations are still in a file. They are never shown again.",
    locked:
      "This computer's keychain is locked. Until you unlock it, new keys are kept in a file. They are never shown again.",
    absent: 'Keys are kept in a file: this computer has no keychain that answers. They are never shown again.',
    encrypted:
      "The file is encrypted; what decrypts it is in {{path}}, for your user account alone. A copy of Rostrum's data folder gives no key away. A program that runs as you, or a copy of your whole home folder, does.",
    plain:
      'The file is not encrypted, since what would decrypt it cannot be kept in {{path}}. Only your user account can read it; every copy of it gives the keys away.',
    unlock: 'Unlock…',
    again: 'Look again',
    row: 'Its key is locked',
    lost: 'Enter its key again',
    'notice.locked': 'The keychain is locked, so nothing can be sent to {{names}}. Unlock it to use the keys.',
    'notice.absent': 'The keychain does not answer, so nothing can be sent to {{names}}. Their keys are in it.',
    'notice.open': 'The keychain has no key for {{names}} any more. Enter it again under Edit.',
    'notice.lost':
      'What decrypts the keys is gone, so nothing can be sent to {{names}}. Enter their keys again under Edit.',
  },
  {
    unknown: '密钥不会再显示。',
    open: '密钥保存在这台电脑的钥匙串中，不会再显示。',
    'open.file_other': '密钥保存在这台电脑的钥匙串中，但还有 {{count}} 个目的地的密钥在文件里。密钥不会再显示。',
    locked: '这台电脑的钥匙串已锁定。解锁之前，新的密钥保存在文件里。密钥不会再显示。',
    absent: '密钥保存在文件里：这台电脑没有可用的钥匙串。密钥不会再显示。',
    encrypted:
      '文件已加密，用来解密的内容在 {{path}}，只有你的用户账号能读取。只复制 Rostrum 的数据文件夹不会泄露密钥；以你的身份运行的程序，或整个主文件夹的副本，则会泄露。',
    plain: '文件没有加密，因为用来解密的内容无法保存在 {{path}}。只有你的用户账号能读取它；它的任何副本都会泄露密钥。',
    unlock: '解锁…',
    again: '再找一次',
    row: '密钥已锁定',
    lost: '请重新输入密钥',
    'notice.locked': '钥匙串已锁定，无法推流到 {{names}}。解锁后才能使用密钥。',
    'notice.absent': '钥匙串没有响应，无法推流到 {{names}}。密钥在钥匙串里。',
    'notice.open': '钥匙串里已经没有 {{names}} 的密钥。请在“编辑”中重新输入。',
    'notice.lost': '用来解密密钥的内容已丢失，无法推流到 {{names}}。请在“编辑”中重新输入密钥。',
  },
);
