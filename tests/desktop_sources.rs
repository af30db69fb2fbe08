//! Every kind of source in the desktop app's scenes: a window, a video file, a timer, a display, a camera that is not
//! there; how they look on a small window; and the system's dialog for files.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::harness::desktop_app::DesktopApp;
use crate::harness::display::{Display, Grid, cell_middles};
use crate::harness::environment::{keep_screenshot, program};
use crate::harness::machine::alone;
use crate::harness::sound::SoundServer;
use crate::harness::studio_page::{
    BLUE, GREEN, LIMIT, Looks, RED, add, at, choose, fill, listed, names, said, shows, state,
};
use crate::harness::wait::{seconds, until};
use crate::harness::watch_page::colours;

/// Side of the grid's cells, pixels.
const CELL: u32 = 80;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_source_is_shown_or_says_why_not() {
    alone(seconds(400), kinds()).await;
}

async fn kinds() {
    let folder = TempDir::new().expect("a temporary folder");
    let display = Display::start(1920, 1080).await;
    let sound = SoundServer::start().await;
    let app = DesktopApp::start(&display, &sound).await;
    let mut looks = Looks::default();
    app.comes_to_show("preview", LIMIT).await;
    app.comes_to_show("go-live", LIMIT).await;
    let grid = Grid::random();
    let grid_window = grid.show(&display, folder.path(), 1400, 540, CELL);

    app.session.click("scene-add").await;
    listed(&app, "scene", &["Display", "Empty scene"]).await;
    listed(&app, "source", &[]).await;
    window(&app, &grid).await;
    looks.everywhere(&app, "properties-window").await;
    video_and_timer(&app, folder.path(), &mut looks).await;
    camera(&app, &mut looks).await;
    small(&app, &mut looks).await;
    // A window that is closed is said to be away, and the rest of the scene stays.
    drop(grid_window);
    state(&app, "grid.ppm", "away").await;
    shows(&app, "the timer's background", BLUE, at(400.0, 650.0)).await;
    looks.check(&app, "sources-away").await;
    assert_eq!(looks.faults, Vec::<String>::new());
    dialog(&app, &display).await;
}

/// The window with the grid, chosen by its title.
async fn window(app: &DesktopApp, grid: &Grid) {
    add(app, "window").await;
    state(app, "Window", "not-chosen").await;
    let script = "const it = document.querySelector(`[data-testid='window-select']`);
        it.dispatchEvent(new Event('focus'));
        return [...it.options].find((option) => option.text.includes('grid.ppm'))?.value ?? ''";
    let id = until("the window in the list", LIMIT, async || {
        let found = app.session.run(script, vec![]).await;
        found.as_str().filter(|id| !id.is_empty()).map(str::to_owned)
    })
    .await;
    choose(app, "window-select", &id).await;
    app.session.click("source-rename").await;
    app.comes_to_show("rename-name", LIMIT).await;
    fill(app, "rename-name", "grid.ppm").await;
    app.session.click("rename-save").await;
    state(app, "grid.ppm", "shown").await;
    // 480 by 400 pixels on a canvas of 1280 by 720: fitted in, and in the middle.
    let scale = 720.0 / 400.0;
    let cells = cell_middles(0, 0, CELL, (480, 400)).into_iter().map(|[left, top, width, height]| {
        let whole = 480.0 * scale / 1280.0;
        [(1.0 - whole) / 2.0 + left * whole, top, width * whole, height]
    });
    let cells: Vec<[f64; 4]> = cells.collect();
    let mut last = Grid(Vec::new());
    let seen = until("the window's picture", LIMIT * 2, async || {
        // The preview shows one source as it is, in its own shape.
        let script =
            "const it = document.querySelector(`[data-testid='preview']`); return it.width / it.height";
        let shape = app.session.run(script, vec![]).await.as_f64().unwrap_or(0.0);
        let alone = cell_middles(0, 0, CELL, (480, 400));
        let spots = if shape < 1.5 { &alone } else { &cells };
        last = Grid::nearest(&colours(&app.session, "[data-testid='preview']", spots).await);
        (last == *grid).then_some(())
    });
    if tokio::time::timeout(LIMIT, seen).await.is_err() {
        keep_screenshot("app-sources-window.png", &app.session.screenshot().await);
        panic!("the window shows {grid:?}, the preview {last:?}");
    }
}

