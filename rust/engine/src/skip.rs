//! What an earlier run has consumed already and the source brings again.

use std::collections::BTreeMap;

use silverbullet_market::{Input, PartitionState};

use crate::checkpoint::Checkpoint;

/// Inputs to be passed over.
#[derive(Debug)]
pub(crate) enum Skip {
    /// So many from the start of the source.
    Count(u64),
    /// Those up to these offsets of their partitions, and so many decisions: other universes may have to have them.
    UpTo { offsets: BTreeMap<u32, u64>, decisions: u64 },
}

impl Skip {
    /// What `start` has consumed of a source that begins with its first input, or behind given offsets.
    pub(crate) fn what_is_behind(start: &Checkpoint, seekable: bool) -> Self {
        if seekable {
            Self::UpTo { offsets: start.offsets.clone(), decisions: 0 }
        } else {
            Self::Count(start.inputs)
        }
    }

    /// Passes over the first `count` decisions of a source that follows those of an earlier run, too.
    pub(crate) fn pass_decisions(&mut self, count: u64) {
        if let Self::UpTo { decisions, .. } = self {
            *decisions = count;
        }
    }

    /// Whether `input` is one of them.
    #[inline]
    pub(crate) fn passes_over(&mut self, input: &Input) -> bool {
        match self {
            Self::Count(0) => false,
            // No inputs that are counted; what was said among them was said then.
            Self::Count(_) if matches!(input, Input::Note(_) | Input::Partition(..) | Input::Close) => true,
            Self::Count(left) => {
                *left -= 1;
                true
            }
            Self::UpTo { offsets, decisions } => match input {
                Input::Partition(
                    _,
                    PartitionState::Active | PartitionState::Idle | PartitionState::Ended,
                )
                | Input::Close
                    if *decisions > 0 =>
                {
                    *decisions -= 1;
                    true
                }
                input => !offsets.is_empty() && is_behind(offsets, input),
            },
        }
    }

    /// How many are still to come, where they are counted.
    pub(crate) fn missing(&self) -> u64 {
        match self {
            Self::Count(left) => *left,
            Self::UpTo { .. } => 0,
        }
    }
}

fn is_behind(offsets: &mut BTreeMap<u32, u64>, input: &Input) -> bool {
    let (partition, offset) = match input {
        Input::Tick(tick) => (tick.partition, tick.offset),
        Input::Event(event) => (event.partition, event.offset),
        Input::Batch(inputs) => return inputs.first().is_some_and(|input| is_behind(offsets, input)),
        Input::Partition(partition, PartitionState::Restarted) => {
            offsets.remove(partition);
            return false;
        }
        _ => return false,
    };
    match offsets.get(&partition) {
        Some(&consumed) if offset <= consumed => true,
        Some(_) => {
            offsets.remove(&partition);
            false
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use silverbullet_market::{Event, EventKind};

    use super::*;
    use crate::fixtures::tick;

    #[test]
    fn what_was_consumed_is_passed_over_partition_by_partition() {
        let mut skip = Skip::UpTo { offsets: [(0, 5), (1, 2), (2, 9)].into(), decisions: 0 };
        let mut taken = vec![];
        for (partition, offset) in [(0, 4), (1, 3), (3, 0), (0, 5), (0, 6), (1, 1), (2, 9)] {
            let tick = silverbullet_market::Tick { partition, ..tick(0, 1, 1.0, offset) };
            if !skip.passes_over(&Input::Tick(tick)) {
                taken.push((partition, offset));
            }
        }
        assert_eq!(taken, [(1, 3), (3, 0), (0, 6), (1, 1)]);
        assert!(!skip.passes_over(&Input::Partition(2, PartitionState::Restarted)));
        let anew = silverbullet_market::Tick { partition: 2, ..tick(0, 1, 1.0, 0) };
        assert!(!skip.passes_over(&Input::Tick(anew)));
    }

    #[test]
    fn a_word_on_the_source_is_passed_over_with_the_inputs_around_it_and_is_none_of_them() {
        let note = || {
            let (kind, reason, detail) = (EventKind::Connection, "connected", String::new());
            Input::Note(Box::new(Event { kind, reason, detail, partition: 0, offset: 0 }))
        };
        let price = |offset| Input::Tick(tick(0, 1, 1.0, offset));
        let mut skip = Skip::Count(2);
        let inputs = [
            (note(), true),
            (price(1), true),
            (note(), true),
            (price(2), true),
            (note(), false),
            (price(3), false),
        ];
        for (input, passed) in inputs {
            assert_eq!(skip.passes_over(&input), passed, "{input:?}");
        }
    }

    #[test]
    fn decisions_that_were_taken_are_passed_over_and_what_is_news_is_not() {
        let mut skip = Skip::UpTo { offsets: BTreeMap::new(), decisions: 0 };
        skip.pass_decisions(2);
        let inputs = [
            (Input::Partition(0, PartitionState::Found), false),
            (Input::Partition(0, PartitionState::Idle), true),
            (Input::Partition(1, PartitionState::Restarted), false),
            (Input::Close, true),
            (Input::Partition(0, PartitionState::Idle), false),
            (Input::Close, false),
        ];
        for (input, passed) in inputs {
            assert_eq!(skip.passes_over(&input), passed, "{input:?}");
        }
    }
}
