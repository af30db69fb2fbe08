//! nginx as the peer: with its RTMP module, and with static files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::servers::{free_port, until_open};
use crate::program::Program;

/// nginx-rtmp that writes HLS into a folder, and nginx that serves the folder, as two processes so that each is
/// measured by itself.
pub struct Peer {
    /// Takes the streams.
    pub rtmp: Program,
    /// Serves what the other has written.
    pub http: Program,
    /// `rtmp://HOST:PORT/live/`, a stream's name behind it.
    pub publish: String,
    /// `http://HOST:PORT/`, `NAME.m3u8` behind it.
    pub play: String,
    _folder: Folder,
}

impl Peer {
    /// Starts both in `folder`.
    ///
    /// # Errors
    /// When nginx or its module is not there, or does not start.
    pub fn start(folder: &Path) -> Result<Peer> {
        let folder = Folder(folder.join("nginx"));
        fs::create_dir_all(folder.0.join("hls"))?;
        let (rtmp_port, http_port) = (free_port()?, free_port()?);
        let path = folder.0.display();
        let both = format!(
            "daemon off; master_process off; worker_rlimit_nofile 20000;\nerror_log {path}/error.log;\n\
             events {{ worker_connections 8192; }}\n"
        );
        let rtmp = format!(
            "load_module {};\n{both}pid {path}/rtmp.pid;\nrtmp {{ server {{ listen 127.0.0.1:{rtmp_port}; chunk_size 4096;\n\
             application live {{ live on; hls on; hls_path {path}/hls; hls_fragment 2s; hls_playlist_length 20s; }} }} }}\n",
            module()?
        );
        let http = format!(
            "{both}pid {path}/http.pid;\nhttp {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000;\n\
             server {{ listen 127.0.0.1:{http_port} backlog=4096; location / {{ root {path}/hls; }} }} }}\n"
        );
        let peer = Peer {
            rtmp: nginx("nginx-rtmp", &folder.0, "rtmp.conf", &rtmp)?,
            http: nginx("nginx", &folder.0, "http.conf", &http)?,
            publish: format!("rtmp://127.0.0.1:{rtmp_port}/live/"),
            play: format!("http://127.0.0.1:{http_port}/"),
            _folder: folder,
        };
        until_open(rtmp_port)?;
        until_open(http_port)?;
        Ok(peer)
    }
}

/// nginx whose nchan hands what is posted to every WebSocket that subscribes.
pub struct Chat {
    /// The process.
    pub http: Program,
    /// The WebSocket.
    pub subscribe: String,
    /// Where lines are posted.
    pub publish: String,
    _folder: Folder,
}

impl Chat {
    /// Starts it in `folder`.
    ///
    /// # Errors
    /// When nginx or its module is not there, or does not start.
    pub fn start(folder: &Path) -> Result<Chat> {
        let folder = Folder(folder.join("nchan"));
        fs::create_dir_all(&folder.0)?;
        let (port, path) = (free_port()?, folder.0.display());
        let configuration = format!(
            "load_module {};\ndaemon off; master_process off; worker_rlimit_nofile 20000;\nerror_log {path}/error.log;\n\
             pid {path}/chat.pid;\nevents {{ worker_connections 16384; }}\nhttp {{ access_log off; keepalive_requests 100000;\n\
             nchan_shared_memory_size 128m; server {{ listen 127.0.0.1:{port} backlog=4096;\n\
             location /read {{ nchan_subscriber websocket; nchan_channel_id room; }}\n\
             location /write {{ nchan_publisher http; nchan_channel_id room; }} }} }}\n",
            super::chat::module()?
        );
        let chat = Chat {
            http: nginx("nginx with nchan", &folder.0, "chat.conf", &configuration)?,
            subscribe: format!("http://127.0.0.1:{port}/read"),
            publish: format!("http://127.0.0.1:{port}/write"),
            _folder: folder,
        };
        until_open(port)?;
        Ok(chat)
    }
}

/// Emptied when this is dropped: minutes of HLS are hundreds of megabytes.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn nginx(name: &str, folder: &Path, file: &str, configuration: &str) -> Result<Program> {
    let file = folder.join(file);
    fs::write(&file, configuration).with_context(|| format!("cannot write {}", file.display()))?;
    let mut command = Command::new("/usr/sbin/nginx");
    command.arg("-c").arg(&file).arg("-p").arg(folder).stdout(Stdio::null()).stderr(Stdio::null());
    Program::start(name, &mut command)
}

/// Debian's file of the RTMP module.
fn module() -> Result<&'static str> {
    const MODULE: &str = "/usr/lib/nginx/modules/ngx_rtmp_module.so";
    if !Path::new(MODULE).is_file() {
        bail!("{MODULE} is missing: the package is libnginx-mod-rtmp");
    }
    Ok(MODULE)
}
