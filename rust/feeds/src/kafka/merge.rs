//! Which partition is taken next: the one whose head is the earliest.
//!
//! While an old stretch is read, partitions are kept together in event time, so that bars become final as they would
//! have live and few are open. At the live edge nobody waits: what has arrived is taken at once. The order changes no
//! bar, because each partition is judged by its own time; it bounds how much is open at once.

use std::collections::VecDeque;

use silverbullet_market::Nanos;

/// A head this far ahead of what came before it in its partition may be a wrong time: it is not waited with.
const LEAP: Nanos = 60 * silverbullet_market::SECOND;
/// So many messages of a partition are taken at once at its beginning: they tell where it is in time.
const OPENING: u64 = 16;
/// Messages that others may be ahead of a partition that is silent, while they read an old stretch.
const LEAD: u64 = 1 << 16;
/// A partition this many messages behind its end reads an old stretch.
const OLD: u64 = 10_000;

/// A message that waits to be taken.
#[derive(Debug)]
struct Waiting<T> {
    time: Nanos,
    offset: u64,
    item: T,
}

/// One partition's messages in the order of their offsets.
#[derive(Debug)]
pub(crate) struct Lane<T> {
    queue: VecDeque<Waiting<T>>,
    /// Time of the last one taken.
    last: Nanos,
    taken: u64,
    /// What the counter of all lanes was when this one was last heard.
    heard: u64,
    /// Messages in the topic behind those fetched, as far as is known.
    pub(crate) behind: u64,
    /// Nothing is to be waited for: it is silent for long, or has ended.
    pub(crate) silent: bool,
    /// Messages from this offset on wait until a decision before them is taken.
    pub(crate) gate: u64,
    /// It has come to its gate.
    pub(crate) at_gate: bool,
}

impl<T> Default for Lane<T> {
    fn default() -> Self {
        Self {
            queue: VecDeque::new(),
            last: Nanos::MIN,
            taken: 0,
            heard: 0,
            behind: 0,
            silent: false,
            gate: u64::MAX,
            at_gate: false,
        }
    }
}

impl<T> Lane<T> {
    pub(crate) fn push(&mut self, time: Nanos, offset: u64, item: T) {
        self.queue.push_back(Waiting { time, offset, item });
    }

