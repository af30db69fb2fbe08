//! Errors as programs and people read them.
//!
//! Spec: RFC 9457.

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::accounts::{AccountError, PasswordError, whole_seconds};
use crate::store::StoreError;

/// What a refused request is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Problem {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    #[serde(serialize_with = "as_number")]
    status: StatusCode,
    detail: String,
    /// One word for programs, where the status alone does not say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    /// When asking again may help.
    #[serde(
        rename = "retry_after_ms",
        serialize_with = "as_millis",
        skip_serializing_if = "Option::is_none"
    )]
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

    /// With a word that programs can tell this refusal by.
    pub(crate) fn with_code(self, code: &'static str) -> Problem {
        Problem { code: Some(code), ..self }
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
