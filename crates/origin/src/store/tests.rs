use ::rooms::frame::{NoticeCode, Person, Role as RoomRole};
use ::rooms::{Act, Deed, Entry, EntryBody, Floor, Message, Name, Rules, Text};

use super::*;
use crate::secret::Digest;

/// A store in a folder of its own, removed at the end.
pub(super) struct Place {
    folder: PathBuf,
    store: Option<Store>,
}

impl Place {
    pub(super) fn new() -> Place {
        let folder = std::env::temp_dir().join(format!("rostrum-store-{}", crate::secret::random()));
        std::fs::create_dir(&folder).unwrap();
        let store = Some(Store::open(&folder.join("rostrum.db")).unwrap());
        Place { folder, store }
    }

    pub(super) fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    pub(super) fn reopen(&mut self) {
        self.store = None;
        self.store = Some(Store::open(&self.folder.join("rostrum.db")).unwrap());
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.store = None;
        std::fs::remove_dir_all(&self.folder).unwrap();
    }
}

pub(super) fn room(slug: &str, owner: Option<&str>) -> NewRoom {
    NewRoom {
        slug: slug.parse().unwrap(),
        title: slug.to_owned(),
        owner: owner.map(str::to_owned),
        record: false,
    }
}

pub(super) fn account(name: &str, role: Role) -> NewAccount {
    NewAccount { name: Name::account(name).unwrap(), password: None, role, local: false }
}

fn message(seq: u64, text: &str) -> Entry {
    let from =
        Person { id: "a1".to_owned(), name: Name::guest("Ada").unwrap(), roles: vec![RoomRole::Owner] };
    let body = EntryBody::Message(Message::new(format!("c{seq}"), from, Text::new(text).unwrap()));
    Entry { seq, at_ms: 5, body }
}

#[tokio::test]
async fn a_log_survives_closing_and_opening() {
    let mut place = Place::new();
    let made = place.store().create_room(room("demo", None), "key".to_owned(), 1).await.unwrap();
    let notice = Entry { seq: 2, at_ms: 6, body: EntryBody::Notice(NoticeCode::Interrupted) };
    place.store().append(made.id, message(1, "🦀 '; drop table log; --")).await.unwrap();
    place.store().append(made.id, notice.clone()).await.unwrap();
    place.reopen();
    let kept = place.store().kept(made.id, 10).await.unwrap();
    assert_eq!(kept.tail, [message(1, "🦀 '; drop table log; --"), notice]);
    assert_eq!(kept.last_seq, 2);
    assert_eq!(place.store().kept(made.id, 1).await.unwrap().tail.len(), 1);
    let page = place.store().messages_before(made.id, Some(2), 10).await.unwrap();
    assert_eq!(page, [message(1, "🦀 '; drop table log; --")]);
    assert_eq!(place.store().room(made.slug.clone()).await.unwrap().unwrap().epoch, made.epoch);
}

fn deed(seq: u64, act: Act) -> Entry {
    let by =
        Person { id: "a2".to_owned(), name: Name::guest("Ben").unwrap(), roles: vec![RoomRole::Moderator] };
    Entry { seq, at_ms: 7, body: EntryBody::Deed(Deed { id: format!("d{seq}"), by: Some(by), act }) }
}

#[tokio::test]
async fn a_line_that_was_taken_away_is_on_no_page_until_it_is_back() {
    let place = Place::new();
    let store = place.store();
    let made = store.create_room(room("demo", None), "key".to_owned(), 1).await.unwrap();
    store.append(made.id, message(1, "hi")).await.unwrap();
    store.append(made.id, deed(2, Act::Delete { message: 1 })).await.unwrap();
    assert_eq!(store.messages_before(made.id, None, 10).await.unwrap(), []);
    assert_eq!(store.messages_sent((made.id, String::new()), 0, 0..10, 10).await.unwrap(), []);
    let tail = store.kept(made.id, 10).await.unwrap().tail;
    let EntryBody::Message(taken) = &tail[0].body else { panic!("{tail:?}") };
    assert_eq!((taken.deleted_by.as_deref(), taken.text.as_str()), (Some("Ben"), "hi"));
    store.append(made.id, deed(3, Act::Restore { message: 1 })).await.unwrap();
    assert_eq!(store.messages_before(made.id, None, 10).await.unwrap(), [message(1, "hi")]);
    let deeds = store.deeds_before(made.id, None, 10).await.unwrap();
    assert_eq!(deeds.iter().map(|deed| deed.seq).collect::<Vec<_>>(), [3, 2]);
}

