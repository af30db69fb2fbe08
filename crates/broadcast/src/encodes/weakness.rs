//! Whether a destination ought to have an encode of its own, because its network carries less than the others'.

use media::Span;

use super::NoRoom;

/// Follows one destination. Sans-IO.
///
/// One encode serves several destinations and follows the best of them, so a weak one loses pictures. With an encode of its
/// own it gets a lower bit rate instead, which costs this computer a second encode: so it is only offered unless the person
/// has allowed it, and given back when the network carries as much as the others' again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Weakness {
    allowed: bool,
    weak_since: Option<Span>,
    well_since: Option<Span>,
    is_weak: bool,
    /// Why there was no room at the last look.
    no_room: Option<NoRoom>,
    /// When it was tried in vain, and why.
    refused: Option<(Span, NoRoom)>,
}

/// What is known of a destination at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sight {
    /// It has an encode of its own.
    pub(crate) is_apart: bool,
    /// Video bits per second that its network is believed to carry; `None` while it is not connected.
    pub(crate) carried_bps: Option<u32>,
    /// Video bits per second of the encode that it shares, or would.
    pub(crate) shared_bps: u32,
    /// How the others of that encode are.
    pub(crate) others: Others,
    /// Whether one more picture can be encoded.
    pub(crate) room: Result<(), NoRoom>,
}

/// The other destinations of the encode that one shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Others {
    /// There are none, so the encode is free to follow this one.
    None,
    /// None of them carries it either, or is connected.
    Weak,
    /// One of them at least carries it.
    Well,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing.
    Stay,
    /// An encode of its own.
    Separate,
    /// Back to the one that it shared.
    Rejoin,
}

impl Weakness {
    /// Allows an encode of its own whenever it is needed, or no more.
    pub(crate) fn allow(&mut self, allowed: bool) {
        self.allowed = allowed;
    }

    /// Whether it loses pictures although others do not, and why it cannot be helped; for those who may allow it.
    pub(crate) fn told(&self) -> Option<Result<(), NoRoom>> {
        let reason = self.refused.map(|(_, reason)| reason).or(self.no_room);
        self.is_weak.then(|| reason.map_or(Ok(()), Err))
    }

    /// An encode of its own was tried and could not be had.
    pub(crate) fn refuse(&mut self, at: Span, reason: NoRoom) {
        self.refused = Some((at, reason));
        (self.weak_since, self.well_since) = (None, None);
    }

    /// Takes a look at time `at` of the broadcast.
    pub(crate) fn look(&mut self, at: Span, sight: &Sight) -> Step {
        if sight.is_apart { self.look_apart(at, sight) } else { self.look_shared(at, sight) }
    }

    fn look_apart(&mut self, at: Span, sight: &Sight) -> Step {
        (self.is_weak, self.weak_since) = (false, None);
        let is_well = sight.carried_bps.is_some_and(|carried| carried >= sight.shared_bps);
        self.well_since = is_well.then(|| self.well_since.unwrap_or(at));
        let is_well = self.well_since.is_some_and(|since| at - since >= WELL_FOR);
        if is_well || !self.allowed || sight.others == Others::None {
            self.well_since = None;
            return Step::Rejoin;
        }
        Step::Stay
    }

    fn look_shared(&mut self, at: Span, sight: &Sight) -> Step {
        let is_short = |carried: u32| f64::from(carried) < f64::from(sight.shared_bps) * WEAK_SHARE;
        let is_weak = sight.others == Others::Well && sight.carried_bps.is_some_and(is_short);
        self.weak_since = is_weak.then(|| self.weak_since.unwrap_or(at));
        self.well_since = (!is_weak).then(|| self.well_since.unwrap_or(at));
        let lasted = |since: Option<Span>, wanted| since.is_some_and(|since| at - since >= wanted);
        self.is_weak |= lasted(self.weak_since, WEAK_FOR);
        self.is_weak &= !lasted(self.well_since, OFFERED_FOR);
        if self.refused.is_some_and(|(refused, _)| at - refused >= REFUSED_FOR) {
            self.refused = None;
        }
        self.no_room = sight.room.err();
        let may = self.allowed && self.refused.is_none() && self.no_room.is_none();
        if may && self.is_weak && is_weak { Step::Separate } else { Step::Stay }
    }
}

/// Of the shared encode's bits a network must carry so many not to count as weak: what is measured is a little less than what
/// is there.
pub(super) const WEAK_SHARE: f64 = 0.85;

/// A dip is no reason for another encode.
const WEAK_FOR: Span = Span::from_secs(5);

/// An offer stays for so long when the network is well, so that people can read it.
const OFFERED_FOR: Span = Span::from_secs(10);

/// What is well for so long may stay so.
const WELL_FOR: Span = Span::from_secs(30);

