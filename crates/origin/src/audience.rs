//! Who plays a room's stream, told from what players ask for.
//!
//! Playlists and media are the same for everybody and cacheable, so nothing in their addresses tells players apart. What
//! does is the session of a room that gives some, the cookie that the watch page sets (one a browser), else the
//! address with the player's own name. A chat connection shows the same, so that who does both counts once.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use tokio::time::Instant;

/// Tells one player of a room from another; means nothing elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PlayerKey(u64);

impl PlayerKey {
    /// As the room's rules know it.
    pub(crate) fn number(self) -> rooms::PlayerId {
        self.0
    }
}

/// How a player shows itself.
#[derive(Clone, Copy, Debug, Hash)]
pub(crate) enum Shown<'a> {
    /// By the watch page's cookie.
    Page(&'a [u8]),
    /// By the session in its address.
    Session(&'a str),
    /// By where it is and what it calls itself.
    Address(IpAddr, &'a [u8]),
}

impl Shown<'_> {
    /// Whether that tells it from all other players. Programs of one kind behind one address show the same.
    pub(crate) fn is_own(self) -> bool {
        !matches!(self, Shown::Address(..))
    }
}

/// What a player asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// A playlist, which one that is paused asks for as well.
    Playlist,
    /// Pictures or sound.
    Media,
}

/// The players of one room.
#[derive(Debug, Default)]
pub(crate) struct Audience {
    keys: RandomState,
    players: Mutex<HashMap<PlayerKey, Asked>>,
}

/// When a player asked last.
#[derive(Clone, Copy, Debug)]
struct Asked {
    anything: Instant,
    media: Option<Instant>,
}

impl Audience {
    /// What such a player is known by.
    pub(crate) fn key(&self, shown: Shown<'_>) -> PlayerKey {
        PlayerKey(self.keys.hash_one(shown))
    }

    /// Notes that a player asks for something. Beyond [`PLAYERS_MAX`] nobody new is counted.
    pub(crate) fn asks(&self, key: PlayerKey, wanted: Wanted) {
        let now = Instant::now();
        let mut players = self.players();
        if players.len() >= PLAYERS_MAX && !players.contains_key(&key) {
            return;
        }
        let asked = players.entry(key).or_insert(Asked { anything: now, media: None });
        asked.anything = now;
        if wanted == Wanted::Media {
            asked.media = Some(now);
        }
    }

    /// Who plays now. Forgets who does no more.
    pub(crate) fn playing(&self) -> Vec<PlayerKey> {
        let now = Instant::now();
        let mut players = self.players();
        players.retain(|_, asked| now - asked.anything < WATCHING);
        players.keys().copied().collect()
    }

    /// Whether pictures or sound went to a player within the last [`WATCHING`].
    pub(crate) fn watches(&self, key: PlayerKey) -> bool {
        let media = self.players().get(&key).and_then(|asked| asked.media);
        media.is_some_and(|media| media.elapsed() < WATCHING)
    }

    fn players(&self) -> MutexGuard<'_, HashMap<PlayerKey, Asked>> {
        self.players.lock().expect("nothing panics while it holds the players")
    }
}

/// A player counts as a viewer for so long after it asked for media.
pub(crate) const WATCHING: Duration = Duration::from_secs(10);
/// Players of one room that are told apart: a bound on memory, 10 MB, above what one origin serves.
const PLAYERS_MAX: usize = 200_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(last: u8, agent: &'static str) -> Shown<'static> {
        Shown::Address(IpAddr::from([192, 0, 2, last]), agent.as_bytes())
    }

    #[tokio::test(start_paused = true)]
    async fn a_player_is_a_viewer_for_ten_seconds_after_it_asked() {
        let audience = Audience::default();
        let key = audience.key(at(1, "VLC"));
        audience.asks(key, Wanted::Playlist);
        audience.asks(key, Wanted::Media);
        assert_eq!(audience.playing(), [key]);
        tokio::time::advance(Duration::from_secs(9)).await;
        assert_eq!((audience.playing(), audience.watches(key)), (vec![key], true));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!((audience.playing(), audience.watches(key)), (vec![], false));
    }

    #[tokio::test(start_paused = true)]
    async fn a_paused_player_asks_for_playlists_and_watches_nothing() {
        let audience = Audience::default();
        let key = audience.key(Shown::Page(b"0123"));
        audience.asks(key, Wanted::Media);
        for _ in 0..6 {
            tokio::time::advance(Duration::from_secs(2)).await;
            audience.asks(key, Wanted::Playlist);
        }
        assert_eq!((audience.playing(), audience.watches(key)), (vec![key], false));
    }

    #[test]
    fn players_are_told_apart_by_cookie_session_or_address_and_name() {
        let audience = Audience::default();
        let keys = [at(1, "VLC"), at(1, "mpv"), at(2, "VLC"), Shown::Page(b"VLC"), Shown::Session("VLC")];
        let keys: std::collections::HashSet<PlayerKey> = keys.map(|shown| audience.key(shown)).into();
        assert_eq!(keys.len(), 5);
        assert_eq!(audience.key(at(1, "VLC")), audience.key(at(1, "VLC")));
    }
}
