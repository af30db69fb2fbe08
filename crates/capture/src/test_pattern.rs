//! Colour bars with a moving part, the time in digits, and a flash each second.

use bytes::Bytes;
use media::{Colour, PixelFormat, Plane, Size, Timescale, Timestamp, VideoFrame};

use crate::tone::BEEP_LENGTH;
use crate::{Clock, Stop};

/// Draws a test picture in BT.709 limited range, on an absolute grid of frames.
///
/// From the top: seven bars at 75 % in the upper two thirds ([`TestPattern::BARS`], white to blue); below
/// them the session's time at the left, a block that crosses the picture in four seconds, and in the right
/// quarter a field that is white for the first tenth of each second and black otherwise.
pub struct TestPattern {
    size: Size,
    rate: Timescale,
    clock: Clock,
    next: i64,
    /// The parts that never change.
    background: Vec<u8>,
}

impl TestPattern {
    /// Y, U and V of the seven bars from left to right: white, yellow, cyan, green, magenta, red, blue at
    /// 75 %, as BT.709 (ITU-R BT.709-6 §3) makes them.
    pub const BARS: [[u8; 3]; 7] = [
        [180, 128, 128],
        [168, 44, 136],
        [145, 147, 44],
        [133, 63, 52],
        [63, 193, 204],
        [51, 109, 212],
        [28, 212, 120],
    ];

    /// A pattern of `size` (both sides even) that begins now. `fps` of 0 counts as 1.
    #[must_use]
    pub fn new(size: Size, fps: u32, clock: Clock) -> TestPattern {
        let rate = Timescale::new(fps.max(1)).unwrap_or(Timescale::MILLISECONDS);
        let mut canvas = Canvas::black(size);
        let bars_height = bars_height(size);
        for (index, &colour) in TestPattern::BARS.iter().enumerate() {
            let left = size.width as usize * index / TestPattern::BARS.len();
            let right = size.width as usize * (index + 1) / TestPattern::BARS.len();
            canvas.fill(left, 0, right - left, bars_height, colour);
        }
        TestPattern { size, rate, clock, next: clock.now().ticks(rate) + 1, background: canvas.bytes }
    }

    /// The frame at `pts`.
    #[must_use]
    pub fn draw(&self, pts: Timestamp) -> VideoFrame {
        let mut canvas = Canvas { size: self.size, bytes: self.background.clone() };
        let (width, height) = (self.size.width as usize, self.size.height as usize);
        let top = bars_height(self.size);
        let strip = height - top;
        let micros = (pts.as_secs_f64() * 1e6).round().max(0.0) as u64;
        let block = (strip / 4).min(width);
        let travelled = (micros % CROSSING_MICROS) as usize * (width - block) / CROSSING_MICROS as usize;
        canvas.fill(travelled, height - block, block, block, [180, 128, 128]);
        if micros % 1_000_000 < BEEP_LENGTH.as_millis() as u64 * 1_000 {
            canvas.fill(width - width / 4, top, width / 4, strip - strip / 4, [235, 128, 128]);
        }
        canvas.text(&timecode(pts, self.rate), width / 64, top + strip / 8, (strip / 2 / 7).max(1));
        canvas.into_frame(pts)
    }

    /// Waits for the next tick of the grid and draws it; ticks that have passed are left out.
    pub(crate) fn next(&mut self, stop: &Stop) -> Option<VideoFrame> {
        self.next = self.next.max(self.clock.now().ticks(self.rate));
        let pts = Timestamp::from_ticks(self.next, self.rate);
        self.next += 1;
        let stopped = stop.wait_until(self.clock.instant(pts));
        (!stopped).then(|| self.draw(pts))
    }
}

/// `MM:SS:FF`, with the frame's number within its second.
fn timecode(pts: Timestamp, rate: Timescale) -> String {
    let frame = pts.ticks(rate).max(0);
    let fps = i64::from(rate.hz());
    let seconds = frame / fps;
    format!("{:02}:{:02}:{:02}", seconds / 60 % 100, seconds % 60, frame % fps)
}

