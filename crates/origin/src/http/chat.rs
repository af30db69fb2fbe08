//! Chat over WebSocket: one task a connection between a socket and its room.

use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{Path, Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use futures_util::SinkExt as _;
use rooms::frame::{ErrorCode, In, Out, Person, Role};
use rooms::{Name, Room};
use serde::Deserialize;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite;
use tokio_util::sync::CancellationToken;
use utoipa::IntoParams;

use super::access::{Identity, Shown, cookie, same_origin};
use super::client_address::{self, ClientAddress};
use super::cookies::own_name;
use super::description::RoomPath;
use super::gate;
use super::player;
use super::problem::Problem;
use super::rooms::find;
use super::secure::Scheme;
use crate::callers::{Call, Purpose};
use crate::people::{Arrival, Due, Frame, Handle, JoinError, Member, member_id, too_slow};
use crate::secret::{self, Digest};
use crate::state::Shared;
use crate::store::RoomRecord;
use crate::wire::Wire;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// What a guest wants to be called.
    name: Option<String>,
}

/// Somebody who wants in: who they are, and what to tell them once they are.
struct Newcomer {
    person: Person,
    remark: Option<Out>,
    /// Sent with the answer, so that the same browser is the same guest next time.
    cookie: Option<HeaderValue>,
}

