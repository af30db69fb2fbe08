//! Where sockets meet the rules of crate `rooms`: one task a room, with a bounded mailbox.
//!
//! The task tells the rules what happened, stores what they ask to store, and hands frames to members. A
//! frame for everybody is serialised once and shared. A member whose queue is full is dropped, with a
//! reason; it comes back and resumes from its last sequence number.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use axum::extract::ws::Utf8Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesOrdered;
use rooms::frame::{ErrorCode, In, Out, Person, RoomView};
use rooms::{Command, ConnectionId, Effect, Room, Settings, Slug, TRANSCRIPT_ENTRIES};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::state::Shared;
use crate::store::{RoomRecord, Store, StoreError};
use crate::streams::Status;

/// The rooms that anybody came to since the start.
#[derive(Debug)]
pub(crate) struct People {
    clock: Clock,
    rooms: Mutex<HashMap<Slug, Handle>>,
    tasks: Mutex<JoinSet<()>>,
}

/// The way into one room's task.
#[derive(Clone, Debug)]
pub(crate) struct Handle {
    mailbox: mpsc::Sender<Mail>,
    view: watch::Receiver<RoomView>,
}

/// One member's end of its connection. [`Member::leave`] leaves the room; of one that was only dropped the
/// room learns with the next frame for it.
#[derive(Debug)]
pub(crate) struct Member {
    connection: ConnectionId,
    mailbox: mpsc::Sender<Mail>,
    /// Frames for this member, as JSON text.
    pub(crate) frames: mpsc::Receiver<Utf8Bytes>,
    too_slow: Arc<AtomicBool>,
}

/// Why nobody was let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JoinError {
    /// The room has as many connections as it may.
    Full,
    /// The origin stops, or the room's log cannot be read.
    Closed,
}

#[derive(Debug)]
enum Mail {
    Join(Join),
    Leave(ConnectionId),
    Frame(ConnectionId, In),
    /// Title and owner.
    Describe(String, Option<String>),
}

#[derive(Debug)]
struct Join {
    person: Person,
    frames: mpsc::Sender<Utf8Bytes>,
    too_slow: Arc<AtomicBool>,
    answer: oneshot::Sender<Result<ConnectionId, JoinError>>,
}

impl People {
    pub(crate) fn new() -> People {
        People { clock: Clock::start(), rooms: Mutex::default(), tasks: Mutex::default() }
    }

    /// The room's task, started when it is not running.
    pub(crate) fn open(&self, record: &RoomRecord, shared: &Shared) -> Handle {
        let mut rooms = self.rooms();
        if let Some(handle) = rooms.get(&record.slug)
            && !handle.mailbox.is_closed()
        {
            return handle.clone();
        }
        let (mailbox, mail) = mpsc::channel(MAILBOX_MAX);
        let status = shared.streams.open(&record.slug).watch_status();
        let settings = settings(record, Vec::new());
        let (view_sender, view) = watch::channel(Room::new(settings).view().clone());
        let task = Task {
            record: record.clone(),
            store: shared.store.clone(),
            clock: self.clock,
            mail,
            status,
            view: view_sender,
            shutdown: shared.shutdown.clone(),
            connections_max: shared.config.limits.chat_connections_per_room,
        };
        let mut tasks = self.tasks.lock().expect("nothing panics while it holds the tasks");
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task.run());
        let handle = Handle { mailbox, view };
        rooms.insert(record.slug.clone(), handle.clone());
        handle
    }

    /// How many are in a room: viewers and members.
    pub(crate) fn count(&self, slug: &Slug) -> (u32, u32) {
        let rooms = self.rooms();
        rooms.get(slug).map_or((0, 0), |handle| {
            let view = handle.view.borrow();
            (view.viewers, view.members)
        })
    }

    /// Tells open rooms their titles and owners as they are stored now.
    pub(crate) async fn describe_again(&self, store: &Store) -> Result<(), StoreError> {
        for record in store.rooms().await? {
            let handle = self.rooms().get(&record.slug).cloned();
            if let Some(handle) = handle {
                // A room that stops just now has nobody left to tell.
                let _ = handle.mailbox.send(Mail::Describe(record.title, record.owner)).await;
            }
        }
        Ok(())
    }

    /// Waits until every room's task has ended.
    pub(crate) async fn ended(&self) {
        let mut tasks =
            std::mem::take(&mut *self.tasks.lock().expect("nothing panics while it holds the tasks"));
        while tasks.join_next().await.is_some() {}
    }

    fn rooms(&self) -> MutexGuard<'_, HashMap<Slug, Handle>> {
        self.rooms.lock().expect("nothing panics while it holds the rooms")
    }
}

