//! RTMPS: who is believed, and that the same is spoken inside.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use publish::{CauseKind, KeyframeRequest, Publisher, State, Target, Trust};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::server::refuse;
use crate::{begin, until};

/// A server with a certificate of its own for `localhost`, and that certificate in a file.
async fn server(file: &str) -> (String, PathBuf, tokio::task::JoinHandle<()>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(file);
    std::fs::write(&path, made.cert.pem()).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("rtmps://localhost:{}/live/key", listener.local_addr().unwrap().port());
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(stream) = acceptor.accept(stream).await {
                refuse(stream).await;
            }
        }
    });
    (url, path, task)
}

fn publisher(url: &str, trust: Trust) -> Publisher {
    let target = Target::parse(url, None).unwrap().trusting(trust);
    begin(Publisher::start("test".into(), target, KeyframeRequest::new()))
}

async fn failure(publisher: &Publisher) -> String {
    match until(publisher, |state| state.is_final() || matches!(state, State::Retrying { .. })).await {
        State::Failed { cause } => cause.to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_certificate_of_the_given_file_is_believed() {
    let (url, file, server) = server("believed.pem").await;
    let publisher = publisher(&url, Trust::with_file(&file).unwrap());
    // Only inside of the connection can the server say that.
    assert_eq!(failure(&publisher).await, "the server refuses the stream key: No such key: secret-key.");
    server.abort();
}

#[tokio::test]
async fn an_unknown_certificate_is_final_and_named() {
    let (url, _, server) = server("unknown.pem").await;
    let said = failure(&publisher(&url, Trust::default())).await;
    assert!(said.starts_with("the server's certificate is not trusted: "), "{said}");
    server.abort();
}

#[tokio::test]
async fn a_server_without_tls_is_tried_again_with_a_hint() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("rtmps://localhost:{}/live/key", listener.local_addr().unwrap().port());
    let publisher = publisher(&url, Trust::default());
    let server = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            refuse(stream).await;
        }
    });
    let state = until(&publisher, |state| matches!(state, State::Retrying { .. })).await;
    let State::Retrying { cause, .. } = state else { panic!("it tries again") };
    assert_eq!(cause.kind, CauseKind::NotTls, "{cause}");
    assert!(publisher.finish(Duration::from_secs(1)).await);
    server.abort();
}

#[test]
fn a_file_without_certificates_is_told() {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("none.pem");
    std::fs::write(&path, "nothing").unwrap();
    let said = Trust::with_file(&path).err().unwrap().to_string();
    assert!(said.ends_with("it holds no certificate in PEM"), "{said}");
    assert!(Trust::with_file(&path.join("not-there")).is_err());
}
