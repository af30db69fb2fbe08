//! One room's task: the room's rules between a mailbox, the store, and the queues of those who are in it.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesOrdered;
use rooms::frame::{NoticeCode, Out, RoomView, State};
use rooms::{Command, ConnectionId, Effect, Entry, EntryBody, Gift, Room, TRANSCRIPT_ENTRIES};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::yield_now;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::figures::Noted;
use super::{Arrival, Frame, Join, JoinError, Look, Mail, Queue, settings};
use crate::audience::PlayerKey;
use crate::clock::Clock;
use crate::store::{RoomRecord, Store, StoreError, account_of};
use crate::streams::{Status, Stream};

pub(super) struct Task {
    pub(super) record: RoomRecord,
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) mail: mpsc::Receiver<Mail>,
    pub(super) stream: Arc<Stream>,
    pub(super) gifts: watch::Receiver<Vec<Gift>>,
    pub(super) status: watch::Receiver<Status>,
    pub(super) view: watch::Sender<RoomView>,
    pub(super) shutdown: CancellationToken,
    pub(super) connections_max: usize,
}

type Saving = Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send>>;
type Commit = Pin<Box<dyn Future<Output = (u64, Result<(), StoreError>)> + Send>>;

/// The room's rules, and the queues of those who are in it.
pub(super) struct Seats {
    pub(super) room: Room,
    members: HashMap<ConnectionId, Seat>,
    next_connection: ConnectionId,
    pub(super) commits: FuturesOrdered<Commit>,
    /// What stood, while it is being saved; a later one waits until the next time.
    saving: Option<Saving>,
    /// What watching earns, while it is stored.
    earning: Option<Saving>,
    /// Who watches, while it is noted.
    pub(super) noting: Option<Saving>,
    /// What was noted last of the broadcast that runs.
    pub(super) noted: Option<Noted>,
    /// A broadcast began whose notice is not stored yet.
    began: bool,
    /// When the last one that was heard of began.
    live_since_ms: Option<i64>,
    /// Requests of those who are not connected, until they are answered.
    asked: HashMap<ConnectionId, oneshot::Sender<Out>>,
    /// Members that were let go and have not left the room yet.
    gone: Vec<ConnectionId>,
}

