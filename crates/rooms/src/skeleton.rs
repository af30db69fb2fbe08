//! When two names look the same.

use unicode_normalization::UnicodeNormalization as _;
use unicode_security::confusable_detection::skeleton as confusables;

use crate::name::fold;

/// What two accounts' names must not share: names that differ in case, width, punctuation or in letters of
/// different scripts that look alike have the same skeleton.
///
/// It is for comparing alone and means nothing to a reader: `m` becomes `rn`, and `i`, `l` and `1` become one. So
/// some names are refused that a careful reader could tell apart.
///
/// Spec: UTS #39 §4.
#[must_use]
pub fn skeleton(name: &str) -> String {
    let wide: String = name.nfkc().collect();
    // Before folding, since a capital I looks like a small l, and after, since the look of a letter depends on its
    // case.
    let looks: String = confusables(&wide).collect();
    let folded = fold(&looks);
    let folded: String = confusables(&folded).collect();
    folded.chars().map(|character| if character == 'i' { 'l' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_the_same_share_a_skeleton() {
        for (one, other) in [
            ("mara", "MARA"),
            ("mara", "mаrа"),
            ("paypal", "paypaI"),
            ("ivan", "Ivan"),
            ("admin", "аdmin"),
            ("admin", "ＡＤＭＩＮ"),
            ("root", "r00t"),
            ("mara", "m_a-r_a"),
            ("modern", "rnodern"),
        ] {
            assert_eq!(skeleton(one), skeleton(other), "{one} {other}");
        }
    }

    #[test]
    fn names_that_look_different_differ() {
        for (one, other) in [("mara", "maria"), ("mara2", "mara"), ("李明", "李朋"), ("anna", "hanna")] {
            assert_ne!(skeleton(one), skeleton(other), "{one} {other}");
        }
    }
}