/// The room's chat, a WebSocket.
///
/// Text messages of one JSON object each: `ChatIn` from the member, `ChatOut` to them. Without an account one comes as a guest, whom a cookie names.
#[utoipa::path(
    get,
    path = "/api/v1/rooms/{room}/chat",
    tag = "chat",
    params(RoomPath, Asked),
    responses(
        (status = 101, description = "From here on it is a WebSocket (RFC 6455)."),
        (status = 400, description = "The request asks for no WebSocket."),
        (status = 403, description = "The page is another site's."),
        (status = 426, description = "A WebSocket is needed."),
    ),
)]
pub(crate) async fn upgrade(
    State(shared): State<Arc<Shared>>,
    Path(slug): Path<String>,
    Query(asked): Query<Asked>,
    Shown(shown): Shown,
    parts: Parts,
    ClientAddress(address): ClientAddress,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Problem> {
    let Parts { headers, extensions, .. } = &parts;
    if !same_origin(headers) {
        return Err(Problem::new(StatusCode::FORBIDDEN, "chat is not open to other sites' pages"));
    }
    let record = find(&shared, &slug).await?;
    let mut call = None;
    let newcomer = match shown {
        Some((identity, credential)) => {
            // Before the rights are looked at: whoever loses them just now is hung up on.
            call = identity.account_id().map(|id| shared.callers.note(id, credential.opens(), Purpose::Chat));
            let person = person(&identity, &record, &shared).await?;
            Newcomer { person, remark: None, cookie: None }
        }
        None => guest(&shared, &parts, asked.name.as_deref()).await?,
    };
    let entry_changed = shared.gates.changed(&record.slug);
    if !gate::lets_in(&shared, &record, &parts).await? {
        return Err(gate::entry_needed());
    }
    let room = shared.people.open(&record, &shared);
    let Newcomer { person, remark, cookie } = newcomer;
    let player = player::shown(headers, None, || client_address::of(extensions, headers, &shared));
    let told_apart = player.is_own();
    let player = shared.streams.open(&record.slug).audience().key(player);
    let wire = extensions.get::<Arc<Wire>>().cloned();
    let arrival = Arrival { person, address: household(address), player: Some(player), told_apart, wire };
    let caller = Calling { arrival, call, room: record.id, entry_changed };
    let task = Arc::clone(&shared);
    let upgrade = upgrade.max_message_size(FRAME_BYTES_MAX).max_frame_size(FRAME_BYTES_MAX);
    let mut response = upgrade.read_buffer_size(READ_BYTES).on_upgrade(move |socket| {
        let sockets = task.sockets.clone();
        sockets.track_future(async move { serve(socket, &room, caller, remark, &task).await })
    });
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Somebody whose socket is open.
struct Calling {
    arrival: Arrival,
    /// Of an account.
    call: Option<Call>,
    /// The room's number.
    room: i64,
    /// Who may come into the room is others than when this connection came.
    entry_changed: CancellationToken,
}

/// Somebody with an account, as a room knows them.
pub(super) async fn person(
    identity: &Identity,
    room: &RoomRecord,
    shared: &Shared,
) -> Result<Person, Problem> {
    let roles = identity.standing(shared, room).await?.roles();
    let (id, name) = match identity {
        Identity::Account(account) => (member_id(account.id), account.name.as_str()),
        Identity::Operator => ("operator".to_owned(), "operator"),
    };
    let name = Name::guest(name).expect("an account's name is a name");
    Ok(Person { id, name, roles })
}

/// What tells one household from another, for bans of guests: the address, of IPv6 the network. Connections of this
/// machine say nothing: behind a proxy that is not configured, everybody comes from it.
fn household(address: IpAddr) -> Option<String> {
    match address.to_canonical() {
        address if address.is_loopback() => None,
        IpAddr::V4(address) => Some(address.to_string()),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Some(format!("{a:x}:{b:x}:{c:x}:{d:x}::/64"))
        }
    }
}

async fn guest(shared: &Shared, parts: &Parts, wanted: Option<&str>) -> Result<Newcomer, Problem> {
    let name_of_cookie = own_name(Scheme::of(&parts.extensions), COOKIE);
    let known = guest_cookie(&parts.headers, &name_of_cookie);
    let secret = known.clone().unwrap_or_else(secret::random);
    // What others see must not let them come in under it: it is the digest of what the cookie holds.
    let id = format!("g{}", secret::hex(&Digest::of(&secret).0[..8]));
    let given = Name::guest(&format!("Guest {}", &id[1..5])).expect("a short name of letters and digits");
    let (name, remark) = match wanted.map(str::trim).filter(|wanted| !wanted.is_empty()) {
        None => (given, None),
        Some(wanted) => match Name::guest(wanted) {
            Err(error) => (given, Some(error.to_string())),
            Ok(name) if shared.store.is_name_taken(name.as_str()).await? => {
                (given, Some("that name belongs to an account".to_owned()))
            }
            Ok(name) => (name, None),
        },
    };
    let remark = remark.map(|message| Out::Error {
        id: None,
        code: ErrorCode::NameRefused,
        message,
        retry_after_ms: None,
    });
    let cookie = known.is_none().then(|| {
        let cookie =
            format!("{name_of_cookie}={secret}; Path=/; Max-Age={COOKIE_AGE_S}; HttpOnly; SameSite=Lax");
        HeaderValue::from_str(&cookie).expect("hexadecimal digits and plain words")
    });
    Ok(Newcomer { person: Person { id, name, roles: vec![Role::Guest] }, remark, cookie })
}

/// The guest's secret, when the cookie holds one of ours.
fn guest_cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = cookie(headers, name)?;
    let ours = value.len() == 32 && value.bytes().all(|byte| byte.is_ascii_hexdigit());
    ours.then(|| value.to_owned())
}

/// Why a connection ends, as its close frame says it.
struct Goodbye {
    code: u16,
    reason: &'static str,
}

async fn serve(
    mut socket: WebSocket,
    room: &Handle,
    Calling { arrival, call, room: number, entry_changed }: Calling,
    remark: Option<Out>,
    shared: &Shared,
) {
    let mut member = match room.join(arrival).await {
        Ok(member) => member,
        Err(error) => {
            let reason = if error == JoinError::Full { "the room is full" } else { "the room is closed" };
            close(&mut socket, Goodbye { code: close_code::AGAIN, reason }).await;
            return;
        }
    };
    if let Some(account) = call.as_ref().map(Call::account) {
        // After joining, so that whoever follows or leaves just now is told of later than this.
        match shared.store.follows(number, account).await {
            Ok(follows) => room.follow(account, follows).await,
            Err(error) => tracing::warn!(%error, "who follows the room is not known"),
        }
    }
    let hung_up = async {
        match &call {
            Some(call) => call.hung_up().await,
            None => std::future::pending().await,
        }
    };
    let goodbye = tokio::select! {
        goodbye = talk(&mut socket, &mut member, remark, shared) => goodbye,
        // The page connects again at once, as whoever it is by then.
        () = hung_up => Some(Goodbye { code: close_code::POLICY, reason: "signed out, or with other rights" }),
        () = entry_changed.cancelled() => {
            Some(Goodbye { code: close_code::POLICY, reason: "who may come into this room has changed" })
        }
    };
    member.leave().await;
    if let Some(goodbye) = goodbye {
        close(&mut socket, goodbye).await;
    }
}

