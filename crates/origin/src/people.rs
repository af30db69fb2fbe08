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
use crate::store::{Kept, RoomRecord, Store, StoreError};
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
    /// Who is not connected and wants something, and where the answer goes.
    Perform(Person, In, oneshot::Sender<Out>),
    Look(Look),
    /// Title and owner.
    Describe(String, Option<String>),
}

/// Somebody who wants to see what stands in a room.
struct Look(Looking);

/// Told the room, and the time in Unix milliseconds.
type Looking = Box<dyn FnOnce(&Room, i64) + Send>;

impl std::fmt::Debug for Look {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Look")
    }
}

#[derive(Debug)]
struct Join {
    person: Person,
    address: Option<String>,
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
        let settings = settings(record, Kept::default());
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
    /// Comes in from `address` (see [`Command::Join`]); the first frame is `welcome`.
    pub(crate) async fn join(&self, person: Person, address: Option<String>) -> Result<Member, JoinError> {
        let (sender, frames) = mpsc::channel(FRAMES_WAITING_MAX);
        let too_slow = Arc::new(AtomicBool::new(false));
        let (answer, answered) = oneshot::channel();
        let join = Join { person, address, frames: sender, too_slow: Arc::clone(&too_slow), answer };
        self.mailbox.send(Mail::Join(join)).await.map_err(|_| JoinError::Closed)?;
        let connection = answered.await.unwrap_or(Err(JoinError::Closed))?;
        Ok(Member { connection, mailbox: self.mailbox.clone(), frames, too_slow })
    }

    /// Has something done by somebody who is not connected; the answer is [`Out::Ack`] or [`Out::Error`].
    pub(crate) async fn perform(&self, person: Person, frame: In) -> Result<Out, JoinError> {
        let (answer, answered) = oneshot::channel();
        self.mailbox.send(Mail::Perform(person, frame, answer)).await.map_err(|_| JoinError::Closed)?;
        answered.await.map_err(|_| JoinError::Closed)
    }

    /// What `look` sees in the room, told the wall clock's time in Unix milliseconds.
    pub(crate) async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Room, i64) -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        let (answer, answered) = oneshot::channel();
        let look = Look(Box::new(move |room, now_ms| {
            // Whoever gave up waiting needs no answer.
            let _ = answer.send(look(room, now_ms));
        }));
        self.mailbox.send(Mail::Look(look)).await.map_err(|_| JoinError::Closed)?;
        answered.await.map_err(|_| JoinError::Closed)
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

type Saving = Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send>>;
type Commit = Pin<Box<dyn Future<Output = (u64, Result<(), StoreError>)> + Send>>;

/// The room's rules, and the queues of those who are in it.
struct Seats {
    room: Room,
    members: HashMap<ConnectionId, Queue>,
    next_connection: ConnectionId,
    commits: FuturesOrdered<Commit>,
    /// What stood, while it is being saved; a later one waits until the next time.
    saving: Option<Saving>,
    /// Requests of those who are not connected, until they are answered.
    asked: HashMap<ConnectionId, oneshot::Sender<Out>>,
    /// Members that were let go and have not left the room yet.
    gone: Vec<ConnectionId>,
}

struct Queue {
    frames: mpsc::Sender<Utf8Bytes>,
    too_slow: Arc<AtomicBool>,
}