/// A green film in a corner, and a clock on blue at the bottom.
async fn video_and_timer(app: &DesktopApp, folder: &Path, looks: &mut Looks) {
    let film = folder.join("film.mp4");
    film_of(&film, GREEN);
    add(app, "video").await;
    choose(app, "source-file", "/nowhere/film.mp4").await;
    state(app, "film.mp4", "unusable").await;
    choose(app, "source-file", &film.display().to_string()).await;
    state(app, "film.mp4", "shown").await;
    shows(app, "the film", GREEN, at(640.0, 360.0)).await;
    looks.everywhere(app, "properties-video").await;
    app.session.click("source-more").await;
    app.comes_to_show("place-left", LIMIT).await;
    for (field, pixels) in
        [("place-width", "320"), ("place-height", "180"), ("place-left", "20"), ("place-top", "20")]
    {
        choose(app, field, pixels).await;
    }
    said(app, "320 by 180 pixels, 20 from the left, 20 from the top").await;
    shows(app, "the film in its corner", GREEN, at(180.0, 110.0)).await;
    choose(app, "crop-left", "50").await;
    choose(app, "rotation", "90").await;
    shows(app, "above the turned film", [0, 0, 0], at(30.0, 30.0)).await;

    add(app, "timer").await;
    choose(app, "timer-minutes", "10").await;
    looks.everywhere(app, "properties-timer").await;
    app.session.click("text-background").await;
    app.comes_to_show("text-background-colour", LIMIT).await;
    choose(app, "text-background-colour", "#1e3ce6").await;
    app.session.click("source-more").await;
    app.comes_to_show("place-top", LIMIT).await;
    choose(app, "place-top", "560").await;
    shows(app, "the timer's background", BLUE, at(400.0, 650.0)).await;
    listed(app, "source", &["Timer", "film.mp4", "grid.ppm"]).await;
}

/// There is no camera here: its row says so, and nothing else suffers.
async fn camera(app: &DesktopApp, looks: &mut Looks) {
    add(app, "camera").await;
    state(app, "Camera", "away").await;
    let reason = app.session.texts("source-reason").await.join("");
    assert!(!reason.is_empty());
    looks.everywhere(app, "properties-camera-away").await;
    shows(app, "the timer's background", BLUE, at(400.0, 650.0)).await;
    app.comes_to_show("go-live", LIMIT).await;
    // A colour to see that the lower ones are hidden by the upper ones.
    add(app, "colour").await;
    choose(app, "source-colour", "#e61e1e").await;
    shows(app, "the colour", RED, at(640.0, 300.0)).await;
    app.session.click("source-remove").await;
    listed(app, "source", &["Camera", "Timer", "film.mp4", "grid.ppm"]).await;
    app.session.click("source-remove").await;
    assert_ne!(names(app, "source").await, Vec::<String>::new());
}

/// The smallest window, with everything that can be set unfolded.
async fn small(app: &DesktopApp, looks: &mut Looks) {
    app.session.client.set_window_size(1024, 680).await.expect("the driver changes the window");
    looks.everywhere(app, "sources-small").await;
    app.session.client.set_window_size(1280, 800).await.expect("the driver changes the window");
}

/// *Choose…* opens the system's dialog. Nobody can press in it here; it ends with the app.
async fn dialog(app: &DesktopApp, display: &Display) {
    add(app, "image").await;
    app.session.click("source-choose").await;
    until("the dialog", LIMIT, async || {
        let mut command = Command::new(program("ROSTRUM_CAST_BIN", "rostrum-cast"));
        command.args(["devices", "--json"]).env("DISPLAY", &display.name).env_remove("WAYLAND_DISPLAY");
        let told = command.output().expect("rostrum-cast starts");
        String::from_utf8_lossy(&told.stdout).contains("\"Image\"").then_some(())
    })
    .await;
}

/// A minute of one colour.
fn film_of(file: &Path, [red, green, blue]: [u8; 3]) {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-f", "lavfi", "-i"]);
    command.arg(format!("color=0x{red:02x}{green:02x}{blue:02x}:size=320x180:rate=10:duration=60"));
    command.args(["-vf", "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p"]);
    command.args(["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"]);
    command.args(["-color_range", "tv", "-c:v", "libx264", "-preset", "ultrafast"]);
    assert!(command.arg(file).status().expect("ffmpeg starts").success(), "{} is not made", file.display());
}
