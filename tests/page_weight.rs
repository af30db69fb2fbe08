//! What viewers load before anything plays.

use crate::harness::machine::beside_others;
use crate::harness::server::Server;
use crate::harness::wait::seconds;

/// Bytes of our own JavaScript on the watch page, compressed as it travels, without the player (hls.js), which is loaded
/// after it.
const SCRIPTS_BYTES_MAX: usize = 100_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_watch_page_loads_little_javascript_before_its_player() {
    beside_others(seconds(60), async {
        let server = Server::start().await;
        server.room("light").await;
        let page = server.http.get(&server.watch_url("light")).await;
        let is_script = |name: &&str| name.starts_with("/assets/") && name.ends_with(".js");
        let scripts: Vec<&str> = page.text().split('"').filter(is_script).collect();
        assert!(!scripts.is_empty(), "the page names its scripts: {}", page.text());
        let mut sum = 0;
        for script in &scripts {
            assert!(!script.contains("hls"), "the player is no part of the first load: {script}");
            let answer = server.http.get_with("accept-encoding", "gzip", &server.url(script)).await;
            assert_eq!(
                (answer.status.as_u16(), answer.header("content-encoding")),
                (200, "gzip"),
                "{script}"
            );
            sum += answer.body.len();
        }
        println!("watch page: {sum} bytes of compressed JavaScript in {} files", scripts.len());
        assert!(sum <= SCRIPTS_BYTES_MAX, "{sum} bytes in {scripts:?}");
    })
    .await;
}
