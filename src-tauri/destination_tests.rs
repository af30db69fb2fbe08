use super::{Draft, Saved, WrongDraft, draft_of};
use crate::seal::Seal;

fn draft(name: &str, address: &str, key: &str) -> Draft {
    let service = if address.starts_with("srt") { "srt" } else { "rtmp" }.to_owned();
    let key = Some(key.to_owned());
    Draft { id: None, name: name.to_owned(), service, address: address.to_owned(), key, passphrase: None }
}

fn saved(name: &str, address: &str, key: &str) -> Saved {
    draft(name, address, key).complete(&[]).unwrap()
}

#[test]
fn a_key_that_was_pasted_with_the_address_is_kept_where_keys_are() {
    for (address, key, at) in [
        ("rtmp://a.example/live/secret", "", "rtmp://a.example/live"),
        ("rtmp://a.example/live", "secret", "rtmp://a.example/live"),
        ("srt://a.example:9000?latency=200&streamid=sec%72et", "", "srt://a.example:9000?latency=200"),
        ("srt://a.example:9000?streamid=secret", "", "srt://a.example:9000"),
        ("SRT://a.example:9000?streamid=secret", "", "srt://a.example:9000"),
        ("rtmp://a.example/app/instance/secret", "", "rtmp://a.example/app/instance"),
        ("rtmp://a.example/app/instance", "secret", "rtmp://a.example/app/instance"),
        ("rtmp://a.example/live/secret", "secret", "rtmp://a.example/live"),
    ] {
        let saved = saved("Town hall", address, key);
        assert_eq!((saved.address.as_str(), saved.key.as_str()), (at, "secret"), "{address}");
        assert_eq!(saved.destination().server().unwrap().split(':').next(), Some("a.example"));
    }
}

#[test]
fn what_srt_is_told_comes_back_as_it_was_typed() {
    let typed = "#!::r=live/a&b,m=publish";
    let mut asked = draft("Relay", "srt://a.example:9000", typed);
    asked.passphrase = Some("ten letters & more".to_owned());
    let saved = asked.complete(&[]).unwrap();
    let url = saved.destination().url;
    assert!(url.contains("streamid=%23!::r%3Dlive/a%26b,m%3Dpublish&passphrase=ten%20letters"), "{url}");
    let written = broadcast::with_srt_option("", "streamid", typed);
    assert_eq!(super::unescaped(written.trim_start_matches("?streamid=")), typed);
}

#[test]
fn an_edit_without_a_key_keeps_the_key() {
    let known = [saved("Town hall", "rtmp://a.example/live", "secret")];
    let edit = Draft { id: Some(1), key: None, ..draft("Town hall 2", "rtmp://b.example/live", "") };
    let edited = edit.complete(&known).unwrap();
    assert_eq!((edited.id, edited.key.as_str(), edited.name.as_str()), (1, "secret", "Town hall 2"));
}

#[test]
fn a_key_that_is_pasted_with_another_address_replaces_the_one_that_is_kept() {
    let edit = |before: &str, address: &str| {
        let known = [saved("Town hall", before, "secret")];
        let edit = Draft { id: Some(1), key: None, ..draft("Town hall", address, "") };
        let Saved { address, key, .. } = edit.complete(&known).unwrap();
        (address, key)
    };
    let is = |address: &str, key: &str| (address.to_owned(), key.to_owned());
    let (plain, deep) = ("rtmp://a.example/live", "rtmp://a.example/app/instance");
    assert_eq!(edit(plain, "rtmp://a.example/live/new"), is(plain, "new"));
    assert_eq!(edit(plain, "rtmp://b.example/live/new?a=b/c"), is("rtmp://b.example/live", "new?a=b/c"));
    assert_eq!(edit(deep, "rtmp://a.example/app/instance/new"), is(deep, "new"));
    // An application of two parts is none.
    assert_eq!(edit(deep, deep), is(deep, "secret"));
    assert_eq!(edit(deep, "rtmp://b.example/app/instance"), is("rtmp://b.example/app/instance", "secret"));
}

