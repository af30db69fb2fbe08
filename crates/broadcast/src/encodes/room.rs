//! Whether this computer can encode one picture more.

use std::sync::atomic::Ordering;

use crate::encoding::Counters;

/// Why there is no encode for a destination of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoRoom {
    /// So many run as may.
    #[error("{ENCODES_MAX} encodes run already")]
    Encodes,
    /// The computer has no time left for one more, or was too slow when it was tried.
    #[error("this computer is not fast enough for one more encode")]
    Machine,
    /// No encoder opened.
    #[error("no encoder could be opened for it")]
    Encoder,
}

/// Whether one more may be begun beside those that run; the first of `running` is the one it would be like.
///
/// # Errors
/// Why not.
pub(crate) fn room<'a>(running: impl IntoIterator<Item = &'a Counters>) -> Result<(), NoRoom> {
    let busy: Vec<u32> =
        running.into_iter().map(|counters| counters.busy_permille.load(Ordering::Relaxed)).collect();
    if busy.len() >= ENCODES_MAX {
        return Err(NoRoom::Encodes);
    }
    let then: u32 = busy.iter().chain(busy.first()).sum();
    if then > BUSY_PERMILLE_MAX { Err(NoRoom::Machine) } else { Ok(()) }
}

/// Graphics devices take three to eight at a time.
pub(crate) const ENCODES_MAX: usize = 4;

/// Of the time between two pictures all encodes together may take so much: as if none of them could run beside another, since
/// those of the processor use all of it.
const BUSY_PERMILLE_MAX: u32 = 800;

#[cfg(test)]
mod tests {
    use super::*;

    fn beside(busy: &[u32]) -> Result<(), NoRoom> {
        let counters = busy.iter().map(|&busy| {
            let counters = Counters::default();
            counters.busy_permille.store(busy, Ordering::Relaxed);
            counters
        });
        room(&counters.collect::<Vec<_>>())
    }

    #[test]
    fn there_is_room_while_the_processor_has_time_and_few_run() {
        assert_eq!(beside(&[300]), Ok(()));
        assert_eq!(beside(&[450]), Err(NoRoom::Machine));
        assert_eq!(beside(&[200, 200, 200]), Ok(()));
        assert_eq!(beside(&[200, 300, 200]), Err(NoRoom::Machine));
        assert_eq!(beside(&[10, 10, 10, 10]), Err(NoRoom::Encodes));
    }
}
