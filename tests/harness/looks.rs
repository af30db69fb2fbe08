//! How a state of the app's window looks: a screenshot in each theme and language, what axe finds there, and words that are cut off.

use serde_json::{Value, json};

use super::accessibility;
use super::browser::Session;
use super::desktop_app::DesktopApp;
use super::environment::keep_screenshot;
use super::studio_page::LIMIT;
use super::wait::until;

/// Each theme in each language; only one of the two changes from one to the next.
pub const LOOKS: [(&str, &str); 4] = [("dark", "en"), ("light", "en"), ("light", "zh-CN"), ("dark", "zh-CN")];

/// What was found on the way.
#[derive(Default)]
pub struct Looks {
    /// One line for each fault.
    pub faults: Vec<String>,
}

impl Looks {
    /// Looks at the window as it is: keeps a screenshot, and what axe and [`cut_off`] find.
    pub async fn check(&mut self, app: &DesktopApp, name: &str) {
        keep_screenshot(&format!("app-{name}.png"), &app.session.screenshot().await);
        let mut faults = accessibility::faults(&app.session).await;
        faults.extend(cut_off(&app.session).await);
        self.found(name, faults);
    }

    /// Looks at the state in which the window is in both themes and both languages, and puts theme and language back.
    ///
    /// # Panics
    /// When the window does not follow the app's own settings for them.
    pub async fn everywhere(&mut self, app: &DesktopApp, name: &str) {
        let worn = "const it = document.documentElement; return [it.dataset.theme, it.lang]";
        let before = app.session.run(worn, vec![]).await;
        let (theme, language) = (before[0].as_str(), before[1].as_str());
        let before = (theme.expect("the page has a theme"), language.expect("the page has a language"));
        let first = LOOKS.iter().position(|look| *look == before).unwrap_or(0);
        for (theme, language) in LOOKS.into_iter().cycle().skip(first).take(LOOKS.len()) {
            wear(app, theme, language).await;
            self.check(app, &named(name, theme, language)).await;
        }
        wear(app, before.0, before.1).await;
    }

    /// The same of a state that lasts a moment only, and is come to anew for each look. It is gone before axe is through on a
    /// busy machine, so axe does not look at it.
    ///
    /// # Panics
    /// See [`Looks::everywhere`].
    pub async fn everywhere_anew(
        &mut self,
        app: &DesktopApp,
        name: &str,
        begin: impl AsyncFn(&DesktopApp),
        end: impl AsyncFn(&DesktopApp),
    ) {
        for (theme, language) in LOOKS {
            wear(app, theme, language).await;
            begin(app).await;
            let name = named(name, theme, language);
            keep_screenshot(&format!("app-{name}.png"), &app.session.screenshot().await);
            self.found(&name, cut_off(&app.session).await);
            end(app).await;
        }
        wear(app, LOOKS[0].0, LOOKS[0].1).await;
    }

    /// Faults are told at once as well: a test that fails before its end says what it saw.
    fn found(&mut self, name: &str, faults: Vec<String>) {
        for fault in faults {
            println!("{name}: {fault}");
            self.faults.push(format!("{name}: {fault}"));
        }
    }
}

/// What a look of a view is called among the screenshots.
pub fn named(view: &str, theme: &str, language: &str) -> String {
    format!("{view}-{theme}-{}", &language[..2])
}

/// Lets the window wear a theme and a language, as its settings do while it is open. What moves is brought to its end, but what turns
/// for ever: where levels move and the machine is busy, no moment is still.
///
/// # Panics
/// When it does not.
pub async fn wear(app: &DesktopApp, theme: &str, language: &str) {
    let script = "const ask = window.__TAURI_INTERNALS__.invoke;
        const [theme, language] = arguments;
        const root = document.documentElement;
        if (root.dataset.theme !== theme) ask('set_theme', { theme });
        if (root.lang !== language) ask('set_language', { language });";
    app.session.run(script, vec![json!(theme), json!(language)]).await;
    let worn = "const it = document.documentElement; return [it.dataset.theme, it.lang]";
    until(&format!("the look {theme}, {language}"), LIMIT, async || {
        (app.session.run(worn, vec![]).await == json!([theme, language])).then_some(())
    })
    .await;
    let ended = "for (const one of document.getAnimations()) {
        if (one.effect.getTiming().iterations !== Infinity) one.finish();
    }";
    app.session.run(ended, vec![]).await;
}

/// Words that nobody can read to their end: beyond the edge of what clips them, or of the window, where nothing scrolls. Left out
/// is what ends in an ellipsis and has the whole as its title, and what is for screen readers only.
pub async fn cut_off(session: &Session) -> Vec<String> {
    let script = "const faults = new Set();
        const all = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
        const range = document.createRange();
        const scrolls = (way) => way === 'auto' || way === 'scroll';
        for (let text = all.nextNode(); text; text = all.nextNode()) {
            const words = text.data.trim();
            const own = text.parentElement;
            if (!words || own.closest('svg, option, script, style')) continue;
            if (!own.checkVisibility({ checkVisibilityCSS: true, checkOpacity: true })) continue;
            range.selectNodeContents(text);
            const at = range.getBoundingClientRect();
            if (at.width < 1) continue;
            const fault = (what) => faults.add(`“${words.slice(0, 60)}” ${what}`);
            if (own.tagName === 'BUTTON' && own.scrollWidth > own.clientWidth + 1) fault('is wider than its button');
            for (let box = own; ; box = box.parentElement) {
                if (!box || box === document.body) {
                    if (at.left < -1 || at.right > innerWidth + 1) fault('is beyond the window');
                    break;
                }
                const style = getComputedStyle(box);
                if (scrolls(style.overflowX)) break;
                if (style.overflowX === 'hidden' || style.overflowX === 'clip') {
                    const edge = box.getBoundingClientRect();
                    if (edge.width <= 1) break;
                    const whole = style.textOverflow === 'ellipsis' && box.closest('[title]')?.title;
                    if (!whole && (at.left < edge.left - 1.5 || at.right > edge.right + 1.5)) {
                        fault(`is cut off by ${box.tagName.toLowerCase()}.${box.className}`);
                    }
                    if (whole) break;
                }
            }
        }
        return [...faults]";
    let found = session.run(script, vec![]).await;
    found.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}
