//! One room: from what happens to what it wants done.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use crate::Time;
use crate::command::{Command, ConnectionId, Effect, PlayerId, Settings};
use crate::crowd::{Connection, Crowd, Gauge};
use crate::entry::{Act, Audience, Deed, Entry, EntryBody};
use crate::floor::{Floor, Sanction};
use crate::frame::{ErrorCode, FloorView, In, NoticeCode, Out, Person, RoomView, State};
use crate::gift::Gift;
use crate::pace::{Pace, Paces};
use crate::refusal::Refusal;
use crate::snapshots::Snapshots;
use crate::transcript::{TRANSCRIPT_ENTRIES, Transcript};

/// The rules of one room.
#[derive(Debug)]
pub struct Room {
    pub(crate) view: RoomView,
    pub(crate) epoch: String,
    next_seq: u64,
    pub(crate) transcript: Transcript,
    pub(crate) floor: Floor,
    /// Lines since what stood was saved.
    unsaved: usize,
    pub(crate) pending: VecDeque<Pending>,
    pub(crate) crowd: Crowd,
    /// Who plays the stream and is not in the crowd.
    players: u32,
    /// What can be given.
    pub(crate) gifts: Vec<Gift>,
    /// Who is not connected and wants something, while that is looked at.
    pub(crate) visitor: Option<(ConnectionId, Person)>,
    pub(crate) paces: HashMap<String, Paces>,
    /// Of guests' addresses.
    pub(crate) addresses: HashMap<String, Pace>,
    pub(crate) snapshots: Snapshots,
    /// Likes of this broadcast, those not stored yet among them.
    pub(crate) likes: u64,
    gauge: Option<Gauge>,
    pub(crate) effects: VecDeque<Effect>,
}

/// A line that is being stored, and who waits for it.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) entry: Entry,
    pub(crate) asker: String,
    pub(crate) id: String,
    pub(crate) waiting: Vec<ConnectionId>,
}

/// Who comes in, see [`Command::Join`].
struct Newcomer {
    person: Person,
    player: Option<PlayerId>,
    address: Option<String>,
}

/// Who asks for something.
#[derive(Clone, Debug)]
pub(crate) struct Asker {
    pub(crate) connection: ConnectionId,
    pub(crate) person: Person,
    pub(crate) address: Option<String>,
    /// Whether they follow the room.
    pub(crate) follows: bool,
}

impl Room {
    /// The least time between two `presence`, `likes`, `poll` or `hand` frames.
    pub const PRESENCE_INTERVAL: Duration = Duration::from_millis(500);
    /// Bytes of a sender's own id at most.
    pub const ID_BYTES_MAX: usize = 64;
    /// Seconds of a time-out at most: four weeks. Longer is a ban.
    pub const TIMEOUT_MAX_S: u32 = 28 * 86_400;
    /// A ban of a guest and its address: cookies go and addresses change hands.
    pub const GUEST_BAN_S: u32 = 86_400;
    /// Code points of the reason of a time-out or ban at most: a line that is read in passing.
    pub const REASON_CHARS_MAX: usize = 200;
    /// Likes in one frame that count: a page sends twice a second, and nobody presses faster than that.
    pub const LIKES_MAX: u32 = 20;
    /// Lines after which what stands is saved: beginning again reads at most so many, and what is being stored.
    pub const SAVE_EVERY: usize = 2_000;

