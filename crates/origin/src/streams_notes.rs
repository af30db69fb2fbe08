//! What is noted about a publisher beside its media.

use super::{Lease, Stream};
use crate::facts::{Protocol, SrtFacts};

impl Stream {
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
