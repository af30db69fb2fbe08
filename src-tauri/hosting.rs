//! The origin inside the app: where it listens, who owns its room, and where its key and token are kept.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use origin::{Addresses, Config, Origin, OwnCertificate, StartError};
use qrcode::QrCode;
use qrcode::render::svg;
use tracing::{info, warn};

use crate::mdns::{self, Announced};
use crate::origin_view::{CertificateView, RunningOrigin};
use crate::owner::{self, Owner};
use crate::port_owner;
use crate::seal::Seal;
use crate::settings::{Listeners, Settings};
use crate::view::{Audience, OriginProblem, OriginState};

/// An origin that has bound its addresses and has a room for this computer's owner. It serves once
/// [`Origin::run`] is called.
pub struct Started {
    /// The origin itself.
    pub origin: Origin,
    /// Where it is reached.
    pub hosted: Hosted,
}

/// What the rest of the app needs to know about a running origin.
#[derive(Clone, Debug)]
pub struct Hosted {
    /// Where HTTP is bound.
    pub http: SocketAddr,
    /// Where RTMP is bound.
    pub rtmp: SocketAddr,
    /// Where HTTPS is bound.
    pub https: Option<SocketAddr>,
    /// Where SRT is bound.
    pub srt: SocketAddr,
    /// The certificate that the origin made for itself.
    pub certificate: Option<OwnCertificate>,
    /// The name that the network is told.
    pub announced: Option<Arc<Announced>>,
    /// The RTMP port that was asked for, when another had to be taken.
    pub rtmp_wanted: Option<u16>,
    /// When it started: Unix time, seconds.
    pub since_s: u32,
    /// The data folder.
    pub data: PathBuf,
    /// The owner's room.
    pub owner: Owner,
}

impl Hosted {
    /// Where this app publishes to, without the key.
    #[must_use]
    pub fn ingest_url(&self) -> String {
        format!("rtmp://{}/live", on_this_computer(self.rtmp))
    }

    /// HTTP as this computer reaches it.
    #[must_use]
    pub fn http_here(&self) -> SocketAddr {
        on_this_computer(self.http)
    }

    /// The watch page on this computer.
    #[must_use]
    pub fn local_url(&self) -> String {
        format!("http://{}/r/{}", self.http_here(), self.owner.room)
    }

    /// The watch page on the network; `None` if only this computer may watch, or it has no network.
    #[must_use]
    pub fn network_url(&self) -> Option<String> {
        let ip = match self.http.ip() {
            ip if ip.is_loopback() => return None,
            ip if ip.is_unspecified() => network_address()?,
            ip => ip,
        };
        Some(format!("http://{}/r/{}", SocketAddr::new(ip, self.http.port()), self.owner.room))
    }

    /// The same by this computer's name.
    #[must_use]
    pub fn named_url(&self) -> Option<String> {
        let host = &self.announced.as_ref()?.host;
        Some(format!("http://{host}:{}/r/{}", self.http.port(), self.owner.room))
    }

    /// The same over TLS.
    #[must_use]
    pub fn secure_url(&self) -> Option<String> {
        let https = self.https?;
        let ip = match https.ip() {
            ip if ip.is_unspecified() => network_address().unwrap_or(Ipv4Addr::LOCALHOST.into()),
            ip => ip,
        };
        Some(format!("https://{}/r/{}", SocketAddr::new(ip, https.port()), self.owner.room))
    }

    /// The link to share: the network's if there is one.
    #[must_use]
    pub fn watch_url(&self) -> String {
        self.network_url().unwrap_or_else(|| self.local_url())
    }

    /// All of it, for the window.
    #[must_use]
    pub fn view(&self) -> OriginState {
        OriginState::Running(Box::new(RunningOrigin {
            since_s: self.since_s,
            http: self.http.to_string(),
            https: self.https.map(|https| https.to_string()),
            srt: self.srt.to_string(),
            named_url: self.named_url(),
            secure_url: self.secure_url(),
            certificate: self.certificate.as_ref().map(certificate_view),
            rtmp: self.rtmp.to_string(),
            rtmp_wanted: self.rtmp_wanted,
            local_url: self.local_url(),
            network_url: self.network_url(),
            data: self.data.display().to_string(),
        }))
    }
}

