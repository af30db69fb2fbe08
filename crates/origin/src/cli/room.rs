//! `rostrum-origin room`.

use std::io::Write as _;

use rooms::Slug;
use serde_json::{Value, json};

use super::{CliError, Target, target};
use crate::config::Config;
use crate::http::{rtmp_url, srt_url};
use crate::state::{self, RoomWithKey};
use crate::store::{NewRoom, Store};

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
    let mut rooms = match target(config)? {
        Target::Running(client) => {
            let used = client.get("/api/v1/rooms").await?;
            let archived = client.get("/api/v1/rooms?archived=true").await?;
            [(used, false), (archived, true)]
                .iter()
                .flat_map(|(answer, archived)| told(answer, *archived))
                .collect()
        }
        Target::Store { store, .. } => stored(&store).await?,
    };
    rooms.sort_by(|one, other| one["room"].as_str().cmp(&other["room"].as_str()));
    let answer = json!({ "rooms": rooms });
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

/// Of an answer of the running origin, what is known without one too.
fn told(answer: &Value, archived: bool) -> Vec<Value> {
    let rooms = answer["rooms"].as_array().into_iter().flatten();
    let told = rooms.map(|room| {
        let mut told = json!({ "archived": archived });
        for key in ["room", "title", "owner", "state"] {
            told[key] = room[key].clone();
        }
        told
    });
    told.collect()
}

async fn stored(store: &Store) -> Result<Vec<Value>, CliError> {
    let settings = store.all_room_settings().await?;
    let rooms = store.rooms().await?.into_iter().map(|room| {
        let archived = settings.get(&room.id).is_some_and(|settings| settings.archived_at_ms.is_some());
        let (slug, title, owner) = (room.slug, room.title, room.owner);
        json!({ "room": slug, "title": title, "owner": owner, "state": "offline", "archived": archived })
    });
    Ok(rooms.collect())
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
