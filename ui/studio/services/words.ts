import { words } from '$lib/i18n/i18n.svelte';

/** The words of what public services ask for and do not get. */
export const t = words(
  'services',
  {
    tooMuchVideo: '{{service}} takes {{rate}} of video at most, and gets {{sent}}.',
    keyframesFarApart_one: '{{service}} asks for a keyframe every second, and gets them less often.',
    keyframesFarApart_other: '{{service}} asks for a keyframe every {{count}} seconds, and gets them less often.',
    ownEncode: '{{service}} takes H.264 only, so it gets a picture of its own. That costs one more encode.',
    'keyframes.auto': 'As the destinations ask',
    'keyframes.text':
      'Viewers join at keyframes. Without a choice it is what the services ask for, and every second where this computer takes part. Used from the next broadcast on.',
  },
  {
    tooMuchVideo: '{{service}} 最多接收 {{rate}} 的视频，现在发送 {{sent}}。',
    keyframesFarApart_other: '{{service}} 要求每 {{count}} 秒一个关键帧，现在间隔更长。',
    ownEncode: '{{service}} 只接收 H.264，因此为它单独编码画面，会多占用一路编码。',
    'keyframes.auto': '按目的地的要求',
    'keyframes.text': '观众从关键帧开始观看。不指定时按平台的要求，发送到这台电脑时每秒一个。从下一次直播开始使用。',
  },
);