/// Starts the origin as `settings` have it with its data in `folder`, and SRT beside RTMP. When RTMP's or SRT's port
/// is taken another is used, since only this app needs it; when HTTP's is, the person decides, since links have
/// it.
///
/// # Errors
/// In words for the window: what is wrong, and the next free port if that is the remedy.
pub(crate) async fn start(folder: PathBuf, settings: Settings, seal: Seal) -> Result<Started, OriginProblem> {
    let Settings { origin: listeners, habits, name, .. } = settings;
    let name = name.unwrap_or_else(account_name);
    let data = data(&folder);
    let mut config =
        Config { data: data.clone(), http: listeners.http, rtmp: listeners.rtmp, ..Config::default() };
    config.srt.set_ip(listeners.rtmp.ip());
    // A test that lets the system choose one port means all of them.
    let https_port = if listeners.http.port() == 0 { 0 } else { listeners.https_port };
    config.https = Some(SocketAddr::new(listeners.http.ip(), https_port));
    // The processor belongs to the capture and the encoder here; smaller renditions are for a server.
    config.transcode.enabled = false;
    config.recording.keep_days = habits.checked().keep_days;
    let mut rtmp_wanted = None;
    let origin = loop {
        let error = match Origin::start(config.clone()).await {
            Ok(origin) => break origin,
            Err(error) => error,
        };
        // A port of 0 is never taken, so each is changed once at most.
        match taken_port(&error) {
            Some(taken) if taken == config.rtmp && taken.port() != 0 => {
                warn!(wanted = %taken, "RTMP port is taken, another is used");
                rtmp_wanted = Some(taken.port());
                config.rtmp.set_port(0);
            }
            Some(taken) if taken == config.srt && taken.port() != 0 => {
                warn!(wanted = %taken, "SRT port is taken, another is used");
                config.srt.set_port(0);
            }
            Some(taken) if Some(taken) == config.https && taken.port() != 0 => {
                warn!(wanted = %taken, "HTTPS port is taken, another is used");
                config.https = Some(SocketAddr::new(taken.ip(), 0));
            }
            _ => return Err(problem(error)),
        }
    };
    let Addresses { http, rtmp, https, srt, .. } = origin.addresses();
    let owner = own(&origin, &folder, &name, &seal).await?;
    info!(%http, %rtmp, room = owner.room, "origin started");
    let certificate = origin.observer().certificate().cloned();
    let announced = match listeners.audience() {
        Audience::OnlyMe => None,
        Audience::MyNetwork | Audience::Anyone => mdns::announce(&owner.room, http.port()).map(Arc::new),
    };
    let since_s = unix_s();
    let hosted = Hosted { http, https, rtmp, srt, rtmp_wanted, certificate, announced, since_s, data, owner };
    Ok(Started { origin, hosted })
}

/// The origin's data folder, in the app's.
pub(crate) fn data(folder: &Path) -> PathBuf {
    folder.join("origin")
}

impl Listeners {
    /// Who can watch.
    #[must_use]
    pub fn audience(&self) -> Audience {
        match self.http.ip().is_loopback() {
            true => Audience::OnlyMe,
            false if self.anyone => Audience::Anyone,
            false => Audience::MyNetwork,
        }
    }
}

/// The same port for another audience.
#[must_use]
pub fn listen_for(http: SocketAddr, audience: Audience) -> SocketAddr {
    let ip = match audience {
        Audience::OnlyMe => Ipv4Addr::LOCALHOST,
        Audience::MyNetwork | Audience::Anyone => Ipv4Addr::UNSPECIFIED,
    };
    SocketAddr::from((ip, http.port()))
}

/// `text` as a QR code: an SVG document with its quiet zone, dark on white in either theme, as phones want it.
#[must_use]
pub fn qr_svg(text: &str) -> String {
    match QrCode::new(text) {
        Ok(code) => code.render::<svg::Color<'_>>().min_dimensions(264, 264).build(),
        // A link is far below the 2 953 bytes that a QR code holds.
        Err(_) => String::new(),
    }
}

/// The person's name on this computer, or nothing: the full name of the account, else its short name
/// unless that is the administrator's.
#[must_use]
pub fn account_name() -> String {
    let short = std::env::var("USER").unwrap_or_default();
    let accounts = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    name_in(&accounts, &short)
}

/// `accounts` is in the format of passwd(5): seven fields, the fifth of them begins with the full name.
fn name_in(accounts: &str, short: &str) -> String {
    if short.is_empty() || short == "root" {
        return String::new();
    }
    let full = accounts
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find(|fields| fields.first() == Some(&short))
        .and_then(|fields| {
            fields.get(4).map(|gecos| gecos.split(',').next().unwrap_or("").trim().to_owned())
        });
    full.filter(|name| !name.is_empty()).unwrap_or_else(|| short.to_owned())
}

/// Makes sure that the room exists, and that its key and token are the ones in the file.
async fn own(origin: &Origin, folder: &Path, name: &str, seal: &Seal) -> Result<Owner, OriginProblem> {
    let known = owner::load(folder, seal);
    let key = known.as_ref().map(|owner| owner.stream_key.as_str());
    let other = |reason: String| OriginProblem::Other { reason };
    let local = origin.ensure_local_owner(name, key).await.map_err(|error| other(error.to_string()))?;
    let owner = Owner {
        room: local.room.to_string(),
        title: local.title,
        stream_key: local.stream_key,
        token: local.token,
    };
    owner::save(folder, &owner, seal).map_err(|error| other(format!("{}: {error}", owner::FILE)))?;
    Ok(owner)
}

fn problem(error: StartError) -> OriginProblem {
    match taken_port(&error) {
        Some(address) => OriginProblem::PortTaken {
            port: address.port(),
            free: free_port(address),
            program: port_owner::of(address.port()),
        },
        None => OriginProblem::Other { reason: error.to_string() },
    }
}

