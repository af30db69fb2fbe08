//! Every operation of the API, walked by everybody: who may what by default.

use std::collections::BTreeSet;

use ::rooms::Name;
use ::rooms::frame::{In, Out, Person as Member};
use ::rooms::{NewPoll, frame};
use serde_json::Value;

use super::description::document;
use super::place::Place;
use crate::accounts::open_session;
use crate::secret;
use crate::state;
use crate::store::{NewAccount, NewRoom, Role};

/// Who asks, the weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Person {
    /// Without any cookie.
    Nobody,
    /// With a guest's cookie.
    Guest,
    /// With the room's stream key.
    Publisher,
    /// A viewer with an account.
    Viewer,
    /// A broadcaster whose room is another one.
    Stranger,
    /// A viewer who keeps order in the room.
    Moderator,
    /// The room's.
    Owner,
    Admin,
}

use Person::{Admin, Guest, Moderator, Nobody, Owner, Publisher, Stranger, Viewer};

const EVERYBODY: [Person; 8] = [Nobody, Guest, Publisher, Viewer, Stranger, Moderator, Owner, Admin];
const SIGNED_IN: &[Person] = &[Viewer, Stranger, Moderator, Owner, Admin];
const BROADCASTERS: &[Person] = &[Stranger, Owner, Admin];
const MODERATORS: &[Person] = &[Moderator, Owner, Admin];
const MANAGERS: &[Person] = &[Owner, Admin];
const ADMINS: &[Person] = &[Admin];
const PUBLISHERS: &[Person] = &[Publisher];

