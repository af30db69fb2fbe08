//! The encodes beside the one that all destinations share: for those that ask for another picture, and for those whose network
//! carries less than the others'.

mod room;
mod separation;
mod splice;
mod weakness;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use capture::Stop;
use media::{Packet, Span, Track};
use publish::KeyframeRequest;
use tokio::task::JoinSet;

use crate::adaptation::Adaptation;
use crate::encoder_state::EncoderState;
use crate::encoding::{Kept, Output};
use crate::outlets::Outlet;
use crate::picture_encoder::PictureEncoder;
use crate::program::Program;
use crate::status::DestinationEncode;
use crate::{Error, PictureSettings, Shape, threads};

pub use room::NoRoom;
pub(crate) use splice::{EncodeId, Splice};
pub(crate) use weakness::Weakness;

/// Those that run, and what the next one is begun with.
///
/// Each has an encoder, a thread and a bit rate of its own; pictures come from the same program, and the packets of sound are
/// the same ones. At most [`room::ENCODES_MAX`] together with the shared one.
pub(crate) struct Encodes {
    program: Arc<Program>,
    shared: Arc<Output>,
    /// Of the shared one.
    settings: encode::Config,
    floor_bps: u32,
    delay: Span,
    list: Mutex<List>,
}

#[derive(Default)]
struct List {
    running: Vec<Running>,
    /// Asked to stop, not seen to have stopped.
    leaving: Vec<JoinHandle<()>>,
    last_id: u32,
    /// The broadcast ends: no further one.
    closed: bool,
}

/// One encode more.
struct Running {
    output: Arc<Output>,
    settings: encode::Config,
    floor_bps: u32,
    /// For a destination whose network is weak, which else has the encode of this number.
    instead_of: Option<EncodeId>,
    keyframes: KeyframeRequest,
    stop: Stop,
    /// Taken when it is joined.
    thread: Option<JoinHandle<()>>,
    /// Lets it follow the network.
    _adaptation: JoinSet<()>,
    /// For how many looks no destination has had it.
    idle_looks: u32,
    /// Pictures left out by it and by what it stands in for, and when.
    skipped: Option<(Span, u64)>,
}

impl Encodes {
    /// Beside the one whose packets go to `shared`, with its settings and the least bits per second of it.
    pub(crate) fn new(
        program: Arc<Program>,
        shared: Arc<Output>,
        (settings, floor_bps): (encode::Config, u32),
        delay: Span,
    ) -> Encodes {
        Encodes { program, shared, settings, floor_bps, delay, list: Mutex::default() }
    }

    /// The encoder that was chosen for the shared one.
    pub(crate) fn shared_choice(&self) -> &encode::Choice {
        &self.settings.choice
    }

    /// The encode for a destination that asks for this picture, begun where it does not run yet.
    ///
    /// # Errors
    /// [`Error::Encode`] when no encoder opens, [`Error::EncodeCount`] when there are too many.
    pub(crate) fn of_picture(&self, picture: &PictureSettings) -> Result<Arc<Output>, Error> {
        let settings = encode::Config {
            size: picture.size,
            fps: picture.fps,
            bitrate_bps: picture.bitrate_bps,
            keyframe_interval: self.settings.keyframe_interval,
            choice: picture.encoder.clone(),
        };
        let is_same = |other: &encode::Config, floor_bps: u32| {
            (other.size, other.fps, other.bitrate_bps) == (settings.size, settings.fps, settings.bitrate_bps)
                && other.choice == settings.choice
                && floor_bps == picture.bitrate_floor_bps
        };
        // A broadcast without a picture has no other picture either.
        if is_same(&self.settings, self.floor_bps) || !self.has_picture() {
            return Ok(Arc::clone(&self.shared));
        }
        let same = |running: &&Running| {
            running.instead_of.is_none() && is_same(&running.settings, running.floor_bps)
        };
        let running = self.lock().running.iter().find(same).map(|running| Arc::clone(&running.output));
        running.map_or_else(|| self.begin(settings, picture.bitrate_floor_bps, None), Ok)
    }

