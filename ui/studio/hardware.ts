import { language } from '$lib/i18n/i18n.svelte';

/** What the engine says an encoder runs on (`runsOn`), in the page's language; what it does not know stays as it is. */
export function hardware(runsOn: string): string {
  return language() === 'zh-CN' ? (CHINESE[runsOn] ?? runsOn) : runsOn;
}

const CHINESE: Record<string, string> = {
  'NVIDIA graphics (NVENC)': 'NVIDIA 显卡（NVENC）',
  'Intel or AMD graphics (VA-API)': 'Intel 或 AMD 显卡（VA-API）',
  'Intel graphics (Quick Sync)': 'Intel 显卡（Quick Sync）',
  'AMD graphics (AMF)': 'AMD 显卡（AMF）',
  "Apple's media engine": 'Apple 媒体引擎',
  'graphics, through Windows': '显卡（通过 Windows）',
  'a video chip of the board (V4L2)': '主板视频芯片（V4L2）',
  'the processor': '处理器',
};
