//! People with accounts, and their browsers.

use serde_json::{Value, json};

use super::browser::Session;
use super::server::Server;

/// The password of everybody made here.
pub const PASSWORD: &str = "correct horse";

/// Makes an account; its number.
///
/// # Panics
/// When the origin refuses.
pub async fn account(server: &Server, name: &str, role: &str) -> i64 {
    let person = json!({"name": name, "password": PASSWORD, "role": role});
    let made = server.http.post_as(&server.owner.token, &server.url("/api/v1/accounts"), &person).await;
    assert!(made.status.is_success(), "{name}: {}", made.text());
    made.json()["id"].as_i64().expect("an account's number")
}

/// Signs a browser in by name and password, without the page.
///
/// # Panics
/// When the origin refuses.
pub async fn sign_in(session: &Session, server: &Server, name: &str) {
    session.client.goto(&server.url("/favicon.svg")).await.expect("the origin answers");
    assert_eq!(signed_in(session, name, PASSWORD).await, 200, "{name} signs in");
}

/// What the origin answers to a name and a password.
pub async fn signed_in(session: &Session, name: &str, password: &str) -> Value {
    let script = "return fetch('/api/v1/session', { method: 'POST', headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ name: arguments[0], password: arguments[1] }) }).then((answer) => answer.status)";
    session.run(script, vec![json!(name), json!(password)]).await
}
