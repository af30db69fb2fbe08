//! The pictures of a Wayland desktop, from its PipeWire.
//!
//! Pictures come when something on the screen has changed, so none come while it stands still: whoever paces them repeats the
//! last. More than are wanted are not copied: the newest buffer is held until its time has come, and an older one goes back.

use std::cell::{Cell, RefCell};
use std::io::Cursor;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::thread::JoinHandle;
use std::time::Duration;

use futures::channel::oneshot;
use media::{Size, Span, Timescale, Timestamp};
use pipewire as pw;
use pw::properties::properties;
use pw::spa::param::ParamType;
use pw::spa::param::format::{FormatProperties, MediaSubtype, MediaType};
use pw::spa::param::video::{VideoFormat, VideoInfoRaw};
use pw::spa::pod::serialize::PodSerializer;
use pw::spa::pod::{ChoiceValue, Object, Pod, Property, PropertyFlags, Value, object, property};
use pw::spa::utils::{Choice, ChoiceEnum, ChoiceFlags, Direction, Fraction, Id, Rectangle, SpaTypes};
use pw::stream::{StreamFlags, StreamState};

use crate::Clock;
use crate::input::Region;
use crate::wayland_buffer::{Buffer, DMA_BUF, MEMORY};
use crate::wayland_picture::{Copier, Pixels};
use crate::wayland_screen::Given;

/// Which pictures are wanted.
#[derive(Clone, Copy)]
pub(crate) struct Wish {
    pub(crate) fps: u32,
    pub(crate) region: Option<Region>,
    pub(crate) clock: Clock,
}

/// A running stream. Dropping it ends its thread.
pub(crate) struct Stream {
    quit: pw::channel::Sender<()>,
    thread: Option<JoinHandle<()>>,
}

impl Stream {
    /// Takes the pictures of `node` to `given`; when there are no more, `broken` is told why.
    pub(crate) fn start(
        remote: OwnedFd,
        node: u32,
        wish: Wish,
        given: Given,
        broken: oneshot::Sender<String>,
    ) -> Result<Stream, String> {
        let (quit, quits) = pw::channel::channel();
        let thread = std::thread::Builder::new().name("screen-pictures".to_owned()).spawn(move || {
            let reason = match take_pictures(remote, node, wish, given, quits) {
                Ok(reason) => reason,
                Err(error) => Some(error.to_string()),
            };
            // Nobody asks who has ended it.
            drop(reason.map(|reason| broken.send(reason)));
        });
        Ok(Stream { quit, thread: Some(thread.map_err(|error| error.to_string())?) })
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.quit.send(());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread of the shared screen panicked");
        }
    }
}

/// Until told to quit, or until they end, and then why.
fn take_pictures(
    remote: OwnedFd,
    node: u32,
    wish: Wish,
    given: Given,
    quits: pw::channel::Receiver<()>,
) -> Result<Option<String>, pw::Error> {
    pw::init();
    let main_loop = pw::main_loop::MainLoopRc::new(None)?;
    let context = pw::context::ContextRc::new(&main_loop, None)?;
    let core = context.connect_fd_rc(remote, None)?;
    let over = Over::default();
    let _quits = quits.attach(main_loop.loop_(), {
        let over = over.clone();
        move |()| over.because(None)
    });
    let _core_listener = core
        .add_listener_local()
        .error({
            let over = over.clone();
            move |id, _, _, message| {
                if id == pw::core::PW_ID_CORE {
                    over.because(Some(format!("PipeWire: {message}")));
                }
            }
        })
        .register();
    let properties = properties! {
        *pw::keys::MEDIA_TYPE => "Video",
        *pw::keys::MEDIA_CATEGORY => "Capture",
        *pw::keys::MEDIA_ROLE => "Screen",
    };
    let stream = pw::stream::StreamRc::new(core.clone(), "rostrum-screen", properties)?;
    let taker = Rc::new(RefCell::new(Taker::new(wish, given)));
    let _listener = listen(&stream, &taker, over.clone())?;
    let formats = [format(&wish, false), format(&wish, true)];
    let mut formats: Vec<&Pod> = formats.iter().filter_map(|bytes| Pod::from_bytes(bytes)).collect();
    let flags = StreamFlags::AUTOCONNECT | StreamFlags::MAP_BUFFERS | StreamFlags::DONT_RECONNECT;
    stream.connect(Direction::Input, Some(node), flags, &mut formats)?;
    let reason = loop {
        if let Some(reason) = over.0.take() {
            break reason;
        }
        let wait = taker.borrow().wait();
        main_loop.loop_().iterate(wait);
        taker.borrow_mut().take(&stream);
    };
    taker.borrow_mut().let_go(&stream);
    // Gone already where PipeWire itself has gone.
    let _ = stream.disconnect();
    Ok(reason)
}

