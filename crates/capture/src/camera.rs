//! Cameras: a thread of its own reads one, and the source waits for it with a limit.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use bytes::Bytes;
use media::{PixelFormat, Plane, Span, Timestamp, VideoFrame};

use crate::bounded::within;
use crate::camera_device::{Layout, OPEN_LIMIT, OpenCamera, found};
use crate::camera_format::{CameraFormat, CameraPixels, choose};
use crate::mjpeg::Mjpeg;
use crate::{Clock, Error, Stop, VideoSettings};

/// A camera that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Camera {
    /// What to ask for: its name and its serial number, or the place it is plugged in where it has none. Stays the
    /// same across starts and across being unplugged.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What it can deliver, of what can be read.
    pub formats: Vec<CameraFormat>,
}

/// Looks for cameras; those that do not answer in time are not there.
pub(crate) fn cameras() -> Vec<Camera> {
    let (cameras, _) = within(OPEN_LIMIT, "camera-list", found).unwrap_or_default();
    cameras.into_iter().map(|(_, camera)| camera).collect()
}

/// A running camera. Dropping it releases the device.
pub struct CameraCapture {
    camera: Camera,
    clock: Clock,
    layout: Layout,
    pictures: mpsc::Receiver<Result<Picture, String>>,
    /// Tells the thread to end.
    closed: Arc<AtomicBool>,
    last_seen: Timestamp,
    mjpeg: Option<Mjpeg>,
}

/// What the camera delivered.
struct Picture {
    taken: Timestamp,
    bytes: Bytes,
}

impl CameraCapture {
    /// Opens the camera with this id or name, or the first one, in the format that serves `settings` best.
    pub(crate) fn open(
        wanted: Option<&str>,
        clock: Clock,
        settings: &VideoSettings,
    ) -> Result<CameraCapture, Error> {
        let (node, camera) = find(wanted)?;
        match choose(&camera.formats, settings.size, settings.fps) {
            Some(format) => CameraCapture::start(node, camera, format, clock),
            None => {
                let reason = "it offers no format that can be read".to_owned();
                Err(Error::Camera { camera: camera.id, reason })
            }
        }
    }

    /// Opens the camera with this id or name in one of its formats.
    ///
    /// # Errors
    /// When there is no such camera, or it does not open in this format.
    pub fn open_in(format: CameraFormat, id: &str, clock: Clock) -> Result<CameraCapture, Error> {
        let (node, camera) = find(Some(id))?;
        CameraCapture::start(node, camera, format, clock)
    }

    fn start(
        node: usize,
        camera: Camera,
        format: CameraFormat,
        clock: Clock,
    ) -> Result<CameraCapture, Error> {
        let fault = |reason: String| Error::Camera { camera: camera.id.clone(), reason };
        let closed = Arc::new(AtomicBool::new(false));
        let (sender, pictures) = mpsc::sync_channel(PICTURES);
        let (answer, opened) = mpsc::sync_channel(1);
        let thread_closed = Arc::clone(&closed);
        let thread = std::thread::Builder::new().name("camera".to_owned());
        // Its owner sees by the channel when it has ended; in a driver that hangs it is left behind.
        let spawned = thread.spawn(move || match OpenCamera::open(node, format) {
            Ok(camera) => {
                // Nobody waits any more when the limit has passed, and `closed` then says so too.
                let _ = answer.send(Ok(camera.layout));
                read(camera, clock, &sender, &thread_closed);
            }
            Err(reason) => drop(answer.send(Err(reason))),
        });
        spawned.map_err(|error| fault(error.to_string()))?;
        let layout = match opened.recv_timeout(OPEN_LIMIT) {
            Ok(opened) => opened.map_err(fault)?,
            Err(_) => {
                closed.store(true, Ordering::Relaxed);
                return Err(fault("it does not answer".to_owned()));
            }
        };
        let mjpeg = (format.pixels == CameraPixels::Mjpeg).then(Mjpeg::new).transpose()?;
        tracing::info!(camera = camera.id, %format, "camera opened");
        Ok(CameraCapture { camera, clock, layout, pictures, closed, last_seen: clock.now(), mjpeg })
    }