/// Who may ask what; what is a refusal of its own kind, such as a wrong password, stands beside this.
const MAY: [(&str, &str, &[Person]); 102] = [
    ("GET", "/api/v1/openapi.json", &EVERYBODY),
    ("GET", "/healthz", &EVERYBODY),
    ("GET", "/readyz", &EVERYBODY),
    ("GET", "/metrics", ADMINS),
    ("GET", "/api/v1/health", ADMINS),
    ("PUT", "/api/v1/rooms/{room}/follow", SIGNED_IN),
    ("DELETE", "/api/v1/rooms/{room}/follow", SIGNED_IN),
    ("GET", "/api/v1/account/followed", SIGNED_IN),
    ("GET", "/api/v1/rooms/{room}/picture", &EVERYBODY),
    ("PUT", "/api/v1/rooms/{room}/picture", MANAGERS),
    ("DELETE", "/api/v1/rooms/{room}/picture", MANAGERS),
    ("GET", "/api/v1/addresses", &EVERYBODY),
    ("GET", "/api/v1/setup", &EVERYBODY),
    ("POST", "/api/v1/setup", &EVERYBODY),
    ("GET", "/api/v1/session", &EVERYBODY),
    ("POST", "/api/v1/session", &EVERYBODY),
    ("DELETE", "/api/v1/session", &EVERYBODY),
    ("POST", "/api/v1/session/link", SIGNED_IN),
    ("POST", "/api/v1/password-reset", &EVERYBODY),
    ("PUT", "/api/v1/password-reset", &EVERYBODY),
    ("POST", "/api/v1/email-confirmation", &EVERYBODY),
    ("PUT", "/api/v1/account/email", SIGNED_IN),
    ("DELETE", "/api/v1/account/email", SIGNED_IN),
    ("GET", "/api/v1/account", SIGNED_IN),
    ("PATCH", "/api/v1/account", SIGNED_IN),
    ("DELETE", "/api/v1/account", SIGNED_IN),
    ("GET", "/api/v1/account/sessions", SIGNED_IN),
    ("DELETE", "/api/v1/account/sessions", SIGNED_IN),
    ("DELETE", "/api/v1/account/sessions/{id}", SIGNED_IN),
    ("GET", "/api/v1/account/tokens", SIGNED_IN),
    ("POST", "/api/v1/account/tokens", SIGNED_IN),
    ("DELETE", "/api/v1/account/tokens/{id}", SIGNED_IN),
    ("GET", "/api/v1/accounts", ADMINS),
    // A guest's registration is refused with a code of its own when it is closed.
    ("POST", "/api/v1/accounts", &EVERYBODY),
    ("PATCH", "/api/v1/accounts/{id}", ADMINS),
    ("DELETE", "/api/v1/accounts/{id}", ADMINS),
    ("DELETE", "/api/v1/accounts/{id}/sessions", ADMINS),
    ("POST", "/api/v1/invitation", &EVERYBODY),
    ("GET", "/api/v1/invitations", ADMINS),
    ("POST", "/api/v1/invitations", ADMINS),
    ("DELETE", "/api/v1/invitations/{id}", ADMINS),
    ("GET", "/api/v1/settings", ADMINS),
    ("PATCH", "/api/v1/settings", ADMINS),
    ("GET", "/api/v1/rooms", &EVERYBODY),
    ("POST", "/api/v1/rooms", BROADCASTERS),
    ("GET", "/api/v1/rooms/{room}", &EVERYBODY),
    ("PATCH", "/api/v1/rooms/{room}", MANAGERS),
    ("DELETE", "/api/v1/rooms/{room}", MANAGERS),
    ("GET", "/api/v1/rooms/{room}/owner", MANAGERS),
    ("POST", "/api/v1/rooms/{room}/stream-key", MANAGERS),
    ("POST", "/api/v1/rooms/{room}/entry", &EVERYBODY),
    ("POST", "/api/v1/rooms/{room}/link", MANAGERS),
    ("POST", "/api/v1/rooms/{room}/player-link", MANAGERS),
    ("DELETE", "/api/v1/rooms/{room}/player-link", MANAGERS),
    ("POST", "/api/v1/rooms/{room}/end", MANAGERS),
    ("GET", "/api/v1/rooms/{room}/moderators", MANAGERS),
    ("POST", "/api/v1/rooms/{room}/moderators", MANAGERS),
    ("DELETE", "/api/v1/rooms/{room}/moderators/{id}", MANAGERS),
    ("GET", "/api/v1/rooms/{room}/chat", &EVERYBODY),
    ("GET", "/api/v1/rooms/{room}/messages", &EVERYBODY),
    // The message is the viewer's.
    ("DELETE", "/api/v1/rooms/{room}/messages/{message}", &[Viewer, Moderator, Owner, Admin]),
    ("GET", "/api/v1/rooms/{room}/polls", &EVERYBODY),
    ("POST", "/api/v1/rooms/{room}/polls", MODERATORS),
    ("POST", "/api/v1/rooms/{room}/polls/{poll}/close", MODERATORS),
    ("GET", "/api/v1/rooms/{room}/bans", MODERATORS),
    ("POST", "/api/v1/rooms/{room}/bans", MODERATORS),
    ("DELETE", "/api/v1/rooms/{room}/bans/{member}", MODERATORS),
    ("GET", "/api/v1/rooms/{room}/chat/settings", MODERATORS),
    ("PATCH", "/api/v1/rooms/{room}/chat/settings", MODERATORS),
    ("GET", "/api/v1/rooms/{room}/audit", MODERATORS),
    ("GET", "/api/v1/rooms/{room}/attendance", MODERATORS),
    ("GET", "/api/v1/rooms/{room}/attendance.csv", MODERATORS),
    ("GET", "/api/v1/rooms/{room}/recordings", &EVERYBODY),
    ("GET", "/api/v1/recordings/{id}", &EVERYBODY),
    ("DELETE", "/api/v1/recordings/{id}", MANAGERS),
    ("GET", "/api/v1/recordings/{id}/messages", &EVERYBODY),
    ("POST", "/api/v1/recordings/{id}/comments", SIGNED_IN),
    ("GET", "/api/v1/recordings/{id}/chapters", &EVERYBODY),
    ("OPTIONS", "/api/v1/rooms/{room}/uploads", &EVERYBODY),
    ("GET", "/api/v1/rooms/{room}/uploads", MANAGERS),
    ("POST", "/api/v1/rooms/{room}/uploads", MANAGERS),
    ("GET", "/api/v1/rooms/{room}/uploads/{id}", MANAGERS),
    ("HEAD", "/api/v1/rooms/{room}/uploads/{id}", MANAGERS),
    ("PATCH", "/api/v1/rooms/{room}/uploads/{id}", MANAGERS),
    ("DELETE", "/api/v1/rooms/{room}/uploads/{id}", MANAGERS),
    ("PUT", "/api/v1/rooms/{room}/uploads/{id}/schedule", MANAGERS),
    ("DELETE", "/api/v1/rooms/{room}/uploads/{id}/schedule", MANAGERS),
    ("GET", "/api/v1/rooms/{room}/broadcasts", &EVERYBODY),
    ("GET", "/api/v1/gifts", &EVERYBODY),
    ("PATCH", "/api/v1/gifts", ADMINS),
    ("PUT", "/api/v1/gifts/{gift}", ADMINS),
    ("DELETE", "/api/v1/gifts/{gift}", ADMINS),
    // Nobody honours themselves, and the example is for the host.
    ("POST", "/api/v1/rooms/{room}/gifts", &[Viewer, Stranger, Moderator, Admin]),
    ("GET", "/api/v1/account/wallet", SIGNED_IN),
    ("GET", "/api/v1/accounts/{id}/points", ADMINS),
    ("POST", "/api/v1/accounts/{id}/points", ADMINS),
    ("GET", "/api/v1/webhooks", ADMINS),
    ("POST", "/api/v1/webhooks", ADMINS),
    ("DELETE", "/api/v1/webhooks/{id}", ADMINS),
    ("GET", "/api/v1/webhooks/{id}/deliveries", ADMINS),
    ("GET", "/api/v1/ingest", &[Publisher, Owner, Admin]),
    ("POST", "/api/v1/rooms/{room}/ingest-session", PUBLISHERS),
];

