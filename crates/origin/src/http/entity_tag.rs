//! Whether whoever asks has what they ask for already.
//!
//! Spec: RFC 9110 §8.8.3, §13.1.2, §13.1.5.

use axum::http::{HeaderMap, header};

/// Whether `If-None-Match` names `tag`, a strong one in its quotes. Compared weakly, as the standard has it here.
pub(super) fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|known| known.to_str().ok());
    // Our own tags hold no comma.
    known
        .flat_map(|known| known.split(','))
        .map(str::trim)
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

/// Whether a range may be answered: without `If-Range`, or when that names what there is. A date does not, since no
/// answer has one to compare with, and neither does a weak tag.
pub(super) fn takes_range(headers: &HeaderMap, tag: Option<&str>) -> bool {
    let Some(wanted) = headers.get(header::IF_RANGE) else { return true };
    tag.is_some_and(|tag| wanted.as_bytes() == tag.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn what_is_known_is_named_weakly_in_a_list_or_by_a_star() {
        for known in ["\"a\"", "W/\"a\"", "*", "\"b\", W/\"a\""] {
            assert!(is_known(&with(header::IF_NONE_MATCH, known), "\"a\""), "{known}");
        }
        for other in ["\"b\"", "a", "", "W/a"] {
            assert!(!is_known(&with(header::IF_NONE_MATCH, other), "\"a\""), "{other}");
        }
        assert!(!is_known(&HeaderMap::new(), "\"a\""));
    }

    #[test]
    fn a_range_is_of_what_whoever_asks_has_begun() {
        let takes = |wanted: &str, tag| takes_range(&with(header::IF_RANGE, wanted), tag);
        assert!(takes_range(&HeaderMap::new(), None) && takes("\"a\"", Some("\"a\"")));
        assert!(!takes("\"b\"", Some("\"a\"")) && !takes("W/\"a\"", Some("\"a\"")) && !takes("\"a\"", None));
        assert!(!takes("Sun, 22 Nov 2026 15:00:00 GMT", Some("\"a\"")));
    }
}
