//! What else a room has, by two people in two browsers: commands, rules, quizzes, a class with its list, and a chat that
//! comes back after its line was cut.

use serde_json::{Value, json};

use crate::harness::accessibility::faults;
use crate::harness::breakable_line::BreakableLine;
use crate::harness::browser::Browser;
use crate::harness::environment::keep_screenshot;
use crate::harness::machine::beside_others;
use crate::harness::publisher::push_pattern;
use crate::harness::room_page::{LIMIT, Page, host};
use crate::harness::server::Server;
use crate::harness::wait::{seconds, until};
use crate::harness::watch_page::shows_line;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_teacher_and_a_student_use_what_else_a_room_has() {
    beside_others(seconds(450), async {
        let server = Server::start().await;
        let room = server.owner.room.to_string();
        let _publisher = push_pattern(&server.rtmp_url(&server.owner.stream_key));
        server.live(&room).await;
        let line = BreakableLine::to(server.http_address).await;
        let host = host(&server).await;
        let guest = Page(Browser::open(&format!("http://{}/r/{room}", line.address)).await);
        words(&host, &guest).await;
        rules(&host, &guest).await;
        quizzes(&host, &guest).await;
        comes_back(&line, &host, &guest).await;
        class(&server, &host, guest).await;
        what_was_done(&server, &host).await;
    })
    .await;
}

impl Page {
    /// Chooses an option of a list, as a person does.
    async fn pick(&self, test_id: &str, value: &str) {
        let script = "const list = document.querySelector(`[data-testid='${arguments[0]}']`);
            if (!list) return false;
            list.value = arguments[1];
            list.dispatchEvent(new Event('change', { bubbles: true }));
            return list.value === arguments[1]";
        until(test_id, LIMIT, async || {
            (self.session().run(script, vec![json!(test_id), json!(value)]).await == json!(true))
                .then_some(())
        })
        .await;
    }

    /// Waits until a selector finds nothing.
    async fn loses(&self, selector: &str) {
        until(&format!("no {selector}"), LIMIT, async || (self.counts(selector).await == 0).then_some(()))
            .await;
    }

    async fn finds(&self, selector: &str) {
        until(selector, LIMIT, async || (self.counts(selector).await > 0).then_some(())).await;
    }

    async fn may_write(&self) {
        until("an open chat", LIMIT, async || self.session().offers("chat-input").await.then_some(())).await;
    }

    /// Opens a form for a poll and fills it in.
    async fn fills_a_poll(&self, question: &str, answers: [&str; 2]) {
        self.tool("poll").await;
        self.session().type_into("poll-question", question).await;
        for (number, answer) in answers.into_iter().enumerate() {
            let script = "const box = document.querySelectorAll('[data-testid=poll-answer]')[arguments[0]];
                box.value = arguments[1]; box.dispatchEvent(new Event('input', { bubbles: true }))";
            self.session().run(script, vec![json!(number), json!(answer)]).await;
        }
    }
}

/// A mention stands out, an own line is taken back, a pinned one comes down, commands do what the buttons do.
async fn words(host: &Page, guest: &Page) {
    guest.may_write().await;
    guest.say("@Mara can you hear me?").await;
    shows_line(host.session(), "can you hear me?", LIMIT).await;
    assert_eq!(
        (host.counts(".msg.me").await, guest.counts(".msg.me").await),
        (1, 0),
        "she is called by name"
    );
    guest.say("a slip").await;
    shows_line(host.session(), "a slip", LIMIT).await;
    guest.choose("a slip", "Delete").await;
    host.tells("chat-message", "Message deleted").await;
    host.choose("can you hear me?", "Pin").await;
    guest.tells("pinned", "can you hear me?").await;
    host.press("[data-testid=pinned] button").await;
    guest.loses("[data-testid=pinned]").await;

    let name = "return document.querySelector('[data-testid=chat-message] .who')?.textContent";
    let name = host.session().run(name, vec![]).await;
    let name = name.as_str().expect("the guest has a name");
    host.say(&format!("/timeout {name} 1h")).await;
    guest.tells("chat-barred", "You cannot write until").await;
    host.say(&format!("/untimeout @{name}")).await;
    guest.may_write().await;
    // A time that no entry of the menu has, and a reason that the student is told.
    host.choose("can you hear me?", "Other time, reason…").await;
    host.finds("[data-testid=silence-reason]").await;
    let clear = "const field = document.querySelector('[data-testid=silence-count]');
        field.value = ''; field.dispatchEvent(new Event('input', { bubbles: true }))";
    host.session().run(clear, vec![]).await;
    host.session().type_into("silence-count", "3").await;
    host.pick("silence-unit", "86400").await;
    host.session().type_into("silence-reason", "Too loud").await;
    assert_eq!(faults(host.session()).await, Vec::<String>::new());
    keep_screenshot("web-silence.png", &host.session().screenshot().await);
    host.press("[data-testid=silence-go]").await;
    guest.tells("chat-barred", "Reason: Too loud").await;
    host.say(&format!("/untimeout {name}")).await;
    guest.may_write().await;
    host.say(&format!("/ban {name} sells watches")).await;
    guest.tells("chat-barred", "You are banned from writing in this chat. Reason: sells watches").await;
    keep_screenshot("web-banned.png", &guest.session().screenshot().await);
    host.say(&format!("/unban {name}")).await;
    guest.may_write().await;
    host.say("/slow 30").await;
    guest.tells("chat-slow", "30 s").await;
    host.say("/slow off").await;
    guest.loses("[data-testid=chat-slow]").await;
    assert_eq!(host.counts("[data-testid=chat-pending]").await, 0, "commands are no messages");

    guest.press("[data-testid=danmaku-also]").await;
    let script =
        "const place = [...document.querySelectorAll('select')].find((list) => list.value === 'scroll');
        place.value = 'top'; place.dispatchEvent(new Event('change', { bubbles: true }));
        document.querySelector('input[name=danmaku-colour][value=\"#ffd166\"]').click()";
    guest.session().run(script, vec![]).await;
    guest.say("gold, at the top").await;
    until("a message over the picture", LIMIT, async || {
        let flying = "const fly = document.querySelector('.fly'); return fly && getComputedStyle(fly).color";
        (host.session().run(flying, vec![]).await == json!("rgb(255, 209, 102)")).then_some(())
    })
    .await;
    guest.press("[data-testid=danmaku-also]").await;
}

