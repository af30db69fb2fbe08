//! One room's task: the room's rules between a mailbox, the store, and the queues of those who are in it.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::ws::Utf8Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesOrdered;
use rooms::frame::{Out, RoomView};
use rooms::{Command, ConnectionId, Effect, Room, TRANSCRIPT_ENTRIES};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::{Join, JoinError, Look, Mail, json, settings};
use crate::clock::Clock;
use crate::store::{RoomRecord, Store, StoreError};
use crate::streams::Status;

pub(super) struct Task {
    pub(super) record: RoomRecord,
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) mail: mpsc::Receiver<Mail>,
    pub(super) status: watch::Receiver<Status>,
    pub(super) view: watch::Sender<RoomView>,
    pub(super) shutdown: CancellationToken,
    pub(super) connections_max: usize,
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
    pub(super) async fn run(mut self) {
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

/// Waits for what is being saved; without it, for ever.
async fn saving(saving: &mut Option<Saving>) -> Result<(), StoreError> {
    match saving {
        Some(saving) => saving.await,
        None => std::future::pending().await,
    }
}

/// Lines being stored; at so many the room stops taking commands until some are.
const PENDING_MAX: usize = 512;
