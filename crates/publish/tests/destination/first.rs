//! What a first connection begins with.

use media::Span;
use publish::{KeyframeRequest, Publisher, State, Target};
use testkit::Source;
use tokio::net::TcpListener;

use crate::server::accept_and_stop_reading;
use crate::{begin, until};

#[tokio::test]
async fn it_asks_for_a_keyframe_where_the_last_one_is_too_old_to_begin_with() {
    for (gop, asks) in [(600, true), (30, false)] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = Target::parse(&format!("rtmp://{}/live/key", listener.local_addr().unwrap()), None);
        let keyframes = KeyframeRequest::new();
        let publisher = begin(Publisher::start("test".into(), target.unwrap(), keyframes.clone()));
        // Ten seconds go by until the server answers.
        let source = Source { gops: vec![gop], duration: Span::from_secs(10), ..Source::default() };
        source.events().iter().for_each(|event| publisher.feed().push(event));
        assert!(!keyframes.take(), "nobody is connected yet");
        let (stream, _) = listener.accept().await.unwrap();
        let server = tokio::spawn(accept_and_stop_reading(stream));
        until(&publisher, |state| matches!(state, State::Live { .. })).await;
        assert_eq!(keyframes.take(), asks, "groups of {gop} pictures");
        server.abort();
    }
}
