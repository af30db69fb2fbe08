//! A playlist's text, made when somebody asks for it first and shared from then on.

use std::sync::OnceLock;

use bytes::Bytes;

/// UTF-8 text, and the same in one transfer encoding.
#[derive(Debug)]
pub struct Text {
    plain: Bytes,
    encoded: OnceLock<Bytes>,
}

impl Text {
    pub(crate) fn new(text: String) -> Text {
        Text { plain: text.into(), encoded: OnceLock::new() }
    }

    /// The text, UTF-8.
    #[must_use]
    pub fn plain(&self) -> &Bytes {
        &self.plain
    }

    /// What `encode` made of the text for whoever asked first: a compression, always the same one.
    pub fn encoded(&self, encode: impl FnOnce(&[u8]) -> Bytes) -> &Bytes {
        self.encoded.get_or_init(|| encode(&self.plain))
    }
}