/// Whether the pictures have ended, and if not by our own wish, why.
#[derive(Clone, Default)]
struct Over(Rc<Cell<Option<Option<String>>>>);

impl Over {
    /// The first reason is the one that counts.
    fn because(&self, reason: Option<String>) {
        let before = self.0.take();
        self.0.set(before.or(Some(reason)));
    }
}

fn listen(
    stream: &pw::stream::Stream,
    taker: &Rc<RefCell<Taker>>,
    over: Over,
) -> Result<pw::stream::StreamListener<Rc<RefCell<Taker>>>, pw::Error> {
    stream
        .add_local_listener_with_user_data(Rc::clone(taker))
        .state_changed(move |_, _, before, now| match now {
            StreamState::Error(reason) => over.because(Some(reason)),
            StreamState::Unconnected if before != StreamState::Unconnected => {
                over.because(Some("it has gone".to_owned()));
            }
            _ => {}
        })
        .param_changed(|stream, taker, id, param| {
            if id != ParamType::Format.as_raw() {
                return;
            }
            let negotiated = param.and_then(read_format);
            taker.borrow_mut().format = negotiated.as_ref().map(|(pixels, size, _)| (*pixels, *size));
            let Some((pixels, size, in_dma_buf)) = negotiated else { return };
            tracing::info!(?pixels, width = size.width, height = size.height, in_dma_buf, "shared screen");
            let answers = [buffers(in_dma_buf), crop()];
            let mut answers: Vec<&Pod> = answers.iter().filter_map(|bytes| Pod::from_bytes(bytes)).collect();
            if let Err(error) = stream.update_params(&mut answers) {
                tracing::warn!(%error, "the shared screen's buffers cannot be asked for");
            }
        })
        .remove_buffer(|_, taker, buffer| taker.borrow_mut().forget(buffer))
        .process(|stream, taker| taker.borrow_mut().hold(stream))
        .register()
}

/// Holds the newest picture until its time has come.
struct Taker {
    wish: Wish,
    given: Given,
    /// Between two pictures.
    interval: Span,
    format: Option<(Pixels, Size)>,
    held: Option<(Buffer, Timestamp)>,
    /// When the next picture may be taken.
    due: Timestamp,
    copier: Copier,
    /// The last thing that was wrong with pictures; told once.
    fault: Option<String>,
}

impl Taker {
    fn new(wish: Wish, given: Given) -> Taker {
        let interval = Timescale::new(wish.fps).map_or(Span::ZERO, |rate| Span::from_ticks(1, rate));
        let due = wish.clock.now();
        Taker { wish, given, interval, format: None, held: None, due, copier: Copier::default(), fault: None }
    }

    /// How long the loop may sleep.
    fn wait(&self) -> pw::loop_::Timeout {
        if self.held.is_none() {
            return pw::loop_::Timeout::Infinite;
        }
        let left = (self.due - self.wish.clock.now()).max(Span::ZERO);
        // The loop counts in whole milliseconds, and would turn without sleeping in the last one.
        pw::loop_::Timeout::Finite(Duration::from(left) + Duration::from_micros(999))
    }

