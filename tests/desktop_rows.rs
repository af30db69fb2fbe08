//! Rows of the studio are put in another order with the pointer, and what was done to sounds is taken back: a part of the test
//! of scenes, whose window it has.

use serde_json::json;

use crate::harness::desktop_app::DesktopApp;
use crate::harness::pointer::{draw, release};
use crate::harness::studio_page::{LIMIT, Looks, chosen, listed};
use crate::harness::wait::until;

/// The scene has words, an image and a colour, from the front to the back, and is the second one.
pub async fn are_moved_by_the_pointer(app: &DesktopApp, looks: &mut Looks) {
    let [words, image, colour] = ["第一课 · Lesson 1", "square.png", "Colour"];
    let row = |name: &str| format!("[data-testid='source'][data-name='{name}']");
    draw(app, &format!("{} .pick", row(image)), &row(words), true).await;
    app.settles().await;
    looks.check(app, "scenes-row-dragged").await;
    release(app).await;
    listed(app, "source", &[image, words, colour]).await;
    draw(app, &format!("{} .pick", row(image)), &row(colour), false).await;
    release(app).await;
    listed(app, "source", &[words, colour, image]).await;
    for _ in 0..2 {
        app.session.click("undo").await;
    }
    listed(app, "source", &[words, image, colour]).await;

    let scene = |name: &str| format!("[data-testid='scene'][data-name='{name}']");
    draw(app, &scene("Display"), &scene("Lesson"), false).await;
    release(app).await;
    listed(app, "scene", &["Lesson", "Display"]).await;
    // A drag is no click.
    chosen(app, "Lesson").await;
    app.session.click("undo").await;
    listed(app, "scene", &["Display", "Lesson"]).await;
}

/// One sound more is moved, removed, and comes back as it was and where it was.
pub async fn of_sounds_come_back(app: &DesktopApp, looks: &mut Looks) {
    app.press("add-sound", &["add-system"]).await;
    app.session.click("add-system").await;
    order(app, &[1, 2]).await;
    app.press("more-2", &["sound-more"]).await;
    app.session.click("up-2").await;
    order(app, &[2, 1]).await;
    looks.check(app, "mixer-more-moved").await;
    app.session.click("sound-done").await;
    until("the dialog to close", LIMIT, async || (!app.session.shows("sound-more").await).then_some(()))
        .await;
    draw(app, "[data-testid='sound-2'] .nm", "[data-testid='sound-1']", false).await;
    release(app).await;
    order(app, &[1, 2]).await;
    app.session.click("undo").await;
    order(app, &[2, 1]).await;

    app.press("more-2", &["sound-more"]).await;
    app.session.click("remove-2").await;
    order(app, &[1]).await;
    app.session.click("undo").await;
    order(app, &[2, 1]).await;
    app.session.click("redo").await;
    order(app, &[1]).await;
    // The steps before: it was moved, and added.
    app.session.click("undo").await;
    order(app, &[2, 1]).await;
    app.session.click("undo").await;
    order(app, &[1, 2]).await;
    app.session.click("undo").await;
    order(app, &[1]).await;
}

/// The mixer has these rows, by their numbers.
async fn order(app: &DesktopApp, wanted: &[u32]) {
    let script = "return [...document.querySelectorAll('.mixer .ch')].map((row) => Number(row.dataset.testid.slice(6)))";
    until(&format!("the sounds {wanted:?}"), LIMIT, async || {
        (app.session.run(script, vec![]).await == json!(wanted)).then_some(())
    })
    .await;
}
