//! A buffer of PipeWire, from the desktop and back to it.

use std::os::fd::{BorrowedFd, RawFd};
use std::ptr::{self, NonNull};

use media::Size;
use pipewire as pw;
use pw::spa::sys as spa;
use pw::stream::Stream;
use rustix::fs::SeekFrom;
use rustix::ioctl::{Setter, ioctl, opcode};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use crate::input::Region;
use crate::wayland_picture::{Layout, Pixels};

/// A buffer that is ours until it is given back. Not a guard of [`pw::buffer::Buffer`]'s kind: it is held across the stream's
/// callbacks, and the stream may take it away in one of them.
pub(crate) struct Buffer(NonNull<pw::sys::pw_buffer>);

impl Buffer {
    /// The next one that has come.
    pub(crate) fn dequeue(stream: &Stream) -> Option<Buffer> {
        // SAFETY: it goes back by `give_back`, or is forgotten when the stream has removed it.
        NonNull::new(unsafe { stream.dequeue_raw_buffer() }).map(Buffer)
    }

    /// Lets the desktop draw into it again.
    pub(crate) fn give_back(self, stream: &Stream) {
        // SAFETY: it came from this stream, which has not removed it, and nothing refers to it any more.
        unsafe { stream.queue_raw_buffer(self.0.as_ptr()) };
    }

    /// Whether it is this one.
    pub(crate) fn is(&self, buffer: *mut pw::sys::pw_buffer) -> bool {
        self.0.as_ptr() == buffer
    }

    /// Whether anything was drawn into it: desktops send empty ones when only the mouse pointer has moved.
    pub(crate) fn has_picture(&self) -> bool {
        self.data().is_some_and(|(data, chunk)| {
            let is_corrupt = chunk.flags & spa::SPA_CHUNK_FLAG_CORRUPTED as i32 != 0;
            // With DMA-BUFs not every desktop tells how much it has drawn.
            !is_corrupt && (chunk.size > 0 || data.type_ == spa::SPA_DATA_DmaBuf)
        })
    }

    /// Hands its bytes, where the picture of `size` lies in them, and which part is wanted, to `copy`.
    ///
    /// # Errors
    /// In words when it cannot be read, and what `copy` answers.
    pub(crate) fn picture<T>(
        &self,
        pixels: Pixels,
        size: Size,
        region: Option<Region>,
        copy: impl FnOnce(&[u8], Layout, Option<Region>) -> Result<T, String>,
    ) -> Result<T, String> {
        let (data, chunk) = self.data().ok_or("an empty buffer")?;
        let stride = match usize::try_from(chunk.stride) {
            Ok(0) => size.width as usize * 4,
            Ok(stride) => stride,
            Err(_) => return Err("rows from the bottom up".to_owned()),
        };
        let layout = Layout { pixels, size, offset: chunk.offset as usize, stride };
        let part = part_of(self.crop(), size, region)?;
        if !data.data.is_null() {
            // SAFETY: PipeWire mapped so many bytes, which the desktop leaves alone until the buffer is given back.
            let bytes = unsafe { std::slice::from_raw_parts(data.data.cast::<u8>(), data.maxsize as usize) };
            return copy(bytes, layout, part);
        }
        if data.type_ != spa::SPA_DATA_DmaBuf {
            return Err("memory that is not mapped".to_owned());
        }
        let mapped = Mapped::new(data)?;
        copy(mapped.bytes(), layout, part)
    }

    fn data(&self) -> Option<(&spa::spa_data, &spa::spa_chunk)> {
        // SAFETY: PipeWire keeps a buffer and what it points to until it has told that it is removed, and is then forgotten.
        unsafe {
            let buffer = self.0.as_ref().buffer.as_ref()?;
            if buffer.n_datas == 0 {
                return None;
            }
            let data = buffer.datas.as_ref()?;
            Some((data, data.chunk.as_ref()?))
        }
    }