#[test]
fn what_the_keychain_keeps_to_itself_is_not_asked_for_by_another_name() {
    let mut known = saved("Town hall", "rtmp://a.example/app/instance", "secret");
    (known.key, known.keychain, known.closed) = (String::new(), Some("slot".to_owned()), true);
    let known = [known];
    let edit = |address: &str| {
        let draft =
            Draft { id: Some(1), key: None, passphrase: Some(String::new()), ..draft("Hall", address, "") };
        draft.complete(&known).unwrap()
    };
    let renamed = edit("rtmp://a.example/app/instance");
    assert_eq!((renamed.keychain.as_deref(), renamed.closed), (Some("slot"), true));
    assert_eq!(renamed.address, "rtmp://a.example/app/instance");
    let pasted = edit("rtmp://a.example/app/instance/new");
    assert_eq!((pasted.key.as_str(), pasted.keychain, pasted.closed), ("new", None, false));
}

#[test]
fn what_cannot_work_is_refused_in_words() {
    let known = [saved("Town hall", "rtmp://a.example/live", "secret")];
    let refused = |draft: Draft| draft.complete(&known).unwrap_err();
    assert_eq!(refused(draft("  ", "rtmp://a.example/live", "k")), WrongDraft::Name);
    for name in ["Town hall", "This computer"] {
        assert!(matches!(refused(draft(name, "rtmp://a.example/live", "k")), WrongDraft::NameTaken(_)));
    }
    let said = refused(draft("x", "https://a.example/live", "k")).to_string();
    assert!(said.contains("rtmp://"), "{said}");
    assert!(matches!(refused(draft("x", "rtmp://a.example/live", "")), WrongDraft::Address(_)));
}

#[test]
fn what_another_program_had_gets_a_name_that_is_free() {
    let taken = ["Twitch".to_owned()];
    let url = "rtmp://live.twitch.tv/app".to_owned();
    let found =
        broadcast::Destination { name: "Twitch".to_owned(), url, key: Some("k".to_owned()), picture: None };
    let draft = draft_of(found, &taken);
    assert_eq!((draft.name.as_str(), draft.service.as_str()), ("Twitch 2", "twitch"));
}

#[test]
fn keys_are_neither_printed_nor_readable_by_others() {
    use std::os::unix::fs::PermissionsExt as _;
    let all = [saved("Town hall", "rtmp://a.example/live", "secret")];
    assert!(!format!("{all:?} {:?}", draft("x", "rtmp://a/b", "secret")).contains("secret"));
    let folder = tempfile::tempdir().unwrap();
    let seal = Seal::at(folder.path().join("state/key"));
    super::save(folder.path(), &all, &seal).unwrap();
    let file = folder.path().join("destinations.json");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(file).unwrap();
    assert!(!text.contains("secret"), "{text}");
    assert_eq!(super::load(folder.path(), &seal), (all.to_vec(), None));
}

#[test]
fn where_nothing_can_be_encrypted_keys_are_kept_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    let seal = Seal::at(folder.path().join("file/key"));
    let all = [saved("Town hall", "rtmp://a.example/live", "secret")];
    super::save(folder.path(), &all, &seal).unwrap();
    assert_eq!(super::load(folder.path(), &seal), (all.to_vec(), None));
}

/// As a data folder that was copied to another computer, and back.
#[test]
fn a_key_that_nothing_decrypts_is_entered_again_and_its_destination_is_never_lost() {
    let folder = tempfile::tempdir().unwrap();
    let (here, there) = (Seal::at(folder.path().join("here/key")), Seal::at(folder.path().join("there/key")));
    let all = [saved("Town hall", "rtmp://a.example/live", "secret")];
    super::save(folder.path(), &all, &here).unwrap();
    let (mut lost, _) = super::load(folder.path(), &there);
    assert_eq!((lost[0].name.as_str(), lost[0].key.as_str(), lost[0].is_lost()), ("Town hall", "", true));
    // Whatever is kept meanwhile, as that it is switched off.
    lost[0].on = false;
    super::save(folder.path(), &lost, &there).unwrap();
    let (back, _) = super::load(folder.path(), &here);
    assert_eq!((back[0].key.as_str(), back[0].is_lost(), back[0].on), ("secret", false, false));

    let edit = |name: &str, key: &str| {
        let draft = Draft {
            id: Some(1),
            passphrase: Some(String::new()),
            ..draft(name, "rtmp://a.example/live", key)
        };
        draft.complete(&lost).unwrap()
    };
    assert!(edit("Hall", "").is_lost(), "another name brings no key back");
    let entered = edit("Town hall", "other");
    assert_eq!((entered.key.as_str(), entered.is_lost()), ("other", false));
    super::save(folder.path(), &[entered], &there).unwrap();
    assert_eq!(super::load(folder.path(), &there).0[0].key, "other");
}

