//! A small HTTP client: one GET or POST, its status, headers and body.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// Longer than any blocking reload may block: a playlist's hold is a few target durations of at most 10 s.
const ANSWER_LIMIT: Duration = Duration::from_secs(40);

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    /// The status line's code.
    pub status: StatusCode,
    /// All headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

impl Answer {
    /// The body as text.
    ///
    /// # Panics
    /// When it is no UTF-8.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is text")
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is not.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("no JSON ({error}): {:?}", self.body))
    }

    /// A header's value, empty when there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }
}

/// A client that keeps its connections, as a player does.
#[derive(Clone)]
pub struct Http(Client<HttpConnector, Full<Bytes>>);

impl Http {
    /// A client without a connection yet.
    pub fn new() -> Http {
        Http(Client::builder(TokioExecutor::new()).build(HttpConnector::new()))
    }

    /// Asks for `url`.
    ///
    /// # Errors
    /// When there is no whole answer.
    pub async fn try_get(&self, url: &str) -> Result<Answer, String> {
        self.send(Request::get(url).body(Full::default()).expect("tests make valid requests")).await
    }

    /// Asks for `url`.
    ///
    /// # Panics
    /// When there is no whole answer.
    pub async fn get(&self, url: &str) -> Answer {
        self.try_get(url).await.unwrap_or_else(|error| panic!("GET {url}: {error}"))
    }

    /// Asks for `url` with a token.
    ///
    /// # Panics
    /// When there is no whole answer.
    pub async fn get_as(&self, token: &str, url: &str) -> Answer {
        self.get_with("authorization", &format!("Bearer {token}"), url).await
    }

    /// Asks for `url` with one more header.
    ///
    /// # Panics
    /// When there is no whole answer.
    pub async fn get_with(&self, name: &str, value: &str, url: &str) -> Answer {
        let request = Request::get(url).header(name, value);
        let request = request.body(Full::default()).expect("tests make valid requests");
        self.send(request).await.unwrap_or_else(|error| panic!("GET {url}: {error}"))
    }

    /// Sends JSON to `url`.
    ///
    /// # Panics
    /// When there is no whole answer.
    pub async fn post(&self, url: &str, json: &Value) -> Answer {
        self.send_json(Request::post(url), json).await
    }

    /// Sends JSON to `url` with a token.
    ///
    /// # Panics
    /// When there is no whole answer.
    pub async fn post_as(&self, token: &str, url: &str, json: &Value) -> Answer {
        let request = Request::post(url).header("authorization", format!("Bearer {token}"));
        self.send_json(request, json).await
    }

    /// Sends JSON that changes what is at `url`, with a token.
    ///
    /// # Panics
    /// When there is no whole answer.
    pub async fn patch_as(&self, token: &str, url: &str, json: &Value) -> Answer {
        let request = Request::patch(url).header("authorization", format!("Bearer {token}"));
        self.send_json(request, json).await
    }

    /// Deletes what is at `url`, with a token.
    ///
    /// # Panics
    /// When there is no whole answer.
    pub async fn delete_as(&self, token: &str, url: &str) -> Answer {
        let request = Request::delete(url).header("authorization", format!("Bearer {token}"));
        self.ask(request.body(Full::default()).expect("tests make valid requests")).await
    }

    /// Sends a request of any kind.
    ///
    /// # Panics
    /// When there is no whole answer.
    pub async fn ask(&self, request: Request<Full<Bytes>>) -> Answer {
        let told = format!("{} {}", request.method(), request.uri());
        self.send(request).await.unwrap_or_else(|error| panic!("{told}: {error}"))
    }

    async fn send_json(&self, request: http::request::Builder, json: &Value) -> Answer {
        let request = request
            .header("content-type", "application/json")
            .body(Full::from(json.to_string()))
            .expect("tests make valid requests");
        let told = format!("{} {}", request.method(), request.uri());
        self.send(request).await.unwrap_or_else(|error| panic!("{told}: {error}"))
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<Answer, String> {
        let answered = async {
            let response = self.0.request(request).await.map_err(|error| format!("{error:?}"))?;
            let (head, body) = response.into_parts();
            let body = body.collect().await.map_err(|error| format!("{error:?}"))?.to_bytes();
            Ok(Answer { status: head.status, headers: head.headers, body })
        };
        tokio::time::timeout(ANSWER_LIMIT, answered)
            .await
            .unwrap_or_else(|_| Err(format!("no whole answer within {ANSWER_LIMIT:?}")))
    }
}