    /// The camera's id.
    pub(crate) fn id(&self) -> &str {
        &self.camera.id
    }

    /// Waits for the next picture, `None` when stopped.
    ///
    /// # Errors
    /// When the camera is gone or has fallen silent.
    pub fn next(&mut self, stop: &Stop) -> Result<Option<VideoFrame>, Error> {
        while !stop.is_stopped() {
            match self.pictures.recv_timeout(POLL) {
                Ok(Ok(picture)) => {
                    self.last_seen = self.clock.now();
                    match self.frame(picture) {
                        Ok(frame) => return Ok(Some(frame)),
                        // The first pictures of many cameras are cut short.
                        Err(error) => {
                            tracing::debug!(camera = self.camera.id, %error, "a picture was left out")
                        }
                    }
                }
                Ok(Err(reason)) => return Err(self.lost(&reason)),
                Err(mpsc::RecvTimeoutError::Disconnected) => return Err(self.lost("it ended")),
                Err(mpsc::RecvTimeoutError::Timeout) if self.clock.now() - self.last_seen > SILENT_MAX => {
                    return Err(self.lost("it delivers no pictures"));
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {}
            }
        }
        Ok(None)
    }

    /// A driver's words for an unplugged camera help nobody; that it is no longer listed does.
    fn lost(&self, reason: &str) -> Error {
        let camera = self.camera.id.clone();
        if cameras().iter().any(|there| there.id == camera) {
            return Error::Camera { camera, reason: reason.to_owned() };
        }
        Error::Camera { camera, reason: "it was unplugged".to_owned() }
    }

    fn frame(&mut self, picture: Picture) -> Result<VideoFrame, Error> {
        if let Some(mjpeg) = &mut self.mjpeg {
            return mjpeg.decode(&picture.bytes, picture.taken);
        }
        let Layout { format, stride, colour } = self.layout;
        let rows = format.size.height as usize;
        // Rows of each plane; both planes of NV12 have rows of the same length.
        let (pixels, planes): (_, &[usize]) = match format.pixels {
            CameraPixels::Nv12 => (PixelFormat::Nv12, &[rows, rows.div_ceil(2)]),
            CameraPixels::Yuyv | CameraPixels::Mjpeg => (PixelFormat::Yuyv422, &[rows]),
        };
        let planes = planes_of(&picture.bytes, stride, planes).ok_or_else(|| Error::Camera {
            camera: self.camera.id.clone(),
            reason: format!("a picture of {} bytes is too short", picture.bytes.len()),
        })?;
        Ok(VideoFrame { pts: picture.taken, size: format.size, format: pixels, planes, colour })
    }
}

impl Drop for CameraCapture {
    /// Waits for the device to be released, so that whoever opens it next finds it free. A driver that hangs is left.
    fn drop(&mut self) {
        self.closed.store(true, Ordering::Relaxed);
        let deadline = self.clock.now() + CLOSE_LIMIT;
        while self.clock.now() < deadline {
            if let Err(mpsc::RecvTimeoutError::Disconnected) = self.pictures.recv_timeout(POLL) {
                return;
            }
        }
        tracing::warn!(camera = self.camera.id, "the camera does not close, left behind");
    }
}

/// Runs on the camera's thread, until closed or the camera is gone.
fn read(
    mut camera: OpenCamera,
    clock: Clock,
    pictures: &mpsc::SyncSender<Result<Picture, String>>,
    closed: &AtomicBool,
) {
    while !closed.load(Ordering::Relaxed) {
        match camera.read(clock) {
            Ok((taken, bytes)) => {
                // Full: the picture is left out. The pacer repeats the one before it.
                let _ = pictures.try_send(Ok(Picture { taken, bytes }));
            }
            Err(reason) => {
                drop(camera);
                // The reader may be gone.
                let _ = pictures.send(Err(reason));
                return;
            }
        }
    }
}

/// Cuts a buffer into planes whose rows are `stride` bytes long; `None` when it is too short.
fn planes_of(bytes: &Bytes, stride: usize, rows: &[usize]) -> Option<Vec<Plane>> {
    let mut begin = 0;
    let cut = |&rows: &usize| {
        let end = begin + stride.checked_mul(rows)?;
        let data = (end <= bytes.len()).then(|| bytes.slice(begin..end))?;
        begin = end;
        Some(Plane { data, stride })
    };
    rows.iter().map(cut).collect()
}

/// The camera that is wanted: by its id, else by its name where only one has it, so that a camera without a serial
/// number is found again at another socket.
fn find(wanted: Option<&str>) -> Result<(usize, Camera), Error> {
    let (mut cameras, closed) = within(OPEN_LIMIT, "camera-list", found).unwrap_or_default();
    let Some(wanted) = wanted else {
        if cameras.is_empty() {
            let reason = if closed.is_empty() { "none is connected".to_owned() } else { closed.join("; ") };
            return Err(Error::NoCamera(reason));
        }
        return Ok(cameras.swap_remove(0));
    };
    match position(cameras.iter().map(|(_, camera)| camera), wanted) {
        Some(at) => Ok(cameras.swap_remove(at)),
        None => {
            let known: Vec<String> = cameras.into_iter().map(|(_, camera)| camera.id).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            Err(Error::UnknownCamera { id: wanted.to_owned(), known })
        }
    }
}

fn position<'a>(cameras: impl Iterator<Item = &'a Camera> + Clone, wanted: &str) -> Option<usize> {
    let exact = cameras.clone().position(|camera| camera.id == wanted);
    let name = wanted.rsplit_once('@').map_or(wanted, |(name, _)| name);
    exact.or_else(|| {
        let mut of_name = cameras.enumerate().filter(|(_, camera)| camera.name == name);
        let only = of_name.next().map(|(at, _)| at);
        only.filter(|_| of_name.next().is_none())
    })
}

