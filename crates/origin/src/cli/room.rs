//! `rostrum-origin room`.

use std::io::Write as _;

use rooms::Slug;
use serde_json::{Value, json};

use super::{CliError, Target, target};
use crate::config::Config;
use crate::http::{rtmp_url, srt_url};
use crate::state::{self, RoomWithKey};
use crate::store::NewRoom;

/// A room to be, as the command line has it.
pub(super) struct New {
    pub(super) slug: Slug,
    pub(super) title: Option<String>,
    pub(super) owner: Option<String>,
    pub(super) record: bool,
}

pub(super) async fn create(config: &Config, new: New, json: bool) -> Result<(), CliError> {
    let New { slug, title, owner, record } = new;
    let made = match target(config)? {
        Target::Running(client) => {
            let body = json!({ "room": slug, "title": title, "owner": owner, "record": record });
            client.post("/api/v1/rooms", Some(body)).await?
        }
        Target::Store { store, .. } => {
            let title = state::title(title.as_deref(), &slug);
            with_key(config, state::create_room(&store, NewRoom { slug, title, owner, record }).await?)
        }
    };
    print_key(&made, json)
}

pub(super) async fn key(config: &Config, slug: Slug, json: bool) -> Result<(), CliError> {
    let made = match target(config)? {
        Target::Running(client) => client.post(&format!("/api/v1/rooms/{slug}/stream-key"), None).await?,
        Target::Store { store, .. } => with_key(config, state::rotate_key(&store, slug).await?),
    };
    print_key(&made, json)
}

pub(super) async fn list(config: &Config, json: bool) -> Result<(), CliError> {
    let answer = match target(config)? {
        Target::Running(client) => client.get("/api/v1/rooms").await?,
        Target::Store { store, .. } => {
            let rooms = store.rooms().await?.into_iter().map(|room| {
                json!({ "room": room.slug, "title": room.title, "owner": room.owner, "state": "offline" })
            });
            json!({ "rooms": rooms.collect::<Vec<_>>() })
        }
    };
    let mut out = std::io::stdout();
    if json {
        writeln!(out, "{answer}")?;
        return Ok(());
    }
    for room in answer["rooms"].as_array().into_iter().flatten() {
        let word = |key: &str| room[key].as_str().unwrap_or("-").to_owned();
        writeln!(out, "{}\t{}\t{}\t{}", word("room"), word("state"), word("owner"), word("title"))?;
    }
    Ok(())
}

/// What the running origin would answer, with the addresses of the settings.
fn with_key(config: &Config, made: RoomWithKey) -> Value {
    let slug = made.room.slug;
    json!({
        "room": slug,
        "stream_key": made.stream_key,
        "rtmp": rtmp_url(config.rtmp),
        "srt": srt_url(config.srt, &made.stream_key),
        "watch": format!("http://{}/r/{slug}", config.http),
    })
}

fn print_key(made: &Value, json: bool) -> Result<(), CliError> {
    let mut out = std::io::stdout();
    if json {
        writeln!(out, "{made}")?;
        return Ok(());
    }
    for key in ["room", "stream_key", "rtmp", "srt", "watch"] {
        writeln!(out, "{key} {}", made[key].as_str().unwrap_or_default())?;
    }
    Ok(())
}