/// Emoji only, words that are held, writing for some.
async fn rules(host: &Page, guest: &Page) {
    host.tool("settings").await;
    host.press("[data-testid=rule-emotes_only]").await;
    guest.finds(".say .hint").await;
    guest.say("many words").await;
    guest.finds("[data-testid=chat-pending] .err").await;
    guest.press("[data-testid=chat-pending] .btn.ghost").await;
    guest.say("🎉").await;
    shows_line(host.session(), "🎉", LIMIT).await;
    host.press("[data-testid=rule-emotes_only]").await;
    guest.loses(".say .hint").await;

    let script = "const box = document.querySelector('[data-testid=rule-words]');
        box.value = 'rhubarb'; box.dispatchEvent(new Event('input', { bubbles: true }));
        document.querySelector('[data-testid=rules] button').click()";
    host.session().run(script, vec![]).await;
    guest.say("a Rhubarb pie").await;
    guest.tells("chat-pending", "Waiting for a moderator").await;
    host.tool("held").await;
    host.tells("held", "a Rhubarb pie").await;
    host.press("[data-testid=held-drop]").await;
    // It stays with its writer, who sees that it was not let through, until they discard it.
    guest.loses("[data-testid=chat-pending] .t3").await;
    guest.press("[data-testid=chat-pending] .btn.ghost").await;
    guest.loses("[data-testid=chat-pending]").await;
    assert!(!host.session().texts("chat-message").await.iter().any(|text| text.contains("Rhubarb")));

    host.tool("settings").await;
    host.pick("rule-who", "followers").await;
    guest.tells("chat-barred", "Sign in to write here").await;
    host.pick("rule-who", "everyone").await;
    guest.may_write().await;
    host.tool("settings").await;
}

/// A quiz whose right answer comes after, and a poll with several answers.
async fn quizzes(host: &Page, guest: &Page) {
    host.fills_a_poll("Where does the oxygen come from?", ["Water", "Carbon dioxide"]).await;
    host.press("[data-testid=new-poll] fieldset input[type=checkbox]").await;
    host.press("[data-testid=poll-start]").await;
    guest.tells("poll", "Where does the oxygen come from?").await;
    assert_eq!(guest.counts(".option.right").await, 0, "the answer is not told yet");
    guest.press("[data-testid=poll-option]:not(:disabled)").await;
    host.tells("poll-share", "100%").await;
    host.press("[data-testid=poll-close]").await;
    guest.finds(".option.right").await;
    guest.tells("poll", "Right").await;
    assert_eq!(faults(guest.session()).await, Vec::<String>::new());
    guest.press("[data-testid=poll][data-closed=true] .btn.ghost").await;
    guest.loses("[data-testid=poll]").await;

    host.fills_a_poll("Which do you have?", ["Pen", "Paper"]).await;
    host.press("[data-testid=new-poll] > label input[type=checkbox]").await;
    host.press("[data-testid=poll-start]").await;
    guest.tells("poll", "Which do you have?").await;
    guest.press("li:nth-child(1) > [data-testid=poll-option]").await;
    guest.press("li:nth-child(2) > [data-testid=poll-option]").await;
    guest.press("[data-testid=poll-vote]").await;
    let shares = "return [...document.querySelectorAll('[data-closed=false] [data-testid=poll-share]')]
        .map((share) => share.textContent)";
    until("both answers", LIMIT, async || {
        (host.session().run(shares, vec![]).await == json!(["50%", "50%"])).then_some(())
    })
    .await;
    host.press("[data-closed=false] [data-testid=poll-close]").await;
    guest.finds("[data-closed=true]").await;
}

