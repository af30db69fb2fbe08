//! The way from a command to the running origin.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::data_folder::RunFile;

/// Talks to the origin that left this `run.json`.
pub(super) struct Client {
    run: RunFile,
}

/// Why there is no good answer.
#[derive(Debug, Error)]
pub(super) enum ClientError {
    #[error("the running origin (process {pid}, http {http}) cannot be reached: {source}")]
    Unreachable { pid: u32, http: std::net::SocketAddr, source: std::io::Error },
    #[error("the running origin did not answer within {} s", ANSWER_MAX.as_secs())]
    Timeout,
    #[error("talking to the running origin: {0}")]
    Http(#[from] hyper::Error),
    #[error("{0}")]
    Refused(String),
    #[error("the running origin's answer cannot be read: {0}")]
    Unreadable(String),
}

impl Client {
    pub(super) fn new(run: RunFile) -> Client {
        Client { run }
    }

    pub(super) async fn get(&self, path: &str) -> Result<Value, ClientError> {
        self.ask(Method::GET, path, None).await
    }

    pub(super) async fn post(&self, path: &str, body: Option<Value>) -> Result<Value, ClientError> {
        self.ask(Method::POST, path, body).await
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, ClientError> {
        timeout(ANSWER_MAX, self.exchange(method, path, body)).await.map_err(|_| ClientError::Timeout)?
    }

    async fn exchange(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, ClientError> {
        let RunFile { pid, http, .. } = self.run;
        let mut address = http;
        if address.ip().is_unspecified() {
            address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
        }
        let unreachable = |source| ClientError::Unreachable { pid, http, source };
        let socket = TcpStream::connect(address).await.map_err(unreachable)?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(socket)).await?;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, address.to_string())
            .header(header::AUTHORIZATION, format!("Bearer {}", self.run.token))
            .header(header::CONTENT_TYPE, "application/json")
            .body(body.map_or_else(Body::empty, |body| Body::from(body.to_string())))
            .expect("method, path and headers are of this program's making");
        let answer = async {
            let response = sender.send_request(request).await?;
            let status = response.status();
            let bytes = to_bytes(Body::new(response.into_body()), ANSWER_BYTES_MAX).await;
            let bytes = bytes.map_err(|error| ClientError::Unreadable(error.to_string()))?;
            Ok::<_, ClientError>((status, bytes))
        };
        tokio::pin!(answer);
        let (status, bytes) = tokio::select! {
            answered = &mut answer => answered?,
            closed = connection => {
                closed?;
                answer.await?
            }
        };
        read(status, &bytes)
    }
}

fn read(status: StatusCode, bytes: &[u8]) -> Result<Value, ClientError> {
    let value: Value =
        serde_json::from_slice(bytes).map_err(|error| ClientError::Unreadable(error.to_string()))?;
    if status.is_success() {
        return Ok(value);
    }
    Err(ClientError::Refused(value["detail"].as_str().unwrap_or("refused").to_owned()))
}

/// Hashing a password takes the longest, well below a second on a slow machine.
const ANSWER_MAX: Duration = Duration::from_secs(20);
/// A list of ten thousand rooms.
const ANSWER_BYTES_MAX: usize = 4 << 20;
