use super::{Action, Hotkeys, WrongKeys};

fn read(text: &str) -> Hotkeys {
    serde_json::from_str(text).unwrap()
}

fn keys(hotkeys: &Hotkeys, action: Action) -> String {
    hotkeys.keys_of(action).map(|keys| keys.to_string()).unwrap_or_default()
}

#[test]
fn no_two_actions_have_the_same_keys_to_begin_with_and_each_can_have_its_own() {
    for action in Action::ALL {
        let mut hotkeys = Hotkeys::default();
        hotkeys.set(action, None).unwrap();
        assert_eq!(hotkeys.set(action, Some(&action.standard().to_string())), Ok(()), "{action:?}");
        assert_eq!(hotkeys, Hotkeys::default());
    }
}

#[test]
fn keys_of_another_action_are_refused_until_it_gives_them_up() {
    let mut hotkeys = Hotkeys::default();
    assert_eq!(hotkeys.set(Action::Record, Some("Ctrl D")), Err(WrongKeys::Taken));
    assert_eq!(hotkeys, Hotkeys::default());
    hotkeys.set(Action::Mute, None).unwrap();
    assert_eq!(hotkeys.set(Action::Record, Some("Ctrl D")), Ok(()));
    assert_eq!(
        (keys(&hotkeys, Action::Record).as_str(), keys(&hotkeys, Action::Mute).as_str()),
        ("Ctrl D", "")
    );
}

#[test]
fn the_scenes_have_nine_digits_and_another_action_none_of_them() {
    let mut hotkeys = Hotkeys::default();
    assert_eq!(hotkeys.set(Action::Mute, Some("Ctrl 7")), Err(WrongKeys::Taken));
    assert_eq!(hotkeys.set(Action::Scenes, Some("Ctrl 0")), Err(WrongKeys::NoDigit));
    assert_eq!(hotkeys.set(Action::Scenes, Some("Alt 5")), Ok(()));
    assert_eq!(keys(&hotkeys, Action::Scenes), "Alt 1");
    assert_eq!(hotkeys.set(Action::Mute, Some("Ctrl 7")), Ok(()));
    assert_eq!(hotkeys.set(Action::Mute, Some("Alt 9")), Err(WrongKeys::Taken));
}

#[test]
fn nothing_is_caught_before_it_is_asked_for_and_nothing_that_is_typed() {
    let mut hotkeys = Hotkeys::default();
    assert_eq!(hotkeys.caught(), []);
    hotkeys.set_background(Action::Undo, true);
    assert_eq!(hotkeys.caught(), []);
    hotkeys.set_background(Action::Mute, true);
    hotkeys.set_background(Action::Scenes, true);
    let caught: Vec<String> = hotkeys.caught().iter().map(|(keys, _, at)| format!("{keys} {at}")).collect();
    assert_eq!((caught.len(), caught[0].as_str(), caught[9].as_str()), (10, "Ctrl D 0", "Ctrl 9 8"));
    hotkeys.set(Action::Mute, Some("M")).unwrap();
    assert!(!hotkeys.in_the_background(Action::Mute));
    hotkeys.set_background(Action::Mute, true);
    assert!(!hotkeys.in_the_background(Action::Mute));
}

#[test]
fn what_was_set_is_read_back() {
    let mut hotkeys = Hotkeys { single_letters: false, ..Hotkeys::default() };
    hotkeys.set(Action::Mute, Some("Ctrl Shift M")).unwrap();
    hotkeys.set(Action::Quit, None).unwrap();
    hotkeys.set_background(Action::Mute, true);
    assert_eq!(read(&serde_json::to_string(&hotkeys).unwrap()), hotkeys);
}

#[test]
fn whatever_a_file_says_becomes_keys_that_can_be_used() {
    for text in [
        "{}",
        "7",
        r#"{"keys":[],"background":"all","single_letters":1}"#,
        r#"{"keys":{"dance":"F7","mute":"Ctrl C"}}"#,
    ] {
        assert_eq!(read(text), Hotkeys::default(), "{text}");
    }
    // Two that were swapped stay so; of two that have the same, the later one has none.
    let swapped = read(r#"{"keys":{"undo":"Ctrl Shift Z","redo":"Ctrl Z"}}"#);
    assert_eq!(
        (keys(&swapped, Action::Undo).as_str(), keys(&swapped, Action::Redo).as_str()),
        ("Ctrl Shift Z", "Ctrl Z")
    );
    let same = read(r#"{"keys":{"go-live":"Ctrl D"},"background":["mute","go-live"]}"#);
    assert_eq!((keys(&same, Action::GoLive).as_str(), keys(&same, Action::Mute).as_str()), ("Ctrl D", ""));
    assert_eq!(same.caught().len(), 1);
}
