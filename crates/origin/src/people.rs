//! Where sockets meet the rules of crate `rooms`: one task a room, with a bounded mailbox.
//!
//! The task tells the rules what happened, stores what they ask to store, and hands frames to members. A
//! frame for everybody is serialised once and shared. The room writes it to the sockets itself; where one is full, or
//! encrypted, it waits in a queue for the connection's task. A member whose queue is full is dropped, with a
//! reason; it comes back and resumes from its last sequence number.

mod figures;
mod following;
mod queue;
mod room_task;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use rooms::frame::{ErrorCode, In, Out, Person, RoomView};
use rooms::{ConnectionId, Room, Settings, Slug, Time};
use tokio::runtime;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::audience::PlayerKey;
use crate::clock::Clock;
use crate::state::Shared;
use crate::store::{Kept, RoomRecord, Store, StoreError};
use crate::wire::Wire;
use queue::{Frames, Queue, queue};
use room_task::Task;

pub(crate) use following::member_id;
pub(crate) use queue::{Due, Frame};

/// The rooms that anybody came to since the start.
#[derive(Debug)]
pub(crate) struct People {
    clock: Clock,
    rooms: Mutex<HashMap<Slug, Handle>>,
    tasks: Mutex<JoinSet<()>>,
    /// Where rooms run, whoever opens them: a publisher's thread sends media, and nothing that takes its time.
    runtime: runtime::Handle,
}

/// The way into one room's task.
#[derive(Clone, Debug)]
pub(crate) struct Handle {
    mailbox: mpsc::Sender<Mail>,
    view: watch::Receiver<RoomView>,
    /// Ends the room's task, and with it all connections to it.
    end: CancellationToken,
}

/// One member's end of its connection. [`Member::leave`] leaves the room; of one that was only dropped the
/// room learns with the next frame for it.
#[derive(Debug)]
pub(crate) struct Member {
    connection: ConnectionId,
    mailbox: mpsc::Sender<Mail>,
    pub(crate) frames: Frames,
    view: watch::Receiver<RoomView>,
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
    /// Whether somebody who is here follows the room.
    Follow(String, bool),
    /// Somebody's account is deleted.
    Forget(String),
    /// Title and owner.
    Describe(String, Option<String>),
}

/// Somebody who wants to see what stands in a room.
struct Look(Looking);

/// Told the room and the time.
type Looking = Box<dyn FnOnce(&Room, Time) + Send>;

impl std::fmt::Debug for Look {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Look")
    }
}

/// Who comes into a room.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) person: Person,
    /// See [`rooms::Command::Join`].
    pub(crate) address: Option<String>,
    /// What their player is known by, when they have one.
    pub(crate) player: Option<PlayerKey>,
    /// Whether that tells it from all others.
    pub(crate) told_apart: bool,
    /// Where their socket sends, when frames can be written to it as they are.
    pub(crate) wire: Option<Arc<Wire>>,
}

#[derive(Debug)]
struct Join {
    arrival: Arrival,
    queue: Queue,
    answer: oneshot::Sender<Result<ConnectionId, JoinError>>,
}

impl People {
    /// In the runtime that rooms are to run in.
    pub(crate) fn new() -> People {
        let runtime = runtime::Handle::current();
        People { clock: Clock::start(), rooms: Mutex::default(), tasks: Mutex::default(), runtime }
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
        let stream = shared.streams.open(&record.slug);
        let settings = settings(record, Kept::default());
        let (view_sender, view) = watch::channel(Room::new(settings).view().clone());
        let end = shared.shutdown.child_token();
        let task = Task {
            record: record.clone(),
            store: shared.store.clone(),
            clock: self.clock,
            mail,
            status: stream.watch_status(),
            stream,
            gifts: shared.gifts.subscribe(),
            view: view_sender,
            shutdown: end.clone(),
            connections_max: shared.config.limits.chat_connections_per_room,
        };
        let mut tasks = self.tasks.lock().expect("nothing panics while it holds the tasks");
        while tasks.try_join_next().is_some() {}
        tasks.spawn_on(task.run(), &self.runtime);
        let handle = Handle { mailbox, view, end };
        rooms.insert(record.slug.clone(), handle.clone());
        handle
    }

    /// Ends a room: everybody in it is let go, and what was said is stored when this returns. Whoever comes next finds
    /// it as it is stored.
    pub(crate) async fn close(&self, slug: &Slug) {
        let handle = self.rooms().remove(slug);
        if let Some(handle) = handle {
            handle.end.cancel();
            handle.mailbox.closed().await;
        }
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
    pub(crate) async fn join(&self, mut arrival: Arrival) -> Result<Member, JoinError> {
        let (queue, frames) = queue(arrival.wire.take());
        let (answer, answered) = oneshot::channel();
        let join = Join { arrival, queue, answer };
        self.mailbox.send(Mail::Join(join)).await.map_err(|_| JoinError::Closed)?;
        let connection = answered.await.unwrap_or(Err(JoinError::Closed))?;
        Ok(Member { connection, mailbox: self.mailbox.clone(), frames, view: self.view.clone() })
    }

    /// Has something done by somebody who is not connected; the answer is [`Out::Ack`] or [`Out::Error`].
    pub(crate) async fn perform(&self, person: Person, frame: In) -> Result<Out, JoinError> {
        let (answer, answered) = oneshot::channel();
        self.mailbox.send(Mail::Perform(person, frame, answer)).await.map_err(|_| JoinError::Closed)?;
        answered.await.map_err(|_| JoinError::Closed)
    }

    /// What `look` sees in the room, told the time.
    pub(crate) async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Room, Time) -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        let (answer, answered) = oneshot::channel();
        let look = Look(Box::new(move |room, now| {
            // Whoever gave up waiting needs no answer.
            let _ = answer.send(look(room, now));
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

    /// How many are in the room, as it is told.
    pub(crate) fn presence(&self) -> Out {
        let view = self.view.borrow();
        Out::Presence { viewers: view.viewers, members: view.members }
    }

    /// Leaves; waits for a place in the mailbox, so that no full mailbox keeps a ghost in the room.
    pub(crate) async fn leave(self) {
        self.frames.close();
        let _ = self.mailbox.send(Mail::Leave(self.connection)).await;
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

#[cfg(test)]
#[path = "people_tests.rs"]
mod tests;
