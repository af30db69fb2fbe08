//! What is noted about a publisher beside its media.

use super::{Lease, Stream};
use crate::audience::Audience;
use crate::clock::unix_ms;
use crate::facts::{Protocol, SrtFacts, WarningKind};

impl Stream {
    /// Who plays it.
    pub(crate) fn audience(&self) -> &Audience {
        &self.audience
    }

    /// Why the last publisher was sent away, in words for the owner; none once another is let in.
    pub(crate) fn problem(&self) -> Option<String> {
        self.problem.lock().expect("nothing panics while it holds the words").clone()
    }

    /// Keeps why a publisher was sent away.
    pub(crate) fn note_problem(&self, problem: Option<String>) {
        *self.problem.lock().expect("nothing panics while it holds the words") = problem;
    }
}

impl Lease {
    /// Media has come, of which something may still be held back until it is known what follows: its time begins
    /// with the first of it.
    pub(crate) fn hear(&mut self) {
        self.heard_ms.get_or_insert_with(unix_ms);
    }

    /// Tells the publisher and the admins something in words. Of a `kind` only the latest is kept: its
    /// words may hold a count that goes on. What is new is logged, once.
    pub(crate) fn warn(&self, kind: Option<WarningKind>, text: String) {
        if self.stream.facts.warn(kind, &text) {
            tracing::warn!(room = %self.stream.slug, warning = text, "publisher");
        }
    }

    /// Keeps how many video packets were left out so far.
    pub(crate) fn set_dropped(&self, frames: u64) {
        self.stream.facts.set_dropped(frames);
    }

    /// Notes by what way the media comes.
    pub(crate) fn note_protocol(&self, protocol: Protocol) {
        self.stream.note_problem(None);
        self.stream.facts.note_protocol(protocol);
    }

    /// Notes how the SRT connection does.
    pub(crate) fn note_srt(&self, facts: SrtFacts) {
        self.stream.facts.note_srt(facts);
    }
}
