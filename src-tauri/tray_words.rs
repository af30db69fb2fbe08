//! The words of the tray's menu and of the window's title, which the desktop draws.

use crate::settings::Language;

/// In one language.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Words {
    pub(crate) idle: &'static str,
    pub(crate) connecting: &'static str,
    pub(crate) live: &'static str,
    pub(crate) reconnecting: &'static str,
    pub(crate) starting: &'static str,
    pub(crate) ending: &'static str,
    pub(crate) show: &'static str,
    pub(crate) go_live: &'static str,
    pub(crate) end: &'static str,
    pub(crate) mute: &'static str,
    pub(crate) quit: &'static str,
}

/// The words in `language`, or in the system's where that is wanted.
pub(crate) fn words(language: Language) -> &'static Words {
    let chinese = match language {
        Language::English => false,
        Language::SimplifiedChinese => true,
        Language::System => {
            is_chinese(["LC_ALL", "LC_MESSAGES", "LANG"].map(|name| std::env::var(name).ok()))
        }
    };
    if chinese { &CHINESE } else { &ENGLISH }
}

/// What is set comes first in this order (POSIX.1-2017 §8.2).
fn is_chinese(locales: [Option<String>; 3]) -> bool {
    let first = locales.into_iter().flatten().find(|locale| !locale.is_empty());
    first.is_some_and(|locale| locale.starts_with("zh"))
}

const ENGLISH: Words = Words {
    idle: "Not live",
    connecting: "One moment",
    live: "● LIVE",
    reconnecting: "Reconnecting",
    starting: "Going live",
    ending: "Ending",
    show: "Show window",
    go_live: "Go live",
    end: "End…",
    mute: "Mute microphone",
    quit: "Quit",
};

const CHINESE: Words = Words {
    idle: "未直播",
    connecting: "请稍候",
    live: "● 直播中",
    reconnecting: "正在重新连接",
    starting: "即将开播",
    ending: "正在结束",
    show: "显示窗口",
    go_live: "开始直播",
    end: "结束…",
    mute: "麦克风静音",
    quit: "退出",
};

#[cfg(test)]
mod tests {
    use super::is_chinese;

    #[test]
    fn the_first_locale_that_is_set_decides() {
        let locales = |all: [&str; 3]| all.map(|one| Some(one.to_owned()));
        assert!(is_chinese(locales(["", "", "zh_CN.UTF-8"])));
        assert!(!is_chinese(locales(["C", "", "zh_CN.UTF-8"])));
        assert!(!is_chinese([None, None, None]));
    }
}
