//! OBS Studio, with a profile, a scene and a script of the tests' own.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;
use tempfile::TempDir;

use super::display::Display;
use super::process::Process;
use super::wait::{seconds, until};

/// Pixels of OBS's picture: software rendering takes about a core at this size and [`FPS`].
pub const SIZE: (u32, u32) = (640, 360);
const FPS: u32 = 20;
/// The colour that the scene shows, red, green and blue.
pub const COLOUR: [u8; 3] = [30, 60, 230];

/// A running OBS Studio; dropping it ends it.
pub struct Obs {
    _process: Process,
    folder: TempDir,
}

impl Obs {
    /// Starts OBS on a display with a destination in its settings: a server's URL, and a key that may be empty. It waits
    /// for [`Obs::stream`].
    ///
    /// # Panics
    /// When OBS does not start.
    pub async fn start(display: &Display, server: &str, key: &str) -> Obs {
        let folder = TempDir::new().expect("a temporary folder");
        configure(folder.path(), server, key);
        let mut command = Command::new("obs");
        command.args(["--multi", "--disable-updater", "--profile", NAME, "--collection", NAME, "--verbose"]);
        command.env("DISPLAY", &display.name).env("QT_QPA_PLATFORM", "xcb").env("LIBGL_ALWAYS_SOFTWARE", "1");
        for (variable, below) in [("HOME", ""), ("XDG_CONFIG_HOME", ".config"), ("XDG_RUNTIME_DIR", "run")] {
            command.env(variable, folder.path().join(below));
        }
        let process = Process::start("obs", &mut command);
        let obs = Obs { _process: process, folder };
        obs.comes_to("ready").await;
        obs
    }

    /// Presses *Start Streaming* or *Stop Streaming*, and waits until OBS says that it has done so.
    ///
    /// # Panics
    /// When OBS does not.
    pub async fn stream(&self, on: bool) {
        let (wanted, told) = if on { ("start", "started") } else { ("stop", "stopped") };
        fs::write(self.folder.path().join("wanted"), wanted).expect("a temporary folder can be written");
        self.comes_to(told).await;
    }

    async fn comes_to(&self, told: &str) {
        let file = self.folder.path().join("told");
        until(&format!("OBS to be {told}"), seconds(60), async || {
            fs::read_to_string(&file).is_ok_and(|text| text == told).then_some(())
        })
        .await;
    }
}

/// Writes what OBS would after its wizard.
fn configure(home: &Path, server: &str, key: &str) {
    let settings = home.join(".config/obs-studio");
    let profile = settings.join("basic/profiles").join(NAME);
    let scenes = settings.join("basic/scenes");
    for folder in [&profile, &scenes, &home.join("run")] {
        fs::create_dir_all(folder).expect("a temporary folder can be written");
    }
    let write = |path: &Path, text: &str| fs::write(path, text).expect("a temporary folder can be written");
    let chosen = format!(
        "[General]\nFirstRun=true\nLastVersion=486539266\nEnableAutoUpdates=false\n[Basic]\nProfile={NAME}\n\
         ProfileDir={NAME}\nSceneCollection={NAME}\nSceneCollectionFile={NAME}\n"
    );
    write(&settings.join("global.ini"), &chosen);
    let (width, height) = SIZE;
    let output = format!(
        "[General]\nName={NAME}\n[Video]\nBaseCX={width}\nBaseCY={height}\nOutputCX={width}\nOutputCY={height}\n\
         FPSType=1\nFPSInt={FPS}\n[Output]\nMode=Simple\nReconnect=true\n[SimpleOutput]\nVBitrate=800\nABitrate=96\n\
         StreamEncoder=x264\nUseAdvanced=true\nPreset=ultrafast\nx264Settings=keyint={}\n",
        FPS * 2
    );
    write(&profile.join("basic.ini"), &output);
    let service =
        json!({"type": "rtmp_custom", "settings": {"server": server, "key": key, "use_auth": false}});
    write(&profile.join("service.json"), &service.to_string());
    let script = home.join("remote.lua");
    write(&script, &REMOTE.replace("HOME", &home.to_string_lossy()));
    write(&scenes.join(format!("{NAME}.json")), &scene(&script).to_string());
}

/// One scene with one colour, and the script.
fn scene(script: &Path) -> serde_json::Value {
    let [red, green, blue] = COLOUR.map(u32::from);
    let colour = 0xff00_0000 | blue << 16 | green << 8 | red;
    json!({
        "name": NAME,
        "current_scene": "Scene",
        "current_program_scene": "Scene",
        "scene_order": [{"name": "Scene"}],
        "sources": [
            {"id": "color_source", "versioned_id": "color_source_v3", "name": "Colour",
                "settings": {"color": colour, "width": SIZE.0, "height": SIZE.1}},
            {"id": "scene", "name": "Scene", "settings": {"id_counter": 1, "items": [
                {"name": "Colour", "id": 1, "visible": true, "pos": {"x": 0.0, "y": 0.0},
                    "scale": {"x": 1.0, "y": 1.0}, "align": 5, "bounds_type": 0},
            ]}},
        ],
        "modules": {"scripts-tool": [{"path": script, "settings": {}}]},
    })
}

/// Presses OBS's buttons as the file `wanted` says, and writes into the file `told` what OBS says of it.
const REMOTE: &str = r#"
obs = obslua
local done = ""

local function tell(word)
    local file = io.open("HOME/told", "w")
    file:write(word)
    file:close()
end

local function look()
    local file = io.open("HOME/wanted", "r")
    if file == nil then return end
    local wanted = file:read("*a")
    file:close()
    if wanted == done then return end
    done = wanted
    if wanted == "start" then obs.obs_frontend_streaming_start() end
    if wanted == "stop" then obs.obs_frontend_streaming_stop() end
end

local function on_event(event)
    if event == obs.OBS_FRONTEND_EVENT_FINISHED_LOADING then tell("ready") end
    if event == obs.OBS_FRONTEND_EVENT_STREAMING_STARTED then tell("started") end
    if event == obs.OBS_FRONTEND_EVENT_STREAMING_STOPPED then tell("stopped") end
end

function script_load(settings)
    obs.obs_frontend_add_event_callback(on_event)
    obs.timer_add(look, 100)
end
"#;

/// Of the profile and of the scene collection.
const NAME: &str = "Rostrum";
