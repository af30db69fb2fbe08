//! What an SRT caller says it wants.
//!
//! Reference: libsrt, `docs/features/access-control.md`.

use srt::Reason;

/// The stream key in a stream id: `publish:{key}` or `#!::m=publish,r={key}`.
///
/// # Errors
/// The reason to refuse with, when it asks for something else or cannot be read.
pub(super) fn stream_key(stream_id: &str) -> Result<&str, Reason> {
    let key = match stream_id.strip_prefix("#!::") {
        Some(fields) => standard(fields)?,
        None => match stream_id.split_once(':') {
            Some(("publish", key)) => key,
            Some(("read" | "play" | "request", _)) => return Err(Reason::BAD_MODE),
            _ => return Err(Reason::BAD_REQUEST),
        },
    };
    if key.is_empty() { Err(Reason::BAD_REQUEST) } else { Ok(key) }
}

/// The resource of the standard form, whose mode has to be publishing; it is watching when nothing is said.
fn standard(fields: &str) -> Result<&str, Reason> {
    let field = |name: &str| {
        fields.split(',').filter_map(|field| field.split_once('=')).find(|(key, _)| *key == name)
    };
    match field("m") {
        Some((_, "publish")) => {}
        Some((_, "request" | "bidirectional")) | None => return Err(Reason::BAD_MODE),
        Some(_) => return Err(Reason::BAD_REQUEST),
    }
    field("r").map(|(_, resource)| resource).ok_or(Reason::BAD_REQUEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_hold_a_key() {
        for id in ["publish:abc", "#!::m=publish,r=abc", "#!::r=abc,m=publish,u=somebody"] {
            assert_eq!(stream_key(id), Ok("abc"), "{id}");
        }
    }

    #[test]
    fn what_is_no_publisher_is_told_why() {
        for (id, reason) in [
            ("", Reason::BAD_REQUEST),
            ("abc", Reason::BAD_REQUEST),
            ("publish:", Reason::BAD_REQUEST),
            ("read:abc", Reason::BAD_MODE),
            ("#!::r=abc", Reason::BAD_MODE),
            ("#!::m=request,r=abc", Reason::BAD_MODE),
            ("#!::m=publish", Reason::BAD_REQUEST),
            ("#!::m=publish,r=", Reason::BAD_REQUEST),
            ("#!::m=else,r=abc", Reason::BAD_REQUEST),
        ] {
            assert_eq!(stream_key(id), Err(reason), "{id}");
        }
    }
}
