//! An origin of a test's own: in this process, on ports that the system chose.

use std::net::SocketAddr;
use std::time::Duration;

use origin::{Config, LocalOwner, Origin};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::http::Http;
use super::wait::until;

/// How long a publisher may take from its start to the first part: its own start, a GOP, and a loaded machine.
const LIVE_LIMIT: Duration = Duration::from_secs(30);

/// A running origin; dropping it stops it and removes its data.
pub struct Server {
    /// The client that asks it.
    pub http: Http,
    /// Where it listens for HTTP.
    pub http_address: SocketAddr,
    /// Where it listens for RTMP.
    pub rtmp_address: SocketAddr,
    /// Where it listens for SRT.
    pub srt_address: SocketAddr,
    /// Its owner, who may do everything.
    pub owner: LocalOwner,
    stop: CancellationToken,
    task: JoinHandle<()>,
    // Removed last: the origin has its database in it.
    _data: TempDir,
}

/// A room and the key that publishes into it.
#[derive(Clone, Debug)]
pub struct Room {
    /// Its slug.
    pub room: String,
    /// Its stream key.
    pub key: String,
}

impl Server {
    /// Starts an origin.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start() -> Server {
        Server::start_with(|_| ()).await
    }

    /// Starts an origin with other settings than the defaults.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start_with(change: impl FnOnce(&mut Config)) -> Server {
        let data = TempDir::new().expect("a temporary folder");
        let loopback: SocketAddr = "127.0.0.1:0".parse().expect("an address");
        let mut config = Config {
            data: data.path().to_owned(),
            http: loopback,
            rtmp: loopback,
            srt: loopback,
            ..Config::default()
        };
        // The tests of renditions ask for them; the others leave the processor to their players.
        config.transcode.enabled = false;
        // What a test records and uploads is small, and the machine's disk may be nearly full of what was built.
        config.recording.reserve_mib = 0;
        config.uploads.reserve_mib = 0;
        change(&mut config);
        let origin = Origin::start(config).await.expect("the origin starts");
        let addresses = origin.addresses();
        let owner = origin.ensure_local_owner("Mara", None).await.expect("the origin has an owner");
        let stop = CancellationToken::new();
        let shutdown = stop.clone();
        let task = tokio::spawn(origin.run(shutdown));
        Server {
            http: Http::new(),
            http_address: addresses.http,
            rtmp_address: addresses.rtmp,
            srt_address: addresses.srt,
            owner,
            stop,
            task,
            _data: data,
        }
    }

    /// Makes a room.
    ///
    /// # Panics
    /// When the origin refuses.
    pub async fn room(&self, slug: &str) -> Room {
        self.make_room(slug, false).await
    }

    /// Makes a room whose broadcasts are recorded.
    ///
    /// # Panics
    /// When the origin refuses.
    pub async fn recorded_room(&self, slug: &str) -> Room {
        self.make_room(slug, true).await
    }

    async fn make_room(&self, slug: &str, record: bool) -> Room {
        let url = self.url("/api/v1/rooms");
        let wanted = json!({"room": slug, "title": slug, "record": record});
        let answer = self.http.post_as(&self.owner.token, &url, &wanted).await;
        assert!(answer.status.is_success(), "POST {url}: {} {}", answer.status, answer.text());
        let told = answer.json();
        let key = told["stream_key"].as_str().unwrap_or_else(|| panic!("no stream key in {told}"));
        Room { room: slug.to_owned(), key: key.to_owned() }
    }

    /// The HTTP address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.http_address)
    }

    /// Where a publisher with this key pushes to.
    pub fn rtmp_url(&self, key: &str) -> String {
        format!("rtmp://{}/live/{key}", self.rtmp_address)
    }

    /// Where a publisher with this key pushes to over SRT.
    pub fn srt_url(&self, key: &str) -> String {
        format!("srt://{}?streamid=publish:{key}", self.srt_address)
    }

    /// A room's multivariant playlist.
    pub fn playlist_url(&self, room: &str) -> String {
        self.url(&format!("/live/{room}/index.m3u8"))
    }

    /// A room's watch page.
    pub fn watch_url(&self, room: &str) -> String {
        self.url(&format!("/r/{room}"))
    }

    /// What the origin tells the owner about a room.
    pub async fn describe(&self, room: &str) -> Value {
        let url = self.url(&format!("/api/v1/rooms/{room}"));
        let answer = self.http.get_as(&self.owner.token, &url).await;
        assert!(answer.status.is_success(), "GET {url}: {} {}", answer.status, answer.text());
        answer.json()
    }

    /// Waits until a room is live and has something to play.
    pub async fn live(&self, room: &str) {
        until(&format!("{room} to be live"), LIVE_LIMIT, async || {
            let described = self.describe(room).await;
            let playable = self.http.get(&self.playlist_url(room)).await.status.is_success();
            (described["state"] == "live" && playable).then_some(())
        })
        .await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
        self.task.abort();
    }
}