/// Pictures between the camera's thread and the source: one being decoded and one waiting.
const PICTURES: usize = 2;

/// How long the source waits before it looks whether to stop.
const POLL: Duration = Duration::from_millis(20);

/// Without a picture for this long the camera is opened anew. Cameras that set their exposure begin a second late.
const SILENT_MAX: Span = Span::from_secs(3);

/// A camera in the dark takes a quarter of a second for a picture, and is closed after it.
const CLOSE_LIMIT: Span = Span::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn camera(name: &str, place: &str) -> Camera {
        Camera { id: format!("{name}@{place}"), name: name.to_owned(), formats: Vec::new() }
    }

    #[test]
    fn a_camera_is_matched_by_its_id_then_by_its_name_when_only_one_has_it() {
        let two = [camera("C920", "AAAA"), camera("C920", "BBBB"), camera("Brio", "1-2")];
        let at = |wanted| position(two.iter(), wanted);
        assert_eq!(at("C920@BBBB"), Some(1));
        assert_eq!(at("C920"), None, "two have the name");
        assert_eq!(at("C920@CCCC"), None, "a third one of the name is not either of them");
        assert_eq!(at("Brio"), Some(2));
        assert_eq!(at("Brio@1-4"), Some(2), "moved to another socket");
    }

    #[test]
    fn rows_longer_than_the_picture_are_kept_in_the_stride() {
        let bytes = Bytes::from(vec![0; 100]);
        let planes = planes_of(&bytes, 16, &[4, 2]).expect("96 bytes suffice");
        assert_eq!(planes.iter().map(|plane| plane.data.len()).collect::<Vec<_>>(), [64, 32]);
        assert!(planes_of(&bytes, 17, &[4, 2]).is_none());
    }
}
