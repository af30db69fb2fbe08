//! What the origin sends to servers of others, encrypted: letters and webhooks.

use std::path::Path;
use std::process::Command;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_tungstenite::tungstenite::Message;

use crate::harness::certificate::Certificate;
use crate::harness::chat::Chat;
use crate::harness::http::{Answer, Http};
use crate::harness::machine::beside_others;
use crate::harness::mail::{MailServer, MailTls};
use crate::harness::origin_program::OriginProgram;
use crate::harness::process::Process;
use crate::harness::wait::{seconds, until};

const PASSWORD: &str = "correct horse";

/// A server of another make: prints its port, then of each request the event and the body.
const HTTPS_SERVER: &str = r#"
import http.server, ssl, sys
class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        print(self.headers["rostrum-event"], body, flush=True)
        self.send_response(204)
        self.end_headers()
    def log_message(self, *arguments):
        pass
class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *arguments):
        pass
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
server = Server(("127.0.0.1", 0), Hook)
# In the thread of its connection, not where connections are taken.
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
print("port", server.server_port, flush=True)
server.serve_forever()
"#;

/// An origin with its first administrator.
struct Host {
    http: Http,
    program: OriginProgram,
    cookie: String,
    _data: TempDir,
}

impl Host {
    async fn start(settings: &str, trusted: Option<&Path>) -> Host {
        let data = TempDir::new().expect("a temporary folder");
        let mut program = OriginProgram::serve_trusting(data.path(), settings, trusted).await;
        let code = program.set_up_code().await;
        let mut host = Host { http: Http::new(), program, cookie: String::new(), _data: data };
        let person = json!({"code": code, "name": "aino", "password": PASSWORD});
        let made = host.ask("POST", "/api/v1/setup", &person).await;
        host.cookie = made.header("set-cookie").split(';').next().unwrap_or_default().to_owned();
        host
    }

    async fn ask(&self, method: &str, path: &str, body: &Value) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.program.http))
            .header("content-type", "application/json")
            .header("cookie", &self.cookie);
        let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
        let answer = self.http.ask(request.body(Full::from(body)).expect("tests make valid requests")).await;
        assert!(answer.status.is_success(), "{method} {path}: {} {:?}", answer.status, answer.body);
        answer
    }

    /// A webhook to a port of this machine, and what it was told of a message: status and problem.
    async fn webhook(&self, port: u16) -> Value {
        let wanted = json!({
            "url": format!("https://localhost:{port}/hook"), "events": ["message"], "allow_private": true,
        });
        let hook = self.ask("POST", "/api/v1/webhooks", &wanted).await.json();
        self.ask("POST", "/api/v1/rooms", &json!({"room": "hooked"})).await;
        let mut chat = Chat::join(self.program.http, "hooked", "guest").await;
        let line = json!({"type": "send", "id": "c1", "text": "over TLS"});
        chat.send(Message::text(line.to_string())).await;
        let log = format!("/api/v1/webhooks/{}/deliveries", hook["id"]);
        until("the first try", seconds(45), async || {
            let told = self.ask("GET", &log, &Value::Null).await.json();
            let delivery = told["deliveries"][0].clone();
            (!delivery["tried_at_ms"].is_null()).then_some(delivery)
        })
        .await
    }
}

async fn https_server(certificate: &Certificate) -> (Process, u16) {
    let mut command = Command::new("/usr/bin/python3");
    command.args(["-c", HTTPS_SERVER]).arg(&certificate.certificate).arg(&certificate.key);
    let mut process = Process::start("https server", &mut command);
    let port = process.line(seconds(45), |line| line.text.strip_prefix("port ")?.parse().ok()).await;
    (process, port)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_is_told_over_https_to_who_can_prove_its_name() {
    beside_others(seconds(200), async {
        let folder = TempDir::new().expect("a temporary folder");
        let certificate = Certificate::make(folder.path());
        let (mut server, port) = https_server(&certificate).await;

        let stranger = Host::start("", None).await;
        let refused = stranger.webhook(port).await;
        assert!(refused["status"].is_null(), "{refused}");
        let problem = refused["problem"].as_str().unwrap_or_default();
        assert!(problem.contains("TLS") && problem.contains("certificate"), "{refused}");

        let host = Host::start("", Some(&certificate.certificate)).await;
        let taken = host.webhook(port).await;
        assert_eq!((&taken["status"], &taken["problem"]), (&json!(204), &Value::Null), "{taken}");
        let told =
            server.line(seconds(45), |line| line.text.strip_prefix("message ").map(str::to_owned)).await;
        assert!(told.contains("over TLS"), "{told}");
        let told = server.printed(false);
        assert_eq!(told.len(), 2, "who could not prove its name was told nothing: {told:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn letters_leave_encrypted_from_the_first_byte_or_after_starttls() {
    beside_others(seconds(200), async {
        let folder = TempDir::new().expect("a temporary folder");
        let certificate = Certificate::make(folder.path());
        for tls in [MailTls::Whole(&certificate), MailTls::Started(&certificate)] {
            let mail = MailServer::start_with(tls).await;
            let host = Host::start(&mail.settings_file(), Some(&certificate.certificate)).await;
            let wanted = json!({"email": "aino@example.org", "current_password": PASSWORD});
            host.ask("PUT", "/api/v1/account/email", &wanted).await;
            mail.code("aino@example.org", "confirm").await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_letter_is_handed_to_a_server_that_cannot_prove_its_name() {
    beside_others(seconds(200), async {
        let folder = TempDir::new().expect("a temporary folder");
        let certificate = Certificate::make(folder.path());
        let mail = MailServer::start_with(MailTls::Whole(&certificate)).await;
        let mut host = Host::start(&mail.settings_file(), None).await;
        let wanted = json!({"email": "aino@example.org", "current_password": PASSWORD});
        host.ask("PUT", "/api/v1/account/email", &wanted).await;
        let said = |text: &str| text.contains("did not leave").then(|| text.to_owned());
        let said = host.program.process.line(seconds(45), |line| said(&line.text)).await;
        assert!(said.contains("certificate"), "{said}");
        assert_eq!(mail.letters().len(), 0);
    })
    .await;
}