/// Rows of the bars: two thirds, even.
fn bars_height(size: Size) -> usize {
    size.height as usize * 2 / 3 / 2 * 2
}

/// An I420 picture, its planes one after the other.
struct Canvas {
    size: Size,
    bytes: Vec<u8>,
}

impl Canvas {
    fn black(size: Size) -> Canvas {
        let luma = size.width as usize * size.height as usize;
        let mut bytes = vec![16; luma];
        bytes.resize(luma + luma / 2, 128);
        Canvas { size, bytes }
    }

    /// Fills a rectangle, cut to the picture; chroma covers whole pairs of pixels.
    fn fill(&mut self, left: usize, top: usize, width: usize, height: usize, [y, u, v]: [u8; 3]) {
        let (full_width, full_height) = (self.size.width as usize, self.size.height as usize);
        let (right, bottom) = ((left + width).min(full_width), (top + height).min(full_height));
        let luma = full_width * full_height;
        for row in top..bottom {
            self.bytes[row * full_width + left..row * full_width + right].fill(y);
        }
        let half = full_width / 2;
        for row in top / 2..bottom / 2 {
            for (plane, value) in [u, v].into_iter().enumerate() {
                let start = luma + plane * luma / 4 + row * half;
                self.bytes[start + left / 2..start + right / 2].fill(value);
            }
        }
    }

    /// Writes digits and colons in squares of `scale` pixels.
    fn text(&mut self, text: &str, left: usize, top: usize, scale: usize) {
        let glyphs = text.chars().filter_map(glyph);
        for (index, rows) in glyphs.enumerate() {
            let x = left + index * (GLYPH_WIDTH + 1) * scale;
            for (row, bits) in rows.into_iter().enumerate() {
                for column in (0..GLYPH_WIDTH).filter(|column| bits >> (GLYPH_WIDTH - 1 - column) & 1 == 1) {
                    let (x, y) = (x + column * scale, top + row * scale);
                    if x + scale <= self.size.width as usize {
                        self.fill(x, y, scale, scale, [235, 128, 128]);
                    }
                }
            }
        }
    }

    fn into_frame(self, pts: Timestamp) -> VideoFrame {
        let luma = self.size.width as usize * self.size.height as usize;
        let bytes = Bytes::from(self.bytes);
        let stride = self.size.width as usize;
        let planes = vec![
            Plane { data: bytes.slice(..luma), stride },
            Plane { data: bytes.slice(luma..luma + luma / 4), stride: stride / 2 },
            Plane { data: bytes.slice(luma + luma / 4..), stride: stride / 2 },
        ];
        VideoFrame { pts, size: self.size, format: PixelFormat::I420, planes, colour: Colour::Bt709Limited }
    }
}

/// The rows of a digit or colon, five bits each, from the top.
fn glyph(character: char) -> Option<[u8; 7]> {
    let index = "0123456789:".find(character)?;
    Some(GLYPHS[index])
}

const GLYPH_WIDTH: usize = 5;

const GLYPHS: [[u8; 7]; 11] = [
    [0b01110, 0b10001, 0b10011, 0b10101, 0b11001, 0b10001, 0b01110],
    [0b00100, 0b01100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110],
    [0b01110, 0b10001, 0b00001, 0b00110, 0b01000, 0b10000, 0b11111],
    [0b11110, 0b00001, 0b00001, 0b01110, 0b00001, 0b00001, 0b11110],
    [0b00010, 0b00110, 0b01010, 0b10010, 0b11111, 0b00010, 0b00010],
    [0b11111, 0b10000, 0b11110, 0b00001, 0b00001, 0b10001, 0b01110],
    [0b00110, 0b01000, 0b10000, 0b11110, 0b10001, 0b10001, 0b01110],
    [0b11111, 0b00001, 0b00010, 0b00100, 0b01000, 0b01000, 0b01000],
    [0b01110, 0b10001, 0b10001, 0b01110, 0b10001, 0b10001, 0b01110],
    [0b01110, 0b10001, 0b10001, 0b01111, 0b00001, 0b00010, 0b01100],
    [0b00000, 0b00100, 0b00100, 0b00000, 0b00100, 0b00100, 0b00000],
];

