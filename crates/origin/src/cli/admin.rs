//! `rostrum-origin admin`.

use std::io::{BufRead as _, Write as _};

use serde_json::json;

use super::{CliError, Target, target};
use crate::accounts::{self, Hashing};
use crate::config::Config;
use crate::secret;
use crate::store::Role;

pub(super) async fn create(config: &Config, name: &str, password_stdin: bool) -> Result<(), CliError> {
    let password = if password_stdin { read_password()? } else { secret::random() };
    match target(config)? {
        Target::Running(client) => {
            let account = json!({ "name": name, "password": password, "role": "admin" });
            client.post("/api/v1/accounts", Some(account)).await?;
        }
        Target::Store { store, .. } => {
            accounts::create(&store, &Hashing::new(), name, password.clone(), Role::Admin).await?;
        }
    }
    let mut out = std::io::stdout();
    writeln!(out, "admin {name}")?;
    if !password_stdin {
        writeln!(out, "password {password}")?;
    }
    Ok(())
}

fn read_password() -> Result<String, CliError> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
