use std::path::Path;

use super::{Keychain, KeychainState, Outcome, Secret, Work};
use crate::destination::{self, Saved};
use crate::seal::Seal;
use crate::view::NoticeKind;

fn saved(id: u32, key: &str) -> Saved {
    Saved {
        id,
        name: format!("Server {id}"),
        service: "rtmp".to_owned(),
        address: "rtmp://a.example/live".to_owned(),
        key: key.to_owned(),
        passphrase: String::new(),
        on: true,
        sealed: None,
        keychain: None,
        closed: false,
    }
}

/// As it stands after a start: the keychain has the key, and has not been asked yet.
fn closed(id: u32, slot: &str) -> Saved {
    Saved { keychain: Some(slot.to_owned()), closed: true, ..saved(id, "") }
}

/// Nothing of an earlier start, and a key to encrypt with in `folder`.
fn keychain(folder: &Path) -> Keychain {
    Keychain::load(folder, Seal::at(folder.join("state/key")))
}

fn begin(keychain: &mut Keychain, destinations: &[Saved]) -> Work {
    let work = keychain.due(destinations, false);
    keychain.doing = Some(work.clone());
    work
}

/// A keychain that takes everything.
fn all_stored(work: &Work) -> Outcome {
    let stored: Vec<String> = work.store.iter().map(|store| store.slot.clone()).collect();
    Outcome { state: KeychainState::Open, tried: stored.clone(), stored, ..Outcome::default() }
}

#[test]
fn a_key_leaves_the_file_when_the_keychain_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = || std::fs::read_to_string(folder.path().join("destinations.json")).unwrap();
    let (mut keychain, mut all) = (keychain(folder.path()), vec![saved(1, "secret"), saved(2, "")]);
    destination::save(folder.path(), &all, &keychain.seal).unwrap();
    assert!(file().contains("sealed") && !file().contains("secret"));
    let work = begin(&mut keychain, &all);
    assert_eq!(work.store.len(), 1, "what has no key needs no keychain");
    assert!(keychain.take(&mut all, all_stored(&work)).destinations);
    destination::save(folder.path(), &all, &keychain.seal).unwrap();
    assert!(!file().contains("sealed"));
    assert_eq!((all[0].key.as_str(), keychain.view(&all).in_file), ("secret", 0));
    let (again, _) = destination::load(folder.path(), &keychain.seal);
    assert_eq!((again[0].closed, again[1].closed), (true, false));
}

#[test]
fn a_key_that_no_keychain_took_stays_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    for state in [KeychainState::Locked, KeychainState::Absent] {
        let (mut keychain, mut all) = (keychain(folder.path()), vec![saved(1, "secret")]);
        begin(&mut keychain, &all);
        keychain.take(&mut all, Outcome { state, ..Outcome::default() });
        destination::save(folder.path(), &all, &keychain.seal).unwrap();
        let (again, _) = destination::load(folder.path(), &keychain.seal);
        assert_eq!((again[0].key.as_str(), again[0].closed), ("secret", false));
        assert_eq!(keychain.view(&all).in_file, 1);
        assert_eq!((keychain.notice(&all), keychain.forgotten.len()), (None, 0));
    }
}

#[test]
fn a_key_that_changes_while_the_keychain_takes_it_is_not_mistaken_for_the_old_one() {
    let folder = tempfile::tempdir().unwrap();
    let (mut keychain, mut all) = (keychain(folder.path()), vec![saved(1, "old")]);
    let work = begin(&mut keychain, &all);
    all[0].key = "new".to_owned();
    keychain.take(&mut all, all_stored(&work));
    assert_eq!((all[0].keychain.clone(), all[0].key.as_str()), (None, "new"));
    assert_eq!(keychain.forgotten, vec![work.store[0].slot.clone()], "the old one goes");
    assert_eq!(keychain.due(&all, false).store.len(), 1);
}

#[test]
fn keys_in_a_locked_keychain_are_named_once_and_are_there_when_it_is_open() {
    let folder = tempfile::tempdir().unwrap();
    let (mut keychain, mut all) =
        (keychain(folder.path()), vec![closed(1, "a"), closed(2, "b"), saved(3, "k")]);
    begin(&mut keychain, &all);
    keychain.take(&mut all, Outcome { state: KeychainState::Locked, ..Outcome::default() });
    let names = "Server 1, Server 2".to_owned();
    assert_eq!(keychain.notice(&all), Some(NoticeKind::KeysClosed { state: KeychainState::Locked, names }));
    let work = begin(&mut keychain, &all);
    assert_eq!(work.read, ["a", "b"]);
    let secret = |key: &str| Some(Secret { key: key.to_owned(), passphrase: String::new() });
    let read = vec![("b".to_owned(), secret("two")), ("a".to_owned(), secret("one"))];
    assert!(keychain.take(&mut all, Outcome { read, ..all_stored(&work) }).opened);
    let keys: Vec<&str> = all.iter().map(|saved| saved.key.as_str()).collect();
    assert_eq!((keys, keychain.notice(&all)), (vec!["one", "two", "k"], None));
}

#[test]
fn what_the_keychain_has_no_more_is_said_and_still_looked_for() {
    let folder = tempfile::tempdir().unwrap();
    let (mut keychain, mut all) = (keychain(folder.path()), vec![closed(1, "a")]);
    begin(&mut keychain, &all);
    let read = vec![("a".to_owned(), None)];
    keychain.take(&mut all, Outcome { state: KeychainState::Open, read, ..Outcome::default() });
    let names = "Server 1".to_owned();
    assert_eq!(keychain.notice(&all), Some(NoticeKind::KeysClosed { state: KeychainState::Open, names }));
    assert_eq!(keychain.due(&all, false).read, ["a"]);
}

#[test]
fn an_item_that_could_not_go_goes_the_next_time() {
    let folder = tempfile::tempdir().unwrap();
    keychain(folder.path()).forget(folder.path(), "a".to_owned());
    let mut again = keychain(folder.path());
    assert_eq!(begin(&mut again, &[]).forget, ["a"]);
    let forgotten = vec!["a".to_owned()];
    assert!(
        again
            .take(&mut [], Outcome { state: KeychainState::Open, forgotten, ..Outcome::default() })
            .forgotten
    );
    assert_eq!(again.due(&[], false).forget, Vec::<String>::new());
}

#[test]
fn keys_that_nothing_decrypts_are_named_apart_from_those_of_the_keychain() {
    let folder = tempfile::tempdir().unwrap();
    let keychain = keychain(folder.path());
    let lost = Saved { sealed: Some("AAAA".to_owned()), closed: true, ..saved(2, "") };
    let all = [closed(1, "slot"), lost, saved(3, "k")];
    assert_eq!(keychain.notice_of_lost(&all), Some(NoticeKind::KeysLost { names: "Server 2".to_owned() }));
    let state = KeychainState::Unknown;
    assert_eq!(keychain.notice(&all), Some(NoticeKind::KeysClosed { state, names: "Server 1".to_owned() }));
    assert_eq!(keychain.due(&all, false).read, ["slot"], "the keychain is not asked for what it never had");
    assert!(keychain.view(&all).encrypted);
}
