//! Errors as programs and people read them.
//!
//! Spec: RFC 9457.

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::accounts::{AccountError, PasswordError, whole_seconds};
use crate::store::StoreError;

/// What a refused request is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Problem {
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "about:blank")]
    kind: &'static str,
    /// The status in words.
    #[schema(value_type = String)]
    title: &'static str,
    #[serde(serialize_with = "as_number")]
    #[schema(value_type = u16, minimum = 400, maximum = 599)]
    status: StatusCode,
    /// What is wrong, for people.
    detail: String,
    /// One word for programs, where the status alone does not say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    code: Option<&'static str>,
    /// When asking again may help.
    #[serde(
        rename = "retry_after_ms",
        serialize_with = "as_millis",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<u64>)]
    retry_after: Option<Duration>,
    /// Wrong passwords that are left before waiting begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    tries_left: Option<u32>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Problem {
        let title = status.canonical_reason().unwrap_or("Error");
        Problem {
            kind: "about:blank",
            title,
            status,
            detail: detail.into(),
            code: None,
            retry_after: None,
            tries_left: None,
        }
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::NOT_FOUND, detail)
    }

    pub(crate) fn forbidden(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::FORBIDDEN, detail)
    }

    /// Nobody is known to ask.
    pub(crate) fn unknown_caller() -> Problem {
        Problem::new(StatusCode::UNAUTHORIZED, "sign in, or bring a valid bearer token")
    }

    /// Somebody asked too often.
    pub(crate) fn too_many(wait: Duration) -> Problem {
        AccountError::TooManyRequests { wait }.into()
    }

    /// Asking again helps when the wait is over.
    pub(crate) fn wait(detail: impl Into<String>, wait: Duration) -> Problem {
        let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, detail).with_code("too_many_requests");
        Problem { retry_after: Some(wait), ..problem }
    }

    /// With a word that programs can tell this refusal by: one of [`CODES`] or [`MEDIA_CODES`].
    pub(crate) fn with_code(self, code: &'static str) -> Problem {
        debug_assert!(CODES.contains(&code) || MEDIA_CODES.contains(&code), "{code} is not a listed code");
        Problem { code: Some(code), ..self }
    }

    /// With when asking again may help, where that is known.
    pub(crate) fn after(self, retry_after: Option<Duration>) -> Problem {
        Problem { retry_after, ..self }
    }

    pub(crate) fn bad_request(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_string(&self).expect("a problem holds only texts and a number");
        let kind = HeaderValue::from_static("application/problem+json");
        let mut response = (self.status, [(header::CONTENT_TYPE, kind)], body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(wait) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(whole_seconds(wait)));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// Answers of layers and extractors that are not ours come in plain text: as a problem they are told like all others.
pub(super) async fn in_words(response: Response) -> Response {
    let status = response.status();
    let kind = response.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    let plain = kind.is_none_or(|kind| kind.starts_with(b"text/plain"));
    if !(status.is_client_error() || status.is_server_error()) || !plain {
        return response;
    }
    let (parts, body) = response.into_parts();
    let detail = axum::body::to_bytes(body, DETAIL_BYTES_MAX).await.unwrap_or_default();
    let detail = String::from_utf8_lossy(&detail);
    let detail = match detail.trim() {
        "" => status.canonical_reason().unwrap_or("refused"),
        detail => detail,
    };
    let mut told = Problem::new(status, detail).into_response();
    for (name, value) in &parts.headers {
        if !matches!(*name, header::CONTENT_TYPE | header::CONTENT_LENGTH | header::CACHE_CONTROL) {
            told.headers_mut().append(name, value.clone());
        }
    }
    told
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Problem {
        match error {
            StoreError::Exists { .. } => {
                Problem::new(StatusCode::CONFLICT, error.to_string()).with_code("name_taken")
            }
            StoreError::LastAdmin => {
                Problem::new(StatusCode::CONFLICT, error.to_string()).with_code("last_admin")
            }
            StoreError::TooMany { .. } => {
                Problem::new(StatusCode::CONFLICT, error.to_string()).with_code("too_many")
            }
            StoreError::NotEnough => {
                Problem::new(StatusCode::CONFLICT, error.to_string()).with_code("not_enough")
            }
            StoreError::Missing { .. } => Problem::not_found(error.to_string()),
            other => {
                tracing::error!(error = %other, "the store failed");
                Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the store failed; the log says more")
            }
        }
    }
}

impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Problem {
        let detail = error.to_string();
        let refused = |status, code| Problem::new(status, &*detail).with_code(code);
        match error {
            AccountError::Store(error) => error.into(),
            AccountError::Password(PasswordError::Hash) => {
                Problem::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
            }
            AccountError::Password(PasswordError::Busy) => refused(StatusCode::SERVICE_UNAVAILABLE, "busy"),
            AccountError::Password(PasswordError::TooShort) => {
                refused(StatusCode::BAD_REQUEST, "password_too_short")
            }
            AccountError::Password(PasswordError::TooLong) => {
                refused(StatusCode::BAD_REQUEST, "password_too_long")
            }
            AccountError::Name(_) | AccountError::NameOfMarks => {
                refused(StatusCode::BAD_REQUEST, "name_refused")
            }
            AccountError::Wrong { tries_left } => {
                let problem = refused(StatusCode::UNAUTHORIZED, "wrong_password");
                Problem { tries_left: Some(tries_left), ..problem }
            }
            AccountError::TooManyTries { wait } => {
                let problem = refused(StatusCode::TOO_MANY_REQUESTS, "too_many_tries");
                Problem { retry_after: Some(wait), ..problem }
            }
            AccountError::TooManyRequests { wait } => {
                let problem = refused(StatusCode::TOO_MANY_REQUESTS, "too_many_requests");
                Problem { retry_after: Some(wait), ..problem }
            }
            AccountError::RegistrationClosed => refused(StatusCode::FORBIDDEN, "registration_closed"),
            AccountError::InvitationNeeded => refused(StatusCode::FORBIDDEN, "invitation_needed"),
            AccountError::InvitationWrong => refused(StatusCode::FORBIDDEN, "invitation_wrong"),
            AccountError::Email => refused(StatusCode::BAD_REQUEST, "email_refused"),
            AccountError::NoLetters => refused(StatusCode::CONFLICT, "no_letters"),
            AccountError::PostFull => refused(StatusCode::SERVICE_UNAVAILABLE, "busy"),
            AccountError::Locked => refused(StatusCode::FORBIDDEN, "account_locked"),
            AccountError::LinkWrong => refused(StatusCode::FORBIDDEN, "link_wrong"),
        }
    }
}

