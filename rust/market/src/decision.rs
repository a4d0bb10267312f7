//! What live timing decided about partitions, kept in `events` before the rows that follow from it, so that a replay
//! decides alike.
//!
//! A decision stands at a place of the input: so much of each partition was consumed. Bars do not depend on the order
//! in which partitions are read up to there.

use std::collections::BTreeMap;

use crate::tick::{Event, EventKind, Input, PartitionState};

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DecisionKind {
    /// There is this partition from now on, and bars wait for it.
    Added,
    /// Bars do not wait for the partition: it is silent.
    Idle,
    /// Bars do not wait for the partition: it is read to the end asked for.
    Ended,
    /// Bars wait for the partition again.
    Active,
    /// The input came to the end asked for, and the last bar closed.
    Closed,
}

impl DecisionKind {
    const ALL: [Self; 5] = [Self::Added, Self::Idle, Self::Ended, Self::Active, Self::Closed];

    /// The reason that its event has.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Idle => "idle",
            Self::Ended => "ended",
            Self::Active => "active",
            Self::Closed => "closed",
        }
    }
}

/// A decision as it is read back from `events`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Counts the decisions of a universe and variant from one.
    pub number: u64,
    /// What was decided.
    pub kind: DecisionKind,
    /// The partition it is about.
    pub partition: u32,
    /// Offset of the message that brought it about, or of the last one before.
    pub offset: u64,
    /// Last offset consumed of each partition when it was taken.
    pub consumed: BTreeMap<u32, u64>,
}

const NUMBER: &str = "; decision ";
const CONSUMED: &str = "; consumed ";

impl Decision {
    /// The event of decision `number`; the engine adds what was consumed.
    pub(crate) fn event(number: u64, kind: DecisionKind, partition: u32, offset: u64, detail: &str) -> Event {
        let detail = format!("{detail}{NUMBER}{number}");
        Event { kind: EventKind::Decision, reason: kind.reason(), detail, partition, offset }
    }

    /// What the engine adds to the event's text: the last offset consumed of each partition, such as `0:17 1:4`.
    #[must_use]
    pub fn place(consumed: &BTreeMap<u32, u64>) -> String {
        let places: Vec<_> =
            consumed.iter().map(|(partition, offset)| format!("{partition}:{offset}")).collect();
        format!("{CONSUMED}{}", places.join(" "))
    }

    /// Reads a row of `events` of kind `decision`; `None` where its text is not that of one.
    #[must_use]
    pub fn read(partition: u32, offset: u64, detail: &str) -> Option<Self> {
        let (rest, places) = detail.rsplit_once(CONSUMED)?;
        let (text, number) = rest.rsplit_once(NUMBER)?;
        let (reason, _) = text.split_once(": ")?;
        let kind = DecisionKind::ALL.into_iter().find(|kind| kind.reason() == reason)?;
        let place = |text: &str| {
            let (partition, offset) = text.split_once(':')?;
            Some((partition.parse().ok()?, offset.parse().ok()?))
        };
        let consumed = places.split_whitespace().map(place).collect::<Option<_>>()?;
        Some(Self { number: number.parse().ok()?, kind, partition, offset, consumed })
    }

    /// Whether it is about one partition, and not about all.
    #[must_use]
    pub fn is_of_a_partition(&self) -> bool {
        self.kind != DecisionKind::Closed
    }

    /// What a source that follows it hands on at its place.
    #[must_use]
    pub fn input(&self) -> Input {
        let state = match self.kind {
            DecisionKind::Added => PartitionState::Found,
            DecisionKind::Active => PartitionState::Active,
            DecisionKind::Idle => PartitionState::Idle,
            DecisionKind::Ended => PartitionState::Ended,
            DecisionKind::Closed => return Input::Close,
        };
        Input::Partition(self.partition, state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for kind in DecisionKind::ALL {
            for consumed in [BTreeMap::new(), [(0, 17), (3, 4)].into()] {
                let event = Decision::event(7, kind, 3, 4, "a text: with ; decision 9 in it");
                let detail = format!("{}: {}{}", event.reason, event.detail, Decision::place(&consumed));
                let expected = Decision { number: 7, kind, partition: 3, offset: 4, consumed };
                assert_eq!(Decision::read(3, 4, &detail), Some(expected), "{detail}");
            }
        }
    }

    #[test]
    fn other_texts_are_none() {
        for text in
            ["", "idle: silent", "idle: x; decision 1; consumed 0:x", "odd: x; decision 1; consumed 0:1"]
        {
            assert_eq!(Decision::read(0, 0, text), None, "{text}");
        }
    }
}