/// Nothing is lost and nothing twice when the student's line is cut while others write.
async fn comes_back(line: &BreakableLine, host: &Page, guest: &Page) {
    line.cut();
    host.say("said while the line was cut").await;
    guest.say("written at once after it").await;
    shows_line(guest.session(), "said while the line was cut", LIMIT).await;
    shows_line(host.session(), "written at once after it", LIMIT).await;
    guest.loses("[data-testid=chat-pending]").await;
    for page in [host, guest] {
        let lines = page.session().texts("chat-message").await;
        for text in ["said while the line was cut", "written at once after it"] {
            assert_eq!(lines.iter().filter(|line| line.contains(text)).count(), 1, "{text}: {lines:?}");
        }
    }
}

/// A class: who is here, who left, who is missing, and a sound for a hand.
async fn class(server: &Server, host: &Page, guest: Page) {
    let room = server.url(&format!("/api/v1/rooms/{}", server.owner.room));
    let roster = json!({"roster": ["Ben Ito"]});
    let answer = server.http.patch_as(&server.owner.token, &room, &roster).await;
    assert!(answer.status.is_success(), "{}", answer.text());
    let count = "window.__tones = 0; const Tone = window.OscillatorNode;
        window.OscillatorNode = class extends Tone { constructor(...all) { super(...all); window.__tones += 1; } }";
    host.session().run(count, vec![]).await;
    host.tool("settings").await;
    host.press("[data-testid=rule-class]").await;
    host.tool("hands").await;
    host.press("[data-testid=hands-sound]").await;
    guest.press("[data-testid=hand-raise]").await;
    host.finds("[data-testid=hand]").await;
    let tones = host.session().run("return window.__tones", vec![]).await;
    assert_eq!(tones, json!(2), "one when it was switched on, one for the hand");
    host.press("[data-testid=hand-lower]").await;
    host.loses("[data-testid=hand]").await;

    host.tool("people").await;
    host.tells("people-count", "1 of 2 here").await;
    host.tells("people-missing", "Ben Ito").await;
    for theme in ["dark", "light"] {
        host.theme(theme).await;
        assert_eq!(faults(host.session()).await, Vec::<String>::new(), "{theme}");
        host.picture(&format!("class-people-{theme}.png")).await;
    }
    let sheet = "const done = arguments[arguments.length - 1];
        fetch(document.querySelector('[data-testid=people-save]').href).then((sheet) => sheet.text()).then(done)";
    let sheet = host.session().client.execute_async(sheet, vec![]).await.expect("an answer");
    let sheet = sheet.as_str().unwrap_or_default();
    assert!(sheet.contains(",here,") && sheet.contains("\"Ben Ito\",,missing"), "{sheet}");
    drop(guest);
    host.finds("[data-testid=attendee][data-state=left]").await;
    host.tells("people-count", "0 of 2 here").await;
}

/// All of it stands in the room's own record.
async fn what_was_done(server: &Server, host: &Page) {
    let page = server.url(&format!("/r/{}/settings#people", server.owner.room));
    host.session().client.goto(&page).await.expect("the page");
    host.finds("[data-testid=deed]").await;
    while host.counts("[data-testid=deeds-more]").await > 0 {
        let before = host.counts("[data-testid=deed]").await;
        host.press("[data-testid=deeds-more]").await;
        until("more of them", LIMIT, async || {
            (host.counts("[data-testid=deed]").await > before).then_some(())
        })
        .await;
    }
    for deed in ["timed ", "write again", "took the pinned message down", "asked “Which do you have?”"] {
        host.tells("deed", deed).await;
    }
    assert_eq!(faults(host.session()).await, Vec::<String>::new());
    host.picture("room-deeds.png").await;
    let audit = server.url(&format!("/api/v1/rooms/{}/audit", server.owner.room));
    let told = server.http.get_as(&server.owner.token, &audit).await.json();
    let deeds = told["deeds"].as_array().map_or(0, Vec::len) as u64;
    assert_eq!(host.counts("[data-testid=deed]").await, deeds, "{}", Value::from(told.to_string()));
}