    /// A room with nobody in it.
    #[must_use]
    pub fn new(settings: Settings) -> Room {
        let mut transcript = Transcript::default();
        let last_seq = settings.tail.last().map_or(0, |entry| entry.seq).max(settings.last_seq);
        if settings.tail.len() >= TRANSCRIPT_ENTRIES {
            transcript.begins_after(settings.tail[0].seq - 1);
        }
        for entry in settings.tail {
            if let Some((asker, id)) = entry.key() {
                transcript.remember(asker, id, entry.seq);
            }
            transcript.push(entry);
        }
        let mut floor = settings.floor;
        for entry in &settings.since {
            floor.apply(entry);
        }
        let playlist = format!("/live/{}/index.m3u8", settings.slug);
        let view = RoomView {
            room: settings.slug,
            title: settings.title,
            owner: settings.owner,
            state: State::Offline,
            viewers: 0,
            members: 0,
            live_since_ms: None,
            playlist,
        };
        Room {
            view,
            epoch: settings.epoch,
            next_seq: last_seq + 1,
            transcript,
            likes: floor.likes,
            floor,
            unsaved: settings.since.len(),
            pending: VecDeque::new(),
            crowd: Crowd::default(),
            players: 0,
            gifts: Vec::new(),
            visitor: None,
            paces: HashMap::new(),
            addresses: HashMap::new(),
            snapshots: Snapshots::default(),
            gauge: None,
            effects: VecDeque::new(),
        }
    }

    /// Takes what happened at `now`; then drain [`Room::poll_output`].
    pub fn handle_input(&mut self, now: Time, command: Command) {
        match command {
            Command::Join { connection, person, player, address } => {
                self.join(now, connection, Newcomer { person, player, address });
            }
            Command::Leave { connection } => self.leave(now, connection),
            Command::Frame { connection, frame } => {
                if let Some(asker) = self.asker(connection) {
                    self.take(now, asker, frame);
                }
            }
            Command::Perform { ticket, person, frame } => self.perform(now, ticket, person, frame),
            Command::Committed { seq } => self.committed(now, seq),
            Command::NotStored { seq } => {
                self.dropped(now, seq, ErrorCode::NotStored, "it could not be stored and was not done");
            }
            Command::NotPaid { seq } => {
                self.dropped(now, seq, ErrorCode::NotEnough, "that costs more points than you have")
            }
            Command::Given { seq, first } => self.given_before(seq, first),
            Command::Catalogue { gifts } => self.gifts = gifts,
            Command::Follow { member, follows } => self.crowd.follow(&member, follows),
            Command::Forget { member } => self.forget(now, &member),
            Command::Stream { state, live_since_ms } => self.stream(now, state, live_since_ms),
            Command::Players { alone } if alone == self.players => {}
            Command::Players { alone } => {
                self.players = alone;
                self.recount(now);
            }
            Command::Describe { title, owner } => {
                self.view.title = title;
                self.view.owner = owner;
            }
            Command::Stop => self.stream(now, State::Offline, None),
            Command::Tick => self.tick(now),
        }
        self.close_polls(now);
        self.tell_snapshots(now);
    }

    /// The next thing to do, in order.
    pub fn poll_output(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// When [`Command::Tick`] is due, on the clock of [`crate::Time::monotonic`].
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.snapshots.due()
    }

    /// The room as everybody may see it.
    #[must_use]
    pub fn view(&self) -> &RoomView {
        &self.view
    }

    /// What stands in it.
    #[must_use]
    pub fn floor(&self) -> &Floor {
        &self.floor
    }

    /// Who watched the broadcast that runs, so far; `None` while there is none.
    #[must_use]
    pub fn audience(&self, now: Time) -> Option<Audience> {
        self.gauge.map(|gauge| gauge.read(now.monotonic, self.view.viewers, self.likes))
    }

    /// What stands in it, as one person may see it.
    #[must_use]
    pub fn floor_view(&self, person: &Person, now_ms: i64) -> FloorView {
        self.floor.view(person, None, now_ms, self.likes)
    }

    /// Everybody who is connected, each once.
    pub fn people(&self) -> impl Iterator<Item = &Person> {
        self.crowd.people()
    }

    /// Time-outs and bans that hold.
    pub fn sanctions(&self, now_ms: i64) -> impl Iterator<Item = &Sanction> {
        self.floor.sanctions(now_ms)
    }