    /// Which part of it is the picture; `None` where all is.
    fn crop(&self) -> Option<Region> {
        // SAFETY: as in `data`; the metadata found is at least as long as what is read of it.
        let region = unsafe {
            let length = size_of::<spa::spa_meta_region>();
            let found =
                spa::spa_buffer_find_meta_data(self.0.as_ref().buffer, spa::SPA_META_VideoCrop, length);
            found.cast::<spa::spa_meta_region>().as_ref()?.region
        };
        let side = |at: i32| u32::try_from(at).ok();
        let size = Size::new(region.size.width, region.size.height);
        let crop = Region { left: side(region.position.x)?, top: side(region.position.y)?, size };
        (size.width > 0 && size.height > 0).then_some(crop)
    }
}

/// The part `region` of the picture, which is itself the part `crop` of the buffer.
fn part_of(crop: Option<Region>, size: Size, region: Option<Region>) -> Result<Option<Region>, String> {
    let whole = crop.unwrap_or(Region { left: 0, top: 0, size });
    whole.within(size)?;
    let Some(region) = region else { return Ok(crop) };
    region.within(whole.size)?;
    Ok(Some(Region { left: whole.left + region.left, top: whole.top + region.top, size: region.size }))
}

/// A DMA-BUF in our memory. Mapped for each picture anew: it is what desktops offer that have nothing else.
struct Mapped {
    fd: RawFd,
    address: *mut std::ffi::c_void,
    length: usize,
}

impl Mapped {
    fn new(data: &spa::spa_data) -> Result<Mapped, String> {
        let fault = |error: rustix::io::Errno| format!("a DMA-BUF cannot be read: {error}");
        let fd = RawFd::try_from(data.fd).ok().filter(|&fd| fd >= 0).ok_or("a buffer without memory")?;
        // SAFETY: PipeWire keeps the descriptor open for as long as it has the buffer.
        let of = unsafe { BorrowedFd::borrow_raw(fd) };
        // Some desktops tell no length.
        let length = rustix::fs::seek(of, SeekFrom::End(0)).map_err(fault)?;
        let length = usize::try_from(length).ok().filter(|&length| length > 0).ok_or("an empty DMA-BUF")?;
        // SAFETY: a new mapping, of no more than there is.
        let address = unsafe { mmap(ptr::null_mut(), length, ProtFlags::READ, MapFlags::SHARED, of, 0) };
        let mapped = Mapped { fd, address: address.map_err(fault)?, length };
        mapped.sync(SYNC_START);
        Ok(mapped)
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: it is mapped in this length, and the desktop leaves it alone until the buffer is given back.
        unsafe { std::slice::from_raw_parts(self.address.cast::<u8>(), self.length) }
    }

    /// Begins or ends a reading, so that nothing old lies in caches. Where the driver has no need of it, it refuses.
    fn sync(&self, what: u64) {
        const SYNC: rustix::ioctl::Opcode = opcode::write::<u64>(b'b', 0);
        // SAFETY: the descriptor as in `new`; the request takes one number of 64 bits.
        let synced = unsafe { ioctl(BorrowedFd::borrow_raw(self.fd), Setter::<SYNC, u64>::new(what)) };
        if let Err(error) = synced {
            tracing::trace!(%error, "a DMA-BUF is read as it is");
        }
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        self.sync(SYNC_END);
        // SAFETY: mapped by `new` in this length, and no slice of it outlives this.
        let unmapped = unsafe { munmap(self.address, self.length) };
        if let Err(error) = unmapped {
            tracing::warn!(%error, "a DMA-BUF stays mapped");
        }
    }
}

/// `DMA_BUF_SYNC_READ`, and the end of it.
const SYNC_START: u64 = 1;
const SYNC_END: u64 = 1 | 4;

/// The kinds of buffers that are memory, as PipeWire's flags.
pub(crate) const MEMORY: i32 = (1 << spa::SPA_DATA_MemFd) | (1 << spa::SPA_DATA_MemPtr);

