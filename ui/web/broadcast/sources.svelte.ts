// Camera, screen and microphone, as the browser gives them.

/** What the picture is of. */
export type Picture = 'camera' | 'screen' | 'none';

/** Why there is nothing to show. `insecure`: browsers give cameras to secure pages only. `picture_gone`, `sound_gone`: it
 * was there, and was unplugged or taken back. */
export type SourceProblem =
  | 'insecure'
  | 'denied'
  | 'missing'
  | 'busy'
  | 'nothing'
  | 'failed'
  | 'picture_gone'
  | 'sound_gone';

const PICTURE = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } } as const;

/** One device that can be chosen. */
export interface Device {
  id: string;
  label: string;
}

/** Whether this page may ask for cameras at all. */
export function mayCapture(): boolean {
  return globalThis.isSecureContext === true && navigator.mediaDevices?.getUserMedia !== undefined;
}

/** The chosen sources as one stream, with their devices. */
export class Sources {
  stream = $state.raw<MediaStream | null>(null);
  problem = $state<SourceProblem | null>(mayCapture() ? null : 'insecure');
  cameras = $state<Device[]>([]);
  microphones = $state<Device[]>([]);
  opening = $state(false);

  #captured: MediaStreamTrack[] = [];
  #mixer: AudioContext | null = null;

  /** Opens what was chosen, in place of what is open. Empty ids mean the browser's choice. */
  async open(picture: Picture, camera: string, sound: boolean, microphone: string): Promise<void> {
    this.close();
    if (!mayCapture()) {
      this.problem = 'insecure';
      return;
    }
    if (picture === 'none' && !sound) {
      this.problem = 'nothing';
      return;
    }
    this.problem = null;
    this.opening = true;
    try {
      // Before anything else: a screen may be asked for only while the click is fresh.
      const screen =
        picture === 'screen' ? await navigator.mediaDevices.getDisplayMedia({ video: PICTURE, audio: true }) : null;
      this.#captured = screen?.getTracks() ?? [];
      if (picture === 'camera' || sound) {
        const own = await navigator.mediaDevices.getUserMedia({
          video: picture === 'camera' ? { ...PICTURE, ...exactly(camera) } : false,
          audio: sound ? exactly(microphone) : false,
        });
        this.#captured.push(...own.getTracks());
      }
      for (const track of this.#captured) {
        track.addEventListener('ended', () => this.#gone(track));
      }
      this.stream = this.#together(this.#captured);
      await this.#listDevices();
    } catch (error) {
      this.close();
      this.problem = problemOf(error);
    } finally {
      this.opening = false;
    }
  }

  /** Lets go of every device. */
  close(): void {
    for (const track of this.#captured) {
      track.stop();
    }
    this.#captured = [];
    void this.#mixer?.close();
    this.#mixer = null;
    this.stream = null;
  }

  /** Somebody unplugged it, or no longer shares it. */
  #gone(track: MediaStreamTrack): void {
    if (!this.#captured.includes(track)) {
      return;
    }
    if (this.#captured.every((each) => each.readyState === 'ended')) {
      this.close();
    }
    this.problem = track.kind === 'video' ? 'picture_gone' : 'sound_gone';
  }

  /** One picture and one sound: recorders take no second, so microphone and system sound are mixed. */
  #together(tracks: MediaStreamTrack[]): MediaStream {
    const sounds = tracks.filter((track) => track.kind === 'audio');
    const pictures = tracks.filter((track) => track.kind === 'video');
    if (sounds.length < 2) {
      return new MediaStream([...pictures, ...sounds]);
    }
    this.#mixer = new AudioContext({ sampleRate: 48_000 });
    const mixed = this.#mixer.createMediaStreamDestination();
    for (const sound of sounds) {
      this.#mixer.createMediaStreamSource(new MediaStream([sound])).connect(mixed);
    }
    return new MediaStream([...pictures, ...mixed.stream.getAudioTracks()]);
  }

  /** Names are told only once one of the devices may be used. */
  async #listDevices(): Promise<void> {
    const devices = await navigator.mediaDevices.enumerateDevices();
    const of = (kind: MediaDeviceKind): Device[] =>
      devices
        .filter((device) => device.kind === kind && device.deviceId !== '')
        .map((device) => ({ id: device.deviceId, label: device.label }));
    this.cameras = of('videoinput');
    this.microphones = of('audioinput');
  }
}

function exactly(id: string): MediaTrackConstraints {
  return id === '' ? {} : { deviceId: { exact: id } };
}

function problemOf(error: unknown): SourceProblem {
  const name = error instanceof DOMException ? error.name : '';
  const problems: Record<string, SourceProblem> = {
    NotAllowedError: 'denied',
    SecurityError: 'denied',
    NotFoundError: 'missing',
    OverconstrainedError: 'missing',
    NotReadableError: 'busy',
    AbortError: 'busy',
  };
  return problems[name] ?? 'failed';
}
