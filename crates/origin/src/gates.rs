//! Rooms that not everybody may watch just like that: private ones, and those with a limit of viewers.
//!
//! All of it is in memory, since players ask for media several times a second. A room that is not here is open.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, RwLock};
use std::time::Duration;

use rooms::Slug;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::audience::WATCHING;
use crate::player_link::{self, LinkError, LinkKey};
use crate::secret::{self, Digest};
use crate::store::Lock;

/// The gates of all rooms that have one.
#[derive(Debug, Default)]
pub(crate) struct Gates {
    gates: RwLock<HashMap<Slug, Arc<Gate>>>,
    /// Of rooms that somebody is in over a connection that lasts.
    within: Mutex<HashMap<Slug, CancellationToken>>,
}

/// What stands before one room.
#[derive(Debug)]
pub(crate) struct Gate {
    slug: Slug,
    private: bool,
    viewer_limit: Option<u32>,
    password: Option<String>,
    link: Option<Digest>,
    link_key: Option<LinkKey>,
    /// Who plays, by the digest of what stands in their address. Limits may change around them.
    sessions: Arc<Mutex<HashMap<Digest, Session>>>,
}

/// A player's session.
#[derive(Clone, Copy, Debug)]
struct Session {
    /// When it last asked.
    asked: Instant,
    /// Who opened it, as far as the request tells one player from another.
    opener: Digest,
    /// It has asked for media, and not only for the list of renditions: some players read that several times, each
    /// time for a session of its own, before they play one of them.
    plays: bool,
    entry: Entry,
}

/// What let a player in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// The room's password, its invite link, who it is, or nothing where nothing is asked for.
    Usual,
    /// A signed link for players: what began with it ends when the room's links do.
    PlayerLink,
}

/// Why nobody is let to the media.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GateError {
    /// As many watch as may.
    Full,
    /// The session has ended, or never was.
    Ended,
}

impl Gates {
    /// The gate of a room; `None` for one that is open.
    pub(crate) fn get(&self, slug: &Slug) -> Option<Arc<Gate>> {
        self.gates.read().expect(UNBROKEN).get(slug).cloned()
    }

    /// Whether every room is open.
    pub(crate) fn is_empty(&self) -> bool {
        self.gates.read().expect(UNBROKEN).is_empty()
    }

    /// Cancelled once the room is private and another password or link opens it than before: whoever is in it over
    /// a connection that lasts, such as the chat, has to come in again. Kept until [`Gates::forget`], so only for a
    /// room that there is.
    ///
    /// What was let in before this was asked for has to be looked at once more after it.
    pub(crate) fn changed(&self, slug: &Slug) -> CancellationToken {
        self.within().entry(slug.clone()).or_default().clone()
    }

    /// A room has been deleted: whoever is still in it leaves.
    pub(crate) fn forget(&self, slug: &Slug) {
        if let Some(changed) = self.within().remove(slug) {
            changed.cancel();
        }
    }

    /// Takes the gates as they are stored now. Who plays goes on, unless who may come in has changed.
    pub(crate) fn replace(&self, locks: Vec<Lock>) {
        let mut gates = self.gates.write().expect(UNBROKEN);
        let before = std::mem::take(&mut *gates);
        let mut changed = Vec::new();
        for Lock { slug, private, password, link, link_key, viewer_limit } in locks {
            let same = before
                .get(&slug)
                .filter(|gate| (gate.private, &gate.password, gate.link) == (private, &password, link));
            if private && same.is_none() {
                changed.extend(self.within().remove(&slug));
            }
            let sessions = same.map(|gate| Arc::clone(&gate.sessions)).unwrap_or_default();
            if same.is_some_and(|gate| gate.link_key.is_some() && gate.link_key != link_key) {
                let mut sessions = sessions.lock().expect(UNBROKEN);
                sessions.retain(|_, session| session.entry != Entry::PlayerLink);
            }
            let gate = Gate { slug: slug.clone(), private, viewer_limit, password, link, link_key, sessions };
            gates.insert(slug, Arc::new(gate));
        }
        // With the gates in place: whoever comes back stands before them.
        drop(gates);
        changed.iter().for_each(CancellationToken::cancel);
    }

    fn within(&self) -> MutexGuard<'_, HashMap<Slug, CancellationToken>> {
        self.within.lock().expect(UNBROKEN)
    }
}

impl Gate {
    /// Whether one needs to be let in, and not only a free place.
    pub(crate) fn is_private(&self) -> bool {
        self.private
    }

    /// The stored password, argon2id in PHC form.
    pub(crate) fn password(&self) -> Option<String> {
        self.password.clone()
    }