impl Handle {
    /// Comes in; the first frame is `welcome`.
    pub(crate) async fn join(&self, person: Person) -> Result<Member, JoinError> {
        let (sender, frames) = mpsc::channel(FRAMES_WAITING_MAX);
        let too_slow = Arc::new(AtomicBool::new(false));
        let (answer, answered) = oneshot::channel();
        let join = Join { person, frames: sender, too_slow: Arc::clone(&too_slow), answer };
        self.mailbox.send(Mail::Join(join)).await.map_err(|_| JoinError::Closed)?;
        let connection = answered.await.unwrap_or(Err(JoinError::Closed))?;
        Ok(Member { connection, mailbox: self.mailbox.clone(), frames, too_slow })
    }
}

impl Member {
    /// Hands a frame to the room; waits while its mailbox is full, which makes the sender's socket wait.
    pub(crate) async fn hand_in(&self, frame: In) -> Result<(), JoinError> {
        self.mailbox.send(Mail::Frame(self.connection, frame)).await.map_err(|_| JoinError::Closed)
    }

    /// Leaves; waits for a place in the mailbox, so that no full mailbox keeps a ghost in the room.
    pub(crate) async fn leave(self) {
        let _ = self.mailbox.send(Mail::Leave(self.connection)).await;
    }

    /// Whether the room let go of this member because it took its frames too slowly.
    pub(crate) fn was_too_slow(&self) -> bool {
        self.too_slow.load(Ordering::Relaxed)
    }
}

struct Task {
    record: RoomRecord,
    store: Store,
    clock: Clock,
    mail: mpsc::Receiver<Mail>,
    status: watch::Receiver<Status>,
    view: watch::Sender<RoomView>,
    shutdown: CancellationToken,
    connections_max: usize,
}

type Commit = Pin<Box<dyn Future<Output = (u64, Result<(), StoreError>)> + Send>>;

/// The room's rules, and the queues of those who are in it.
struct Floor {
    room: Room,
    members: HashMap<ConnectionId, Queue>,
    next_connection: ConnectionId,
    commits: FuturesOrdered<Commit>,
    /// Members that were let go and have not left the room yet.
    gone: Vec<ConnectionId>,
}

struct Queue {
    frames: mpsc::Sender<Utf8Bytes>,
    too_slow: Arc<AtomicBool>,
}

