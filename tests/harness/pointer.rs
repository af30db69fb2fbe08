//! The pointer in the app's window.

use fantoccini::actions::{InputSource, MouseActions, PointerAction};
use serde_json::json;

use super::desktop_app::DesktopApp;

/// Presses in the middle of one element and draws to the upper or lower edge of another, where the button stays down. Both are
/// selectors.
///
/// # Panics
/// When one of them is not there, or the driver refuses.
pub async fn draw(app: &DesktopApp, from: &str, to: &str, upper: bool) {
    let script = "const at = (selector) => document.querySelector(selector).getBoundingClientRect();
        const [from, to] = [at(arguments[0]), at(arguments[1])];
        const x = from.left + Math.min(from.width / 2, 60);
        return [x, from.top + from.height / 2, arguments[2] ? to.top + 3 : to.bottom - 3]";
    let told = app.session.run(script, vec![json!(from), json!(to), json!(upper)]).await;
    let part = |part: usize| told[part].as_f64().expect("a place in the window").round();
    let (x, begin, end) = (part(0), part(1), part(2));
    let there = |y: f64| PointerAction::MoveTo { duration: None, x, y };
    let mouse = MouseActions::new("mouse".to_owned())
        .then(there(begin))
        .then(PointerAction::Down { button: LEFT })
        .then(there(((begin + end) / 2.0).round()))
        .then(there(end));
    app.session.client.perform_actions(mouse).await.expect("the driver moves the pointer");
}

/// Lets the button go.
///
/// # Panics
/// When the driver refuses.
pub async fn release(app: &DesktopApp) {
    let mouse = MouseActions::new("mouse".to_owned()).then(PointerAction::Up { button: LEFT });
    app.session.client.perform_actions(mouse).await.expect("the driver lets the button go");
}

/// The button of the mouse.
const LEFT: u64 = 0;