    /// What lets whoever knew the password in again: it goes with the password, and needs no list.
    pub(crate) fn entry(&self) -> Option<String> {
        let password = self.password.as_ref()?;
        Some(secret::hex(&Digest::of(&format!("entry {password}")).0))
    }

    /// Whether this is the code of the room's link, or what the right password was answered with.
    pub(crate) fn opens_to(&self, shown: &str) -> bool {
        let shown = Digest::of(shown);
        self.link == Some(shown) || self.entry().is_some_and(|entry| Digest::of(&entry) == shown)
    }

    /// Whether its links for players are signed with this key.
    pub(crate) fn signs_with(&self, key: LinkKey) -> bool {
        self.link_key == Some(key)
    }

    /// Whether the query of a request is a signed link into this room that is good at `now_ms`, Unix time.
    ///
    /// # Errors
    /// [`LinkError`] for one that is not.
    pub(crate) fn opens_to_link(&self, query: &str, now_ms: i64) -> Result<bool, LinkError> {
        player_link::check(self.link_key, &self.slug, query, now_ms)
    }

    /// A place for a player: what stands in its address from now on. Until one of them plays, all that an opener
    /// opened are one place.
    ///
    /// # Errors
    /// [`GateError::Full`].
    pub(crate) fn open_session(&self, opener: Digest, entry: Entry) -> Result<String, GateError> {
        let now = Instant::now();
        let mut sessions = self.sessions();
        sessions.retain(|_, session| now - session.asked < SESSION_IDLE_MAX);
        if !self.has_place(&sessions, now, opener) || sessions.len() >= SESSIONS_MAX {
            return Err(GateError::Full);
        }
        let secret = secret::random();
        sessions.insert(Digest::of(&secret), Session { asked: now, opener, plays: false, entry });
        Ok(secret)
    }

    /// Notes that a session's player asks for media, or for the list of renditions.
    ///
    /// # Errors
    /// [`GateError::Ended`], or [`GateError::Full`] for one that was away while others took the places.
    pub(crate) fn use_session(&self, session: &str, media: bool) -> Result<(), GateError> {
        let (digest, now) = (Digest::of(session), Instant::now());
        let mut sessions = self.sessions();
        let found = sessions.get(&digest).copied();
        let found = found.filter(|session| now - session.asked < SESSION_IDLE_MAX).ok_or(GateError::Ended)?;
        let begins = media && !found.plays;
        let returns = now - found.asked >= WATCHING;
        if (begins || returns) && !self.has_place(&sessions, now, found.opener) {
            return Err(GateError::Full);
        }
        sessions.insert(digest, Session { asked: now, plays: found.plays || media, ..found });
        Ok(())
    }

    /// Whether one more may watch beside those who asked lately; what `opener` opened and does not play is its own.
    fn has_place(&self, sessions: &HashMap<Digest, Session>, now: Instant, opener: Digest) -> bool {
        let Some(limit) = self.viewer_limit else { return true };
        let lately = || sessions.values().filter(|session| now - session.asked < WATCHING);
        let playing: Vec<Digest> = lately().filter(|session| session.plays).map(|it| it.opener).collect();
        // What a player that plays opened besides is nobody's.
        let others = lately().filter(|session| {
            !session.plays && session.opener != opener && !playing.contains(&session.opener)
        });
        let waiting = others.map(|session| session.opener.0).collect::<HashSet<_>>().len();
        playing.len() + waiting < limit as usize
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<Digest, Session>> {
        self.sessions.lock().expect("nothing panics while it holds the sessions")
    }
}

const UNBROKEN: &str = "nothing panics while it holds the gates";
/// A session whose player asked for nothing in so long has ended; a pause of a minute or two is none.
const SESSION_IDLE_MAX: Duration = Duration::from_secs(5 * 60);
/// Sessions of one room: a bound on memory, above any limit that one origin serves.
const SESSIONS_MAX: usize = 50_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn lock(viewer_limit: Option<u32>, password: Option<&str>) -> Lock {
        let slug = "demo".parse().unwrap();
        let password = password.map(str::to_owned);
        Lock { slug, private: password.is_some(), password, link: None, link_key: None, viewer_limit }
    }

    fn by(opener: &str) -> Digest {
        Digest::of(opener)
    }

