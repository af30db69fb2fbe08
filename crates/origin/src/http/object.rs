//! Bodies of requests: one JSON object, of known fields.

use std::fmt::Display;

use axum::RequestExt as _;
use axum::body::{Body, Bytes};
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use serde::de::DeserializeOwned;

use super::problem::Problem;

/// A body of one JSON object. An array of its fields is refused, which serde reads as well, and so is a field that
/// nothing reads: a misspelt one would be a wish that is passed over in silence.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Object<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + 'static> FromRequest<S> for Object<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Object<T>, Problem> {
        let (parts, body) = request.into_parts();
        let whole = Request::from_parts(parts.clone(), body).extract::<Bytes, _>().await;
        let bytes = whole.map_err(|error| refused(error.status(), error.body_text()))?;
        let request = Request::from_parts(parts, Body::from(bytes.clone()));
        let axum::Json(value) = request
            .extract::<axum::Json<T>, _>()
            .await
            .map_err(|error: JsonRejection| refused(error.status(), error.body_text()))?;
        if bytes.trim_ascii_start().first() != Some(&b'{') {
            return Err(unexpected("expected an object"));
        }
        match unknown_field::<T>(&bytes) {
            Some(field) => Err(unexpected(format_args!("unknown field `{field}`"))),
            None => Ok(Object(value)),
        }
    }
}

/// The first field of a body that `T` does not have.
fn unknown_field<T: DeserializeOwned>(body: &[u8]) -> Option<String> {
    let mut unknown = None;
    let read = &mut serde_json::Deserializer::from_slice(body);
    let read = serde_ignored::deserialize::<_, _, T>(read, |path| {
        unknown.get_or_insert_with(|| path.to_string());
    });
    read.ok().and(unknown)
}

fn unexpected(what: impl Display) -> Problem {
    let words = format!("Failed to deserialize the JSON body into the target type: {what}");
    refused(StatusCode::UNPROCESSABLE_ENTITY, words)
}

fn refused(status: StatusCode, words: String) -> Problem {
    Problem::new(status, words)
}