    /// Takes what has come, and gives all but the newest back.
    fn hold(&mut self, stream: &pw::stream::Stream) {
        let now = self.wish.clock.now();
        while let Some(buffer) = Buffer::dequeue(stream) {
            let surplus = if buffer.has_picture() {
                self.held.replace((buffer, now)).map(|(older, _)| older)
            } else {
                Some(buffer)
            };
            surplus.into_iter().for_each(|buffer| buffer.give_back(stream));
        }
    }

    /// Copies the newest when its time has come, and gives it back.
    fn take(&mut self, stream: &pw::stream::Stream) {
        let now = self.wish.clock.now();
        if now < self.due {
            return;
        }
        let Some((buffer, pts)) = self.held.take() else { return };
        self.due =
            if now - self.due > self.interval { now + self.interval } else { self.due + self.interval };
        let copied = match self.format {
            Some((pixels, size)) => {
                buffer.picture(pixels, size, self.wish.region, |bytes, layout, region| {
                    self.copier.copy(bytes, layout, region, pts)
                })
            }
            None => Err("a picture came before its format".to_owned()),
        };
        buffer.give_back(stream);
        match copied {
            Ok(picture) => {
                self.fault = None;
                self.given.give(picture);
            }
            Err(fault) if self.fault.as_ref() != Some(&fault) => {
                tracing::warn!(fault, "pictures of the shared screen are left out");
                self.fault = Some(fault);
            }
            Err(_) => {}
        }
    }

    /// The desktop has taken a buffer away, e.g. for others of another size.
    fn forget(&mut self, removed: *mut pw::sys::pw_buffer) {
        self.held.take_if(|(buffer, _)| buffer.is(removed));
    }

    fn let_go(&mut self, stream: &pw::stream::Stream) {
        self.held.take().into_iter().for_each(|(buffer, _)| buffer.give_back(stream));
    }
}

/// What is taken: any size, in memory, else as a DMA-BUF whose rows lie one after the other. Memory comes first because the
/// graphics card then writes there by itself, while reading its own memory is slow. Other DMA-BUFs, with rows in tiles, only a
/// graphics card can read.
fn format(wish: &Wish, in_dma_buf: bool) -> Vec<u8> {
    let rate = |num| Fraction { num, denom: 1 };
    let side = |side| Rectangle { width: side, height: side };
    let mut format = object!(
        SpaTypes::ObjectParamFormat,
        ParamType::EnumFormat,
        property!(FormatProperties::MediaType, Id, MediaType::Video),
        property!(FormatProperties::MediaSubtype, Id, MediaSubtype::Raw),
        property!(
            FormatProperties::VideoFormat,
            Choice,
            Enum,
            Id,
            VideoFormat::BGRx,
            VideoFormat::BGRx,
            VideoFormat::BGRA,
            VideoFormat::RGBx,
            VideoFormat::RGBA,
        ),
        property!(FormatProperties::VideoSize, Choice, Range, Rectangle, side(1_024), side(1), side(16_384)),
        // At no rate of its own: a picture for each change. The other rate bounds it; not every desktop keeps to it.
        property!(FormatProperties::VideoFramerate, Choice, Range, Fraction, rate(0), rate(0), rate(1_000)),
        property!(
            FormatProperties::VideoMaxFramerate,
            Choice,
            Range,
            Fraction,
            rate(wish.fps),
            rate(1),
            rate(1_000)
        ),
    );
    if in_dma_buf {
        let (key, value) = (FormatProperties::VideoModifier.as_raw(), Value::Long(LINEAR));
        format.properties.push(Property { key, flags: PropertyFlags::MANDATORY, value });
    }
    bytes_of(format)
}