impl Task {
    async fn run(mut self) {
        let tail = match self.store.tail(self.record.id, TRANSCRIPT_ENTRIES).await {
            Ok(tail) => tail,
            Err(error) => {
                tracing::error!(room = %self.record.slug, %error, "the room's log cannot be read");
                return;
            }
        };
        let mut floor = Floor {
            room: Room::new(settings(&self.record, tail)),
            members: HashMap::new(),
            next_connection: 1,
            commits: FuturesOrdered::new(),
            gone: Vec::new(),
        };
        self.apply_status(&mut floor);
        loop {
            let due = floor.room.poll_timeout().map(|due| self.clock.instant(due));
            let tick = async {
                match due {
                    Some(due) => tokio::time::sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.shutdown.cancelled() => break,
                Some((seq, stored)) = floor.commits.next() => self.committed(&mut floor, seq, stored),
                Ok(()) = self.status.changed() => self.apply_status(&mut floor),
                mail = self.mail.recv(), if floor.room.pending() < PENDING_MAX => match mail {
                    Some(mail) => self.take(&mut floor, mail),
                    None => break,
                },
                () = tick => floor.room.handle_input(self.clock.now(), Command::Tick),
            }
            self.carry_out(&mut floor);
        }
    }

    fn take(&self, floor: &mut Floor, mail: Mail) {
        let command = match mail {
            Mail::Join(join) => match floor.seat(join, self.connections_max) {
                Some(command) => command,
                None => return,
            },
            Mail::Leave(connection) => {
                floor.members.remove(&connection);
                Command::Leave { connection }
            }
            Mail::Frame(connection, In::Send { id, text }) => Command::Send { connection, id, text },
            Mail::Frame(connection, In::Resume { epoch, seq }) => Command::Resume { connection, epoch, seq },
            Mail::Describe(title, owner) => Command::Describe { title, owner },
        };
        floor.room.handle_input(self.clock.now(), command);
    }

    fn apply_status(&mut self, floor: &mut Floor) {
        let Status { state, live_since_ms } = *self.status.borrow_and_update();
        floor.room.handle_input(self.clock.now(), Command::Stream { state, live_since_ms });
    }

    fn committed(&self, floor: &mut Floor, seq: u64, stored: Result<(), StoreError>) {
        let command = match stored {
            Ok(()) => Command::Committed { seq },
            Err(error) => {
                tracing::error!(room = %self.record.slug, seq, %error, "a line was not stored");
                Command::NotStored { seq }
            }
        };
        floor.room.handle_input(self.clock.now(), command);
    }

    fn carry_out(&self, floor: &mut Floor) {
        while let Some(effect) = floor.room.poll_output() {
            match effect {
                Effect::Persist(entry) => {
                    let (store, room, seq) = (self.store.clone(), self.record.id, entry.seq);
                    floor.commits.push_back(Box::pin(async move { (seq, store.append(room, entry).await) }));
                }
                Effect::To(connection, frame) => floor.send(connection, &json(&frame)),
                Effect::ToAll(frame) => floor.send_to_all(&json(&frame)),
            }
            for connection in std::mem::take(&mut floor.gone) {
                floor.members.remove(&connection);
                floor.room.handle_input(self.clock.now(), Command::Leave { connection });
            }
        }
        let view = floor.room.view();
        self.view.send_if_modified(|shown| {
            let changed = shown != view;
            if changed {
                shown.clone_from(view);
            }
            changed
        });
    }
}

impl Floor {
    fn seat(&mut self, join: Join, connections_max: usize) -> Option<Command> {
        if self.members.len() >= connections_max {
            // Whoever gave up waiting needs no answer.
            let _ = join.answer.send(Err(JoinError::Full));
            return None;
        }
        let connection = self.next_connection;
        self.next_connection += 1;
        if join.answer.send(Ok(connection)).is_err() {
            return None;
        }
        self.members.insert(connection, Queue { frames: join.frames, too_slow: join.too_slow });
        Some(Command::Join { connection, person: join.person })
    }

    fn send(&mut self, connection: ConnectionId, text: &Utf8Bytes) {
        if self.members.get(&connection).is_some_and(|queue| !queue.push(text)) {
            self.gone.push(connection);
        }
    }

    fn send_to_all(&mut self, text: &Utf8Bytes) {
        let pushed = self.members.iter().filter(|(_, queue)| !queue.push(text));
        self.gone.extend(pushed.map(|(connection, _)| *connection));
    }
}

impl Queue {
    /// Whether the member stays: its socket is there and took what came before.
    fn push(&self, text: &Utf8Bytes) -> bool {
        let pushed = self.frames.try_send(text.clone());
        if let Err(mpsc::error::TrySendError::Full(_)) = pushed {
            self.too_slow.store(true, Ordering::Relaxed);
        }
        pushed.is_ok()
    }
}

/// What a member is told when its queue was full.
pub(crate) fn too_slow() -> Out {
    Out::Error {
        id: None,
        code: ErrorCode::TooSlow,
        message: "this connection took its messages too slowly: reconnect and resume".to_owned(),
        retry_after_ms: None,
    }
}

/// A frame as it travels.
pub(crate) fn json(frame: &Out) -> Utf8Bytes {
    serde_json::to_string(frame).expect("a frame holds only texts and numbers").into()
}

fn settings(record: &RoomRecord, tail: Vec<rooms::Entry>) -> Settings {
    Settings {
        slug: record.slug.clone(),
        title: record.title.clone(),
        owner: record.owner.clone(),
        epoch: record.epoch.clone(),
        last_seq: 0,
        tail,
    }
}

/// Commands that wait for a room; full, it makes the senders' sockets wait.
const MAILBOX_MAX: usize = 256;
/// Frames that wait for one member: half a minute of a busy chat. Full, the member is let go.
const FRAMES_WAITING_MAX: usize = 256;
/// Lines being stored; at so many the room stops taking commands until some are.
const PENDING_MAX: usize = 512;

#[cfg(test)]
#[path = "people_tests.rs"]
mod tests;