#[tokio::test]
async fn a_room_begins_again_from_what_stood_and_the_lines_since() {
    let mut place = Place::new();
    let store = place.store();
    let made = store.create_room(room("demo", None), "key".to_owned(), 1).await.unwrap();
    let settings = |locked| Act::Settings { rules: Rules { locked, ..Rules::default() } };
    let vote = Act::Vote { poll: 1, choices: vec![0] };
    store.append(made.id, deed(1, settings(true))).await.unwrap();
    let mut floor = Floor::default();
    floor.apply(&deed(1, settings(true)));
    store.save_floor(made.id, 1, floor.clone()).await.unwrap();
    store.append(made.id, message(2, "hi")).await.unwrap();
    store.append(made.id, deed(3, vote.clone())).await.unwrap();
    place.reopen();
    let kept = place.store().kept(made.id, 10).await.unwrap();
    assert_eq!((kept.floor, kept.last_seq), (floor, 3));
    assert_eq!(kept.since, [deed(3, vote)], "messages change nothing that stands");
    assert_eq!(kept.tail, [deed(1, settings(true)), message(2, "hi")], "votes push nothing out of the tail");
}

#[tokio::test]
async fn rooms_without_an_owner_become_the_first_admins() {
    let place = Place::new();
    let store = place.store();
    store.create_room(room("before", None), "k1".to_owned(), 1).await.unwrap();
    store.create_account(account("viewer", Role::Viewer), 2).await.unwrap();
    assert_eq!(store.room("before".parse().unwrap()).await.unwrap().unwrap().owner, None);
    store.create_account(account("mara", Role::Admin), 3).await.unwrap();
    store.create_account(account("ben", Role::Admin), 4).await.unwrap();
    store.create_room(room("after", None), "k2".to_owned(), 5).await.unwrap();
    let owners = store.rooms().await.unwrap().into_iter().map(|room| room.owner);
    assert_eq!(owners.collect::<Vec<_>>(), [Some("mara".to_owned()), Some("mara".to_owned())]);
}

#[tokio::test]
async fn names_are_taken_once_whatever_their_case() {
    let place = Place::new();
    let store = place.store();
    store.create_account(account("mara", Role::Admin), 1).await.unwrap();
    let again = store.create_account(account("MARA", Role::Viewer), 2).await;
    assert!(matches!(again, Err(StoreError::Exists { what: "account", .. })));
    store.create_room(room("demo", None), "k1".to_owned(), 1).await.unwrap();
    let again = store.create_room(room("demo", None), "k2".to_owned(), 1).await;
    assert!(matches!(again, Err(StoreError::Exists { what: "room", .. })));
    let missing = store.create_room(room("other", Some("nobody")), "k3".to_owned(), 1).await;
    assert!(matches!(missing, Err(StoreError::Missing { what: "account", .. })));
}

#[tokio::test]
async fn a_key_is_found_by_its_digest_until_it_is_changed() {
    let place = Place::new();
    let store = place.store();
    let made = store.create_room(room("demo", None), "secret-key-1".to_owned(), 1).await.unwrap();
    assert_eq!(made.key_last_four, "ey-1");
    let of = |key: &str| store.room_of_key(Digest::of(key));
    assert_eq!(of("secret-key-1").await.unwrap().unwrap().slug, made.slug);
    store.rotate_key(made.slug.clone(), "secret-key-2".to_owned()).await.unwrap();
    assert!(of("secret-key-1").await.unwrap().is_none());
    assert!(of("secret-key-2").await.unwrap().is_some());
    let file = std::fs::read(place.folder.join("rostrum.db-wal")).unwrap();
    assert!(!file.windows(12).any(|bytes| bytes == b"secret-key-2"), "a key stands in the database");
}

#[tokio::test]
async fn a_failed_change_leaves_the_others_of_its_group() {
    let place = Place::new();
    let store = place.store();
    let changes = (0..50).map(|number| {
        // Every second one asks for a name that is taken by the one before.
        let slug = format!("room-{}", number / 2);
        store.create_room(room(&slug, None), format!("key-{number}"), 1)
    });
    let made = futures_util::future::join_all(changes).await;
    assert_eq!(made.iter().filter(|made| made.is_ok()).count(), 25);
    assert_eq!(store.rooms().await.unwrap().len(), 25);
}

#[tokio::test]
async fn a_database_of_a_later_version_is_left_alone() {
    let mut place = Place::new();
    place.store = None;
    let path = place.folder.join("rostrum.db");
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    assert!(matches!(Store::open(&path), Err(StoreError::TooNew { found: 99, .. })));
}