fn certificate_view(certificate: &OwnCertificate) -> CertificateView {
    let until = certificate.until.duration_since(UNIX_EPOCH).unwrap_or_default();
    CertificateView {
        fingerprint: certificate.fingerprint.clone(),
        until_s: u32::try_from(until.as_secs()).unwrap_or(u32::MAX),
    }
}

/// The address that another program has, if that is what `error` says.
fn taken_port(error: &StartError) -> Option<SocketAddr> {
    match error {
        StartError::AddressInUse { address, .. } => Some(*address),
        _ => None,
    }
}

/// A port near `taken` that is free now. It may be gone a moment later; then the same question comes again.
fn free_port(taken: SocketAddr) -> Option<u16> {
    let near = taken.port().checked_add(1)?..=taken.port().saturating_add(NEAR_PORTS);
    near.into_iter().find(|port| std::net::TcpListener::bind((taken.ip(), *port)).is_ok())
}

/// A listener on every address is reached over loopback from here.
fn on_this_computer(bound: SocketAddr) -> SocketAddr {
    match bound.ip() {
        ip if ip.is_unspecified() => SocketAddr::from((Ipv4Addr::LOCALHOST, bound.port())),
        ip => SocketAddr::new(ip, bound.port()),
    }
}

/// The address of this computer on its network: the one that a packet to elsewhere would carry. Nothing
/// is sent; 192.0.2.0/24 is reserved for documentation (RFC 5737).
fn network_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    let ip = socket.local_addr().ok()?.ip();
    (!ip.is_loopback() && !ip.is_unspecified()).then_some(ip)
}

#[expect(clippy::disallowed_methods, reason = "this is a driver: the moment is shown to the person")]
pub(crate) fn unix_s() -> u32 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.ok().and_then(|now| u32::try_from(now.as_secs()).ok()).unwrap_or(0)
}

/// How far to look for a free port: people recognise 8081 as the neighbour of 8080.
const NEAR_PORTS: u16 = 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn hosted(http: &str) -> Hosted {
        let owner = Owner {
            room: "mara".to_owned(),
            title: "Mara".to_owned(),
            stream_key: "key".to_owned(),
            token: "token".to_owned(),
        };
        Hosted {
            http: http.parse().unwrap(),
            rtmp: "0.0.0.0:1936".parse().unwrap(),
            https: Some("0.0.0.0:8443".parse().unwrap()),
            srt: "127.0.0.1:10080".parse().unwrap(),
            rtmp_wanted: None,
            certificate: None,
            announced: None,
            since_s: 0,
            data: PathBuf::new(),
            owner,
        }
    }

    #[test]
    fn an_origin_for_this_computer_has_no_network_link() {
        let hosted = hosted("127.0.0.1:8080");
        assert_eq!(hosted.network_url(), None);
        assert_eq!(hosted.watch_url(), "http://127.0.0.1:8080/r/mara");
    }

    #[test]
    fn an_origin_on_every_address_is_reached_over_loopback_from_here() {
        let hosted = hosted("0.0.0.0:8080");
        assert_eq!(hosted.local_url(), "http://127.0.0.1:8080/r/mara");
        assert_eq!(hosted.ingest_url(), "rtmp://127.0.0.1:1936/live");
    }

    #[test]
    fn changing_the_audience_keeps_the_port() {
        let everyone: SocketAddr = "0.0.0.0:8090".parse().unwrap();
        let me = listen_for(everyone, Audience::OnlyMe);
        assert_eq!(me.to_string(), "127.0.0.1:8090");
        assert_eq!(listen_for(me, Audience::MyNetwork), everyone);
        assert_eq!(listen_for(me, Audience::Anyone), everyone);
        let listeners = |http| Listeners { http, anyone: true, ..Listeners::default() };
        assert_eq!(listeners(me).audience(), Audience::OnlyMe);
        assert_eq!(listeners(everyone).audience(), Audience::Anyone);
    }

    #[test]
    fn the_room_is_called_after_the_person_and_never_after_the_administrator() {
        let accounts = "root:x:0:0:Administrator:/root:/bin/sh\nmara:x:1000:1000:Mara Lindqvist,,,:/home/mara:/bin/sh\nbo:x:1:1::/:/\n";
        assert_eq!(name_in(accounts, "mara"), "Mara Lindqvist");
        assert_eq!(name_in(accounts, "bo"), "bo");
        assert_eq!(name_in(accounts, "nobody-here"), "nobody-here");
        assert_eq!(name_in(accounts, "root"), "");
        assert_eq!(name_in(accounts, ""), "");
    }

    #[test]
    fn the_free_port_is_not_the_taken_one() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        assert_ne!(free_port(address), Some(address.port()));
    }

    #[test]
    fn a_link_becomes_a_square_drawing() {
        let svg = qr_svg("http://192.168.1.24:8080/r/mara");
        assert!(svg.contains("<svg") && svg.contains("<path"));
    }

    #[test]
    fn neither_key_nor_token_is_printed() {
        let text = format!("{:?}", hosted("127.0.0.1:1"));
        assert!(!text.contains("key") && !text.contains("token"), "{text}");
    }
}
