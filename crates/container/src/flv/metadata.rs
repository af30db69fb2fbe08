//! `onMetaData`: what it says of the tracks, read and told.
//!
//! Spec: Adobe FLV 10.1 §E.4.4, §E.5; AMF0 §2.

use media::{Codec, Rational, Track};

use super::FourCc;

/// A value of `onMetaData`, for whoever encodes AMF0.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A number.
    Number(f64),
    /// True or false.
    Boolean(bool),
    /// Text.
    Text(String),
}

/// The properties of `onMetaData` for `tracks`, in the order they are usually written.
#[must_use]
pub fn metadata(tracks: &[Track]) -> Vec<(&'static str, Value)> {
    let mut values = vec![("duration", Value::Number(0.0))];
    for track in tracks {
        let code = match &track.codec {
            Codec::H264(_) => Some(u32::from(super::VIDEO_AVC)),
            Codec::Aac(_) => Some(u32::from(super::AUDIO_AAC)),
            codec => FourCc::of(codec).map(FourCc::number),
        };
        let code = code.map(|code| Value::Number(code.into()));
        if let Some(picture) = track.codec.picture() {
            values.push(("width", Value::Number(picture.size.width.into())));
            values.push(("height", Value::Number(picture.size.height.into())));
            let rate = picture.frame_rate.map(Rational::as_f64);
            values.extend(rate.map(|rate| ("framerate", Value::Number(rate))));
            values.extend(code.map(|code| ("videocodecid", code)));
        } else if let Some(sound) = track.codec.sound() {
            values.push(("audiosamplerate", Value::Number(sound.sample_rate.into())));
            values.push(("audiosamplesize", Value::Number(16.0)));
            values.push(("audiochannels", Value::Number(sound.channels.into())));
            values.push(("stereo", Value::Boolean(sound.channels >= 2)));
            values.extend(code.map(|code| ("audiocodecid", code)));
        }
    }
    values.push(("encoder", Value::Text("Rostrum".to_owned())));
    values
}

/// Which tracks a publisher announces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Announced {
    pub(super) video: bool,
    pub(super) audio: bool,
}

/// Reads an `onMetaData` body; `None` when it is something else or cannot be read.
pub(super) fn read_announced(body: &[u8]) -> Option<Announced> {
    let mut amf = Amf0 { rest: body };
    let mut announced = Announced::default();
    // Publishers wrap it in `@setDataFrame`, which servers take off.
    let mut name = amf.string_value()?;
    if name == b"@setDataFrame" {
        name = amf.string_value()?;
    }
    if name != b"onMetaData" {
        return None;
    }
    match amf.byte()? {
        OBJECT => {}
        ECMA_ARRAY => {
            amf.take(4)?;
        }
        _ => return None,
    }
    for _ in 0..PROPERTIES_MAX {
        let Some(key) = amf.text() else { return Some(announced) };
        match key {
            b"videocodecid" | b"width" => announced.video = true,
            b"audiocodecid" | b"audiosamplerate" => announced.audio = true,
            _ => {}
        }
        if amf.skip_value(0).is_none() {
            return Some(announced);
        }
    }
    Some(announced)
}

struct Amf0<'a> {
    rest: &'a [u8],
}

impl<'a> Amf0<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|taken| taken[0])
    }

    fn length(&mut self, bytes: usize) -> Option<usize> {
        Some(self.take(bytes)?.iter().fold(0, |length, &byte| length << 8 | usize::from(byte)))
    }

    /// UTF-8 behind a 16-bit length.
    fn text(&mut self) -> Option<&'a [u8]> {
        let length = self.length(2)?;
        self.take(length)
    }

    fn string_value(&mut self) -> Option<&'a [u8]> {
        if self.byte()? == STRING { self.text() } else { None }
    }

    fn skip_value(&mut self, depth: u32) -> Option<()> {
        if depth > DEPTH_MAX {
            return None;
        }
        match self.byte()? {
            NUMBER => self.take(8).map(drop),
            BOOLEAN => self.take(1).map(drop),
            STRING => self.text().map(drop),
            NULL | UNDEFINED => Some(()),
            DATE => self.take(10).map(drop),
            LONG_STRING => {
                let length = self.length(4)?;
                self.take(length).map(drop)
            }
            OBJECT => self.skip_properties(depth),
            ECMA_ARRAY => {
                self.take(4)?;
                self.skip_properties(depth)
            }
            STRICT_ARRAY => {
                // A value has at least one byte, so the count is bounded by what is there.
                let count = self.length(4)?;
                (0..count).try_for_each(|_| self.skip_value(depth + 1))
            }
            _ => None,
        }
    }

    fn skip_properties(&mut self, depth: u32) -> Option<()> {
        loop {
            let key = self.text()?;
            if key.is_empty() && self.rest.first() == Some(&OBJECT_END) {
                return self.take(1).map(drop);
            }
            self.skip_value(depth + 1)?;
        }
    }
}

const NUMBER: u8 = 0;
const BOOLEAN: u8 = 1;
const STRING: u8 = 2;
const OBJECT: u8 = 3;
const NULL: u8 = 5;
const UNDEFINED: u8 = 6;
const ECMA_ARRAY: u8 = 8;
const OBJECT_END: u8 = 9;
const STRICT_ARRAY: u8 = 10;
const DATE: u8 = 11;
const LONG_STRING: u8 = 12;

/// Properties that are looked at: real ones are about 20.
const PROPERTIES_MAX: usize = 256;

/// Objects within objects: keyframe indexes have two levels.
const DEPTH_MAX: u32 = 8;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn body(keys: &[&str]) -> Vec<u8> {
        let mut body = vec![STRING, 0, 10];
        body.extend_from_slice(b"onMetaData");
        body.extend_from_slice(&[ECMA_ARRAY, 0, 0, 0, keys.len() as u8]);
        for key in keys {
            body.extend_from_slice(&[0, key.len() as u8]);
            body.extend_from_slice(key.as_bytes());
            body.push(NUMBER);
            body.extend_from_slice(&7_f64.to_be_bytes());
        }
        body.extend_from_slice(&[0, 0, OBJECT_END]);
        body
    }

    #[test]
    fn what_it_names_is_announced() {
        let video = Announced { video: true, audio: false };
        assert_eq!(read_announced(&body(&["duration", "videocodecid"])), Some(video));
        let both = Announced { video: true, audio: true };
        assert_eq!(read_announced(&body(&["audiocodecid", "videocodecid"])), Some(both));
        assert_eq!(read_announced(b"\x02\x00\x06onCue1"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(mut bytes in prop::collection::vec(0_u8..14, 0..200)) {
            let _ = read_announced(&bytes);
            bytes.splice(0..0, body(&[])[..18].iter().copied());
            let _ = read_announced(&bytes);
        }
    }
}