/// An origin with somebody of every kind and something of everything.
struct World {
    place: Place,
    cookies: Vec<(Person, String)>,
    stream_key: String,
    /// What stands for the names in an address.
    names: Vec<(&'static str, String)>,
    recording: String,
}

impl World {
    async fn new() -> World {
        let place = Place::new().await;
        let shared = &place.shared;
        shared.refresh_gifts().await.unwrap();
        let mut cookies = Vec::new();
        let mut numbers = Vec::new();
        for (person, name, role) in [
            (Admin, "aino", Role::Admin),
            (Viewer, "viktor", Role::Viewer),
            (Stranger, "otto", Role::Broadcaster),
            (Moderator, "mona", Role::Viewer),
            (Owner, "olga", Role::Broadcaster),
        ] {
            let new = NewAccount { name: Name::account(name).unwrap(), password: None, role, local: false };
            let account = shared.store.create_account(new, 1).await.unwrap().id;
            let session = open_session(&shared.store, account, false, "a test").await.unwrap();
            cookies.push((person, format!("rostrum_session={session}")));
            numbers.push((person, account));
        }
        let mut stream_key = String::new();
        for (slug, owner) in [("ottos", "otto"), ("olgas", "olga")] {
            let new = NewRoom {
                slug: slug.parse().unwrap(),
                title: slug.to_owned(),
                owner: Some(owner.to_owned()),
                record: false,
            };
            stream_key = state::create_room(&shared.store, new).await.unwrap().stream_key;
        }
        let room = shared.store.room("olgas".parse().unwrap()).await.unwrap().unwrap();
        let number = |wanted| numbers.iter().find(|(person, _)| *person == wanted).unwrap().1;
        shared.store.set_moderator(room.id, number(Moderator), true).await.unwrap();
        let member = |person, name, roles| {
            let name = Name::guest(name).unwrap();
            Member { id: format!("a{}", number(person)), name, roles }
        };
        let (viewer, host) =
            (member(Viewer, "viktor", vec![]), member(Owner, "olga", vec![frame::Role::Owner]));
        let chat = shared.people.open(&room, shared);
        let hello = In::Send { id: "m".to_owned(), text: "Hello".to_owned(), reply_to: None, danmaku: None };
        let options = vec!["yes".to_owned(), "no".to_owned()];
        let poll = NewPoll { question: "Well?".to_owned(), options, ..NewPoll::default() };
        let poll = In::Poll { id: "p".to_owned(), poll };
        let Out::Ack { seq: message, .. } = chat.perform(viewer, hello).await.unwrap() else {
            panic!("not said")
        };
        let Out::Ack { seq: poll, .. } = chat.perform(host, poll).await.unwrap() else { panic!("not asked") };
        let recording = secret::random();
        shared.store.begin_recording(recording.clone(), room.slug.clone(), Vec::new(), 1).await.unwrap();
        let upload = shared.uploads.announce(room.id, "a.mp4", 10).await.unwrap();
        let names = vec![
            ("{room}", "olgas".to_owned()),
            ("{message}", message.to_string()),
            ("{poll}", poll.to_string()),
            ("{member}", format!("a{}", number(Viewer))),
            ("{gift}", "clap".to_owned()),
            ("{id}", upload),
        ];
        World { place, cookies, stream_key, names, recording }
    }