/// A computer that was too slow once is not tried again at once.
const REFUSED_FOR: Span = Span::from_secs(300);

#[cfg(test)]
mod tests {
    use super::*;

    const SHARED: Sight = Sight {
        is_apart: false,
        carried_bps: Some(2_500_000),
        shared_bps: 2_500_000,
        others: Others::Well,
        room: Ok(()),
    };
    const WEAK: Sight = Sight { carried_bps: Some(800_000), ..SHARED };

    /// Looks each half second and tells when something is to be done first.
    fn first(weakness: &mut Weakness, from_s: i64, seconds: i64, sight: Sight) -> Option<(i64, Step)> {
        (0..seconds * 2).find_map(|look| {
            let at = Span::from_millis(from_s * 1_000 + look * 500);
            let step = weakness.look(at, &sight);
            (step != Step::Stay).then(|| (at.as_millis() / 1_000, step))
        })
    }

    fn allowed() -> Weakness {
        let mut weakness = Weakness::default();
        weakness.allow(true);
        weakness
    }

    #[test]
    fn a_weak_destination_gets_its_own_when_it_is_allowed() {
        assert_eq!(first(&mut allowed(), 0, 60, WEAK), Some((5, Step::Separate)));
    }

    #[test]
    fn without_leave_it_is_offered() {
        let mut weakness = Weakness::default();
        assert_eq!(first(&mut weakness, 0, 4, WEAK), None);
        assert_eq!(weakness.told(), None);
        assert_eq!(first(&mut weakness, 4, 60, WEAK), None);
        assert_eq!(weakness.told(), Some(Ok(())));
        weakness.allow(true);
        assert_eq!(first(&mut weakness, 64, 1, WEAK), Some((64, Step::Separate)));
    }

    #[test]
    fn an_offer_goes_when_the_network_is_well_for_a_while() {
        let mut weakness = Weakness::default();
        first(&mut weakness, 0, 10, WEAK);
        first(&mut weakness, 10, 9, SHARED);
        assert!(weakness.told().is_some());
        first(&mut weakness, 19, 4, SHARED);
        assert!(weakness.told().is_none());
    }

    #[test]
    fn a_dip_and_a_network_that_is_away_are_no_reason() {
        let mut weakness = allowed();
        assert_eq!(first(&mut weakness, 0, 4, WEAK), None);
        assert_eq!(first(&mut weakness, 4, 1, SHARED), None);
        assert_eq!(first(&mut weakness, 5, 4, WEAK), None);
        assert_eq!(first(&mut weakness, 9, 60, Sight { carried_bps: None, ..WEAK }), None);
    }

    #[test]
    fn where_all_are_weak_the_shared_encode_follows_instead() {
        for others in [Others::None, Others::Weak] {
            assert_eq!(first(&mut allowed(), 0, 60, Sight { others, ..WEAK }), None);
        }
    }

    #[test]
    fn it_goes_back_when_it_carries_what_the_others_get_for_half_a_minute() {
        let apart = Sight { is_apart: true, ..WEAK };
        let mut weakness = allowed();
        assert_eq!(first(&mut weakness, 0, 100, apart), None);
        let well = Sight { is_apart: true, ..SHARED };
        assert_eq!(first(&mut weakness, 100, 20, well), None);
        assert_eq!(first(&mut weakness, 120, 1, apart), None);
        assert_eq!(first(&mut weakness, 121, 60, well), Some((151, Step::Rejoin)));
    }

    #[test]
    fn it_goes_back_at_once_when_the_shared_one_is_free_or_leave_is_taken() {
        let apart = Sight { is_apart: true, ..WEAK };
        assert_eq!(
            first(&mut allowed(), 3, 1, Sight { others: Others::None, ..apart }),
            Some((3, Step::Rejoin))
        );
        assert_eq!(first(&mut Weakness::default(), 3, 1, apart), Some((3, Step::Rejoin)));
    }

    #[test]
    fn without_room_the_reason_is_told() {
        let mut weakness = allowed();
        let full = Sight { room: Err(NoRoom::Encodes), ..WEAK };
        assert_eq!(first(&mut weakness, 0, 20, full), None);
        assert_eq!(weakness.told(), Some(Err(NoRoom::Encodes)));
        assert_eq!(first(&mut weakness, 20, 20, WEAK), Some((20, Step::Separate)), "there is room now");
    }

    #[test]
    fn a_computer_that_was_too_slow_is_left_alone_for_five_minutes() {
        let mut weakness = allowed();
        weakness.refuse(Span::from_secs(10), NoRoom::Machine);
        assert_eq!(first(&mut weakness, 10, 299, WEAK), None);
        assert_eq!(weakness.told(), Some(Err(NoRoom::Machine)));
        assert_eq!(first(&mut weakness, 309, 60, WEAK), Some((310, Step::Separate)));
    }
}
