use std::time::Duration;

use srt::{Admission, Call, Error, Passphrase, Reason, connect};

use crate::harness::{call, connected, listen, soon};

async fn refused(call: Call) -> Reason {
    match soon(connect(call)).await {
        Err(Error::Refused(reason)) => reason,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_caller_is_told_why() {
    let listener = listen(|request| match request.stream_id.parse() {
        Ok(code) => Admission::Refuse(Reason::from_code(code)),
        Err(_) => Admission::Admit,
    });
    for reason in [
        Reason::BAD_REQUEST,
        Reason::UNAUTHORIZED,
        Reason::OVERLOAD,
        Reason::FORBIDDEN,
        Reason::NOT_FOUND,
        Reason::CONFLICT,
        Reason::from_code(1_003),
        Reason::from_code(2_042),
    ] {
        assert_eq!(refused(call(&listener, &reason.code().to_string())).await, reason);
    }
    connected(&listener, call(&listener, "in")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passphrase_has_to_be_the_same_on_both_sides() {
    let good = Passphrase::new("correct horse").unwrap();
    let listener = listen({
        let good = good.clone();
        move |request| match request.stream_id {
            "secret" => Admission::AdmitWith(good.clone()),
            _ => Admission::Admit,
        }
    });
    let with = |stream_id: &str, passphrase: Option<&str>| {
        let mut call = call(&listener, stream_id);
        call.passphrase = passphrase.map(|secret| Passphrase::new(secret).unwrap());
        call
    };
    assert_eq!(refused(with("secret", Some("battery staple"))).await, Reason::BAD_SECRET);
    assert_eq!(refused(with("secret", None)).await, Reason::UNSECURE);
    assert_eq!(refused(with("open", Some("correct horse"))).await, Reason::UNSECURE);
    connected(&listener, with("secret", Some("correct horse"))).await;
    connected(&listener, with("open", None)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_while_answering_refuses_that_caller_alone() {
    let listener = listen(|request| {
        assert_ne!(request.stream_id, "panic", "this caller makes the answer panic");
        Admission::Admit
    });
    assert_eq!(refused(call(&listener, "panic")).await, Reason::INTERNAL);
    connected(&listener, call(&listener, "fine")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_there_is_a_timeout() {
    // Bound and silent, so that nothing else can have the port.
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut call = Call::new(silent.local_addr().unwrap(), "");
    call.timeout = Duration::from_millis(300);
    assert_eq!(refused(call).await, Reason::TIMEOUT);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_id_that_does_not_fit_is_not_sent() {
    let listener = listen(|_| Admission::Admit);
    let result = connect(call(&listener, &"x".repeat(513))).await;
    assert!(matches!(result, Err(Error::StreamIdTooLong { bytes: 513 })));
    let (_near, far) = connected(&listener, call(&listener, &"x".repeat(512))).await;
    assert_eq!(far.stream_id().unwrap().len(), 512);
}