    /// Begins one more. Opening an encoder may take a moment: not on an async thread, where that matters.
    fn begin(
        &self,
        settings: encode::Config,
        floor_bps: u32,
        instead_of: Option<EncodeId>,
    ) -> Result<Arc<Output>, Error> {
        let id = {
            let mut list = self.lock();
            if list.closed || list.running.len() + 1 >= room::ENCODES_MAX {
                return Err(Error::EncodeCount { max: room::ENCODES_MAX });
            }
            list.last_id += 1;
            EncodeId(list.last_id)
        };
        let encoder = threads::preferred("further-encoder", || encode::Video::open(&settings))?;
        let shape = Shape { size: settings.size, fps: settings.fps, bitrate_bps: settings.bitrate_bps };
        let kept =
            Kept { id, outlets: Arc::clone(&self.shared.outlets), delay: self.delay, replay: None, shape };
        let tracks: Arc<[Track]> = [encoder.track()].into_iter().chain(self.shared.sound_tracks()).collect();
        let output = Arc::new(Output::new(tracks, EncoderState::new(Some(encoder.name())), kept));
        let (stop, keyframes) = (Stop::new(), KeyframeRequest::new());
        let mut list = self.lock();
        if list.closed {
            return Err(Error::EncodeCount { max: room::ENCODES_MAX });
        }
        let line = PictureEncoder {
            encoder,
            settings: settings.clone(),
            shown: None,
            last: None,
            program: Arc::clone(&self.program),
            frames: self.program.further_pictures(),
            output: Arc::clone(&output),
            keyframes: keyframes.clone(),
            stop: stop.clone(),
        };
        let thread = threads::spawn("further-encoder", move || line.run())?;
        let mut adaptation = JoinSet::new();
        if floor_bps < settings.bitrate_bps {
            adaptation.spawn(Adaptation::new(Arc::clone(&output), floor_bps).run());
        }
        list.running.push(Running {
            output: Arc::clone(&output),
            settings,
            floor_bps,
            instead_of,
            keyframes,
            stop,
            thread: Some(thread),
            _adaptation: adaptation,
            idle_looks: 0,
            skipped: None,
        });
        Ok(output)
    }

    /// Hands packets of sound to all of them.
    pub(crate) fn send_sound(&self, packets: &[Packet]) {
        if !packets.is_empty() {
            self.outputs().iter().for_each(|output| output.send(packets.to_vec()));
        }
    }

    /// Asks the encoder of `id` for a keyframe; that of the shared one has another way.
    pub(crate) fn ask_for_keyframe(&self, id: EncodeId) {
        let list = self.lock();
        list.running.iter().filter(|running| running.output.id == id).for_each(|it| it.keyframes.ask());
    }

    /// Sets the most bits per second of those that stand in for the shared one.
    pub(crate) fn set_ceiling(&self, bitrate_bps: u32) {
        let list = self.lock();
        let stand_in = list.running.iter().filter(|it| it.instead_of == Some(EncodeId::SHARED));
        stand_in.for_each(|running| running.output.wanted.set_ceiling(bitrate_bps));
    }

    /// Which encode a destination has.
    pub(crate) fn told(&self, outlet: &Outlet) -> DestinationEncode {
        let id = outlet.encode();
        let list = self.lock();
        let Some(running) = list.running.iter().find(|running| running.output.id == id) else {
            return match outlet.weakness().told() {
                Some(room) => DestinationEncode::TooMuch { no_room: room.err() },
                None => DestinationEncode::Shared,
            };
        };
        DestinationEncode::Own {
            picture: running.output.wanted.shape(),
            encoder: running.output.encoder.get().0,
            while_weak: running.instead_of.is_some(),
        }
    }

    /// Where all of them put their packets.
    pub(crate) fn outputs(&self) -> Vec<Arc<Output>> {
        self.lock().running.iter().map(|running| Arc::clone(&running.output)).collect()
    }

    /// Asks all of them to stop, and begins none any more; what is returned is to be joined.
    pub(crate) fn close(&self) -> Vec<JoinHandle<()>> {
        let mut list = self.lock();
        list.closed = true;
        list.running.iter().for_each(|running| running.stop.stop());
        // Their outputs still have something to hand on.
        let mut threads = std::mem::take(&mut list.leaving);
        threads.extend(list.running.iter_mut().filter_map(|running| running.thread.take()));
        threads
    }

    fn has_picture(&self) -> bool {
        self.shared.encoder.get().0.is_some()
    }

    fn lock(&self) -> MutexGuard<'_, List> {
        // Nothing below can leave it half changed.
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
