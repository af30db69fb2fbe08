//! Recording from a PulseAudio or PipeWire server without loss. Linux's own, like `screen_linux.rs`.
//!
//! cpal finds the device, but its record streams let the server keep one buffer and drop what exceeds it: on a
//! busy machine half of the sound is gone. Here the server keeps seconds, and delivers small pieces at once.

use std::ffi::CString;
use std::fs::{DirBuilder, File};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use futures::executor::block_on;
use pulseaudio::protocol::stream::{BufferAttr, StreamFlags};
use pulseaudio::protocol::{ChannelMap, ChannelPosition, RecordStreamParams, SampleFormat, SampleSpec};

use crate::audio::{CHANNELS, SAMPLE_RATE};
use crate::bounded::within;
use crate::devices::MONITOR;
use crate::microphone::Wanted;

/// A running record stream; ends when dropped.
pub(crate) struct Recording {
    _stream: pulseaudio::RecordStream,
    client: pulseaudio::Client,
    /// Ends the watch when dropped.
    _watch: Option<mpsc::SyncSender<()>>,
}

impl Recording {
    /// Asks the server each [`WATCH_INTERVAL`] whether `source` is still there and still the one that is wanted, on a
    /// thread of its own that ends with this recording; calls `on_change` once when it is not.
    pub(crate) fn watch(
        &mut self,
        source: &str,
        wanted: Wanted,
        on_change: impl FnOnce() + Send + 'static,
    ) -> Result<(), String> {
        let (sender, ended) = mpsc::sync_channel(1);
        let (client, source) = (self.client.clone(), source.to_owned());
        let thread = std::thread::Builder::new().name("sound-watch".to_owned());
        let spawned = thread.spawn(move || {
            while let Err(mpsc::RecvTimeoutError::Timeout) = ended.recv_timeout(WATCH_INTERVAL) {
                if !is_right(&client, &source, &wanted) {
                    return on_change();
                }
            }
        });
        spawned.map_err(|error| error.to_string())?;
        self._watch = Some(sender);
        Ok(())
    }
}

/// Whether a recording from `source` is what is wanted at this moment.
fn is_right(client: &pulseaudio::Client, source: &str, wanted: &Wanted) -> bool {
    let name = |name: Option<CString>| name.and_then(|name| name.into_string().ok());
    match wanted {
        Wanted::Id(_) => {
            CString::new(source).is_ok_and(|source| block_on(client.lookup_source_by_name(source)).is_ok())
        }
        Wanted::Default => block_on(client.server_info())
            .is_ok_and(|server| name(server.default_source_name).is_some_and(|default| default == source)),
        Wanted::System => block_on(client.server_info()).is_ok_and(|server| {
            name(server.default_sink_name).is_some_and(|output| format!("{output}{MONITOR}") == source)
        }),
    }
}

/// Starts to record interleaved stereo `f32` at 48 kHz from the source with this name. `on_data` is called on the
/// client's own thread and must not wait.
///
/// # Errors
/// The server's reason, or that it does not answer within `limit`.
pub(crate) fn record(
    source: &str,
    on_data: impl FnMut(&[u8]) + Send + 'static,
    limit: Duration,
) -> Result<Recording, String> {
    let source = CString::new(source).map_err(|error| error.to_string())?;
    // The client waits for its server without a limit of its own.
    let opened =
        within(limit, "sound-open", move || open(source, on_data).map_err(|error| error.to_string()));
    opened.ok_or("the sound server does not answer")?
}

/// Makes the cookie by which clients show a server that they are the same person's, where there is none yet. libpulse
/// does the same for its clients; ours sends none without it, and the server hangs up.
pub(crate) fn ensure_cookie() {
    if pulseaudio::cookie_path_from_env().is_some() {
        return;
    }
    let Some(home) = std::env::home_dir() else { return };
    if let Err(error) = make_cookie(&home.join(".config/pulse")) {
        tracing::warn!(%error, "no cookie for the sound server");
    }
}

fn make_cookie(folder: &Path) -> std::io::Result<()> {
    let mut cookie = [0; COOKIE_BYTES];
    File::open("/dev/urandom")?.read_exact(&mut cookie)?;
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    // `create_new`: another program may make it at the same moment, and that one counts.
    let file = File::options().write(true).create_new(true).mode(0o600).open(folder.join("cookie"));
    match file {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        file => file?.write_all(&cookie),
    }
}

fn open(
    source: CString,
    on_data: impl FnMut(&[u8]) + Send + 'static,
) -> Result<Recording, pulseaudio::ClientError> {
    let client = pulseaudio::Client::from_env(c"Rostrum")?;
    let params = RecordStreamParams {
        sample_spec: SampleSpec {
            format: if cfg!(target_endian = "big") {
                SampleFormat::Float32Be
            } else {
                SampleFormat::Float32Le
            },
            channels: CHANNELS as u8,
            sample_rate: SAMPLE_RATE,
        },
        channel_map: ChannelMap::new([ChannelPosition::FrontLeft, ChannelPosition::FrontRight]),
        source_name: Some(source),
        buffer_attr: BufferAttr { max_length: KEPT_BYTES, fragment_size: PIECE_BYTES, ..Default::default() },
        flags: StreamFlags { adjust_latency: true, ..Default::default() },
        ..Default::default()
    };
    let stream = block_on(client.create_record_stream(params, on_data))?;
    Ok(Recording { _stream: stream, client, _watch: None })
}

/// How soon another default device is noticed; a question on an open connection costs microseconds.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);

/// Two seconds: longer than a machine stands still.
const KEPT_BYTES: u32 = 2 * SAMPLE_RATE * FRAME_BYTES;

/// 100 ms, which is also the latency the server is asked for. Where a monitor is recorded it gives the output the same
/// latency, and on a busy machine whoever plays there runs dry when that is much shorter.
const PIECE_BYTES: u32 = SAMPLE_RATE / 10 * FRAME_BYTES;

const FRAME_BYTES: u32 = CHANNELS as u32 * 4;

/// What servers take; a cookie of another length is a protocol error.
const COOKIE_BYTES: usize = 256;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_cookie_is_made_once_and_only_its_owner_reads_it() {
        let folder = std::env::temp_dir().join(format!("rostrum-cookie-{}", std::process::id()));
        make_cookie(&folder.join("pulse")).expect("a folder for temporary files");
        let cookie = folder.join("pulse/cookie");
        let first = std::fs::read(&cookie).expect("it was made");
        make_cookie(&folder.join("pulse")).expect("it is there already");
        assert_eq!(first.len(), COOKIE_BYTES);
        assert_eq!(std::fs::read(&cookie).expect("still there"), first);
        let mode = std::fs::metadata(&cookie).expect("still there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::fs::remove_dir_all(&folder).expect("ours to remove");
    }
}
