//! What the end-to-end tests are made of: the programs they start, the peers they talk to, and how they wait.

pub mod breakable_line;
pub mod broadcast_page;
pub mod browser;
pub mod chat;
pub mod desktop_app;
pub mod display;
pub mod environment;
pub mod http;
pub mod linter;
pub mod machine;
pub mod media_lint;
pub mod obs;
pub mod origin_program;
pub mod playlist;
pub mod probe;
pub mod process;
pub mod publisher;
pub mod rtmp_push;
pub mod server;
pub mod sound;
pub mod speech;
pub mod throttled_line;
pub mod viewer;
pub mod wait;
pub mod watch_page;
pub mod web_player;