/// Carries frames both ways until one side ends; `None` when the peer is gone already.
async fn talk(
    socket: &mut WebSocket,
    member: &mut Member,
    mut remark: Option<Out>,
    shared: &Shared,
) -> Option<Goodbye> {
    let mut ping = tokio::time::interval_at(Instant::now() + PING_INTERVAL, PING_INTERVAL);
    let mut heard = Instant::now();
    let mut batch = Vec::with_capacity(BATCH_MAX);
    // Made once: each made anew takes a lock that all connections share.
    let mut stops = pin!(shared.shutdown.cancelled());
    loop {
        tokio::select! {
            () = &mut stops => {
                return Some(Goodbye { code: close_code::AWAY, reason: "the origin stops" });
            }
            count = member.frames.recv_many(&mut batch, BATCH_MAX) => {
                if count == 0 {
                    return Some(let_go(socket, member).await);
                }
                // The first frame is `welcome`; what is said about the name follows it.
                let remark = remark.take().map(|remark| spoken(&remark));
                let frames = batch.drain(..).filter_map(|due| match due {
                    Due::Write(text) => Some(text),
                    Due::Flush => None,
                });
                send(socket, frames.chain(remark)).await.ok()?;
                member.frames.done(count);
            }
            received = socket.recv() => {
                heard = Instant::now();
                match received? {
                    Ok(Message::Text(text)) => match read(&text) {
                        Ok(frame) => member.hand_in(frame).await.ok()?,
                        Err(refused) => send(socket, [spoken(&refused)]).await.ok()?,
                    },
                    Ok(Message::Binary(_)) => {
                        return Some(Goodbye { code: close_code::UNSUPPORTED, reason: "frames are text" });
                    }
                    Ok(Message::Ping(_) | Message::Pong(_)) => {}
                    Ok(Message::Close(_)) => return None,
                    Err(error) => return broken(error),
                }
            }
            _ = ping.tick() => {
                if heard.elapsed() > SILENCE_MAX {
                    return Some(Goodbye { code: close_code::POLICY, reason: "no answer to pings" });
                }
                timeout(WRITE_MAX, socket.send(Message::Ping(axum::body::Bytes::new()))).await.ok()?.ok()?;
                // Browsers show pings to no page: this is how one knows that its connection still is one.
                send(socket, [spoken(&member.presence())]).await.ok()?;
            }
        }
    }
}

async fn let_go(socket: &mut WebSocket, member: &Member) -> Goodbye {
    if !member.frames.was_too_slow() {
        return Goodbye { code: close_code::AGAIN, reason: "the room is closed" };
    }
    // It may take this frame no better than those before; the close frame says it again.
    let _ = send(socket, [spoken(&too_slow())]).await;
    Goodbye { code: close_code::POLICY, reason: "too slow: reconnect and resume" }
}

/// What a connection is told that cannot be read on: that its frame was too long, when it was; else nothing.
fn broken(error: axum::Error) -> Option<Goodbye> {
    let error = error.into_inner();
    let too_long =
        matches!(error.downcast_ref::<tungstenite::Error>(), Some(tungstenite::Error::Capacity(_)));
    too_long.then_some(Goodbye { code: close_code::SIZE, reason: "a frame is 16 kB at most" })
}

/// Writes frames in one go. A peer that takes nothing for [`WRITE_MAX`] is gone.
async fn send(socket: &mut WebSocket, frames: impl IntoIterator<Item = Utf8Bytes>) -> Result<(), ()> {
    let write = async {
        for frame in frames {
            socket.feed(Message::Text(frame)).await.map_err(drop)?;
        }
        socket.flush().await.map_err(drop)
    };
    timeout(WRITE_MAX, write).await.unwrap_or(Err(()))
}

