//! Text that would like to be more than text, in a browser.

use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::harness::accessibility::faults;
use crate::harness::chat::Chat;
use crate::harness::machine::beside_others;
use crate::harness::publisher::push_pattern;
use crate::harness::room_page::{LIMIT, Page, host};
use crate::harness::server::Server;
use crate::harness::wait::{seconds, until};

/// A name of markup, as a guest's address asks for it: `<b>Eve</b>`.
const NAME: &str = "%3Cb%3EEve%3C%2Fb%3E";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_text_is_text_in_a_browser_in_the_log_and_over_the_picture() {
    beside_others(seconds(300), async {
        let corpus: Vec<String> =
            serde_json::from_str(include_str!("testdata/hostile_text.json")).expect("a list of texts");
        let server = Server::start().await;
        let room = server.owner.room.to_string();
        let _publisher = push_pattern(&server.rtmp_url(&server.owner.stream_key));
        server.live(&room).await;
        let page: Page = host(&server).await;
        until("the picture", LIMIT, async || (page.counts("[data-testid=danmaku]").await == 1).then_some(()))
            .await;
        // What ever flies is looked at, also when it has left again.
        page.session().run(WATCH_THE_SKY, vec![]).await;
        for text in &corpus {
            let mut eve = Chat::join(server.http_address, &room, NAME).await;
            let danmaku = json!({"color": "#ffffff", "position": "scroll"});
            let frame = json!({"type": "send", "id": "c1", "text": text, "danmaku": danmaku});
            eve.send(Message::text(frame.to_string())).await;
            assert!(eve.frame("ack").await.is_some(), "{text:?} is stored");
        }
        until("all of it", LIMIT, async || {
            (page.counts("[data-testid=chat-message]").await == corpus.len() as u64).then_some(())
        })
        .await;
        page.choose("window.hit=1</script>", "Pin").await;
        page.tells("pinned", "<script>window.hit=1</script>").await;
        let found = page.session().run(WHAT_IS_THERE, vec![]).await;
        let expected = json!({"hit": 0, "inText": 0, "inNames": 0, "inSky": 0, "foreign": 0, "flew": true});
        assert_eq!(found, expected, "nothing is made of it");
        let names = page.session().run("return document.querySelector('.who').textContent", vec![]).await;
        assert_eq!(names, "<b>Eve</b>");
        page.picture("hostile-text.png").await;
        assert_eq!(faults(page.session()).await, Vec::<String>::new());
    })
    .await;
}

/// Counts elements inside of messages that fly, and that some fly.
const WATCH_THE_SKY: &str = "window.__inSky = 0; window.__flew = false;
    new MutationObserver((changes) => changes.forEach((change) => change.addedNodes.forEach((node) => {
        window.__flew = true; window.__inSky += node.childElementCount ?? 0;
    }))).observe(document.querySelector('[data-testid=danmaku]'), { childList: true });";
/// Elements where only text may be; a `mark` is the page's own.
const WHAT_IS_THERE: &str = "const count = (selector) => document.querySelectorAll(selector).length;
    return { hit: window.hit ?? 0, inText: count('[data-testid=chat-message] .text :not(mark)'),
        inNames: count('[data-testid=chat-message] .who *'), inSky: window.__inSky, flew: window.__flew,
        foreign: count('aside img, aside script, aside iframe, aside style, aside h1, [data-testid=pinned] p *:not(.semi)') };";
