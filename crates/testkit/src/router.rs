//! Routers that forward a port on request, on addresses of loopback: one speaks NAT-PMP, one PCP, one UPnP.
//!
//! Spec: RFC 6886, RFC 6887, UPnP Device Architecture 1.1 and `WANIPConnection:1`.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How a router is.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// What it speaks.
    pub speaks: Speaks,
    /// For how long it forwards, seconds, whatever it is asked for. UPnP's asker decides.
    pub lease_s: u32,
    /// Its address on the other side.
    pub outside: Ipv4Addr,
    /// Whether its owner switched this off.
    pub refuses: bool,
}

/// A language in which a router is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaks {
    /// NAT-PMP; PCP is refused as too new.
    NatPmp,
    /// PCP.
    Pcp,
    /// UPnP; nothing listens on the port of the others.
    Upnp,
}

/// What was asked of a router so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// TCP ports that are forwarded now.
    pub open: Vec<u16>,
    /// How often it was asked to forward one, or to go on.
    pub asked: usize,
}

/// A router that runs; dropping it ends it.
#[derive(Debug)]
pub struct StandInRouter {
    /// Where it is asked.
    pub address: Ipv4Addr,
    log: watch::Receiver<Log>,
    tasks: JoinSet<()>,
}

impl StandInRouter {
    /// Starts one on an address of loopback. No two that run may share one.
    ///
    /// # Panics
    /// When the address is in use.
    pub async fn start(address: Ipv4Addr, manner: Manner) -> StandInRouter {
        let (tell, log) = watch::channel(Log::default());
        let mut tasks = JoinSet::new();
        if manner.speaks == Speaks::Upnp {
            let search = UdpSocket::bind((address, 1900)).await.expect("SSDP's port is free");
            let control = TcpListener::bind((address, 0)).await.expect("a free port");
            let location = control.local_addr().expect("a bound listener");
            tasks.spawn(answer_searches(search, location));
            tasks.spawn(control_upnp(control, manner, tell));
        } else {
            let socket = UdpSocket::bind((address, 5351)).await.expect("NAT-PMP's port is free");
            tasks.spawn(answer_pmp(socket, manner, tell));
        }
        StandInRouter { address, log, tasks }
    }

    /// Ends it; its address is free then.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }

    /// What was asked of it so far; tells of changes.
    #[must_use]
    pub fn log(&self) -> watch::Receiver<Log> {
        self.log.clone()
    }
}

async fn answer_pmp(socket: UdpSocket, manner: Manner, tell: watch::Sender<Log>) {
    let mut buffer = [0; 1_100];
    while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
        let asked = &buffer[..length];
        let answer = match (asked, manner.speaks) {
            ([0, 0], _) => Some(nat_pmp(128, manner, &manner.outside.octets())),
            ([0, 2, ..], _) if length == 12 => Some(map_nat_pmp(asked, manner, &tell)),
            // "Unsupported Version" (RFC 6886 §3.5).
            ([2, ..], Speaks::NatPmp) => Some(vec![0, 128, 0, 1, 0, 0, 0, 7]),
            ([2, 1, ..], Speaks::Pcp) if length >= 60 => Some(map_pcp(asked, manner, &tell)),
            _ => None,
        };
        if let Some(answer) = answer {
            // Whoever asked may be gone.
            let _ = socket.send_to(&answer, from).await;
        }
    }
}

fn nat_pmp(operation: u8, manner: Manner, rest: &[u8]) -> Vec<u8> {
    // 2 is "Not Authorized/Refused"; then the seconds since it was started.
    let head = [0, operation, 0, if manner.refuses { 2 } else { 0 }, 0, 0, 0, 7];
    [&head, rest].concat()
}

fn map_nat_pmp(asked: &[u8], manner: Manner, tell: &watch::Sender<Log>) -> Vec<u8> {
    let (inside, wanted) = (&asked[4..6], &asked[6..8]);
    let closes = asked[8..12] == [0; 4];
    let (outside, lease_s) = if closes { ([0; 2].as_slice(), 0) } else { (wanted, manner.lease_s) };
    note(tell, manner, number(inside), closes);
    nat_pmp(130, manner, &[inside, outside, &lease_s.to_be_bytes()].concat())
}

fn map_pcp(asked: &[u8], manner: Manner, tell: &watch::Sender<Log>) -> Vec<u8> {
    let closes = asked[4..8] == [0; 4];
    let lease_s = if closes { 0 } else { manner.lease_s };
    note(tell, manner, number(&asked[40..42]), closes);
    let mut answer = vec![2, 0x81, 0, if manner.refuses { 2 } else { 0 }];
    answer.extend(lease_s.to_be_bytes());
    answer.extend([0, 0, 0, 7]);
    answer.extend([0; 12]);
    // Nonce, protocol, the port inside and the one that is wanted outside.
    answer.extend(&asked[24..44]);
    answer.extend(manner.outside.to_ipv6_mapped().octets());
    answer
}

fn note(tell: &watch::Sender<Log>, manner: Manner, port: u16, closes: bool) {
    tell.send_modify(|log| {
        log.asked += usize::from(!closes);
        log.open.retain(|open| *open != port);
        if !closes && !manner.refuses {
            log.open.push(port);
        }
    });
}