/// What the desktop chose of it, and whether it comes as DMA-BUFs.
fn read_format(param: &Pod) -> Option<(Pixels, Size, bool)> {
    let mut info = VideoInfoRaw::new();
    info.parse(param).ok()?;
    let pixels = match info.format() {
        VideoFormat::BGRx | VideoFormat::BGRA => Pixels::Bgr,
        VideoFormat::RGBx | VideoFormat::RGBA => Pixels::Rgb,
        _ => return None,
    };
    let modifier = Id(FormatProperties::VideoModifier.as_raw());
    let in_dma_buf = param.as_object().is_ok_and(|object| object.find_prop(modifier).is_some());
    Some((pixels, Size::new(info.size().width, info.size().height), in_dma_buf))
}

/// Which kinds of buffers are taken. How many there are is the desktop's to choose: one suffices.
fn buffers(in_dma_buf: bool) -> Vec<u8> {
    let kinds = if in_dma_buf { DMA_BUF } else { MEMORY };
    let kinds = ChoiceEnum::Flags { default: kinds, flags: Vec::new() };
    let kinds = Value::Choice(ChoiceValue::Int(Choice(ChoiceFlags::empty(), kinds)));
    bytes_of(Object {
        type_: SpaTypes::ObjectParamBuffers.as_raw(),
        id: ParamType::Buffers.as_raw(),
        properties: vec![Property::new(pw::spa::sys::SPA_PARAM_BUFFERS_dataType, kinds)],
    })
}

/// Asks to be told which part of a buffer is the picture: windows lie in buffers as large as the screen.
fn crop() -> Vec<u8> {
    let size = size_of::<pw::spa::sys::spa_meta_region>() as i32;
    bytes_of(Object {
        type_: SpaTypes::ObjectParamMeta.as_raw(),
        id: ParamType::Meta.as_raw(),
        properties: vec![
            Property::new(pw::spa::sys::SPA_PARAM_META_type, Value::Id(Id(pw::spa::sys::SPA_META_VideoCrop))),
            Property::new(pw::spa::sys::SPA_PARAM_META_size, Value::Int(size)),
        ],
    })
}

fn bytes_of(object: Object) -> Vec<u8> {
    let written = PodSerializer::serialize(Cursor::new(Vec::new()), &Value::Object(object));
    written.expect("objects of fixed shape are written to memory").0.into_inner()
}

/// DRM's name for rows that lie one after the other.
const LINEAR: i64 = 0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_asked_for_without_a_modifier_and_dma_bufs_with_one() {
        pw::init();
        let wish = Wish { fps: 30, region: None, clock: Clock::start() };
        for in_dma_buf in [false, true] {
            let bytes = format(&wish, in_dma_buf);
            let pod = Pod::from_bytes(&bytes).expect("a whole object");
            let modifier = Id(FormatProperties::VideoModifier.as_raw());
            let found = pod.as_object().expect("an object").find_prop(modifier).is_some();
            assert_eq!(found, in_dma_buf);
        }
    }

    #[test]
    fn what_a_desktop_chose_is_read() {
        let chosen = |format: VideoFormat, modifier: Option<i64>| {
            let mut chosen = object!(
                SpaTypes::ObjectParamFormat,
                ParamType::Format,
                property!(FormatProperties::MediaType, Id, MediaType::Video),
                property!(FormatProperties::MediaSubtype, Id, MediaSubtype::Raw),
                property!(FormatProperties::VideoFormat, Id, format),
                property!(FormatProperties::VideoSize, Rectangle, Rectangle { width: 64, height: 48 }),
            );
            let modifier = modifier.map(|modifier| {
                Property::new(FormatProperties::VideoModifier.as_raw(), Value::Long(modifier))
            });
            chosen.properties.extend(modifier);
            let bytes = bytes_of(chosen);
            read_format(Pod::from_bytes(&bytes).expect("a whole object"))
        };
        let size = Size::new(64, 48);
        assert_eq!(chosen(VideoFormat::BGRA, None), Some((Pixels::Bgr, size, false)));
        assert_eq!(chosen(VideoFormat::RGBx, Some(LINEAR)), Some((Pixels::Rgb, size, true)));
        assert_eq!(chosen(VideoFormat::NV12, None), None);
    }
}