#[tokio::test]
async fn the_local_owner_is_made_once_beside_others_of_that_name() {
    let place = Place::new();
    let store = place.store();
    store.create_account(account("mara", Role::Viewer), 1).await.unwrap();
    let local = store.ensure_local_account(Name::account("Mara").unwrap(), 2).await.unwrap();
    assert_eq!((local.name.as_str(), local.role), ("Mara-2", Role::Admin));
    let again = store.ensure_local_account(Name::account("Other").unwrap(), 3).await.unwrap();
    assert_eq!(again, local);
    let token = |secret: &str| NewToken {
        digest: Digest::of(secret),
        account: local.id,
        label: "test".to_owned(),
        scopes: Scope::ALL.to_vec(),
    };
    store.replace_token(token("t1"), 4).await.unwrap();
    store.replace_token(token("t2"), 5).await.unwrap();
    assert_eq!(store.token(Digest::of("t1"), 6).await.unwrap(), None);
    let (account, found) = store.token(Digest::of("t2"), 6).await.unwrap().unwrap();
    assert_eq!((account, found.scopes), (local, Scope::ALL.to_vec()));
}

#[tokio::test]
async fn a_key_is_known_without_waiting_as_long_as_it_is_the_rooms() {
    let mut place = Place::new();
    let knows = |place: &Place, key: &str| place.store().slug_of_key(Digest::of(key)).is_some();
    place.store().create_room(room("demo", None), "first".to_owned(), 1).await.unwrap();
    assert!(knows(&place, "first") && !knows(&place, "second"));
    place.store().rotate_key("demo".parse().unwrap(), "second".to_owned()).await.unwrap();
    assert!(!knows(&place, "first") && knows(&place, "second"));
    // What was not made leaves no key behind.
    place.store().create_room(room("demo", None), "third".to_owned(), 1).await.unwrap_err();
    place.store().rotate_key("nowhere".parse().unwrap(), "fourth".to_owned()).await.unwrap_err();
    assert!(!knows(&place, "third") && !knows(&place, "fourth") && knows(&place, "second"));
    place.reopen();
    assert!(!knows(&place, "first") && knows(&place, "second"));
}

#[tokio::test]
async fn names_that_were_folded_otherwise_are_folded_anew_and_none_is_lost() {
    let mut place = Place::new();
    let first = place.store().create_account(account("Straße", Role::Viewer), 1).await.unwrap();
    place.store().create_account(account("mara", Role::Viewer), 2).await.unwrap();
    assert_eq!(place.store().account("STRASSE").await.unwrap().unwrap().id, first.id);
    // As they were stored before: two names that are one by now.
    let old = Connection::open(place.folder.join("rostrum.db")).unwrap();
    old.execute("update accounts set name_folded = 'straße', name_skeleton = 'old' where id = 1", [])
        .unwrap();
    old.execute("update accounts set name = 'Strasse', name_folded = 'strasse' where id = 2", []).unwrap();
    drop(old);
    place.reopen();
    for (name, id) in [("Straße", 1), ("Strasse", 2), ("STRASSE", 2)] {
        assert_eq!(place.store().account(name).await.unwrap().unwrap().id, id, "{name}");
        assert_eq!(place.store().credentials(name).await.unwrap().unwrap().account.id, id, "{name}");
    }
    let old = Connection::open(place.folder.join("rostrum.db")).unwrap();
    old.execute("delete from accounts where id = 2", []).unwrap();
    drop(old);
    place.reopen();
    assert_eq!(place.store().account("STRASSE").await.unwrap().unwrap().id, 1);
}

/// A setting as it is stored.
async fn setting(store: &Store, name: &'static str) -> String {
    let sql = "select value from settings where name = ?1";
    store.read(move |connection| Ok(connection.query_row(sql, [name], |row| row.get(0))?)).await.unwrap()
}

#[tokio::test]
async fn what_a_full_disk_ends_is_kept_as_it_was_answered() {
    let place = Place::new();
    let store = place.store();
    store
        .write(|connection| {
            connection.execute("insert into settings values ('a', 'old'), ('b', 'old')", [])?;
            let pages: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
            connection.query_row(&format!("pragma max_page_count = {pages}"), [], |_| Ok(()))?;
            Ok(())
        })
        .await
        .unwrap();
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let change = |name: &'static str| {
        store.write(move |connection| {
            connection.execute("update settings set value = 'new' where name = ?1", [name])?;
            Ok(())
        })
    };
    // While the first is held up, the others come into one group behind it.
    let held_up = store.write(move |_| Ok(wait.recv().is_ok()));
    let too_much = store.write(|connection| {
        connection.execute("insert into settings values ('big', printf('%.*c', 1000000, 'x'))", [])?;
        Ok(())
    });
    let all = async { tokio::join!(held_up, change("a"), too_much, change("b")) };
    let (held_up, first, too_much, last) = tokio::join!(all, async {
        tokio::task::yield_now().await;
        go.send(()).unwrap();
    })
    .0;
    assert!(held_up.is_err() && too_much.is_err(), "{held_up:?} {too_much:?}");
    for (answer, name) in [(first, "a"), (last, "b")] {
        let expected = if answer.is_ok() { "new" } else { "old" };
        assert_eq!(setting(store, name).await, expected, "{name}: {answer:?}");
    }
}
