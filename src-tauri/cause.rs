//! Why a broadcast does not go out, as the window has words for it.

use broadcast::CauseKind as Kind;
use serde::Serialize;
use specta::Type;

/// What happened, and what a server or the system said about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct CauseView {
    /// The window has words for each.
    pub kind: CauseKind,
    /// In the other side's own words; may be empty.
    pub said: String,
}

/// [`broadcast::CauseKind`], and what happens before there is a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the engine's has them, word for word")]
pub enum CauseKind {
    KeyRefused,
    KeyUnanswered,
    AppRefused,
    StreamIdRefused,
    PassphraseWrong,
    PassphraseUnequal,
    TakenOff,
    Dismissed,
    NameUnknown,
    NothingListens,
    Unreachable,
    NoAnswer,
    NoSrt,
    Stuck,
    LeftBehind,
    Broken,
    Closed,
    ClosedEarly,
    ShutsDown,
    Unavailable,
    NotUnderstood,
    NotTls,
    Untrusted,
    Unsupported,
    Network,
    /// The engine could not begin.
    Start,
}

impl CauseView {
    /// The engine could not begin.
    pub(crate) fn start(said: String) -> CauseView {
        CauseView { kind: CauseKind::Start, said }
    }
}

impl From<&broadcast::Cause> for CauseView {
    fn from(cause: &broadcast::Cause) -> CauseView {
        let kind = match cause.kind {
            Kind::KeyRefused => CauseKind::KeyRefused,
            Kind::KeyUnanswered => CauseKind::KeyUnanswered,
            Kind::AppRefused => CauseKind::AppRefused,
            Kind::StreamIdRefused => CauseKind::StreamIdRefused,
            Kind::PassphraseWrong => CauseKind::PassphraseWrong,
            Kind::PassphraseUnequal => CauseKind::PassphraseUnequal,
            Kind::TakenOff => CauseKind::TakenOff,
            Kind::Dismissed => CauseKind::Dismissed,
            Kind::NameUnknown => CauseKind::NameUnknown,
            Kind::NothingListens => CauseKind::NothingListens,
            Kind::Unreachable => CauseKind::Unreachable,
            Kind::NoAnswer => CauseKind::NoAnswer,
            Kind::NoSrt => CauseKind::NoSrt,
            Kind::Stuck => CauseKind::Stuck,
            Kind::LeftBehind => CauseKind::LeftBehind,
            Kind::Broken => CauseKind::Broken,
            Kind::Closed => CauseKind::Closed,
            Kind::ClosedEarly => CauseKind::ClosedEarly,
            Kind::ShutsDown => CauseKind::ShutsDown,
            Kind::Unavailable => CauseKind::Unavailable,
            Kind::NotUnderstood => CauseKind::NotUnderstood,
            Kind::NotTls => CauseKind::NotTls,
            Kind::Untrusted => CauseKind::Untrusted,
            Kind::Unsupported => CauseKind::Unsupported,
            Kind::Network => CauseKind::Network,
        };
        CauseView { kind, said: cause.said.clone() }
    }
}