    /// Offset of its head.
    pub(crate) fn head(&self) -> Option<u64> {
        self.queue.front().map(|head| head.offset)
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Where its head is in time, wrong times left aside; `None` where there is none that may be taken.
    pub(crate) fn key(&self) -> Option<Nanos> {
        let head = self.queue.front().filter(|head| head.offset < self.gate)?.time;
        if self.taken < OPENING {
            return Some(Nanos::MIN);
        }
        Some(if head.saturating_sub(self.last) > LEAP { self.last } else { head })
    }

    /// Takes the head.
    pub(crate) fn pop(&mut self, all: &mut u64) -> Option<T> {
        let Waiting { time, item, .. } = self.queue.pop_front()?;
        (self.last, self.taken, self.heard) = (time, self.taken + 1, *all);
        *all += 1;
        Some(item)
    }
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    /// Take heads of this lane, as long as they are not later than the time: then another one's head is the earliest.
    Take(usize, Nanos),
    /// There is something to take, but it waits for this lane.
    WaitFor(usize),
    /// Nothing is there.
    Nothing,
}

/// Chooses among `lanes`; `all` counts what was taken from any.
/// Where `patience` is at its end nothing is waited for.
pub(crate) fn choose<T>(lanes: &[Lane<T>], all: u64, patience: bool) -> Choice {
    let mut first: Option<(Nanos, usize)> = None;
    let mut others = Nanos::MAX;
    for (index, lane) in lanes.iter().enumerate() {
        let Some(key) = lane.key() else { continue };
        match first {
            Some((earliest, _)) if earliest <= key => others = others.min(key),
            before => {
                others = before.map_or(others, |(earliest, _)| earliest);
                first = Some((key, index));
            }
        }
    }
    let Some((_, first)) = first else { return Choice::Nothing };
    let waits_for = |lane: &Lane<T>| {
        lane.queue.is_empty()
            && !lane.silent
            && !lane.at_gate
            && !patience
            && (lane.behind > 0 || (lanes[first].behind > OLD && all.saturating_sub(lane.heard) > LEAD))
    };
    lanes.iter().position(waits_for).map_or(Choice::Take(first, others), Choice::WaitFor)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first lane, and no other has a head.
    const ALONE: Choice = Choice::Take(0, Nanos::MAX);

    fn lane(times: &[Nanos]) -> Lane<Nanos> {
        let mut lane =
            Lane { taken: OPENING, last: times.first().map_or(0, |first| first - 1), ..Lane::default() };
        (0..).zip(times).for_each(|(offset, &time)| lane.push(time, offset, time));
        lane
    }

    fn drain(mut lanes: Vec<Lane<Nanos>>) -> Vec<Nanos> {
        let (mut all, mut order) = (0, vec![]);
        while let Choice::Take(index, until) = choose(&lanes, all, false) {
            let keys =
                lanes.iter().enumerate().filter_map(|(other, lane)| lane.key().filter(|_| other != index));
            assert_eq!(until, keys.min().unwrap_or(Nanos::MAX));
            order.extend(lanes[index].pop(&mut all));
        }
        order
    }

    #[test]
    fn the_earliest_head_is_taken_and_late_ones_at_once() {
        let order = drain(vec![lane(&[10, 20, 12, 40]), lane(&[11, 30]), lane(&[])]);
        assert_eq!(order, [10, 11, 20, 12, 30, 40]);
    }

    #[test]
    fn one_with_more_to_come_is_waited_for_and_a_silent_one_is_not() {
        let mut lanes = vec![lane(&[10]), lane(&[])];
        assert_eq!(choose(&lanes, 0, false), ALONE);
        lanes[1].behind = 3;
        assert_eq!(choose(&lanes, 0, false), Choice::WaitFor(1));
        lanes[1].silent = true;
        assert_eq!(choose(&lanes, 0, false), ALONE);
    }

    #[test]
    fn one_at_its_end_is_waited_for_only_where_others_read_an_old_stretch_far_ahead() {
        let mut lanes = vec![lane(&[10]), lane(&[])];
        lanes[0].behind = OLD + 1;
        assert_eq!(choose(&lanes, LEAD, false), ALONE);
        assert_eq!(choose(&lanes, LEAD + 1, false), Choice::WaitFor(1));
        lanes[0].behind = OLD;
        assert_eq!(choose(&lanes, LEAD + 1, false), ALONE);
    }

    #[test]
    fn what_is_behind_a_gate_waits_and_nobody_waits_for_it() {
        let mut lanes = vec![lane(&[10, 20]), lane(&[15])];
        lanes[0].gate = 1;
        let mut all = 0;
        assert_eq!((choose(&lanes, all, false), lanes[0].pop(&mut all)), (Choice::Take(0, 15), Some(10)));
        assert_eq!(
            (choose(&lanes, all, false), lanes[1].pop(&mut all)),
            (Choice::Take(1, Nanos::MAX), Some(15))
        );
        assert_eq!(choose(&lanes, all, false), Choice::Nothing);
        let empty = lane(&[]);
        lanes[1] = Lane { behind: 3, at_gate: true, ..empty };
        lanes[0].gate = u64::MAX;
        assert_eq!(choose(&lanes, all, false), ALONE);
    }

    #[test]
    fn a_wrong_time_keeps_nothing_waiting() {
        let year = 366 * 86_400 * silverbullet_market::SECOND;
        let order = drain(vec![lane(&[10, year, 20, 30]), lane(&[11, 21])]);
        assert_eq!(order, [10, year, 11, 20, 21, 30]);
    }

    #[test]
    fn a_lane_tells_at_once_where_it_begins() {
        let mut late = Lane::default();
        (0..20).for_each(|step| late.push(5_000 + step, step.unsigned_abs(), 5_000 + step));
        let order = drain(vec![lane(&[10, 20]), late]);
        assert_eq!(order[..16], (5_000..5_016).collect::<Vec<_>>());
        assert_eq!(order[16..18], [10, 20]);
    }
}
