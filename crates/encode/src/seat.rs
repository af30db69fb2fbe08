//! Where an open encoder runs: one that a graphics driver stands behind on a thread of its own, since a driver may
//! never come back; one of the processor where it is called.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use ffmpeg_next::format::Pixel;
use ffmpeg_next::frame;
use media::{Codec, Packet};

use crate::encoder::Encoder;
use crate::list::Known;
use crate::{Config, Error, probe};

/// An open encoder.
pub(crate) struct Seat {
    pub(crate) known: &'static Known,
    /// How the pictures it takes lie in memory.
    pub(crate) pixel: Pixel,
    /// Pictures it took.
    pub(crate) taken: u64,
    codec: Codec,
    place: Place,
}

enum Place {
    Here(Box<Encoder>),
    /// Dropping it lets the thread end, and leaves one that hangs to itself: nothing can end that.
    Apart {
        orders: SyncSender<Order>,
        answers: Receiver<Answer>,
    },
}

enum Order {
    Picture { picture: frame::Video, tick: i64, keyframe: bool },
    Rate(u32),
    End,
}

type Answer = Result<Vec<Packet>, Error>;

impl Seat {
    /// Opens it where it can hold up nobody.
    ///
    /// # Errors
    /// When it does not open, or not within [`probe::LIMIT`].
    pub(crate) fn open(known: &'static Known, config: &Config) -> Result<Seat, Error> {
        if known.can_hang() { Seat::open_apart(known, config) } else { Seat::open_here(known, config) }
    }

    /// Opens it on this thread.
    ///
    /// # Errors
    /// When it does not open.
    pub(crate) fn open_here(known: &'static Known, config: &Config) -> Result<Seat, Error> {
        let encoder = Encoder::open(known, config)?;
        let (pixel, codec) = (encoder.pixel, encoder.codec());
        Ok(Seat { known, pixel, taken: 0, codec, place: Place::Here(Box::new(encoder)) })
    }

    fn open_apart(known: &'static Known, config: &Config) -> Result<Seat, Error> {
        let (opened, opening) = sync_channel(1);
        // One order is answered before the next is given.
        let (orders, taken) = sync_channel(1);
        let (answer, answers) = sync_channel(1);
        let config = config.clone();
        let run = move || match Encoder::open(known, &config) {
            Ok(encoder) => {
                if opened.send(Ok((encoder.pixel, encoder.codec()))).is_ok() {
                    serve(encoder, &taken, &answer);
                }
            }
            // Whoever stopped waiting has another encoder.
            Err(error) => drop(opened.send(Err(error))),
        };
        let thread = std::thread::Builder::new().name(known.name.to_owned()).spawn(run);
        thread.map_err(|error| Error::Unusable { name: known.name.to_owned(), reason: error.to_string() })?;
        let (pixel, codec) = heard(known, "opening", &opening, probe::LIMIT)?;
        Ok(Seat { known, pixel, taken: 0, codec, place: Place::Apart { orders, answers } })
    }

    /// What a decoder needs before its packets.
    pub(crate) fn codec(&self) -> Codec {
        self.codec.clone()
    }

    /// Encodes `picture` as frame number `tick`; the packets that are ready.
    ///
    /// # Errors
    /// When it does not take the picture, fails, or has said nothing for [`PICTURE_LIMIT`].
    pub(crate) fn encode(&mut self, picture: &mut frame::Video, tick: i64, keyframe: bool) -> Answer {
        let packets = match &mut self.place {
            Place::Here(encoder) => encode(encoder, picture, tick, keyframe),
            Place::Apart { orders, answers } => {
                // A copy: should this one never come back, the next encoder begins with the same picture.
                let order = Order::Picture { picture: picture.clone(), tick, keyframe };
                ordered(self.known, "encoding", orders, order)?;
                heard(self.known, "encoding", answers, PICTURE_LIMIT)
            }
        }?;
        self.taken += 1;
        Ok(packets)
    }

    /// Aims at another bit rate; only where the family [changes it live](crate::family::Family::changes_rate_live).
    ///
    /// # Errors
    /// When it hangs.
    pub(crate) fn set_rate(&mut self, bps: u32) -> Result<(), Error> {
        match &mut self.place {
            Place::Here(encoder) => encoder.set_rate(bps),
            Place::Apart { orders, answers } => {
                ordered(self.known, "changing the bit rate", orders, Order::Rate(bps))?;
                heard(self.known, "changing the bit rate", answers, PICTURE_LIMIT)?;
            }
        }
        Ok(())
    }

    /// Brings it to its end; what was still inside.
    ///
    /// # Errors
    /// When it fails or hangs.
    pub(crate) fn finish(self) -> Answer {
        match self.place {
            Place::Here(mut encoder) => finish(&mut encoder),
            Place::Apart { orders, answers } => {
                ordered(self.known, "ending", &orders, Order::End)?;
                heard(self.known, "ending", &answers, PICTURE_LIMIT)
            }
        }
    }
}

fn encode(encoder: &mut Encoder, picture: &mut frame::Video, tick: i64, keyframe: bool) -> Answer {
    encoder.send(picture, tick, keyframe)?;
    encoder.drain()
}

fn finish(encoder: &mut Encoder) -> Answer {
    encoder.end()?;
    encoder.drain()
}

/// Runs on the encoder's own thread, until nobody gives orders.
fn serve(mut encoder: Encoder, orders: &Receiver<Order>, answers: &SyncSender<Answer>) {
    while let Ok(order) = orders.recv() {
        let answer = match order {
            Order::Picture { mut picture, tick, keyframe } => {
                encode(&mut encoder, &mut picture, tick, keyframe)
            }
            Order::Rate(bps) => {
                encoder.set_rate(bps);
                Ok(Vec::new())
            }
            Order::End => finish(&mut encoder),
        };
        if answers.send(answer).is_err() {
            return;
        }
    }
}

fn ordered(known: &Known, step: &'static str, orders: &SyncSender<Order>, order: Order) -> Result<(), Error> {
    // The thread waits for it, or it hangs, or it is gone; it takes no time in any case.
    orders.try_send(order).map_err(|_| hung(known, step, Duration::ZERO))
}

fn heard<T>(
    known: &Known,
    step: &'static str,
    answers: &Receiver<Result<T, Error>>,
    limit: Duration,
) -> Result<T, Error> {
    answers.recv_timeout(limit).unwrap_or_else(|_| Err(hung(known, step, limit)))
}

fn hung(known: &Known, step: &'static str, limit: Duration) -> Error {
    Error::Hangs { name: known.name, step, limit }
}

/// How long a driver on air may take for one picture. A good one needs some hundredths of a second, and graphics that are
/// busy with a game some tenths; meanwhile viewers see the last picture.
const PICTURE_LIMIT: Duration = Duration::from_secs(2);
