//! Boxes and their fields, read in place.
//!
//! Spec: ISO/IEC 14496-12 §4.2.

use super::read_error::{BoxName, ReadError};

/// One box, whole.
#[derive(Clone, Copy, Debug)]
pub(super) struct Atom<'a> {
    pub(super) name: BoxName,
    /// Where it begins in the stream.
    pub(super) at: u64,
    /// What follows its header.
    pub(super) body: &'a [u8],
    /// Where the body begins in the stream.
    body_at: u64,
}

/// The size of a box in its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) name: BoxName,
    pub(crate) bytes: usize,
    /// Of the body; `None` where it lasts to the end of what holds it.
    pub(crate) body_bytes: Option<u64>,
}

/// Reads the header at the front of `bytes`; `None` asks for more of them.
pub(crate) fn read_header(bytes: &[u8], at: u64) -> Result<Option<Header>, ReadError> {
    let Some(&[s0, s1, s2, s3, n0, n1, n2, n3]) = bytes.first_chunk::<SHORT_HEADER_BYTES>() else {
        return Ok(None);
    };
    let name = BoxName([n0, n1, n2, n3]);
    let (whole, header_bytes) = match u32::from_be_bytes([s0, s1, s2, s3]) {
        0 => return Ok(Some(Header { name, bytes: SHORT_HEADER_BYTES, body_bytes: None })),
        1 => match bytes.get(SHORT_HEADER_BYTES..).and_then(|rest| rest.first_chunk::<8>()) {
            Some(size) => (u64::from_be_bytes(*size), SHORT_HEADER_BYTES + 8),
            None => return Ok(None),
        },
        size => (u64::from(size), SHORT_HEADER_BYTES),
    };
    let too_small = ReadError::Box { name, at, problem: "its size is smaller than its header" };
    let body_bytes = whole.checked_sub(header_bytes as u64).ok_or(too_small)?;
    Ok(Some(Header { name, bytes: header_bytes, body_bytes: Some(body_bytes) }))
}

impl<'a> Atom<'a> {
    /// The box whose header was read and whose body begins at `body_at`.
    pub(super) fn new(name: BoxName, at: u64, body_at: u64, body: &'a [u8]) -> Atom<'a> {
        Atom { name, at, body, body_at }
    }

    /// The boxes in it, behind `skip` bytes of fields.
    pub(super) fn children(
        &self,
        skip: usize,
    ) -> impl Iterator<Item = Result<Atom<'a>, ReadError>> + use<'a> {
        let (mut rest, mut at) = (self.body.get(skip..).unwrap_or_default(), self.body_at + skip as u64);
        std::iter::from_fn(move || {
            // Fewer bytes than a header are padding, which QuickTime writes.
            let read = read_header(rest, at).transpose()?.and_then(|header| {
                let body_bytes = header.body_bytes.unwrap_or((rest.len() - header.bytes) as u64);
                let too_long =
                    ReadError::Box { name: header.name, at, problem: "it is longer than the box around it" };
                let end = usize::try_from(body_bytes).ok().and_then(|bytes| header.bytes.checked_add(bytes));
                let body = end.and_then(|end| rest.get(header.bytes..end)).ok_or(too_long)?;
                Ok(Atom::new(header.name, at, at + header.bytes as u64, body))
            });
            match &read {
                Ok(child) => {
                    let bytes = (child.body_at - child.at) as usize + child.body.len();
                    (rest, at) = (&rest[bytes..], at + bytes as u64);
                }
                Err(_) => rest = &[],
            }
            Some(read)
        })
    }

    /// The first box of this name behind `skip` bytes of fields.
    pub(super) fn find(&self, skip: usize, name: &[u8; 4]) -> Result<Option<Atom<'a>>, ReadError> {
        self.children(skip).find(|child| child.as_ref().map_or(true, |child| child.is(name))).transpose()
    }

    /// The same, where it must be there.
    pub(super) fn require(&self, skip: usize, name: &[u8; 4]) -> Result<Atom<'a>, ReadError> {
        let missing = ReadError::Missing { missing: BoxName(*name), within: self.name, at: self.at };
        self.find(skip, name)?.ok_or(missing)
    }

    /// Whether it has this name.
    pub(super) fn is(&self, name: &[u8; 4]) -> bool {
        self.name.0 == *name
    }

    /// What is wrong with it.
    pub(super) fn wrong(&self, problem: &'static str) -> ReadError {
        ReadError::Box { name: self.name, at: self.at, problem }
    }

    /// More of something than is taken.
    pub(super) fn too_many(&self, count: u64, what: &'static str, max: u64) -> ReadError {
        ReadError::TooMany { name: self.name, at: self.at, count, what, max }
    }

    /// Its fields from the first.
    pub(super) fn fields(&self) -> Fields<'a> {
        Fields { atom: *self, rest: self.body }
    }
}

/// Reads fields from front to back.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    atom: Atom<'a>,
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// `version` and `flags` of a full box.
    pub(super) fn version_and_flags(&mut self) -> Result<(u8, u32), ReadError> {
        let both = self.u32()?;
        Ok(((both >> 24) as u8, both & 0x00ff_ffff))
    }

    pub(super) fn take(&mut self, bytes: usize) -> Result<&'a [u8], ReadError> {
        let (taken, rest) =
            self.rest.split_at_checked(bytes).ok_or_else(|| self.atom.wrong("it ends within its fields"))?;
        self.rest = rest;
        Ok(taken)
    }

    pub(super) fn u8(&mut self) -> Result<u8, ReadError> {
        Ok(self.array::<1>()?[0])
    }

    pub(super) fn u32(&mut self) -> Result<u32, ReadError> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    pub(super) fn u64(&mut self) -> Result<u64, ReadError> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    /// A field that has 64 bits in version 1 and 32 in version 0.
    pub(super) fn wide(&mut self, version: u8) -> Result<u64, ReadError> {
        if version == 0 { self.u32().map(u64::from) } else { self.u64() }
    }

    /// A field that is there when `flags` has `flag`.
    pub(super) fn optional(&mut self, flags: u32, flag: u32) -> Result<Option<u32>, ReadError> {
        if flags & flag == 0 { Ok(None) } else { self.u32().map(Some) }
    }

    /// Bytes that were not read yet.
    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ReadError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }
}

/// Size and name.
const SHORT_HEADER_BYTES: usize = 8;
