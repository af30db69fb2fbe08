//! `rostrum-origin` as a person starts it, so that it can be killed and started again.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::environment::program;
use super::process::{Line, Process};
use super::wait::seconds;

/// The running program.
pub struct OriginProgram {
    /// Where it listens for HTTP.
    pub http: SocketAddr,
    /// Where it listens for RTMP.
    pub rtmp: SocketAddr,
    /// The child.
    pub process: Process,
}

impl OriginProgram {
    /// Starts `rostrum-origin serve` and waits until it is ready.
    ///
    /// # Panics
    /// When it is not, or does not tell its addresses before.
    pub async fn serve(data: &Path, http: &str, rtmp: &str) -> OriginProgram {
        OriginProgram::start(data, (http, rtmp, "127.0.0.1:0"), None, None).await
    }

    /// The same with the address of SRT.
    ///
    /// # Panics
    /// When it is not ready, or does not tell its addresses before.
    pub async fn serve_at(data: &Path, http: &str, rtmp: &str, srt: &str) -> OriginProgram {
        OriginProgram::start(data, (http, rtmp, srt), None, None).await
    }

    /// The same with a settings file.
    ///
    /// # Panics
    /// When it is not ready, or does not tell its addresses before.
    pub async fn serve_with(data: &Path, settings: &str) -> OriginProgram {
        OriginProgram::serve_trusting(data, settings, None).await
    }

    /// The same on a machine that trusts one certificate alone, instead of those of its system.
    ///
    /// # Panics
    /// When it is not ready, or does not tell its addresses before.
    pub async fn serve_trusting(data: &Path, settings: &str, certificate: Option<&Path>) -> OriginProgram {
        let file = data.join("rostrum.toml");
        std::fs::write(&file, settings).expect("the folder can be written");
        OriginProgram::start(data, ("127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"), Some(&file), certificate)
            .await
    }

    /// The code of the link by which a new origin gets its first administrator.
    ///
    /// # Panics
    /// When it names none in time.
    pub async fn set_up_code(&mut self) -> String {
        let link = |line: &Line| Some(line.text.split_once("/setup#")?.1.trim().to_owned());
        let code = self.process.line(seconds(45), |line| link(line).filter(|_| line.is_error)).await;
        code.chars().take_while(char::is_ascii_hexdigit).collect()
    }

    async fn start(
        data: &Path,
        (http, rtmp, srt): (&str, &str, &str),
        settings: Option<&Path>,
        certificate: Option<&Path>,
    ) -> OriginProgram {
        let mut command = Command::new(program("ROSTRUM_ORIGIN_BIN", "rostrum-origin"));
        if let Some(certificate) = certificate {
            command.env("SSL_CERT_FILE", certificate).env_remove("SSL_CERT_DIR");
        }
        if let Some(settings) = settings {
            command.env("ROSTRUM_CONFIG", settings);
        }
        command.args(["serve", "--http", http, "--rtmp", rtmp, "--srt", srt, "--data"]).arg(data);
        let mut process = Process::start("rostrum-origin", &mut command);
        process.line(seconds(45), |line| (!line.is_error && line.text == "ready").then_some(())).await;
        let lines = process.printed(false);
        let address = |name: &str| -> SocketAddr {
            let found = lines.iter().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
            found.unwrap_or_else(|| panic!("no {name} address in {lines:?}"))
        };
        OriginProgram { http: address("http "), rtmp: address("rtmp "), process }
    }
}

/// Runs another command of `rostrum-origin` on a data folder and returns the JSON that it prints.
///
/// # Panics
/// When it fails or prints anything else.
pub fn told(data: &Path, arguments: &[&str]) -> Value {
    let mut command = Command::new(program("ROSTRUM_ORIGIN_BIN", "rostrum-origin"));
    let output =
        command.args(arguments).args(["--json", "--data"]).arg(data).output().expect("the program starts");
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "rostrum-origin {arguments:?}: {complaints}");
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("no JSON: {}", String::from_utf8_lossy(&output.stdout)))
}
