//! Heads of HTTP/1.1 messages: requests that the lane answers, and what goes before an answer's body.

use std::io::Write as _;
use std::time::{Duration, UNIX_EPOCH};

use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, header};

use crate::clock::unix_ms;

/// A request for a file of live media that says nothing which needs more than an answer.
#[derive(Debug)]
pub(super) struct Request {
    /// Path and query.
    pub(super) target: String,
    pub(super) headers: HeaderMap,
    /// Bytes of it.
    pub(super) length: usize,
}

/// What stands at the beginning of what has arrived.
#[derive(Debug)]
pub(super) enum Read {
    Request(Request),
    /// A beginning of what may become one.
    Partial,
    /// Something else, or something that is wrong.
    Other,
}

/// Looks at what has arrived.
pub(super) fn read(bytes: &[u8]) -> Read {
    let begins = |with: &[u8]| bytes.iter().zip(with).all(|(have, wanted)| have == wanted);
    if !begins(BEGINNING) {
        return Read::Other;
    }
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut parsed = httparse::Request::new(&mut headers);
    let length = match parsed.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Read::Partial,
        Err(_) => return Read::Other,
    };
    let (Some(target), Some(1)) = (parsed.path, parsed.version) else { return Read::Other };
    let mut headers = HeaderMap::with_capacity(parsed.headers.len());
    for field in parsed.headers.iter() {
        let (name, value) =
            (HeaderName::from_bytes(field.name.as_bytes()), HeaderValue::from_bytes(field.value));
        let (Ok(name), Ok(value)) = (name, value) else { return Read::Other };
        // A body, another protocol, or the end of the connection.
        let plain = match name {
            header::CONNECTION => value.as_bytes().eq_ignore_ascii_case(b"keep-alive"),
            header::CONTENT_LENGTH | header::TRANSFER_ENCODING | header::UPGRADE | header::EXPECT => false,
            _ => true,
        };
        if !plain {
            return Read::Other;
        }
        headers.append(name, value);
    }
    Read::Request(Request { target: target.to_owned(), headers, length })
}

/// Writes what goes before the body of an answer, which has `length` bytes.
pub(super) fn write<B>(out: &mut Vec<u8>, response: &Response<B>, length: usize) {
    let status = response.status();
    let reason = status.canonical_reason().unwrap_or_default();
    let wrote = write!(out, "HTTP/1.1 {} {reason}\r\ncontent-length: {length}\r\ndate: ", status.as_u16());
    wrote.expect("writing into memory does not fail");
    date(out);
    out.extend_from_slice(b"\r\n");
    for (name, value) in response.headers().iter().filter(|(name, _)| *name != header::CONTENT_LENGTH) {
        for piece in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            out.extend_from_slice(piece);
        }
    }
    out.extend_from_slice(b"\r\n");
}

/// The time as HTTP writes it (RFC 9110 §5.6.7), made once a second.
fn date(out: &mut Vec<u8>) {
    thread_local! {
        static LATEST: std::cell::RefCell<(u64, String)> = const { std::cell::RefCell::new((0, String::new())) };
    }
    let second = unix_ms().unsigned_abs() / 1_000;
    LATEST.with_borrow_mut(|(of, text)| {
        if *of != second || text.is_empty() {
            (*of, *text) = (second, httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(second)));
        }
        out.extend_from_slice(text.as_bytes());
    });
}

/// What the lane answers begins so.
const BEGINNING: &[u8] = b"GET /live/";
/// Fields of a head; browsers send some fifteen.
const HEADERS_MAX: usize = 48;

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::*;

    #[test]
    fn a_plain_request_of_live_media_is_read_with_its_fields() {
        let bytes =
            b"GET /live/demo/main/index.m3u8?_HLS_msn=3 HTTP/1.1\r\nHost: a\r\nRange: bytes=0-\r\n\r\nGET";
        let Read::Request(request) = read(bytes) else { panic!("a request") };
        assert_eq!(request.target, "/live/demo/main/index.m3u8?_HLS_msn=3");
        assert_eq!(request.headers["range"], "bytes=0-");
        assert_eq!(request.length, bytes.len() - 3);
        for length in 0..bytes.len() - 3 {
            assert!(matches!(read(&bytes[..length]), Read::Partial), "{length}");
        }
    }

    #[test]
    fn what_is_more_than_a_question_is_left_to_others() {
        for (target, version, field) in [
            ("/", "1.1", "Host: a"),
            ("/live/demo/main/seg-1.m4s", "1.0", "Host: a"),
            ("/live/demo/main/seg-1.m4s", "1.1", "Connection: close"),
            ("/live/demo/main/seg-1.m4s", "1.1", "Connection: keep-alive, Upgrade"),
            ("/live/demo/main/seg-1.m4s", "1.1", "Content-Length: 3"),
            ("/live/demo/main/seg-1.m4s", "1.1", "Transfer-Encoding: chunked"),
            ("/live/demo/main/seg-1.m4s", "1.1", "Expect: 100-continue"),
            ("/live/demo/main/seg-1.m4s", "1.1", "no field"),
            ("/live/demo/main/seg-1.m4s", "1.1", "Range : bytes=0-"),
        ] {
            let text = format!("GET {target} HTTP/{version}\r\n{field}\r\n\r\n");
            assert!(matches!(read(text.as_bytes()), Read::Other), "{text}");
        }
        assert!(matches!(read(b"POST /live/demo/main/seg-1.m4s"), Read::Other));
        let many = format!("GET /live/a/b/c HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(HEADERS_MAX + 1));
        assert!(matches!(read(many.as_bytes()), Read::Other));
    }

    #[test]
    fn a_head_tells_status_length_date_and_fields() {
        let response = Response::builder()
            .status(StatusCode::PARTIAL_CONTENT)
            .header("content-type", "video/mp4")
            .header("content-length", "999")
            .body(())
            .unwrap();
        let mut out = Vec::new();
        write(&mut out, &response, 7);
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<&str> = text.split("\r\n").collect();
        assert_eq!(lines[..2], ["HTTP/1.1 206 Partial Content", "content-length: 7"]);
        assert!(lines[2].starts_with("date: ") && lines[2].ends_with(" GMT"), "{text}");
        assert_eq!(lines[3..], ["content-type: video/mp4", "", ""]);
    }
}
