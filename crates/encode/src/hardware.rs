//! Pictures in a graphics device's memory, for encoders that take no others: FFmpeg's hardware device and frames contexts.
//!
//! The one place where they are handled; ffmpeg-next wraps neither.

use std::ffi::CString;
use std::path::Path;
use std::ptr::NonNull;

use ffmpeg_next as ffmpeg;
use ffmpeg_next::ffi;
use ffmpeg_next::format::Pixel;
use ffmpeg_next::frame;
use media::Size;

use crate::Error;

/// A pool of pictures of one size in the memory of a VA-API device.
pub(crate) struct Surfaces {
    name: &'static str,
    frames: Reference,
}

/// One counted reference to something of FFmpeg's; given back when dropped.
struct Reference(NonNull<ffi::AVBufferRef>);

// SAFETY: FFmpeg counts references atomically, and device and frames contexts may be used from any one thread at a time.
unsafe impl Send for Reference {}

impl Drop for Reference {
    fn drop(&mut self) {
        let mut raw = self.0.as_ptr();
        // SAFETY: the reference is ours, and nobody sees it after this.
        unsafe { ffi::av_buffer_unref(&mut raw) };
    }
}

impl Surfaces {
    /// Opens the device at `path` (`/dev/dri/renderD128`) for pictures of `size` that come as `software`.
    ///
    /// # Errors
    /// When there is no driver for the device, or it has no memory for pictures of this kind.
    pub(crate) fn open(
        name: &'static str,
        path: &Path,
        size: Size,
        software: Pixel,
    ) -> Result<Surfaces, Error> {
        let device = open_device(name, path)?;
        // SAFETY: the device context is valid; what is allocated is checked before it is used, and its fields are set
        // before `av_hwframe_ctx_init` as FFmpeg's documentation asks.
        unsafe {
            let frames = NonNull::new(ffi::av_hwframe_ctx_alloc(device.0.as_ptr()));
            let frames = Reference(frames.ok_or_else(|| fault(name, "making surfaces", ffi::ENOMEM))?);
            let context = (*frames.0.as_ptr()).data.cast::<ffi::AVHWFramesContext>();
            (*context).format = Pixel::VAAPI.into();
            (*context).sw_format = software.into();
            (*context).width = size.width as i32;
            (*context).height = size.height as i32;
            (*context).initial_pool_size = POOL;
            let code = ffi::av_hwframe_ctx_init(frames.0.as_ptr());
            if code < 0 {
                return Err(Error::Ffmpeg { name, step: "making surfaces", source: code.into() });
            }
            Ok(Surfaces { name, frames })
        }
    }

    /// Tells an encoder that is not open yet where its pictures will be.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub(crate) fn attach(&self, context: &mut ffmpeg::codec::Context) -> Result<(), Error> {
        // SAFETY: both are ours; the encoder gets a reference of its own and gives it back when it is freed.
        unsafe {
            let reference = ffi::av_buffer_ref(self.frames.0.as_ptr());
            if reference.is_null() {
                return Err(fault(self.name, "making surfaces", ffi::ENOMEM));
            }
            (*context.as_mut_ptr()).hw_frames_ctx = reference;
        }
        Ok(())
    }

    /// A copy of `picture` in the device's memory, with its time and kind.
    ///
    /// # Errors
    /// When the device has no surface left or the copy fails.
    pub(crate) fn upload(&self, picture: &frame::Video) -> Result<frame::Video, Error> {
        let mut surface = frame::Video::empty();
        // SAFETY: all three are ours; FFmpeg checks that the formats belong together, and each step is only taken when
        // the one before it went well.
        let code = unsafe {
            let raw = surface.as_mut_ptr();
            let mut code = ffi::av_hwframe_get_buffer(self.frames.0.as_ptr(), raw, 0);
            if code >= 0 {
                code = ffi::av_hwframe_transfer_data(raw, picture.as_ptr(), 0);
            }
            if code >= 0 {
                code = ffi::av_frame_copy_props(raw, picture.as_ptr());
            }
            code
        };
        if code < 0 {
            let step = "moving a picture to the graphics device";
            return Err(Error::Ffmpeg { name: self.name, step, source: code.into() });
        }
        Ok(surface)
    }
}

fn open_device(name: &'static str, path: &Path) -> Result<Reference, Error> {
    let step = "opening the graphics device";
    let path =
        CString::new(path.as_os_str().as_encoded_bytes()).map_err(|_| fault(name, step, ffi::EINVAL))?;
    let mut device = std::ptr::null_mut();
    // SAFETY: the path ends with a zero byte and outlives the call, which writes either a reference or nothing.
    let code = unsafe {
        let kind = ffi::AVHWDeviceType::AV_HWDEVICE_TYPE_VAAPI;
        ffi::av_hwdevice_ctx_create(&mut device, kind, path.as_ptr(), std::ptr::null_mut(), 0)
    };
    match NonNull::new(device) {
        Some(device) if code >= 0 => Ok(Reference(device)),
        _ => Err(Error::Ffmpeg { name, step, source: code.into() }),
    }
}

fn fault(name: &'static str, step: &'static str, errno: i32) -> Error {
    Error::Ffmpeg { name, step, source: ffmpeg::Error::Other { errno } }
}

/// Pictures that may be inside an encoder at once: more than any keeps without B-frames and look-ahead.
const POOL: i32 = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_is_not_there_is_an_error_that_names_the_step() {
        crate::start_ffmpeg().expect("FFmpeg starts");
        let path = Path::new("/dev/dri/nothing-here");
        let opened = Surfaces::open("h264_vaapi", path, Size::new(64, 64), Pixel::NV12);
        let error = opened.err().expect("there is no such device");
        assert!(error.to_string().contains("opening the graphics device"), "{error}");
    }
}