    /// An operation's address; whose `{id}` it is tells the noun before it.
    fn address(&self, path: &str) -> String {
        let mut address = path.to_owned();
        if path.starts_with("/api/v1/recordings/") {
            address = address.replace("{id}", &self.recording);
        } else if !path.contains("/uploads/") {
            // The administrator's own number, which no other may be found to be changed.
            address = address.replace("{id}", "1");
        }
        for (name, value) in &self.names {
            address = address.replace(name, value);
        }
        if path == "/api/v1/ingest" { format!("{address}?room=olgas") } else { address }
    }

    /// The status, and the code of a problem.
    async fn ask(&self, person: Person, method: &str, path: &str, body: &str) -> (u16, Option<String>) {
        let mut headers = vec![("tus-resumable", "1.0.0".to_owned()), ("upload-length", "10".to_owned())];
        let kind = if path.ends_with("/uploads/{id}") {
            "application/offset+octet-stream"
        } else {
            "application/json"
        };
        headers.push(("content-type", kind.to_owned()));
        headers.push(("upload-offset", "0".to_owned()));
        match person {
            Nobody => {}
            Guest => headers.push(("cookie", "rostrum_guest=0123456789abcdef0123456789abcdef".to_owned())),
            Publisher => headers.push(("authorization", format!("Bearer {}", self.stream_key))),
            known => {
                let cookie = self.cookies.iter().find(|(person, _)| *person == known).unwrap();
                headers.push(("cookie", cookie.1.clone()));
            }
        }
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, &**value)).collect();
        let response = self.place.ask(method, &self.address(path), &headers, body).await;
        let status = response.status().as_u16();
        let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        let problem: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        (status, problem["code"].as_str().map(str::to_owned))
    }
}

#[tokio::test]
async fn everybody_reaches_what_they_may_and_nothing_else() {
    let document = document();
    for (method, path, may) in MAY {
        let world = World::new().await;
        let body = &document["paths"][path][method.to_lowercase()]["requestBody"]["content"];
        let example = &body["application/json"]["example"];
        let body = if example.is_null() { String::new() } else { example.to_string() };
        for person in EVERYBODY {
            let (status, code) = world.ask(person, method, path, &body).await;
            let asked = format!("{person:?}: {method} {path}: {status} {code:?}");
            assert!(status < 500 || status == 503, "{asked}");
            let refused = matches!(status, 401 | 403) && code.is_none();
            assert_eq!(refused, !may.contains(&person), "{asked}");
            if refused {
                let known = SIGNED_IN.contains(&person) && may != PUBLISHERS;
                assert_eq!(status, if known { 403 } else { 401 }, "{asked}");
            }
        }
    }
}

#[test]
fn the_walk_leaves_no_operation_out() {
    let document = document();
    let items = document["paths"].as_object().unwrap().iter();
    let described: BTreeSet<(String, String)> = items
        .flat_map(|(path, item)| {
            item.as_object().unwrap().keys().map(|method| (method.to_uppercase(), path.clone()))
        })
        .collect();
    let walked = MAY.iter().map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned())).collect();
    assert_eq!(described, walked);
}
