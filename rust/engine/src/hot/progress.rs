//! How far the hot thread has come in its input.

use std::collections::BTreeMap;

use silverbullet_market::{Assembly, Input, PartitionState};

use crate::checkpoint::Checkpoint;
use crate::durable::Cut;

/// Inputs, offsets and bars so far, counted from the start of the source, not of the run.
#[derive(Debug)]
pub(crate) struct Progress {
    inputs: u64,
    bar: Option<i64>,
    /// Last offset by partition, in the order they were first seen.
    offsets: Vec<(u32, u64)>,
    /// Where among them the last input's partition is: the next one's is mostly the same.
    at: usize,
    /// What was resumed had come to its end, and nothing has been added to it.
    complete: bool,
    /// A bar has become final since the last look.
    bar_closed: bool,
    /// A bar has become final since the last cut.
    uncut: bool,
}

impl Progress {
    pub(crate) fn new(start: &Checkpoint) -> Self {
        Self {
            inputs: start.inputs,
            bar: start.bar,
            offsets: start.offsets.iter().map(|(&partition, &offset)| (partition, offset)).collect(),
            at: 0,
            complete: start.complete,
            bar_closed: false,
            uncut: false,
        }
    }

    /// Counts an input.
    pub(crate) fn input(&mut self, input: &Input) {
        match input {
            Input::Tick(tick) => self.saw(tick.partition, tick.offset),
            Input::Event(event) => self.saw(event.partition, event.offset),
            Input::History(_) => {}
            // All of them have one offset.
            Input::Batch(inputs) => return inputs.iter().take(1).for_each(|input| self.input(input)),
            Input::Partition(partition, PartitionState::Restarted) => return self.forget(*partition),
            // These are no inputs that a source brings again.
            Input::Note(_) | Input::Partition(..) | Input::Close => return,
        }
        self.inputs += 1;
        self.complete = false;
    }

    /// Last offset consumed of a partition; zero before the first.
    pub(crate) fn offset(&self, partition: u32) -> u64 {
        self.offsets.iter().find(|&&(known, _)| known == partition).map_or(0, |&(_, offset)| offset)
    }

    /// Last offset consumed of each partition.
    pub(crate) fn offsets(&self) -> BTreeMap<u32, u64> {
        self.offsets.iter().copied().collect()
    }

    fn forget(&mut self, partition: u32) {
        self.offsets.retain(|&(known, _)| known != partition);
        self.at = 0;
    }

    /// A bar is final.
    pub(crate) fn close(&mut self, bar: i64) {
        self.bar = Some(bar);
        self.bar_closed = true;
        self.uncut = true;
    }

    /// Number of the last final bar; `None` before the first.
    pub(crate) fn last_bar(&self) -> Option<i64> {
        self.bar
    }

    /// True once after one or more bars became final.
    pub(crate) fn take_bar_closed(&mut self) -> bool {
        std::mem::take(&mut self.bar_closed)
    }

    /// True while a final bar waits for a cut.
    pub(crate) fn is_uncut(&self) -> bool {
        self.uncut
    }

    /// A cut here. `ended` when the input has come to its own end.
    pub(crate) fn cut(&mut self, assembly: &Assembly, ended: bool) -> Box<Cut> {
        self.uncut = false;
        Box::new(Cut {
            inputs: self.inputs,
            bar: self.bar,
            complete: ended || self.complete,
            offsets: self.offsets(),
            assembly: assembly.clone(),
        })
    }

    fn saw(&mut self, partition: u32, offset: u64) {
        match self.offsets.get_mut(self.at) {
            Some(last) if last.0 == partition => last.1 = offset,
            _ => self.saw_elsewhere(partition, offset),
        }
    }

    #[cold]
    fn saw_elsewhere(&mut self, partition: u32, offset: u64) {
        let found = self.offsets.iter().position(|&(known, _)| known == partition);
        self.at = found.unwrap_or_else(|| {
            self.offsets.push((partition, offset));
            self.offsets.len() - 1
        });
        self.offsets[self.at].1 = offset;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{settings, tick, universe};

    #[test]
    fn each_partition_keeps_its_last_offset() {
        let start = Checkpoint::new(&universe(2, &settings()));
        let mut progress = Progress::new(&start);
        for (partition, offset) in [(0, 5), (0, 6), (3, 1), (0, 7), (3, 2), (1, 9)] {
            let tick = silverbullet_market::Tick { partition, ..tick(0, 1, 1.0, offset) };
            progress.input(&Input::Tick(tick));
            progress.input(&Input::Partition(9, PartitionState::Active));
        }
        assert_eq!(progress.offsets(), [(0, 7), (1, 9), (3, 2)].into());
        let cut = progress.cut(&start.assembly, false);
        assert_eq!(cut.inputs, 6);
        assert_eq!(cut.offsets.into_iter().collect::<Vec<_>>(), [(0, 7), (1, 9), (3, 2)]);
        progress.input(&Input::Partition(0, PartitionState::Restarted));
        assert_eq!((progress.offset(0), progress.offsets()), (0, [(1, 9), (3, 2)].into()));
    }
}