    /// Lines that are being stored; a caller stops taking commands while they are many.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    fn join(&mut self, now: Time, connection: ConnectionId, newcomer: Newcomer) {
        let Newcomer { person, player, address } = newcomer;
        let joined_at_seq = self.stored_seq();
        let watches = !person.is_owner(self.view.owner.as_deref());
        let known = Connection { person: person.clone(), player, address, joined_at_seq, watches };
        let floor = Box::new(self.floor.view(&person, known.address.as_deref(), now.unix_ms, self.likes));
        let first = self.crowd.come(connection, known);
        self.recount(now);
        let welcome = Out::Welcome {
            epoch: self.epoch.clone(),
            seq: joined_at_seq,
            at: now.unix_ms,
            member: person.clone(),
            room: self.view.clone(),
            floor,
            history: self.transcript.history(),
        };
        self.effects.push_back(Effect::To(connection, welcome));
        if first && self.floor.rules.class && !person.is_host() {
            self.done_by(now, Some(person), Act::Here);
        }
    }

    fn leave(&mut self, now: Time, connection: ConnectionId) {
        let Some((gone, last)) = self.crowd.go(connection) else { return };
        for pending in &mut self.pending {
            pending.waiting.retain(|&waiting| waiting != connection);
        }
        self.recount(now);
        if last && self.floor.rules.class && !gone.person.is_host() {
            self.done_by(now, Some(gone.person), Act::Gone);
        }
    }

    fn perform(&mut self, now: Time, ticket: ConnectionId, person: Person, frame: In) {
        let follows = matches!(frame, In::Comment { follows: true, .. });
        let asker = Asker { connection: ticket, person: person.clone(), address: None, follows };
        if frame.id().is_none() {
            return self.refuse(&asker, None, Refusal::bad("a request has an id"));
        }
        self.visitor = Some((ticket, person));
        self.take(now, asker, frame);
        self.visitor = None;
    }

    fn asker(&self, connection: ConnectionId) -> Option<Asker> {
        let known = self.crowd.get(connection)?;
        let follows = self.crowd.follows(&known.person.id);
        Some(Asker { connection, person: known.person.clone(), address: known.address.clone(), follows })
    }

    pub(crate) fn resume(&mut self, connection: ConnectionId, epoch: &str, seq: u64) {
        let Some(member) = self.crowd.get(connection) else { return };
        let until = member.joined_at_seq;
        let known = epoch == self.epoch && seq <= self.stored_seq();
        let missed = if known { self.transcript.between(seq, until) } else { None };
        match missed {
            Some(missed) => {
                let frames: Vec<Out> = missed.filter_map(|entry| self.missed_frame(entry)).collect();
                self.effects.extend(frames.into_iter().map(|frame| Effect::To(connection, frame)));
            }
            None => {
                let seq = self.stored_seq();
                self.effects.push_back(Effect::To(connection, Out::Reset { seq }));
            }
        }
    }

    /// As somebody is told it who was away meanwhile.
    fn missed_frame(&self, entry: &Entry) -> Option<Out> {
        let EntryBody::Deed(Deed { act: Act::Restore { message }, .. }) = &entry.body else {
            return entry.frame();
        };
        let (restored, at) = self.transcript.message(*message)?;
        Some(Out::Restored { seq: entry.seq, message: Box::new(restored.frame(*message, at)) })
    }

    fn committed(&mut self, now: Time, seq: u64) {
        let Some(Pending { entry, asker, id, waiting }) = self.take_pending(seq) else { return };
        let held = matches!(entry.body, EntryBody::Held { .. });
        for connection in waiting {
            self.effects.push_back(Effect::To(connection, Out::Ack { id: id.clone(), seq, held }));
        }
        if !id.is_empty() {
            self.transcript.remember(&asker, &id, seq);
        }
        let ended = self.ends(&entry);
        self.floor.apply(&entry);
        self.transcript.push(entry.clone());
        self.tell(now, &entry, ended);
        self.unsaved += 1;
        if self.unsaved >= Room::SAVE_EVERY {
            self.unsaved = 0;
            let floor = Box::new(self.floor.clone());
            self.effects.push_back(Effect::Save { seq, floor });
        }
    }

    /// A repeat that came so late that the room had forgotten the first: it is answered like that.
    fn given_before(&mut self, seq: u64, first: u64) {
        let Some(Pending { asker, id, waiting, .. }) = self.take_pending(seq) else { return };
        for connection in waiting {
            self.effects
                .push_back(Effect::To(connection, Out::Ack { id: id.clone(), seq: first, held: false }));
        }
        self.transcript.remember(&asker, &id, first);
    }

    fn dropped(&mut self, now: Time, seq: u64, code: ErrorCode, why: &str) {
        let Some(pending) = self.take_pending(seq) else { return };
        if matches!(pending.entry.body, EntryBody::Deed(Deed { act: Act::ClosePoll { .. }, .. })) {
            self.snapshots.close_later(now);
        }
        for connection in pending.waiting {
            let error = Refusal::new(code, why).frame(Some(pending.id.clone()));
            self.effects.push_back(Effect::To(connection, error));
        }
    }

    fn stream(&mut self, now: Time, state: State, live_since_ms: Option<i64>) {
        let before = std::mem::replace(&mut self.view.state, state);
        self.view.live_since_ms = live_since_ms;
        if before == state {
            return;
        }
        let viewers = self.view.viewers;
        if state == State::Offline {
            if let Some(gauge) = self.gauge.take() {
                let audience = gauge.read(now.monotonic, viewers, self.likes);
                self.done_by(now, None, Act::Broadcast(audience));
            }
        } else if self.gauge.is_none() {
            self.gauge = Some(Gauge::new(now.monotonic, live_since_ms, viewers));
        }
        let body = EntryBody::Notice(NoticeCode::from(state));
        self.persist(now, body, None, String::new());
    }

    fn tick(&mut self, now: Time) {
        let slow = Duration::from_secs(self.floor.rules.slow_mode_s.into());
        self.paces.retain(|_, paces| !paces.is_spent(now.monotonic, slow));
        self.addresses.retain(|_, pace| !pace.is_full(now.monotonic));
    }

    /// Asks to store a line; `asker` is told when it is.
    pub(crate) fn persist(&mut self, now: Time, body: EntryBody, asker: Option<&Asker>, id: String) {
        let entry = Entry { seq: self.next_seq, at_ms: now.unix_ms, body };
        self.next_seq += 1;
        let waiting = asker.map(|asker| asker.connection).filter(|_| !id.is_empty());
        self.pending.push_back(Pending {
            entry: entry.clone(),
            asker: asker.map(|asker| asker.person.id.clone()).unwrap_or_default(),
            id,
            waiting: waiting.into_iter().collect(),
        });
        self.effects.push_back(Effect::Persist(entry));
    }

    /// Asks to store something that nobody waits for.
    pub(crate) fn done_by(&mut self, now: Time, by: Option<Person>, act: Act) {
        self.persist(now, EntryBody::Deed(Deed { id: String::new(), by, act }), None, String::new());
    }

    /// Whether something like this is being stored.
    pub(crate) fn awaits(&self, mut wanted: impl FnMut(&EntryBody) -> bool) -> bool {
        self.pending.iter().any(|pending| wanted(&pending.entry.body))
    }

    pub(crate) fn refuse(&mut self, asker: &Asker, id: Option<String>, refusal: Refusal) {
        self.effects.push_back(Effect::To(asker.connection, refusal.frame(id)));
    }

    /// The highest number whose fate is known; everything after it is still being stored.
    pub(crate) fn stored_seq(&self) -> u64 {
        self.pending.front().map_or(self.next_seq, |pending| pending.entry.seq) - 1
    }

    pub(crate) fn next_seq(&self) -> u64 {
        self.next_seq
    }

    fn take_pending(&mut self, seq: u64) -> Option<Pending> {
        let at = self.pending.iter().position(|pending| pending.entry.seq == seq)?;
        self.pending.remove(at)
    }

    fn recount(&mut self, now: Time) {
        let before = self.view.viewers;
        let (connected, members) = self.crowd.count();
        (self.view.viewers, self.view.members) = (connected.saturating_add(self.players), members);
        if let Some(gauge) = &mut self.gauge {
            gauge.changes(now.monotonic, before, self.view.viewers);
        }
        self.snapshots.presence();
    }
}

impl Person {
    fn is_owner(&self, owner: Option<&str>) -> bool {
        self.is_host() && owner == Some(self.name.as_str())
    }
}