/// One member.
struct Seat {
    /// What this member's player is known by.
    player: Option<PlayerKey>,
    /// Whose wallet is theirs.
    account: Option<i64>,
    queue: Queue,
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
            earning: None,
            noting: None,
            noted: None,
            began: false,
            live_since_ms: None,
            asked: HashMap::new(),
            gone: Vec::new(),
        };
        self.apply_status(&mut seats);
        self.apply_gifts(&mut seats);
        let mut looks = tokio::time::interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut pays = tokio::time::interval_at(Instant::now() + PAY_EVERY, PAY_EVERY);
        pays.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let due = seats.room.poll_timeout().map(|due| self.clock.instant(due));
            let tick = async {
                match due {
                    Some(due) => tokio::time::sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.shutdown.cancelled() => return self.stop(&mut seats).await,
                Some((seq, stored)) = seats.commits.next() => self.committed(&mut seats, seq, stored),
                saved = saving(&mut seats.saving) => self.saved(&mut seats, saved),
                Ok(()) = self.status.changed() => self.apply_status(&mut seats),
                Ok(()) = self.gifts.changed() => self.apply_gifts(&mut seats),
                earned = saving(&mut seats.earning) => self.earned(&mut seats, earned),
                noted = saving(&mut seats.noting) => self.figures_noted(&mut seats, noted),
                mail = self.mail.recv(), if seats.room.pending() < PENDING_MAX => match mail {
                    Some(mail) => self.take(&mut seats, mail),
                    None => break,
                },
                _ = looks.tick(), if self.is_on() => {
                    self.look_who_plays(&mut seats);
                    self.note_figures(&mut seats);
                }
                _ = pays.tick(), if self.is_on() => self.pay_for_watching(&mut seats),
                () = tick => seats.room.handle_input(self.clock.now(), Command::Tick),
            }
            self.carry_out(&mut seats).await;
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
            Mail::Look(Look(look)) => return look(&seats.room, self.clock.now()),
            Mail::Follow(member, follows) => Command::Follow { member, follows },
            Mail::Forget(member) => Command::Forget { member },
            Mail::Describe(title, owner) => Command::Describe { title, owner },
        };
        seats.room.handle_input(self.clock.now(), command);
    }

    fn apply_status(&mut self, seats: &mut Seats) {
        let Status { state, live_since_ms } = *self.status.borrow_and_update();
        if live_since_ms.is_some() && live_since_ms != seats.live_since_ms {
            (seats.began, seats.live_since_ms) = (true, live_since_ms);
        }
        seats.room.handle_input(self.clock.now(), Command::Stream { state, live_since_ms });
        if state == State::Offline {
            seats.forget_figures();
            seats.room.handle_input(self.clock.now(), Command::Players { alone: 0 });
        }
    }

    /// Whether anybody can play anything.
    fn is_on(&self) -> bool {
        self.status.borrow().state != State::Offline
    }

    /// Tells the room how many play who are not in it.
    fn look_who_plays(&self, seats: &mut Seats) {
        let here: HashSet<PlayerKey> = seats.members.values().filter_map(|seat| seat.player).collect();
        let playing = self.stream.audience().playing();
        let alone = playing.iter().filter(|key| !here.contains(key)).count();
        let alone = u32::try_from(alone).unwrap_or(u32::MAX);
        seats.room.handle_input(self.clock.now(), Command::Players { alone });
    }

    /// Books a minute for every account whose player got pictures or sound just now.
    fn pay_for_watching(&self, seats: &mut Seats) {
        let audience = self.stream.audience();
        let watching =
            seats.members.values().filter(|seat| seat.player.is_some_and(|key| audience.watches(key)));
        let accounts: BTreeSet<i64> = watching.filter_map(|seat| seat.account).collect();
        if accounts.is_empty() || self.status.borrow().state != State::Live {
            return;
        }
        let (store, now_ms) = (self.store.clone(), self.clock.now().unix_ms);
        let earn = async move { store.earn(accounts.into_iter().collect(), now_ms).await };
        seats.earning.get_or_insert_with(|| Box::pin(earn));
    }

    fn earned(&self, seats: &mut Seats, earned: Result<(), StoreError>) {
        seats.earning = None;
        if let Err(error) = earned {
            tracing::warn!(room = %self.record.slug, %error, "points for watching were not booked");
        }
    }

    fn apply_gifts(&mut self, seats: &mut Seats) {
        let gifts = self.gifts.borrow_and_update().clone();
        seats.room.handle_input(self.clock.now(), Command::Catalogue { gifts });
    }

    fn committed(&self, seats: &mut Seats, seq: u64, stored: Result<(), StoreError>) {
        let command = match stored {
            Ok(()) => Command::Committed { seq },
            Err(StoreError::NotEnough) => Command::NotPaid { seq },
            Err(StoreError::Given { first }) => Command::Given { seq, first },
            Err(error) => {
                tracing::error!(room = %self.record.slug, seq, %error, "a line was not stored");
                Command::NotStored { seq }
            }
        };
        seats.room.handle_input(self.clock.now(), command);
    }

    /// Stores a line.
    pub(super) fn append(&self, seats: &mut Seats, entry: Entry) {
        let (store, room, seq) = (self.store.clone(), self.record.id, entry.seq);
        let live = matches!(entry.body, EntryBody::Notice(NoticeCode::Live));
        let began = live && std::mem::take(&mut seats.began);
        let append = async move { (seq, store.append_noting(room, entry, began).await) };
        seats.commits.push_back(Box::pin(append));
    }

    fn saved(&self, seats: &mut Seats, saved: Result<(), StoreError>) {
        seats.saving = None;
        if let Err(error) = saved {
            tracing::warn!(room = %self.record.slug, %error, "what stands was not saved; the log has it all the same");
        }
    }

    async fn carry_out(&self, seats: &mut Seats) {
        while let Some(effect) = seats.room.poll_output() {
            match effect {
                Effect::Persist(entry) => self.append(seats, entry),
                Effect::Save { seq, floor: stood } => {
                    let (store, room) = (self.store.clone(), self.record.id);
                    let save = async move { store.save_floor(room, seq, *stood).await };
                    seats.saving.get_or_insert_with(|| Box::pin(save));
                }
                Effect::To(connection, frame) => seats.answer(connection, frame),
                Effect::ToSome(connections, frame) => seats.send_to_some(&connections, &frame),
                Effect::ToAll(frame) => seats.send_to_all(&Frame::new(&frame)).await,
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
        let Arrival { person, address, player, told_apart, wire: _ } = join.arrival;
        let seat = Seat { player, account: account_of(&person.id), queue: join.queue };
        self.members.insert(connection, seat);
        let player = player.filter(|_| told_apart).map(PlayerKey::number);
        Some(Command::Join { connection, person, player, address })
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
            None => self.send(connection, &Frame::new(&frame)),
        }
    }

    fn send_to_some(&mut self, connections: &[ConnectionId], frame: &Out) {
        if connections.is_empty() {
            return;
        }
        let frame = Frame::new(frame);
        for &connection in connections {
            self.send(connection, &frame);
        }
    }

    fn send(&mut self, connection: ConnectionId, frame: &Frame) {
        if self.members.get(&connection).is_some_and(|seat| !seat.queue.push(frame)) {
            self.gone.push(connection);
        }
    }

    async fn send_to_all(&mut self, frame: &Frame) {
        for (number, (&connection, seat)) in self.members.iter().enumerate() {
            if !seat.queue.push(frame) {
                self.gone.push(connection);
            }
            if number % WRITES_AT_A_TIME == WRITES_AT_A_TIME - 1 {
                yield_now().await;
            }
        }
    }
}

/// Waits for what is being saved; without it, for ever.
async fn saving(saving: &mut Option<Saving>) -> Result<(), StoreError> {
    match saving {
        Some(saving) => saving.await,
        None => std::future::pending().await,
    }
}

/// How often players are counted while there is a broadcast.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often watching earns points.
const PAY_EVERY: Duration = Duration::from_secs(60);
/// Lines being stored; at so many the room stops taking commands until some are.
const PENDING_MAX: usize = 512;
/// Sockets written to before others have a turn on this thread: about a quarter of a millisecond.
const WRITES_AT_A_TIME: usize = 64;
