use axum::http::StatusCode;

use crate::http::place::{JSON, OPERATOR, Place};
use crate::secret::Digest;
use crate::state;
use crate::store::{NewAccount, NewRoom, NewToken, Role, Scope};

#[tokio::test]
async fn a_rooms_files_are_its_owners_alone() {
    let place = Place::new().await;
    let store = &place.shared.store;
    for (name, role) in [("mara", Role::Admin), ("ben", Role::Broadcaster)] {
        let new =
            NewAccount { name: ::rooms::Name::account(name).unwrap(), password: None, role, local: false };
        let account = store.create_account(new, 1).await.unwrap().id;
        let digest = Digest::of(&format!("{name}-token"));
        let token = NewToken { digest, account, label: "test".to_owned(), scopes: Scope::ALL.to_vec() };
        store.replace_token(token, 1).await.unwrap();
    }
    let bens = NewRoom {
        slug: "bens".parse().unwrap(),
        title: "Ben's".to_owned(),
        owner: Some("ben".to_owned()),
        record: false,
    };
    state::create_room(store, bens).await.unwrap();
    let tus = ("tus-resumable", "1.0.0");
    let ask = async |method: &'static str, path: &'static str, token: &'static str| {
        let headers = [("authorization", token), tus, ("upload-length", "10")];
        place.ask(method, path, &headers, "").await
    };
    for method in ["GET", "POST"] {
        let (own, others) = ("/api/v1/rooms/bens/uploads", "/api/v1/rooms/demo/uploads");
        assert_eq!(ask(method, others, "Bearer ben-token").await.status(), StatusCode::FORBIDDEN);
        assert!(ask(method, own, "Bearer ben-token").await.status().is_success());
        assert!(ask(method, own, "Bearer mara-token").await.status().is_success(), "an admin may");
    }
    let made = ask("POST", "/api/v1/rooms/demo/uploads", "Bearer mara-token").await;
    let path = made.headers()["location"].to_str().unwrap().to_owned();
    for (method, path) in [
        ("GET", path.clone()),
        ("HEAD", path.clone()),
        ("PATCH", path.clone()),
        ("DELETE", path.clone()),
        ("PUT", format!("{path}/schedule")),
        ("DELETE", format!("{path}/schedule")),
    ] {
        let headers = [("authorization", "Bearer ben-token"), tus, JSON];
        let status = place.ask(method, &path, &headers, "{}").await.status();
        assert_eq!(status, StatusCode::FORBIDDEN, "{method} {path}");
    }
}

#[tokio::test]
async fn an_upload_needs_the_protocols_version() {
    let place = Place::new().await;
    let headers = [OPERATOR, ("upload-length", "10")];
    let response = place.ask("POST", "/api/v1/rooms/demo/uploads", &headers, "").await;
    assert_eq!(response.status(), StatusCode::PRECONDITION_FAILED);
    assert_eq!(response.headers()["tus-version"], "1.0.0");
}
