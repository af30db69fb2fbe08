use super::*;

fn nothing(_: &str) -> Option<String> {
    None
}

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("rostrum-config-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

#[test]
fn the_defaults_bind_loopback_and_are_in_range() {
    let config = Config::default();
    assert!(config.http.ip().is_loopback() && config.rtmp.ip().is_loopback());
    assert!(config.srt.ip().is_loopback());
    config.check().unwrap();
}

#[test]
fn a_flag_wins_over_the_environment_which_wins_over_the_file() {
    let path = folder("order").join("rostrum.toml");
    std::fs::write(&path, "http = \"127.0.0.1:1\"\nrtmp = \"127.0.0.1:2\"\ndata = \"from-file\"\n").unwrap();
    let overrides =
        Overrides { config: Some(path), rtmp: Some("127.0.0.1:4".parse().unwrap()), ..Overrides::default() };
    let config = Config::merge(&overrides, |name| match name {
        "ROSTRUM_HTTP" | "ROSTRUM_RTMP" => Some("127.0.0.1:3".to_owned()),
        _ => None,
    })
    .unwrap();
    assert_eq!(config.http.port(), 3);
    assert_eq!(config.rtmp.port(), 4);
    assert_eq!(config.data, Path::new("from-file"));
}

#[test]
fn a_variable_without_a_value_is_none() {
    let config = Config::merge(&Overrides::default(), |_| Some(String::new())).unwrap();
    assert_eq!(config, Config::default());
    let home = |name: &str| Some(if name == "HOME" { "/home/mara" } else { "" }.to_owned());
    assert_eq!(default_data(home), Path::new("/home/mara/.local/share/rostrum-origin"));
}

#[test]
fn the_settings_are_printed_as_they_are_read() {
    let tls = TlsSettings { certificate: Some("chain.pem".into()), key: Some("key.pem".into()) };
    let limits = Limits { websocket_publishers: 7, ..Limits::default() };
    let https = Some("127.0.0.1:8443".parse().unwrap());
    let proxies = vec!["10.0.0.0/8".parse().unwrap()];
    let config = Config { tls, limits, https, proxies, ..Config::default() };
    let text = config.to_text();
    assert_eq!(toml::from_str::<Config>(&text).unwrap(), config, "{text}");
    for key in ["separate_audio", "websocket_publishers = 7", "[transcode]", "[uploads]"] {
        assert!(text.contains(key), "{key}: {text}");
    }
}

#[test]
fn an_unknown_key_is_refused_by_name() {
    let path = folder("unknown").join("rostrum.toml");
    std::fs::write(&path, "[hls]\nparts_ms = 1\n").unwrap();
    let overrides = Overrides { config: Some(path), ..Overrides::default() };
    let error = Config::merge(&overrides, nothing).unwrap_err().to_string();
    assert!(error.contains("parts_ms"), "{error}");
}

#[test]
fn a_certificate_needs_its_key() {
    let tls = TlsSettings { certificate: Some("chain.pem".into()), key: None };
    let error = Config { tls, ..Config::default() }.check().unwrap_err().to_string();
    assert!(error.starts_with("tls.certificate is set without tls.key"), "{error}");
}

#[test]
fn a_part_longer_than_half_a_segment_is_refused() {
    let hls = HlsSettings { part_ms: 1_500, ..HlsSettings::default() };
    let error = Config { hls, ..Config::default() }.check().unwrap_err().to_string();
    assert_eq!(error, "hls.segment_ms is 2000: expected at least twice hls.part_ms and at most 10000");
}
