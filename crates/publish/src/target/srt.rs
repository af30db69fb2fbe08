//! An address of SRT.

use std::time::Duration;

use srt::{KeyLength, Passphrase};

use super::{TargetError, host_and_port};

/// An SRT listener and what it is told.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Srt {
    /// Name or address, without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Never logged: it holds the stream key.
    pub(crate) stream_id: String,
    pub(crate) passphrase: Option<Passphrase>,
    pub(crate) key_length: KeyLength,
    pub(crate) latency: Duration,
}

impl Srt {
    /// Reads what stands behind `srt://`.
    pub(super) fn parse(rest: &str, key: Option<&str>) -> Result<Srt, TargetError> {
        let (authority, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (host, port) = host_and_port(authority.trim_end_matches('/'))?;
        let mut target = Srt {
            host,
            port: port.ok_or(TargetError::Port)?,
            stream_id: String::new(),
            passphrase: None,
            key_length: KeyLength::default(),
            latency: LATENCY,
        };
        for option in query.split('&').filter(|option| !option.is_empty()) {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            target.set(name, &decoded(value)?)?;
        }
        match key {
            Some(_) if !target.stream_id.is_empty() => return Err(TargetError::KeyAndStreamId),
            Some(key) => target.set("streamid", &format!("publish:{key}"))?,
            None => {}
        }
        Ok(target)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), TargetError> {
        let expected = |expected: String| TargetError::Option { name: printable(name), expected };
        match name {
            "streamid" if value.len() <= STREAM_ID_BYTES_MAX => value.clone_into(&mut self.stream_id),
            "streamid" => return Err(expected(format!("at most {STREAM_ID_BYTES_MAX} bytes"))),
            "passphrase" if value.is_empty() => self.passphrase = None,
            "passphrase" => {
                let passphrase = Passphrase::new(value).map_err(|error| expected(error.to_string()))?;
                self.passphrase = Some(passphrase);
            }
            "pbkeylen" => {
                self.key_length = match value {
                    "0" | "16" => KeyLength::Aes128,
                    "24" => KeyLength::Aes192,
                    "32" => KeyLength::Aes256,
                    _ => return Err(expected("16, 24 or 32 bytes".to_owned())),
                };
            }
            "latency" => self.latency = latency(value).map_err(expected)?,
            // What other programs' addresses say, and is so here anyway.
            "mode" if value == "caller" => {}
            "transtype" if value == "live" => {}
            "pkt_size" if value == "1316" => {}
            "mode" => return Err(expected("a publisher calls, so only mode=caller".to_owned())),
            "transtype" | "pkt_size" => {
                return Err(expected("only transtype=live and pkt_size=1316 are possible".to_owned()));
            }
            _ => {
                return Err(expected(
                    "not known; there are streamid, passphrase, pbkeylen and latency".to_owned(),
                ));
            }
        }
        Ok(())
    }
}

/// Milliseconds, as SRT itself counts them. FFmpeg's addresses, and those made for OBS, count microseconds: a value
/// that would be many seconds is taken for one of those and refused, since a thousandfold latency works and nobody
/// finds out why the stream is late.
fn latency(value: &str) -> Result<Duration, String> {
    let given: u64 = value.parse().map_err(|_| "a number of milliseconds, e.g. latency=200".to_owned())?;
    if given > LATENCY_MS_MAX {
        let milliseconds = (given / 1_000).clamp(20, LATENCY_MS_MAX);
        return Err(format!(
            "{given} milliseconds are more than {LATENCY_MS_MAX}. FFmpeg and OBS count it in microseconds; here it is \
             milliseconds: latency={milliseconds}"
        ));
    }
    Ok(Duration::from_millis(given))
}

/// The address `url` of SRT with one more option, whose value may be anything.
#[must_use]
pub fn with_srt_option(url: &str, name: &str, value: &str) -> String {
    let joint = if url.contains('?') { '&' } else { '?' };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/!,".contains(&byte);
    let escaped: String = value
        .bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect();
    format!("{url}{joint}{name}={escaped}")
}

/// `%XX` to bytes.
fn decoded(value: &str) -> Result<String, TargetError> {
    let wrong = || TargetError::Option {
        name: "%".to_owned(),
        expected: "two hexadecimal digits behind it".to_owned(),
    };
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2).ok_or_else(wrong)?;
        let digits = std::str::from_utf8(digits).map_err(|_| wrong())?;
        bytes.push(u8::from_str_radix(digits, 16).map_err(|_| wrong())?);
        rest = after;
    }
    String::from_utf8(bytes).map_err(|_| wrong())
}

