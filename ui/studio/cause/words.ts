import { words } from '$lib/i18n/i18n.svelte';
import type { CauseKind, CauseView } from '../bindings';

const english = {
  'key-refused': 'the server refuses the stream key',
  'key-unanswered': 'the server hangs up when it hears the stream key, which may be wrong',
  'app-refused': 'the server does not know the last part of the address',
  'stream-id-refused': 'the server refuses the key (stream ID)',
  'passphrase-wrong': 'the server has another passphrase',
  'passphrase-unequal': 'only one side has a passphrase, or they are not the same',
  'taken-off': 'the server took the broadcast off the air',
  dismissed: 'the server ended the broadcast: another one took its place, or the key was replaced',
  'name-unknown': 'no server of this name is found',
  'nothing-listens': 'the computer is there, but no server runs at this address',
  unreachable: 'no network leads to the server',
  'no-answer': 'the server does not answer',
  'no-srt': 'nobody answers SRT at this address and port',
  stuck: 'the network carries nothing any more',
  'left-behind': 'the network is back, and the connection from before was lost',
  broken: 'the connection broke off',
  closed: 'the server closed the connection',
  'closed-early': 'the server closed the connection before it heard the stream key',
  'shuts-down': 'the server is shutting down',
  unavailable: 'the server cannot take the broadcast now',
  'not-understood': 'what answers there is no server for broadcasts',
  'not-tls': 'the server does not encrypt: try rtmp:// instead of rtmps://',
  untrusted: 'the server’s certificate is not trusted',
  unsupported: 'the server’s protocol cannot carry this encoder’s picture or sound',
  network: 'the network failed',
  start: 'it could not begin',
} satisfies Record<CauseKind, string>;

/** What happened to a broadcast, besides what a server or the system said in its own words. */
const t = words(
  'cause',
  {
    ...english,
    said: '{{what}}: {{said}}',
    lost: '{{text}} ({{cause}})',
    failed: 'Nothing is sent to {{name}}: {{cause}}',
    'failed.all': 'The broadcast did not go out: {{cause}}',
  },
  {
    'key-refused': '服务器不接受这个推流密钥',
    'key-unanswered': '服务器收到推流密钥后断开，密钥可能有误',
    'app-refused': '服务器不认识地址的最后一段',
    'stream-id-refused': '服务器不接受这个密钥（stream ID）',
    'passphrase-wrong': '密码短语与服务器的不同',
    'passphrase-unequal': '只有一方设了密码短语，或双方的不同',
    'taken-off': '服务器停止了这场直播',
    dismissed: '服务器结束了直播：已被另一路推流取代，或密钥已更换',
    'name-unknown': '找不到这个名称的服务器',
    'nothing-listens': '那台电脑在线，但这个地址没有运行服务器',
    unreachable: '没有网络通往服务器',
    'no-answer': '服务器没有回应',
    'no-srt': '这个地址和端口没有 SRT 回应',
    stuck: '网络已无法传送数据',
    'left-behind': '网络已恢复，之前的连接已失效',
    broken: '连接中断',
    closed: '服务器关闭了连接',
    'closed-early': '服务器在收到推流密钥之前关闭了连接',
    'shuts-down': '服务器正在关闭',
    unavailable: '服务器现在无法接收直播',
    'not-understood': '那里回应的不是直播服务器',
    'not-tls': '服务器不支持加密：请把 rtmps:// 换成 rtmp://',
    untrusted: '服务器的证书不受信任',
    unsupported: '服务器的协议无法传送这个编码器的画面或声音',
    network: '网络出错',
    start: '无法开始',
    said: '{{what}}：{{said}}',
    lost: '{{text}}（{{cause}}）',
    failed: '没有发送到 {{name}}：{{cause}}',
    'failed.all': '直播没有发出：{{cause}}',
  },
);

/** Why nothing is sent, in the window's language; what a server said stays as it said it. */
export const because = ({ kind, said }: CauseView): string =>
  said === '' ? t(kind) : t('said', { what: t(kind), said });

/** A sentence with its cause behind it. */
export const lostBecause = (text: string, cause: CauseView): string => t('lost', { text, cause: because(cause) });

/** A broadcast that does not go to `name`, or to nobody. */
export const failedBecause = (name: string | null, cause: CauseView): string =>
  name === null ? t('failed.all', { cause: because(cause) }) : t('failed', { name, cause: because(cause) });