impl Task {
    async fn run(mut self) {
        let kept = match self.store.kept(self.record.id, TRANSCRIPT_ENTRIES).await {
            Ok(kept) => kept,
            Err(error) => {
                tracing::error!(room = %self.record.slug, %error, "the room's log cannot be read");
                return;
            }
        };
        let mut seats = Seats {
            room: Room::new(settings(&self.record, kept)),
            members: HashMap::new(),
            next_connection: 1,
            commits: FuturesOrdered::new(),
            saving: None,
            asked: HashMap::new(),
            gone: Vec::new(),
        };
        self.apply_status(&mut seats);
        loop {
            let due = seats.room.poll_timeout().map(|due| self.clock.instant(due));
            let tick = async {
                match due {
                    Some(due) => tokio::time::sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.shutdown.cancelled() => break,
                Some((seq, stored)) = seats.commits.next() => self.committed(&mut seats, seq, stored),
                saved = saving(&mut seats.saving) => self.saved(&mut seats, saved),
                Ok(()) = self.status.changed() => self.apply_status(&mut seats),
                mail = self.mail.recv(), if seats.room.pending() < PENDING_MAX => match mail {
                    Some(mail) => self.take(&mut seats, mail),
                    None => break,
                },
                () = tick => seats.room.handle_input(self.clock.now(), Command::Tick),
            }
            self.carry_out(&mut seats);
        }
    }

    fn take(&self, seats: &mut Seats, mail: Mail) {
        let command = match mail {
            Mail::Join(join) => match seats.seat(join, self.connections_max) {
                Some(command) => command,
                None => return,
            },
            Mail::Leave(connection) => {
                seats.members.remove(&connection);
                Command::Leave { connection }
            }
            Mail::Frame(connection, frame) => Command::Frame { connection, frame },
            Mail::Perform(person, frame, answer) => {
                let ticket = seats.number();
                seats.asked.insert(ticket, answer);
                Command::Perform { ticket, person, frame }
            }
            Mail::Look(Look(look)) => return look(&seats.room, self.clock.now().unix_ms),
            Mail::Describe(title, owner) => Command::Describe { title, owner },
        };
        seats.room.handle_input(self.clock.now(), command);
    }

    fn apply_status(&mut self, seats: &mut Seats) {
        let Status { state, live_since_ms } = *self.status.borrow_and_update();
        seats.room.handle_input(self.clock.now(), Command::Stream { state, live_since_ms });
    }

    fn committed(&self, seats: &mut Seats, seq: u64, stored: Result<(), StoreError>) {
        let command = match stored {
            Ok(()) => Command::Committed { seq },
            Err(error) => {
                tracing::error!(room = %self.record.slug, seq, %error, "a line was not stored");
                Command::NotStored { seq }
            }
        };
        seats.room.handle_input(self.clock.now(), command);
    }

    fn saved(&self, seats: &mut Seats, saved: Result<(), StoreError>) {
        seats.saving = None;
        if let Err(error) = saved {
            tracing::warn!(room = %self.record.slug, %error, "what stands was not saved; the log has it all the same");
        }
    }

    fn carry_out(&self, seats: &mut Seats) {
        while let Some(effect) = seats.room.poll_output() {
            match effect {
                Effect::Persist(entry) => {
                    let (store, room, seq) = (self.store.clone(), self.record.id, entry.seq);
                    seats.commits.push_back(Box::pin(async move { (seq, store.append(room, entry).await) }));
                }
                Effect::Save { seq, floor: stood } => {
                    let (store, room) = (self.store.clone(), self.record.id);
                    let save = async move { store.save_floor(room, seq, *stood).await };
                    seats.saving.get_or_insert_with(|| Box::pin(save));
                }
                Effect::To(connection, frame) => seats.answer(connection, frame),
                Effect::ToSome(connections, frame) => seats.send_to_some(&connections, &frame),
                Effect::ToAll(frame) => seats.send_to_all(&json(&frame)),
            }
            for connection in std::mem::take(&mut seats.gone) {
                seats.members.remove(&connection);
                seats.room.handle_input(self.clock.now(), Command::Leave { connection });
            }
        }
        let view = seats.room.view();
        self.view.send_if_modified(|shown| {
            let changed = shown != view;
            if changed {
                shown.clone_from(view);
            }
            changed
        });
    }
}

impl Seats {
    fn seat(&mut self, join: Join, connections_max: usize) -> Option<Command> {
        if self.members.len() >= connections_max {
            // Whoever gave up waiting needs no answer.
            let _ = join.answer.send(Err(JoinError::Full));
            return None;
        }
        let connection = self.number();
        if join.answer.send(Ok(connection)).is_err() {
            return None;
        }
        self.members.insert(connection, Queue { frames: join.frames, too_slow: join.too_slow });
        Some(Command::Join { connection, person: join.person, address: join.address })
    }

    /// The next number of a connection or a request.
    fn number(&mut self) -> ConnectionId {
        let number = self.next_connection;
        self.next_connection += 1;
        number
    }

    fn answer(&mut self, connection: ConnectionId, frame: Out) {
        match self.asked.remove(&connection) {
            // Whoever gave up waiting needs no answer.
            Some(answer) => drop(answer.send(frame)),
            None => self.send(connection, &json(&frame)),
        }
    }

    fn send_to_some(&mut self, connections: &[ConnectionId], frame: &Out) {
        if connections.is_empty() {
            return;
        }
        let text = json(frame);
        for &connection in connections {
            self.send(connection, &text);
        }
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

/// Waits for what is being saved; without it, for ever.
async fn saving(saving: &mut Option<Saving>) -> Result<(), StoreError> {
    match saving {
        Some(saving) => saving.await,
        None => std::future::pending().await,
    }
}

fn settings(record: &RoomRecord, kept: Kept) -> Settings {
    Settings {
        slug: record.slug.clone(),
        title: record.title.clone(),
        owner: record.owner.clone(),
        epoch: record.epoch.clone(),
        last_seq: kept.last_seq,
        floor: kept.floor,
        since: kept.since,
        tail: kept.tail,
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
