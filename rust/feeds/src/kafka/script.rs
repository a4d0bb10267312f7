//! Decisions of an earlier run, taken again at their places.
//!
//! A decision stands behind so many messages of each partition. Up to there each partition is read and no further; when
//! all have come there, the decision is taken. In what order they came there changes nothing.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use silverbullet_market::{Decision, DecisionKind, Input, PartitionState, Sink};

use super::lanes::{Lanes, Partition};
use super::merge::Lane;

/// A place in all partitions, and what happens there.
#[derive(Debug, Clone, PartialEq)]
struct Stop {
    /// Last offset to be consumed before.
    consumed: BTreeMap<u32, u64>,
    then: Option<Input>,
}

/// What is still to be taken again.
#[derive(Debug, Default)]
pub(crate) struct Script {
    stops: VecDeque<Stop>,
    /// No other decisions are taken, neither meanwhile nor afterwards.
    only: bool,
    /// The partitions that there were.
    named: BTreeSet<u32>,
}

impl Script {
    pub(crate) fn new(mut decisions: Vec<Decision>, only: bool) -> Self {
        decisions.sort_by_key(|decision| decision.number);
        let named = decisions.iter().flat_map(|decision| {
            decision
                .consumed
                .keys()
                .copied()
                .chain(decision.is_of_a_partition().then_some(decision.partition))
        });
        Self { named: named.collect(), stops: decisions.iter().flat_map(stops).collect(), only }
    }

    /// Whether it was, and is to be, the only one that decides.
    pub(crate) fn is_all(&self) -> bool {
        self.only
    }

    /// Whether prices of `partition` are taken: where only what was decided is decided, those of another one are not.
    pub(crate) fn takes(&self, partition: u32) -> bool {
        !self.only || self.named.is_empty() || self.named.contains(&partition)
    }

    /// Whether it is still to say that there is `partition`.
    pub(crate) fn finds(&self, partition: u32) -> bool {
        let found = Some(Input::Partition(partition, PartitionState::Found));
        self.stops.iter().any(|stop| stop.then == found)
    }

    /// Whether decisions may be taken by time.
    pub(crate) fn is_over(&self) -> bool {
        self.stops.is_empty() && !self.only
    }

    /// Whether everything is taken that there was to take.
    pub(crate) fn is_done(&self) -> bool {
        self.stops.is_empty()
    }

    /// Forgets what stands at places that are not there any more.
    pub(crate) fn give_up(&mut self) {
        self.stops.clear();
    }

    /// Takes what is due, and sets the gates for what is next. True where something was taken.
    pub(crate) fn follow(&mut self, lanes: &mut Lanes, sink: &mut dyn Sink) -> bool {
        let mut any = false;
        while let Some(stop) = self.stops.front() {
            let gates = lanes.lanes.iter_mut().zip(&lanes.partitions);
            let waiting = gates.filter_map(|(lane, partition)| {
                let gate = stop.consumed.get(&partition.number).map_or(0, |&last| last + 1);
                lane.gate = gate;
                lane.at_gate = has_come(lane, partition, gate);
                (!lane.at_gate).then_some(())
            });
            // Every gate is set, also those behind one that is waited for.
            if waiting.count() > 0 {
                return any;
            }
            any = true;
            if let Some(input) = self.stops.pop_front().and_then(|stop| stop.then) {
                sink.push(input);
            }
        }
        if any {
            for lane in &mut lanes.lanes {
                (lane.gate, lane.at_gate) = (u64::MAX, false);
            }
        }
        any
    }
}

/// Whether all messages before `gate` have been handed on, or are gone.
fn has_come<T>(lane: &Lane<T>, partition: &Partition, gate: u64) -> bool {
    let beyond = lane.head().is_some_and(|head| head >= gate);
    partition.next >= gate || beyond || partition.end.is_some_and(|end| partition.next >= end)
}

/// A partition that is waited for again mostly is so because of a message: all that came before comes first.
fn stops(decision: &Decision) -> Vec<Stop> {
    let mut stops = Vec::new();
    if decision.kind == DecisionKind::Active {
        let mut before = decision.consumed.clone();
        match decision.offset.checked_sub(1) {
            Some(last) => drop(before.insert(decision.partition, last)),
            None => drop(before.remove(&decision.partition)),
        }
        stops.push(Stop { consumed: before, then: None });
    }
    stops.push(Stop { consumed: decision.consumed.clone(), then: Some(decision.input()) });
    stops
}

#[cfg(test)]
mod tests {
    use silverbullet_market::PartitionState;

    use super::*;

    fn decision(number: u64, kind: DecisionKind, offset: u64, consumed: &[(u32, u64)]) -> Decision {
        let consumed = consumed.iter().copied().collect();
        Decision { number, kind, partition: 1, offset, consumed }
    }

    #[test]
    fn decisions_stand_in_the_order_of_their_numbers_behind_what_was_consumed() {
        let later = decision(5, DecisionKind::Active, 4, &[(0, 9), (1, 4)]);
        let sooner = decision(4, DecisionKind::Idle, 3, &[(0, 7), (1, 3)]);
        let script = Script::new(vec![later, sooner], true);
        let stop =
            |consumed: &[(u32, u64)], then| Stop { consumed: consumed.iter().copied().collect(), then };
        let expected = [
            stop(&[(0, 7), (1, 3)], Some(Input::Partition(1, PartitionState::Idle))),
            stop(&[(0, 9), (1, 3)], None),
            stop(&[(0, 9), (1, 4)], Some(Input::Partition(1, PartitionState::Active))),
        ];
        assert_eq!(script.stops, expected);
        assert!(!script.is_over() && !script.is_done());
    }

    #[test]
    fn what_it_will_tell_of_is_not_told_before_and_what_it_does_not_know_is_not_there() {
        let decisions = vec![
            decision(1, DecisionKind::Added, 0, &[]),
            decision(2, DecisionKind::Idle, 3, &[(0, 2), (1, 3)]),
        ];
        let script = Script::new(decisions.clone(), true);
        assert_eq!([0, 1, 2].map(|partition| script.finds(partition)), [false, true, false]);
        assert_eq!([0, 1, 2].map(|partition| script.takes(partition)), [true, true, false]);
        assert!(Script::new(decisions, false).takes(2) && Script::new(Vec::new(), true).takes(2));
    }

    #[test]
    fn a_first_message_has_none_before_it() {
        let script = Script::new(vec![decision(1, DecisionKind::Active, 0, &[(0, 9), (1, 0)])], false);
        assert_eq!(script.stops[0].consumed, [(0, 9)].into());
    }
}
