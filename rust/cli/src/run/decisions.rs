//! What earlier runs have decided beyond what this one goes on from: it is decided again at the same places.

use std::collections::{BTreeMap, HashSet};

use silverbullet_market::{Decision, DecisionKind};

/// The decisions of one universe and variant, those up to number `taken` behind what it goes on from.
#[derive(Debug, Clone)]
pub(crate) struct Decided {
    pub(crate) all: Vec<Decision>,
    pub(crate) taken: u64,
}

/// What a source that all universes share follows, and how many of that each universe has behind it. They were fed by
/// one source before, too, so what is told twice is one decision.
pub(crate) fn to_follow(universes: &[Decided]) -> (Vec<Decision>, Vec<u64>) {
    let ahead = |universe: &Decided| {
        let taken = universe.taken;
        universe.all.iter().filter(move |decision| decision.number > taken).cloned().collect::<Vec<_>>()
    };
    let mut union: Vec<Decision> = universes.iter().flat_map(ahead).collect();
    // What was consumed only grows.
    union.sort_by_key(|decision| (consumed(decision), decision.number));
    let mut told = HashSet::new();
    union.retain(|decision| told.insert(place(decision)));
    let passed = |universe: &Decided| {
        let taken = universe.all.iter().filter(|own| own.number <= universe.taken);
        let taken: HashSet<_> = taken.map(place).collect();
        union.iter().filter(|decision| taken.contains(&place(decision))).count() as u64
    };
    let passed = universes.iter().map(passed).collect();
    for (number, decision) in (1..).zip(&mut union) {
        decision.number = number;
    }
    (union, passed)
}

fn consumed(decision: &Decision) -> u128 {
    decision.consumed.values().map(|&offset| u128::from(offset) + 1).sum()
}

/// What tells decisions apart whatever number a universe has given them.
fn place(decision: &Decision) -> (DecisionKind, u32, u64, BTreeMap<u32, u64>) {
    let Decision { kind, partition, offset, ref consumed, .. } = *decision;
    (kind, partition, offset, consumed.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decision(number: u64, kind: DecisionKind, consumed: u64) -> Decision {
        Decision { number, kind, partition: 1, offset: 3, consumed: [(0, consumed), (1, 3)].into() }
    }

    #[test]
    fn what_several_universes_were_told_is_followed_once_and_passed_over_where_it_is_behind() {
        let all = vec![
            decision(1, DecisionKind::Added, 0),
            decision(2, DecisionKind::Idle, 7),
            decision(3, DecisionKind::Active, 9),
        ];
        // The second one began later, so it counts otherwise.
        let later: Vec<_> =
            all[1..].iter().map(|known| Decision { number: known.number - 1, ..known.clone() }).collect();
        let of = |all: &[Decision], taken| Decided { all: all.to_vec(), taken };
        let kinds = |follow: &[Decision]| follow.iter().map(|decision| decision.kind).collect::<Vec<_>>();

        let (follow, passed) = to_follow(&[of(&all, 3), of(&later, 0), of(&[], 0)]);
        assert_eq!(kinds(&follow), [DecisionKind::Idle, DecisionKind::Active]);
        assert_eq!(passed, [2, 0, 0]);
        let (follow, passed) = to_follow(&[of(&all, 2), of(&later, 2)]);
        assert_eq!((kinds(&follow), passed), (vec![DecisionKind::Active], vec![0, 1]));
        assert_eq!(to_follow(&[]), (vec![], vec![]));
    }
}
