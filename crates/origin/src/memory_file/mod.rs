//! Files that live in memory, and which bytes of this process lie in one.
//!
//! A write copies what it is given into the socket's memory, once for every viewer: two fifths of what serving
//! cost. Pages of a file are sent by reference (sendfile(2)). So a segment that many ask for is copied into such a
//! file once; whoever asks is given [`Bytes`] as ever, and [`Socket`] finds by their address that they lie in one.

mod socket;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write as _};
use std::sync::{Arc, PoisonError, RwLock, Weak};

use bytes::Bytes;
use memmap2::Mmap;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

pub(crate) use socket::Socket;

/// All files that are in use, by where they lie in this process's memory.
#[derive(Debug, Default)]
pub(crate) struct Files {
    by_address: RwLock<BTreeMap<usize, Weak<Mapped>>>,
}

/// A sealed file and its bytes; gone with the last who holds some of them.
#[derive(Debug)]
struct Mapped {
    bytes: Mmap,
    file: File,
    all: Weak<Files>,
}

/// What lies in a file.
#[derive(Debug)]
struct Place {
    mapped: Arc<Mapped>,
    /// In bytes from its beginning.
    offset: u64,
}

impl Place {
    fn file(&self) -> &File {
        &self.mapped.file
    }
}

struct Owner(Arc<Mapped>);

impl AsRef<[u8]> for Owner {
    fn as_ref(&self) -> &[u8] {
        &self.0.bytes
    }
}

impl Files {
    /// A file with `pieces` one after the other; there is at least one byte.
    pub(crate) fn make(self: &Arc<Files>, pieces: &[Bytes]) -> io::Result<Bytes> {
        let mut file = File::from(memfd_create("segment", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?);
        for piece in pieces {
            file.write_all(piece)?;
        }
        fcntl_add_seals(&file, SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
        // SAFETY: nobody can change the file or its length any more: it is sealed, and has no name.
        let bytes = unsafe { Mmap::map(&file)? };
        let address = bytes.as_ptr() as usize;
        let mapped = Arc::new(Mapped { bytes, file, all: Arc::downgrade(self) });
        let mut by_address = self.by_address.write().unwrap_or_else(PoisonError::into_inner);
        by_address.insert(address, Arc::downgrade(&mapped));
        Ok(Bytes::from_owner(Owner(mapped)))
    }

    /// Where `bytes` lie, when all of them lie in one of these files.
    fn find(&self, bytes: &[u8]) -> Option<Place> {
        let from = bytes.as_ptr() as usize;
        let by_address = self.by_address.read().unwrap_or_else(PoisonError::into_inner);
        let (start, mapped) = by_address.range(..=from).next_back()?;
        let (start, mapped) = (*start, mapped.upgrade()?);
        drop(by_address);
        let within = from + bytes.len() <= start + mapped.bytes.len();
        within.then(|| Place { mapped, offset: (from - start) as u64 })
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // Before the memory is given back, and another file may lie there.
        let Some(all) = self.all.upgrade() else { return };
        let mut by_address = all.by_address.write().unwrap_or_else(PoisonError::into_inner);
        by_address.remove(&(self.bytes.as_ptr() as usize));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_found_in_their_file_as_long_as_somebody_holds_some() {
        let files = Arc::<Files>::default();
        let bytes = files.make(&[Bytes::from_static(b"abc"), Bytes::from_static(b"defg")]).unwrap();
        assert_eq!(bytes, "abcdefg");
        let some = bytes.slice(2..5);
        drop(bytes);
        assert_eq!(files.find(&some).map(|place| place.offset), Some(2));
        assert!(files.find(b"others").is_none());
        drop(some);
        assert!(files.by_address.read().unwrap().is_empty());
    }
}
