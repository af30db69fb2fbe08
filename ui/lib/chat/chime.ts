// A short tone for the host, made here: no file to load.

/** What the tone is: a soft A5, gone in a fifth of a second. */
const HERTZ = 880;
const LENGTH_S = 0.2;
const GAIN = 0.15;

let context: AudioContext | null = null;

/** Plays it. A page that nobody has clicked yet may stay silent. */
export function chime(): void {
  context ??= new AudioContext();
  const now = context.currentTime;
  const volume = new GainNode(context, { gain: GAIN });
  volume.gain.setValueAtTime(GAIN, now);
  volume.gain.exponentialRampToValueAtTime(0.001, now + LENGTH_S);
  const tone = new OscillatorNode(context, { frequency: HERTZ });
  tone.connect(volume).connect(context.destination);
  tone.start(now);
  tone.stop(now + LENGTH_S);
}