/// The kind that is a DMA-BUF.
pub(crate) const DMA_BUF: i32 = 1 << spa::SPA_DATA_DmaBuf;

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use super::*;

    fn region(text: &str) -> Option<Region> {
        Some(text.parse().expect("a sound region"))
    }

    #[test]
    fn a_part_of_a_window_is_counted_from_the_windows_corner() {
        let size = Size::new(100, 50);
        assert_eq!(part_of(None, size, None), Ok(None));
        assert_eq!(part_of(region("40x30+10+5"), size, None), Ok(region("40x30+10+5")));
        assert_eq!(part_of(None, size, region("4x3+1+1")), Ok(region("4x3+1+1")));
        assert_eq!(part_of(region("40x30+10+5"), size, region("4x3+1+1")), Ok(region("4x3+11+6")));
        assert!(part_of(region("40x30+10+5"), size, region("41x3+0+0")).is_err());
        assert!(part_of(region("40x30+61+5"), size, None).is_err());
    }

    /// A buffer of PipeWire's shape around `data`, for as long as `read` runs.
    fn with_buffer<T>(
        mut data: spa::spa_data,
        mut chunk: spa::spa_chunk,
        read: impl FnOnce(&Buffer) -> T,
    ) -> T {
        data.chunk = &raw mut chunk;
        // SAFETY: both are plain structures, for which zeros are valid.
        let (mut inner, mut outer): (spa::spa_buffer, pw::sys::pw_buffer) = unsafe { std::mem::zeroed() };
        (inner.n_datas, inner.datas) = (1, &raw mut data);
        outer.buffer = &raw mut inner;
        read(&Buffer(NonNull::from(&mut outer)))
    }

    fn empty() -> (spa::spa_data, spa::spa_chunk) {
        // SAFETY: both are plain structures, for which zeros are valid.
        unsafe { std::mem::zeroed() }
    }

    #[test]
    fn a_dma_buf_is_read_through_its_descriptor() {
        let mut file = tempfile::tempfile().expect("a file");
        std::io::Write::write_all(&mut file, &[7; 32]).expect("it can be written");
        let (data, chunk) = empty();
        let data = spa::spa_data { type_: spa::SPA_DATA_DmaBuf, fd: file.as_raw_fd().into(), ..data };
        with_buffer(data, chunk, |buffer| {
            assert!(buffer.has_picture());
            let read = buffer.picture(Pixels::Bgr, Size::new(4, 2), None, |bytes, layout, _| {
                Ok((bytes.to_vec(), layout.stride))
            });
            assert_eq!(read, Ok((vec![7; 32], 16)));
        });
        let closed = spa::spa_data { fd: -1, ..data };
        with_buffer(closed, chunk, |buffer| {
            assert!(buffer.picture(Pixels::Bgr, Size::new(4, 2), None, |_, _, _| Ok(())).is_err());
        });
    }

    #[test]
    fn what_was_not_drawn_is_no_picture() {
        let (data, chunk) = empty();
        let data = spa::spa_data { type_: spa::SPA_DATA_MemFd, ..data };
        let is_one = |chunk| with_buffer(data, chunk, |buffer| buffer.has_picture());
        assert!(!is_one(chunk));
        assert!(is_one(spa::spa_chunk { size: 32, ..chunk }));
        assert!(!is_one(spa::spa_chunk { size: 32, flags: spa::SPA_CHUNK_FLAG_CORRUPTED as i32, ..chunk }));
    }

    #[test]
    fn memory_that_is_not_there_and_rows_from_the_bottom_are_refused() {
        let (data, chunk) = empty();
        let data = spa::spa_data { type_: spa::SPA_DATA_MemFd, ..data };
        for stride in [16, -16] {
            let read = with_buffer(data, spa::spa_chunk { size: 32, stride, ..chunk }, |buffer| {
                buffer.picture(Pixels::Bgr, Size::new(4, 2), None, |_, _, _| Ok(()))
            });
            assert!(read.is_err(), "{stride}");
        }
    }
}
