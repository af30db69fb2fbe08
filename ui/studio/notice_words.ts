import { words } from '$lib/i18n/i18n.svelte';

/** The words of notices about this computer: its disk, and what it can do. */
export const t = words(
  'notices',
  {
    'disk.left_one':
      'Disk almost full. {{count}} minute of recording left, then the file is closed whole. The live stream is not affected.',
    'disk.left_other':
      'Disk almost full. {{count}} minutes of recording left, then the file is closed whole. The live stream is not affected.',
    'disk.replay':
      'Disk almost full: {{free}} left for the replay. The oldest replays go first; then this one ends. The live stream is not affected.',
    'disk.stop': 'Stop recording',
    'disk.folder': 'Open folder',
    'disk.recordings': 'Show recordings',
    'disk.stopped':
      'Recording stopped: only {{free}} are left on the disk. The file is whole; the live stream goes on.',
    'disk.free': '{{free}} free',
    'slow.live_one': 'This computer can’t keep up: {{count}} % of frames are late, so the picture jumps.',
    'slow.live_other': 'This computer can’t keep up: {{count}} % of frames are late, so the picture jumps.',
    'slow.least':
      'This computer can’t keep up: {{count}} % of frames are late. The picture is as small as it gets: choose another encoder, or close other programs.',
    'slow.size': 'Lower to {{size}}',
    'slow.fps': 'Lower to {{fps}} fps',
    'slow.settings': 'Open settings',
    'lost.end': 'End…',
    'recording.kept': 'Nothing is recorded any more; a broadcast goes on. What was recorded so far plays. ({{reason}})',
    'recording.none': 'Nothing is recorded; a broadcast is not affected. ({{reason}})',
  },
  {
    'disk.left_other': '磁盘快满了。还能录制 {{count}} 分钟，之后会完整关闭文件。直播不受影响。',
    'disk.replay': '磁盘快满了：回放还剩 {{free}}。会先删除最早的回放，然后停止保存这一场。直播不受影响。',
    'disk.stop': '停止录制',
    'disk.folder': '打开文件夹',
    'disk.recordings': '查看录像',
    'disk.stopped': '录制已停止：磁盘只剩 {{free}}。文件完整，直播继续。',
    'disk.free': '剩余 {{free}}',
    'slow.live_other': '这台电脑跟不上：{{count}} % 的帧来不及编码，画面会跳动。',
    'slow.least': '这台电脑跟不上：{{count}} % 的帧来不及编码。画面已经最小：请换一个编码器，或关闭其他程序。',
    'slow.size': '降低到 {{size}}',
    'slow.fps': '降低到 {{fps}} fps',
    'slow.settings': '打开设置',
    'lost.end': '结束…',
    'recording.kept': '录制已停止，直播不受影响。已录制的部分可以播放。（{{reason}}）',
    'recording.none': '没有在录制，直播不受影响。（{{reason}}）',
  },
);