fn as_number<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

fn as_millis<S: serde::Serializer>(wait: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    let millis = wait.map_or(0, |wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
    serializer.serialize_u64(millis)
}

/// Every code that the API gives.
pub(super) const CODES: [&str; 38] = [
    "account_locked",
    "already_voted",
    "banned",
    "busy",
    "closed",
    "email_refused",
    "emotes_only",
    "empty",
    "entry_needed",
    "followers_only",
    "full",
    "invitation_needed",
    "invitation_wrong",
    "last_admin",
    "link_wrong",
    "locked",
    "name_refused",
    "name_taken",
    "no_letters",
    "not_enough",
    "password_too_long",
    "password_too_short",
    "picture_broken",
    "picture_kind",
    "picture_too_long",
    "private_address",
    "rate_limited",
    "registration_closed",
    "rejected",
    "scope_missing",
    "sign_in_needed",
    "slow_mode",
    "timed_out",
    "too_long",
    "too_many",
    "too_many_requests",
    "too_many_tries",
    "wrong_password",
];
/// Every code that only media is refused with.
const MEDIA_CODES: [&str; 4] = ["link_expired", "room_full", "session_ended", "session_needed"];
/// Of a foreign answer's words; they are one line.
const DETAIL_BYTES_MAX: usize = 4 << 10;
