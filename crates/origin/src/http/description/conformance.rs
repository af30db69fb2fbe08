//! Whether an answer is one that the description knows: asked of every answer that the tests get.

use std::sync::LazyLock;

use axum::http::header;
use axum::response::Response;
use serde_json::Value;

use super::document;

static DOCUMENT: LazyLock<Value> = LazyLock::new(document);

/// # Panics
/// When the status or the type of the body is not described for the operation.
pub(in crate::http) fn check(method: &str, path: &str, response: &Response) {
    let path = path.split('?').next().unwrap_or_default();
    let Some(operation) = operation(method, path) else { return };
    let status = response.status();
    let described = &operation["responses"][status.as_str()];
    assert!(!described.is_null(), "{method} {path}: {status} is not described");
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next());
    let kinds: Vec<&String> =
        described["content"].as_object().into_iter().flat_map(|kinds| kinds.keys()).collect();
    let fits = method == "HEAD"
        || kinds.iter().map(|kind| Some(kind.as_str())).eq([kind])
        || (kinds.is_empty() && kind.is_none());
    assert!(fits, "{method} {path}: {status} of type {kind:?} where {kinds:?} is described");
}

fn operation(method: &str, path: &str) -> Option<&'static Value> {
    let paths = DOCUMENT["paths"].as_object()?;
    let asked: Vec<&str> = path.split('/').collect();
    let fits = |template: &str| {
        let parts: Vec<&str> = template.split('/').collect();
        parts.len() == asked.len()
            && parts.iter().zip(&asked).all(|(part, asked)| part.starts_with('{') || part == asked)
    };
    let item = paths.iter().find(|(template, _)| fits(template))?.1;
    item.get(method.to_lowercase())
}