    fn gate(gates: &Gates) -> Arc<Gate> {
        gates.get(&"demo".parse().unwrap()).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_is_free_ten_seconds_after_its_player_last_asked() {
        let gates = Gates::default();
        gates.replace(vec![lock(Some(2), None)]);
        let gate = gate(&gates);
        let (first, second) = (
            gate.open_session(by("a"), Entry::Usual).unwrap(),
            gate.open_session(by("b"), Entry::Usual).unwrap(),
        );
        assert_eq!(gate.open_session(by("c"), Entry::Usual), Err(GateError::Full));
        tokio::time::advance(Duration::from_secs(9)).await;
        gate.use_session(&first, true).unwrap();
        tokio::time::advance(Duration::from_secs(1)).await;
        gate.open_session(by("c"), Entry::Usual).unwrap();
        assert_eq!(gate.use_session(&second, true), Err(GateError::Full), "somebody else has the place");
        gate.use_session(&first, true).unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_player_that_opens_twice_before_it_plays_has_one_place() {
        let gates = Gates::default();
        gates.replace(vec![lock(Some(2), None)]);
        let gate = gate(&gates);
        let first = gate.open_session(by("mpv"), Entry::Usual).unwrap();
        gate.use_session(&first, false).unwrap();
        let again = gate.open_session(by("mpv"), Entry::Usual).unwrap();
        let other = gate.open_session(by("ffplay"), Entry::Usual).unwrap();
        gate.use_session(&again, true).unwrap();
        gate.use_session(&other, true).unwrap();
        assert_eq!(gate.use_session(&first, true), Err(GateError::Full), "it cannot play both");
        assert_eq!(gate.open_session(by("mpv"), Entry::Usual), Err(GateError::Full));
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_ends_when_nothing_was_asked_for_long() {
        let gates = Gates::default();
        gates.replace(vec![lock(None, Some("phc"))]);
        let gate = gate(&gates);
        let session = gate.open_session(by("a"), Entry::Usual).unwrap();
        assert_eq!(gate.use_session("guess", true), Err(GateError::Ended));
        tokio::time::advance(SESSION_IDLE_MAX).await;
        assert_eq!(gate.use_session(&session, true), Err(GateError::Ended));
    }

    #[test]
    fn those_within_have_to_come_in_again_when_the_room_turns_private_or_opens_to_other_words() {
        let (gates, slug) = (Gates::default(), "demo".parse().unwrap());
        let open = gates.changed(&slug);
        gates.replace(vec![lock(Some(5), None)]);
        assert!(!open.is_cancelled(), "a limit is none of theirs");
        gates.replace(vec![lock(Some(5), Some("one"))]);
        assert!(open.is_cancelled());
        let private = gates.changed(&slug);
        gates.replace(vec![lock(None, Some("one"))]);
        assert!(!private.is_cancelled());
        gates.replace(vec![lock(None, Some("other"))]);
        assert!(private.is_cancelled());
        let again = gates.changed(&slug);
        gates.replace(Vec::new());
        assert!(!again.is_cancelled(), "an open room takes everybody");
        gates.forget(&slug);
        assert!(again.is_cancelled(), "a deleted room has nobody in it");
        assert!(gates.within().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn another_password_ends_the_sessions_and_another_limit_does_not() {
        let gates = Gates::default();
        gates.replace(vec![lock(None, Some("one"))]);
        let (session, entry) =
            (gate(&gates).open_session(by("a"), Entry::Usual).unwrap(), gate(&gates).entry().unwrap());
        gates.replace(vec![lock(Some(5), Some("one"))]);
        gate(&gates).use_session(&session, true).unwrap();
        assert!(gate(&gates).opens_to(&entry) && !gate(&gates).opens_to("one"));
        gates.replace(vec![lock(Some(5), Some("other"))]);
        assert_eq!(gate(&gates).use_session(&session, true), Err(GateError::Ended));
        assert!(!gate(&gates).opens_to(&entry));
    }

    #[tokio::test(start_paused = true)]
    async fn what_began_with_a_link_for_players_ends_when_those_are_ended() {
        let gates = Gates::default();
        let with_key = |key: Option<u8>| {
            let link_key = key.map(|byte| LinkKey([byte; 32]));
            gates.replace(vec![Lock { link_key, ..lock(None, Some("one")) }]);
            gate(&gates)
        };
        let usual = with_key(None).open_session(by("a"), Entry::Usual).unwrap();
        let linked = with_key(Some(1)).open_session(by("b"), Entry::PlayerLink).unwrap();
        let same = with_key(Some(1));
        assert_eq!((same.use_session(&usual, true), same.use_session(&linked, true)), (Ok(()), Ok(())));
        let after = with_key(None);
        assert_eq!(after.use_session(&linked, true), Err(GateError::Ended));
        assert_eq!(after.use_session(&usual, true), Ok(()));
    }
}