async fn close(socket: &mut WebSocket, Goodbye { code, reason }: Goodbye) {
    let frame = CloseFrame { code, reason: Utf8Bytes::from_static(reason) };
    let _ = timeout(CLOSE_MAX, async {
        if socket.send(Message::Close(Some(frame))).await.is_ok() {
            // Until the peer has closed too, so that it can read what was sent.
            while let Some(Ok(_)) = socket.recv().await {}
        }
    })
    .await;
}

fn spoken(frame: &Out) -> Utf8Bytes {
    Frame::new(frame).into_text()
}

/// A frame, or what its sender is told.
fn read(text: &str) -> Result<In, Box<Out>> {
    let error = match serde_json::from_str::<In>(text) {
        // An array of a frame's fields would be read as one too.
        Ok(frame) if text.trim_start().starts_with('{') => return Ok(frame),
        Ok(_) => "expected an object".to_owned(),
        Err(error) => error.to_string(),
    };
    let id = serde_json::from_str::<serde_json::Value>(text).ok();
    let id = id.and_then(|frame| frame.get("id")?.as_str().map(str::to_owned));
    let id = id.filter(|id| (1..=Room::ID_BYTES_MAX).contains(&id.len()));
    let message = format!("not a chat frame: {error}");
    Err(Box::new(Out::Error { id, code: ErrorCode::BadFrame, message, retry_after_ms: None }))
}

const COOKIE: &str = "rostrum_guest";
/// A year, in seconds.
const COOKIE_AGE_S: u32 = 31_536_000;
/// 500 code points, each escaped as a surrogate pair, take 6 kB.
const FRAME_BYTES_MAX: usize = 16 << 10;
/// Each socket has a buffer so large, and it is zeroed each time that the socket is looked at, for every frame that is
/// sent too. Longer frames grow it.
const READ_BYTES: usize = 1 << 10;
/// Proxies close what is silent for 30 to 60 s.
const PING_INTERVAL: Duration = Duration::from_secs(25);
/// Two pings without any answer, and some.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// For the peer's system to take a batch of frames.
const WRITE_MAX: Duration = Duration::from_secs(10);
/// For the closing handshake.
const CLOSE_MAX: Duration = Duration::from_secs(1);
/// Frames written at once.
const BATCH_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(header::HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_household_is_an_address_or_a_network_and_never_this_machine() {
        let of = |address: &str| household(address.parse().unwrap());
        assert_eq!(of("192.0.2.7").as_deref(), Some("192.0.2.7"));
        assert_eq!(of("::ffff:192.0.2.7").as_deref(), Some("192.0.2.7"));
        assert_eq!(of("2001:db8:1:2:3::4"), of("2001:db8:1:2:9::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!((of("127.0.0.1"), of("::1")), (None, None));
    }

    #[test]
    fn what_cannot_be_read_is_refused_under_its_own_id() {
        let refused = |text: &str| match *read(text).unwrap_err() {
            Out::Error { id, code: ErrorCode::BadFrame, .. } => id,
            other => panic!("{text}: {other:?}"),
        };
        assert!(read(r#" {"type":"send","id":"x","text":"hi"}"#).is_ok());
        assert_eq!(refused(r#"{"type":"send","id":"x"}"#).as_deref(), Some("x"));
        assert_eq!(refused(r#"{"type":"sing","id":"y"}"#).as_deref(), Some("y"));
        for text in [r#"["send","x","y"]"#, "{", "7", r#"{"type":"send","id":7,"text":"hi"}"#] {
            assert_eq!(refused(text), None, "{text}");
        }
        assert_eq!(refused(&format!(r#"{{"id":"{}"}}"#, "x".repeat(65))), None);
    }

    #[test]
    fn only_our_own_cookies_name_a_guest() {
        let secret = "0123456789abcdef0123456789abcdef";
        let cookie = |value: &str| guest_cookie(&headers(&[(header::COOKIE, value)]), COOKIE);
        assert_eq!(cookie(&format!("a=b; rostrum_guest={secret}")).as_deref(), Some(secret));
        assert_eq!(cookie("rostrum_guest=short"), None);
        assert_eq!(cookie("other=1"), None);
    }
}