/// So much of a name as fits a message.
fn printable(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(24).collect()
}

/// The limit of the handshake extension (libsrt, `SRTO_STREAMID`).
const STREAM_ID_BYTES_MAX: usize = 512;

/// Twice libsrt's own: room for a lost packet to be repeated over 50 ms each way.
const LATENCY: Duration = Duration::from_millis(250);

/// The most anybody sets, for satellites; FFmpeg's microseconds begin above it.
const LATENCY_MS_MAX: u64 = 15_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(rest: &str) -> Srt {
        Srt::parse(rest, None).expect("a sound address")
    }

    fn refusal(rest: &str, key: Option<&str>) -> String {
        Srt::parse(rest, key).err().expect("a refusal").to_string()
    }

    #[test]
    fn options_are_read() {
        let target = parse(
            "a.example:9000?mode=caller&streamid=#!::m=publish,r=k&passphrase=0123456789&pbkeylen=32&latency=800",
        );
        assert_eq!((target.host.as_str(), target.port), ("a.example", 9_000));
        assert_eq!(target.stream_id, "#!::m=publish,r=k");
        assert_eq!(target.passphrase, Some(Passphrase::new("0123456789").expect("ten bytes")));
        assert_eq!((target.key_length, target.latency), (KeyLength::Aes256, Duration::from_millis(800)));
        assert_eq!(parse("a.example:9000?streamid=%23!%3a%3Ar=k").stream_id, "#!::r=k");
        assert_eq!(parse("[::1]:9000").host, "::1");
    }

    #[test]
    fn any_value_can_be_written_into_an_address() {
        let value = "#!::m=publish,r=ключ&x?y%41 +";
        let url = with_srt_option("srt://a.example:9000?latency=800", "streamid", value);
        let target = parse(url.strip_prefix("srt://").expect("an address of SRT"));
        assert_eq!((target.stream_id.as_str(), target.latency), (value, Duration::from_millis(800)));
        assert_eq!(with_srt_option("srt://a:1", "streamid", "a/b"), "srt://a:1?streamid=a/b");
    }

    #[test]
    fn a_key_beside_is_the_stream_id() {
        let target = Srt::parse("a.example:9000", Some("k")).expect("a sound address");
        assert_eq!(target.stream_id, "publish:k");
        assert!(refusal("a.example:9000?streamid=x", Some("k")).contains("leave the stream key empty"));
    }

    #[test]
    fn microseconds_are_explained() {
        let said = refusal("a.example:9000?latency=120000", None);
        assert!(said.contains("microseconds") && said.ends_with("latency=120"), "{said}");
        assert!(refusal("a.example:9000?latency=2000000", None).ends_with("latency=2000"));
        assert_eq!(parse("a.example:9000?latency=2000").latency, Duration::from_secs(2));
    }

    #[test]
    fn what_cannot_be_is_said() {
        for (rest, word) in [
            ("a.example", "srt://host:port"),
            ("a.example:9000?mode=listener", "mode=caller"),
            ("a.example:9000?passphrase=short", "10 to 79"),
            ("a.example:9000?pbkeylen=17", "16, 24 or 32"),
            ("a.example:9000?latncy=20", "streamid, passphrase"),
            ("a.example:9000?streamid=%4", "hexadecimal"),
            ("a.example:9000?latency=fast", "milliseconds"),
        ] {
            let said = refusal(rest, None);
            assert!(said.contains(word), "{rest}: {said}");
        }
    }
}