#[test]
fn an_encrypted_key_goes_to_no_other_server() {
    let folder = tempfile::tempdir().unwrap();
    let seal = Seal::at(folder.path().join("state/key"));
    super::save(folder.path(), &[saved("Town hall", "rtmp://a.example/live", "secret")], &seal).unwrap();
    let file = folder.path().join("destinations.json");
    let text = std::fs::read_to_string(&file).unwrap().replace("a.example", "b.example");
    std::fs::write(&file, text).unwrap();
    assert!(super::load(folder.path(), &seal).0[0].is_lost());
}

/// The program may end between any two of: the key is on the disk, the new file is, it has the old one's name.
#[test]
fn a_plain_key_of_before_is_there_at_each_moment_of_its_move() {
    let folder = tempfile::tempdir().unwrap();
    let (file, state) = (folder.path().join("destinations.json"), folder.path().join("state/key"));
    let before = [saved("Town hall", "rtmp://a.example/live", "secret")];
    let plain = serde_json::to_vec(&before).unwrap();
    std::fs::write(&file, &plain).unwrap();
    let seal = Seal::at(state);
    let new = folder.path().join("destinations.new");
    let found = || super::load(folder.path(), &seal).0[0].key.clone();
    let ended_after: [&dyn Fn(); 3] =
        [&|| {}, &|| assert!(seal.works()), &|| std::fs::write(&new, "half of").unwrap()];
    for step in ended_after {
        std::fs::write(&file, &plain).unwrap();
        step();
        assert_eq!(found(), "secret");
        assert!(!std::fs::read_to_string(&file).unwrap().contains("secret") && !new.exists());
        assert_eq!(found(), "secret", "encrypted by now");
    }
}

#[test]
fn what_the_keychain_keeps_to_itself_is_kept_and_replaced_as_a_whole() {
    let mut known = saved("Relay", "srt://a.example:9000", "secret");
    (known.key, known.keychain, known.closed) = (String::new(), Some("slot".to_owned()), true);
    let known = [known];
    let edit = |address: &str, key: Option<&str>, passphrase: Option<&str>| {
        let draft =
            Draft { id: Some(1), passphrase: passphrase.map(str::to_owned), ..draft("Relay", address, "") };
        Draft { key: key.map(str::to_owned), ..draft }.complete(&known)
    };
    let renamed = edit("srt://b.example:9000", None, None).unwrap();
    assert_eq!((renamed.keychain.as_deref(), renamed.closed), (Some("slot"), true));
    for (address, key, passphrase) in [
        ("srt://a.example:9000", Some("new"), None),
        ("srt://a.example:9000", None, Some("ten letters")),
        ("srt://a.example:9000?streamid=new", None, None),
    ] {
        assert_eq!(edit(address, key, passphrase), Err(WrongDraft::Closed));
    }
    let pasted = edit("srt://a.example:9000?streamid=new&passphrase=ten%20letters", None, None).unwrap();
    assert_eq!(
        (pasted.key.as_str(), pasted.passphrase.as_str(), pasted.closed),
        ("new", "ten letters", false)
    );
    let replaced = edit("srt://a.example:9000", Some("new"), Some("")).unwrap();
    assert_eq!((replaced.key.as_str(), replaced.keychain, replaced.closed), ("new", None, false));
}

#[test]
fn another_key_needs_another_place_in_the_keychain() {
    let mut known = saved("Town hall", "rtmp://a.example/live", "secret");
    known.keychain = Some("slot".to_owned());
    let known = [known];
    let edit = |key: Option<&str>| {
        let draft = Draft { id: Some(1), ..draft("Town hall", "rtmp://a.example/live", "") };
        Draft { key: key.map(str::to_owned), ..draft }.complete(&known).unwrap().keychain
    };
    assert_eq!(edit(None).as_deref(), Some("slot"));
    assert_eq!(edit(Some("secret")).as_deref(), Some("slot"));
    assert_eq!(edit(Some("other")), None);
}
