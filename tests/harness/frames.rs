//! What a player in a browser puts on the screen and makes heard, picture by picture: for what a switch of renditions
//! must not do.

use serde_json::Value;

use super::browser::Session;

/// One picture that was shown.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    /// Its time in the media, seconds.
    pub at: f64,
    /// Rows of pixels.
    pub height: u64,
    /// How many were shown or dropped before; more than one ahead of its forerunner where the machine was too slow.
    pub number: u64,
}

/// What was written down since [`record`].
#[derive(Clone, Debug)]
pub struct Record {
    /// The pictures in the order they were shown.
    pub frames: Vec<Frame>,
    /// Where and for how long the player stood still, each time that it waited for media, seconds.
    pub waits: Vec<(f64, f64)>,
    /// How often the player jumped over something.
    pub seeks: u64,
    /// The most stretches of media that lay apart in the buffer at any look.
    pub stretches: u64,
    /// Looks at the sound, and those of them that heard silence.
    pub sound: (u64, u64),
}

/// A place where pictures of another height begin.
#[derive(Clone, Copy, Debug)]
pub struct Switch {
    /// The last picture before.
    pub from: Frame,
    /// The first after.
    pub to: Frame,
}

impl Record {
    /// Where the height changes.
    pub fn switches(&self) -> Vec<Switch> {
        let pairs = self.frames.windows(2).filter(|pair| pair[0].height != pair[1].height);
        pairs.map(|pair| Switch { from: pair[0], to: pair[1] }).collect()
    }

    /// Steps of the pictures' times that pass `frame` seconds by more than a picture that the page was not told of:
    /// a gap, or, below 0, a repeat.
    pub fn jumps(&self, frame: f64) -> Vec<(Frame, Frame)> {
        let jump = |pair: &&[Frame]| {
            let step = pair[1].at - pair[0].at;
            let passed = pair[1].number.saturating_sub(pair[0].number).max(1) as f64;
            step <= 0.0 || step > (passed + LATE_FRAMES) * frame
        };
        self.frames.windows(2).filter(jump).map(|pair| (pair[0], pair[1])).collect()
    }
}

/// Writes down from now on what the first video element does; it must have been clicked or be allowed to sound.
pub async fn record(session: &Session) {
    session.run(RECORD, vec![]).await;
}

/// What was written down so far.
pub async fn recorded(session: &Session) -> Record {
    let told = session.run("return window.__record", vec![]).await;
    let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
    let frames = told["frames"].as_array().into_iter().flatten().map(|frame| Frame {
        at: number(&frame[0]),
        height: number(&frame[1]) as u64,
        number: number(&frame[2]) as u64,
    });
    Record {
        frames: frames.collect(),
        waits: told["waits"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|wait| (number(&wait[0]), number(&wait[1])))
            .collect(),
        seeks: number(&told["seeks"]) as u64,
        stretches: number(&told["stretches"]) as u64,
        sound: (number(&told["heard"]) as u64, number(&told["silent"]) as u64),
    }
}

/// Pictures that were dropped and are not counted yet.
const LATE_FRAMES: f64 = 6.0;

/// Sound is looked at in blocks of 20 ms; one below -60 dBFS is silence.
const RECORD: &str = "
    const video = document.querySelector('video');
    const record = window.__record = { frames: [], waits: [], seeks: 0, stretches: 0, heard: 0, silent: 0 };
    const shown = (_now, frame) => {
        const dropped = video.getVideoPlaybackQuality().droppedVideoFrames;
        record.frames.push([frame.mediaTime, frame.height, frame.presentedFrames + dropped]);
        record.stretches = Math.max(record.stretches, video.buffered.length);
        video.requestVideoFrameCallback(shown);
    };
    video.requestVideoFrameCallback(shown);
    video.addEventListener('seeking', () => { record.seeks += 1; });
    let since = null;
    video.addEventListener('waiting', () => { if (!video.seeking) since ??= performance.now(); });
    for (const moves of ['playing', 'timeupdate']) video.addEventListener(moves, () => {
        if (since !== null) record.waits.push([video.currentTime, (performance.now() - since) / 1000]);
        since = null;
    });
    video.muted = false;
    const context = new AudioContext();
    const tap = context.createScriptProcessor(1024, 2, 1);
    tap.onaudioprocess = (event) => {
        const samples = event.inputBuffer.getChannelData(0);
        const peak = samples.reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 0);
        record.heard += 1;
        if (peak < 0.001) record.silent += 1;
    };
    context.createMediaElementSource(video).connect(tap);
    tap.connect(context.destination);";