/// The block crosses the picture in four seconds: slow enough to see, fast enough to show a lost frame.
const CROSSING_MICROS: u64 = 4_000_000;

#[cfg(test)]
mod tests {
    use media::Span;

    use super::*;

    const SIZE: Size = Size::new(640, 360);

    fn luma(frame: &VideoFrame, x: usize, y: usize) -> u8 {
        frame.planes[0].data[y * frame.planes[0].stride + x]
    }

    fn pattern() -> TestPattern {
        TestPattern::new(SIZE, 30, Clock::start())
    }

    #[test]
    fn the_bars_are_bt709_at_75_percent() {
        let rgb = [[1, 1, 1], [1, 1, 0], [0, 1, 1], [0, 1, 0], [1, 0, 1], [1, 0, 0], [0, 0, 1]];
        for (bar, rgb) in TestPattern::BARS.iter().zip(rgb) {
            let [r, g, b] = rgb.map(|on| f64::from(on) * 0.75);
            let y = 0.2126 * r + 0.7152 * g + 0.0722 * b;
            let expected =
                [16.0 + 219.0 * y, 128.0 + 224.0 * (b - y) / 1.8556, 128.0 + 224.0 * (r - y) / 1.5748];
            for (value, expected) in bar.iter().zip(expected) {
                assert!((f64::from(*value) - expected).abs() <= 0.5, "{rgb:?}: {value} for {expected}");
            }
        }
    }

    #[test]
    fn it_flashes_for_the_first_tenth_of_each_second() {
        let pattern = pattern();
        let at = |frame: i64| luma(&pattern.draw(Timestamp::from_ticks(frame, pattern.rate)), 600, 250);
        for second in [0, 1, 7] {
            let lit: Vec<bool> = (0..30).map(|frame| at(second * 30 + frame) > 200).collect();
            assert_eq!(lit.iter().filter(|&&lit| lit).count(), 3);
            assert!(lit[..3].iter().all(|&lit| lit));
        }
    }

    #[test]
    fn any_shape_that_can_be_sent_is_drawn() {
        for (width, height) in [(2, 2), (2, 8_192), (8_192, 2), (100, 2_000)] {
            let pattern = TestPattern::new(Size::new(width, height), 30, Clock::start());
            let frame = pattern.draw(Timestamp::from_ticks(119, pattern.rate));
            assert_eq!(frame.planes[0].data.len(), (width * height) as usize);
        }
    }

    #[test]
    fn consecutive_frames_differ() {
        let pattern = pattern();
        let first = pattern.draw(Timestamp::from_ticks(40, pattern.rate));
        let second = pattern.draw(Timestamp::from_ticks(41, pattern.rate));
        assert_ne!(first.planes[0].data, second.planes[0].data);
    }

    #[test]
    fn frames_stand_on_the_grid() {
        let mut pattern = pattern();
        let stop = Stop::new();
        let first = pattern.next(&stop).expect("nobody stopped it");
        let second = pattern.next(&stop).expect("nobody stopped it");
        assert!((second.pts - first.pts) >= Span::from_ticks(1, pattern.rate));
        assert_eq!(Timestamp::from_ticks(first.pts.ticks(pattern.rate), pattern.rate), first.pts);
        stop.stop();
        assert!(pattern.next(&stop).is_none());
    }

    #[test]
    fn any_even_size_can_be_drawn() {
        for (width, height) in [(2, 2), (16, 16), (426, 238), (720, 1280)] {
            let pattern = TestPattern::new(Size::new(width, height), 30, Clock::start());
            let frame = pattern.draw(Timestamp::from_millis(999));
            assert_eq!(frame.planes[1].data.len(), (width * height / 4) as usize);
        }
    }
}