fn number(bytes: &[u8]) -> u16 {
    u16::from_be_bytes([bytes[0], bytes[1]])
}

async fn answer_searches(socket: UdpSocket, location: SocketAddr) {
    let mut buffer = [0; 1_500];
    while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
        if buffer[..length].starts_with(b"M-SEARCH") {
            let answer = format!(
                "HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nEXT:\r\nST: {GATEWAY}\r\nUSN: uuid:stand-in::{GATEWAY}\r\n\
                 LOCATION: http://{location}/device.xml\r\nSERVER: stand-in UPnP/1.1\r\n\r\n"
            );
            let _ = socket.send_to(answer.as_bytes(), from).await;
        }
    }
}

async fn control_upnp(listener: TcpListener, manner: Manner, tell: watch::Sender<Log>) {
    while let Ok((mut stream, _)) = listener.accept().await {
        // One at a time; an asker that goes away in the middle ends its own connection only.
        if let Some(asked) = read_request(&mut stream).await {
            let (status, body) = answer_upnp(&asked, manner, &tell);
            let answer = format!(
                "HTTP/1.1 {status}\r\nContent-Type: text/xml\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    }
}

/// Head and body of one request.
async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut request = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&request);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
            });
            if body.len() >= length.unwrap_or(0) {
                return Some(text.into_owned());
            }
        }
        if request.len() > REQUEST_BYTES_MAX || stream.read_buf(&mut request).await.ok()? == 0 {
            return None;
        }
    }
}

fn answer_upnp(asked: &str, manner: Manner, tell: &watch::Sender<Log>) -> (&'static str, String) {
    let field = |name: &str| {
        let (_, rest) = asked.split_once(&format!("<{name}>"))?;
        Some(rest.split_once('<')?.0.to_owned())
    };
    let port = || field("NewExternalPort").and_then(|port| port.parse().ok()).unwrap_or(0);
    let done = |action: &str, body: String| {
        (
            "200 OK",
            envelope(&format!("<u:{action}Response xmlns:u=\"{SERVICE}\">{body}</u:{action}Response>")),
        )
    };
    if asked.starts_with("GET /device.xml") {
        return ("200 OK", DEVICE.replace("SERVICE", SERVICE).replace("GATEWAY", GATEWAY));
    } else if asked.starts_with("GET /service.xml") {
        return ("200 OK", service());
    } else if asked.contains("#GetExternalIPAddress") {
        let address = format!("<NewExternalIPAddress>{}</NewExternalIPAddress>", manner.outside);
        return done("GetExternalIPAddress", address);
    } else if asked.contains("#AddPortMapping") {
        note(tell, manner, port(), false);
        if !manner.refuses {
            return done("AddPortMapping", String::new());
        }
    } else if asked.contains("#DeletePortMapping") {
        note(tell, manner, port(), true);
        return done("DeletePortMapping", String::new());
    }
    let fault = "<s:Fault><faultcode>s:Client</faultcode><faultstring>UPnPError</faultstring><detail>\
        <UPnPError xmlns=\"urn:schemas-upnp-org:control-1-0\"><errorCode>606</errorCode>\
        <errorDescription>Action not authorized</errorDescription></UPnPError></detail></s:Fault>";
    ("500 Internal Server Error", envelope(fault))
}

fn envelope(body: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\"><s:Body>{body}</s:Body></s:Envelope>"
    )
}

fn service() -> String {
    let arguments = |names: &[&str]| {
        let all = names
            .iter()
            .map(|name| format!("<argument><name>{name}</name><direction>in</direction></argument>"));
        all.collect::<String>()
    };
    let add = arguments(&[
        "NewRemoteHost",
        "NewExternalPort",
        "NewProtocol",
        "NewInternalPort",
        "NewInternalClient",
        "NewEnabled",
        "NewPortMappingDescription",
        "NewLeaseDuration",
    ]);
    let delete = arguments(&["NewRemoteHost", "NewExternalPort", "NewProtocol"]);
    format!(
        "<?xml version=\"1.0\"?><scpd xmlns=\"urn:schemas-upnp-org:service-1-0\"><actionList>\
         <action><name>AddPortMapping</name><argumentList>{add}</argumentList></action>\
         <action><name>DeletePortMapping</name><argumentList>{delete}</argumentList></action></actionList></scpd>"
    )
}

const GATEWAY: &str = "urn:schemas-upnp-org:device:InternetGatewayDevice:1";
const SERVICE: &str = "urn:schemas-upnp-org:service:WANIPConnection:1";
const DEVICE: &str = "<?xml version=\"1.0\"?><root xmlns=\"urn:schemas-upnp-org:device-1-0\"><device>\
    <deviceType>GATEWAY</deviceType><deviceList><device><serviceList><service><serviceType>SERVICE</serviceType>\
    <controlURL>/control</controlURL><eventSubURL>/events</eventSubURL><SCPDURL>/service.xml</SCPDURL></service>\
    </serviceList></device></deviceList></device></root>";
/// A request of UPnP is one kilobyte.
const REQUEST_BYTES_MAX: usize = 64 << 10;
