//! The origin's own API, asked over loopback with the owner's token, so that the page sees neither.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Method, Request, header};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use thiserror::Error;
use tokio::net::TcpStream;

use crate::chat::Target;

/// Why the origin did not do it.
#[derive(Debug, Error)]
pub enum ApiError {
    /// It does not run.
    #[error("the origin is off")]
    Off,
    /// It said so, in words.
    #[error("{0}")]
    Refused(String),
    /// It could not be asked, or did not answer as it does.
    #[error("the origin did not answer: {0}")]
    Lost(String),
}

/// Asks the origin and returns what it answers, when that is what was wanted.
///
/// # Errors
/// [`ApiError::Refused`] for every other status.
pub(crate) async fn ask(target: &Target, method: Method, path: &str) -> Result<Bytes, ApiError> {
    tell(target, method, path, None).await
}

/// The same with something to tell.
///
/// # Errors
/// As [`ask`].
pub(crate) async fn tell(
    target: &Target,
    method: Method,
    path: &str,
    body: Option<serde_json::Value>,
) -> Result<Bytes, ApiError> {
    match tokio::time::timeout(ANSWER_MAX, exchange(target, method, path, body)).await {
        Ok(answer) => answer,
        Err(_) => Err(ApiError::Lost(format!("nothing came within {} s", ANSWER_MAX.as_secs()))),
    }
}

async fn exchange(
    target: &Target,
    method: Method,
    path: &str,
    body: Option<serde_json::Value>,
) -> Result<Bytes, ApiError> {
    let lost = |error: &dyn std::fmt::Display| ApiError::Lost(error.to_string());
    let stream = TcpStream::connect(target.http).await.map_err(|error| lost(&error))?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| lost(&error))?;
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, target.http.to_string())
        .header(header::AUTHORIZATION, format!("Bearer {}", target.token));
    if body.is_some() {
        request = request.header(header::CONTENT_TYPE, "application/json");
    }
    let body = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
    let request = request.body(Full::new(body)).map_err(|error| lost(&error))?;
    let answer = async {
        let answer = sender.send_request(request).await.map_err(|error| lost(&error))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| lost(&error))?.to_bytes();
        if status.is_success() {
            return Ok(body);
        }
        let said: Option<Problem> = serde_json::from_slice(&body).ok();
        Err(ApiError::Refused(said.map_or_else(|| status.to_string(), |problem| problem.detail)))
    };
    let mut answer = std::pin::pin!(answer);
    tokio::select! {
        answer = &mut answer => answer,
        // What was read before the connection ended may be the whole answer.
        _ = connection => answer.await,
    }
}

/// RFC 9457.
#[derive(Deserialize)]
struct Problem {
    detail: String,
}

/// Loopback answers at once, and the origin soon after.
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// A class of a thousand is a tenth of it.
const ANSWER_BYTES_MAX: usize = 4 << 20;
