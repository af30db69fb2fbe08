//! A WebDriver session: with a headless Chromium of its own, or with any other driver that speaks WebDriver.

use std::process::Command;

use fantoccini::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::display::Display;
use super::http::Http;
use super::process::Process;
use super::wait::seconds;

/// The flags that keep Chromium quiet on the network, and willing to play without a person's click.
const FLAGS: [&str; 10] = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    "--window-size=1280,800",
    "--lang=en",
];

/// A headless Chromium with an empty profile; dropping it ends it.
pub struct Browser {
    /// The session.
    pub session: Session,
    chromium: Option<u64>,
    // Dropped in this order: the driver before the profile that its browser writes into.
    _driver: Process,
    _profile: TempDir,
}

impl Browser {
    /// Starts a browser.
    ///
    /// # Panics
    /// When chromedriver or Chromium does not start.
    pub async fn start() -> Browser {
        Browser::start_with(&[]).await
    }

    /// Starts a browser with more flags than every test needs.
    ///
    /// # Panics
    /// When chromedriver or Chromium does not start.
    pub async fn start_with(more: &[&str]) -> Browser {
        Browser::launch(&[FLAGS.as_slice(), &["--headless"], more].concat(), &json!({}), None).await
    }

    /// Starts a browser with the screen of a phone.
    ///
    /// # Panics
    /// When chromedriver or Chromium does not start.
    pub async fn start_phone() -> Browser {
        let screen = json!({"deviceMetrics": {"width": 390, "height": 844, "pixelRatio": 2.0}});
        let flags = [FLAGS.as_slice(), &["--headless"]].concat();
        Browser::launch(&flags, &json!({"mobileEmulation": screen}), None).await
    }

    /// Starts a browser with a window on a display, and with more flags.
    ///
    /// # Panics
    /// When chromedriver or Chromium does not start.
    pub async fn start_on(display: &Display, more: &[&str]) -> Browser {
        Browser::launch(&[FLAGS.as_slice(), more].concat(), &json!({}), Some(display)).await
    }

    async fn launch(flags: &[&str], options: &Value, display: Option<&Display>) -> Browser {
        let mut command = Command::new("chromedriver");
        if let Some(display) = display {
            command.env("DISPLAY", &display.name);
        }
        let mut driver = Process::start("chromedriver", command.arg("--port=0"));
        let port: u16 = driver
            .line(seconds(45), |line| {
                line.text.split_once("started successfully on port ")?.1.trim_end_matches('.').parse().ok()
            })
            .await;
        let profile = TempDir::new().expect("a temporary folder");
        let folder = format!("--user-data-dir={}", profile.path().display());
        let flags = [flags, &[folder.as_str()]].concat();
        let mut options = options.clone();
        options["args"] = json!(flags);
        let capabilities = json!({
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL"},
        });
        let (session, told) = Session::open(port, &capabilities).await;
        let chromium = told["goog:processID"].as_u64();
        Browser { session, chromium, _driver: driver, _profile: profile }
    }

    /// Starts a browser and opens a page in it.
    ///
    /// # Panics
    /// When either fails.
    pub async fn open(url: &str) -> Browser {
        let browser = Browser::start().await;
        browser.session.client.goto(url).await.unwrap_or_else(|error| panic!("open {url}: {error}"));
        browser
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Chromium outlives a chromedriver that was killed.
        if let Some(id) = self.chromium {
            let _ = Command::new("kill").args(["-s", "KILL", &id.to_string()]).status();
        }
    }
}

/// A WebDriver session.
#[derive(Clone)]
pub struct Session {
    /// The client; its session ends with its driver.
    pub client: Client,
}

/// A page that draws an element anew does so now and then, not always.
const CLICKS_MAX: usize = 10;

impl Session {
    /// Opens a session with the driver on a port; returns it with the capabilities that the driver told.
    ///
    /// # Panics
    /// When the driver refuses.
    pub async fn open(port: u16, capabilities: &Value) -> (Session, Value) {
        // fantoccini would add capabilities of Chromium's, which other drivers refuse.
        let driver = format!("http://127.0.0.1:{port}/");
        let wanted = json!({"capabilities": {"alwaysMatch": capabilities, "firstMatch": [{}]}});
        let answer = Http::new().post(&format!("{driver}session"), &wanted).await;
        let told = &answer.json()["value"];
        let id = told["sessionId"].as_str().unwrap_or_else(|| panic!("the driver refused: {told}"));
        let client = Client::with_existing_session(&driver, id, HttpConnector::new()).await;
        let client = client.unwrap_or_else(|error| panic!("the driver on port {port} refused: {error}"));
        (Session { client }, told["capabilities"].clone())
    }

    /// Runs JavaScript, the body of a function, and returns what it returns.
    ///
    /// # Panics
    /// When it throws.
    pub async fn run(&self, script: &str, arguments: Vec<Value>) -> Value {
        self.client.execute(script, arguments).await.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// The text of every element with a `data-testid`, those that are not shown left out.
    pub async fn texts(&self, test_id: &str) -> Vec<String> {
        let script = "return [...document.querySelectorAll(`[data-testid='${arguments[0]}']`)]
            .filter((element) => element.getClientRects().length > 0).map((element) => element.innerText.trim())";
        let texts = self.run(script, vec![json!(test_id)]).await;
        texts.as_array().into_iter().flatten().filter_map(|text| text.as_str().map(str::to_owned)).collect()
    }

    /// Whether an element with a `data-testid` is shown.
    pub async fn shows(&self, test_id: &str) -> bool {
        !self.texts(test_id).await.is_empty()
    }

    /// Whether an element with a `data-testid` is shown and can be clicked.
    pub async fn offers(&self, test_id: &str) -> bool {
        let script = "const it = document.querySelector(arguments[0]);
            return Boolean(it) && it.getClientRects().length > 0 && !it.disabled && !it.readOnly";
        self.run(script, vec![json!(selector(test_id))]).await == json!(true)
    }

    /// Clicks the element with a `data-testid`, as a person would: it must be visible and enabled. One that the page
    /// draws anew between looking and clicking is looked for again.
    ///
    /// # Panics
    /// When it is not there or cannot be clicked.
    pub async fn click(&self, test_id: &str) {
        self.try_click(test_id).await.unwrap_or_else(|error| panic!("click {test_id}: {error}"));
    }

    /// The same of an element that may go, or move, in the same moment.
    pub async fn try_click(&self, test_id: &str) -> Result<(), String> {
        for _ in 0..CLICKS_MAX {
            let clicked =
                async { self.client.find(fantoccini::Locator::Css(&selector(test_id))).await?.click().await };
            match clicked.await {
                Ok(()) => return Ok(()),
                Err(error) if error.is_stale_element_reference() => {}
                Err(error) => return Err(error.to_string()),
            }
        }
        Err(format!("drawn anew {CLICKS_MAX} times"))
    }

    /// Types into the element with a `data-testid`.
    ///
    /// # Panics
    /// When it is not there or takes no text.
    pub async fn type_into(&self, test_id: &str, text: &str) {
        let locator = selector(test_id);
        let typed =
            async { self.client.find(fantoccini::Locator::Css(&locator)).await?.send_keys(text).await };
        typed.await.unwrap_or_else(|error| panic!("type into {test_id}: {error}"));
    }

    /// A picture of the page, PNG.
    ///
    /// # Panics
    /// When the driver cannot take one.
    pub async fn screenshot(&self) -> Vec<u8> {
        self.client.screenshot().await.expect("the driver takes a screenshot")
    }
}

fn selector(test_id: &str) -> String {
    format!("[data-testid='{test_id}']")
}
