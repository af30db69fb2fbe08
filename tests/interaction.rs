//! Two people in one room, each in a browser: a host who keeps order and asks, and a guest who takes part.

use serde_json::json;

use crate::harness::accessibility::faults;
use crate::harness::browser::Browser;
use crate::harness::machine::beside_others;
use crate::harness::publisher::push_pattern;
use crate::harness::room_page::{LIMIT, Page, host};
use crate::harness::server::Server;
use crate::harness::wait::{seconds, until};
use crate::harness::watch_page::shows_line;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_keeps_order_and_a_guest_takes_part() {
    beside_others(seconds(450), async {
        let server = Server::start().await;
        let room = server.owner.room.to_string();
        let _publisher = push_pattern(&server.rtmp_url(&server.owner.stream_key));
        server.live(&room).await;
        let host = host(&server).await;
        let guest = Page(Browser::open(&server.watch_url(&room)).await);
        talk(&host, &guest).await;
        ask(&host, &guest).await;
        teach(&host, &guest).await;
        keep_order(&host, &guest).await;
        for (page, name) in [(&host, "host"), (&guest, "guest")] {
            for theme in ["dark", "light"] {
                page.theme(theme).await;
                assert_eq!(faults(page.session()).await, Vec::<String>::new(), "{name}, {theme}");
                page.picture(&format!("interaction-{name}-{theme}.png")).await;
            }
        }
        guest.session().client.set_window_size(390, 844).await.expect("a phone's size");
        guest.picture("interaction-guest-phone.png").await;
        assert_eq!(faults(guest.session()).await, Vec::<String>::new(), "as wide as a phone");
    })
    .await;
}

/// Messages: hostile ones too, answers, mentions, what flies, what is pinned, likes.
async fn talk(host: &Page, guest: &Page) {
    let hostile = "<img src=x onerror=\"window.hit=1\"><script>window.hit=1</script>";
    guest.say(hostile).await;
    shows_line(host.session(), "<img src=x onerror=", LIMIT).await;
    let hit = host.session().run("return window.hit ?? 0", vec![]).await;
    assert_eq!((hit, host.counts("[role=log] img, [role=log] script").await), (json!(0), 0), "text is text");
    guest.press("[data-testid=danmaku-also]").await;
    guest.say("over the picture").await;
    until("a flying message", LIMIT, async || {
        (host.counts("[data-testid=danmaku] .fly").await > 0).then_some(())
    })
    .await;
    host.picture("interaction-danmaku.png").await;
    guest.press("[data-testid=danmaku-also]").await;
    shows_line(host.session(), "over the picture", LIMIT).await;
    host.press("[data-testid=chat-message]:last-of-type [data-testid=message-reply]").await;
    host.tells("chat-reply", "over the picture").await;
    host.say("I saw that").await;
    until("the answer", LIMIT, async || (guest.counts(".quote").await == 1).then_some(())).await;
    host.choose("I saw that", "Pin").await;
    guest.tells("pinned", "I saw that").await;
    guest.press("[data-testid=like]").await;
    guest.press("[data-testid=like]").await;
    host.tells("like", "2").await;
}

/// A poll and a question.
async fn ask(host: &Page, guest: &Page) {
    host.tool("poll").await;
    host.session().type_into("poll-question", "Which meter next?").await;
    for (number, answer) in ["Loudness", "Spectrum"].into_iter().enumerate() {
        let script = "const box = document.querySelectorAll('[data-testid=poll-answer]')[arguments[0]];
            box.value = arguments[1]; box.dispatchEvent(new Event('input', { bubbles: true }))";
        host.session().run(script, vec![json!(number), json!(answer)]).await;
    }
    host.picture("interaction-new-poll.png").await;
    host.press("[data-testid=poll-start]").await;
    guest.tells("poll", "Which meter next?").await;
    guest.press("[data-testid=poll-option]").await;
    guest.tells("poll-share", "100%").await;
    host.tells("poll-share", "100%").await;
    host.press("[data-testid=poll-close]").await;
    guest.tells("poll", "Closed").await;
    guest.tool("questions").await;
    guest.session().type_into("question-input", "Why a meter?").await;
    guest.press("[data-testid=question-send]").await;
    host.tool("questions").await;
    host.tells("question", "Why a meter?").await;
    host.press("[data-testid=question-up]").await;
    guest.tells("question-up", "1").await;
    host.press("[data-testid=question-answered]").await;
    until("no question", LIMIT, async || (guest.counts("[data-testid=question]").await == 0).then_some(()))
        .await;
    guest.tool("questions").await;
}

/// A class: a hand goes up while the chat is locked, and may speak.
async fn teach(host: &Page, guest: &Page) {
    host.tool("settings").await;
    host.press("[data-testid=rule-class]").await;
    host.press("[data-testid=rule-locked]").await;
    guest.tells("chat-barred", "locked").await;
    guest.press("[data-testid=hand-raise]").await;
    guest.tells("hand-place", "number 1").await;
    host.tool("hands").await;
    host.picture("interaction-hands.png").await;
    host.press("[data-testid=hand-call]").await;
    guest.tells("hand-place", "You may speak").await;
    guest.say("thank you, teacher").await;
    shows_line(host.session(), "thank you, teacher", LIMIT).await;
    host.press("[data-testid=hand-lower]").await;
    host.tool("settings").await;
    host.press("[data-testid=rule-locked]").await;
    host.press("[data-testid=rule-class]").await;
    host.press("[data-testid=rule-hold_links]").await;
    until("an open chat", LIMIT, async || guest.session().offers("chat-input").await.then_some(())).await;
}

/// A held message, a time-out that is undone, a line that is taken away, a ban.
async fn keep_order(host: &Page, guest: &Page) {
    until("links to be held", LIMIT, async || {
        let script = "return document.querySelector('[data-testid=rule-hold_links]')?.checked";
        (host.session().run(script, vec![]).await == json!(true)).then_some(())
    })
    .await;
    guest.say("see www.example").await;
    guest.tells("chat-pending", "Waiting for a moderator").await;
    host.tool("held").await;
    host.tells("held", "see www.example").await;
    host.picture("interaction-held.png").await;
    host.press("[data-testid=held-show]").await;
    shows_line(guest.session(), "see www.example", LIMIT).await;
    host.tool("held").await;
    host.choose("thank you, teacher", "Time out for 10 min").await;
    guest.tells("chat-barred", "You cannot write until").await;
    host.press("[data-testid=chat-undo] button").await;
    until("an open chat", LIMIT, async || guest.session().offers("chat-input").await.then_some(())).await;
    host.choose("thank you, teacher", "Delete").await;
    guest.tells("chat-message", "Message deleted").await;
    host.choose("see www.example", "Ban").await;
    guest.tells("chat-barred", "banned").await;
}
