import { words } from '$lib/i18n/i18n.svelte';
import type { CommandError, ErrorKind } from '../bindings';

const english = {
  closing: 'Rostrum is closing',
  busy: 'too much at once: try again in a moment',
  'destination-name': 'a name of 1 to 40 characters is needed',
  'destination-name-taken': 'there is a destination of this name already',
  'keychain-closed': 'the keychain has not given the key: unlock it first, or enter both stream ID and passphrase',
  'address-scheme':
    'the address begins in a way that is not supported: use rtmp:// or rtmps://host/app with a stream key, or srt://host:port',
  'address-host': 'the address has no host and port that can be read',
  'address-port': 'the address has no port: srt://host:port',
  'address-app': 'the address has no application: rtmp://host/app',
  'address-key': 'there is no stream key',
  'address-option': 'an option of SRT cannot be used',
  'address-two-keys': 'the address has a stream ID already: leave the stream key empty',
  'address-too-long': 'the address is too long',
  passphrase: 'a passphrase has 10 to 79 characters',
  'scene-gone': 'it is not there any more',
  'scene-too-many': 'there are as many as there can be',
  'scene-last': 'one scene stays: there is nothing to show without it',
  'scene-locked': 'this source is locked',
  'scene-value': 'a value cannot be used',
  'obs-file': 'the profile cannot be read',
  'obs-kind': 'the profile does not send by RTMP, RTMPS or SRT',
  'obs-server': 'the profile has no server of its own, and its service is not known here',
  'keys-unknown': 'these keys cannot be used',
  'keys-of-text': 'these keys copy, cut, paste and select in text',
  'keys-without-digit': 'a digit from 1 to 9 is needed, with other keys or without',
  'keys-taken': 'another action has these keys',
  folder: 'the folder cannot be opened',
  'folder-missing': 'this folder is not there yet',
  browser: 'the browser cannot be opened',
  'origin-off': 'the origin is off',
  'origin-refused': 'the origin refuses',
  'origin-lost': 'the origin did not answer',
  port: 'a port from 1024 to 65535 is needed',
  'disk-full': 'the disk is full',
  'folder-read-only': 'nothing can be written to this folder',
  sheet: 'the list cannot be saved',
  autostart: 'the start with the session cannot be set',
  report: 'the report cannot be written',
  backup: 'the backup cannot be written',
  recording: 'nothing can be recorded there',
  'nothing-to-save': 'the origin has not run yet, so it keeps nothing',
  encoder: 'no encoder works',
  window: 'the panel cannot be opened',
  chat: 'the chat cannot take this',
} satisfies Record<ErrorKind, string>;

/** Why a request was not done, besides what a program or the system said about it. */
const t = words(
  'errors',
  { ...english, said: '{{what}}: {{said}}' },
  {
    closing: 'Rostrum 正在关闭',
    busy: '一次操作太多，请稍后再试',
    'destination-name': '名称需要 1 到 40 个字符',
    'destination-name-taken': '已经有同名的推流目的地',
    'keychain-closed': '密钥环没有给出密钥：请先解锁，或同时输入 stream ID 和密码短语',
    'address-scheme': '不支持这种地址：请用 rtmp:// 或 rtmps://主机/应用 加推流密钥，或 srt://主机:端口',
    'address-host': '地址中的主机和端口无法识别',
    'address-port': '地址缺少端口：srt://主机:端口',
    'address-app': '地址缺少应用名：rtmp://主机/应用',
    'address-key': '缺少推流密钥',
    'address-option': 'SRT 的一个选项无法使用',
    'address-two-keys': '地址中已有 stream ID，请把推流密钥留空',
    'address-too-long': '地址太长',
    passphrase: '密码短语需要 10 到 79 个字符',
    'scene-gone': '它已经不在了',
    'scene-too-many': '数量已达上限',
    'scene-last': '至少要留一个场景，否则没有画面',
    'scene-locked': '这个来源已锁定',
    'scene-value': '有一个值无法使用',
    'obs-file': '无法读取这个配置',
    'obs-kind': '这个配置不是用 RTMP、RTMPS 或 SRT 推流',
    'obs-server': '这个配置没有自己的服务器，它的平台这里也不认识',
    'keys-unknown': '不能使用这些按键',
    'keys-of-text': '这些按键用于复制、剪切、粘贴和全选文字',
    'keys-without-digit': '需要 1 到 9 中的一个数字，可以带其他键',
    'keys-taken': '这些按键已用于其他操作',
    folder: '无法打开文件夹',
    'folder-missing': '这个文件夹还不存在',
    browser: '无法打开浏览器',
    'origin-off': '源站没有运行',
    'origin-refused': '源站拒绝了',
    'origin-lost': '源站没有回应',
    port: '需要 1024 到 65535 之间的端口',
    'disk-full': '磁盘已满',
    'folder-read-only': '无法写入这个文件夹',
    sheet: '无法保存名单',
    autostart: '无法设置随会话启动',
    report: '无法写入报告',
    backup: '无法写入备份',
    recording: '无法录制到那里',
    'nothing-to-save': '源站还没有运行过，没有可保存的内容',
    encoder: '没有可用的编码器',
    window: '无法打开小窗',
    chat: '聊天无法接收这条内容',
    said: '{{what}}：{{said}}',
  },
);

const isCommandError = (error: unknown): error is CommandError =>
  typeof error === 'object' && error !== null && 'kind' in error && String(error.kind) in english;

/** What a request failed for, in the window's language; what is no error of the program's stays as it is. */
export function reasonOf(error: unknown): string {
  if (!isCommandError(error)) {
    return error instanceof Error ? error.message : String(error);
  }
  const what = t(error.kind);
  return error.said === '' ? what : t('said', { what, said: error.said });
}
