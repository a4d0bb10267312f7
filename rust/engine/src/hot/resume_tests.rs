//! Hot loop and durable path together, resumed from every cut of a run: the same rows to the bit.

use std::sync::Mutex;

use proptest::prelude::*;
use silverbullet_market::{ManualClock, StopFlag, UniverseSettings};

use super::*;
use crate::durable::rows::Row;
use crate::durable::{CutRequest, RowSink};
use crate::fixtures::{self, SECOND};

/// What a run wrote: each row with every bit of its numbers, and each cut with the number of rows before it.
#[derive(Debug, Default)]
struct Kept {
    rows: Vec<String>,
    cuts: Vec<(usize, Checkpoint)>,
}

struct Keep {
    kept: Arc<Mutex<Kept>>,
    request: CutRequest,
}

impl RowSink for Keep {
    fn write(&mut self, _: &LiveState, rows: &[Row]) -> Result<()> {
        self.kept.lock().unwrap().rows.extend(rows.iter().map(|row| format!("{row:?}")));
        Ok(())
    }

    fn cut(&mut self, _: &LiveState, checkpoint: Checkpoint) -> Result<()> {
        let mut kept = self.kept.lock().unwrap();
        let rows = kept.rows.len();
        kept.cuts.push((rows, checkpoint));
        Ok(())
    }

    fn cut_request(&self) -> Option<CutRequest> {
        Some(self.request.clone())
    }

    fn flush(&mut self) -> Result<()> {
        let kept = self.kept.lock().unwrap();
        assert_eq!(kept.cuts.last().map(|cut| cut.0), Some(kept.rows.len()), "a cut comes last");
        Ok(())
    }
}

fn universe() -> Universe {
    let settings = UniverseSettings {
        assets: ["A2", "A0", "A1"].map(str::to_owned).to_vec(),
        window: 4,
        population: 16,
        samples: 16,
        frontier_every: "3s".into(),
        ..fixtures::settings()
    };
    fixtures::universe(4, &settings)
}

/// Runs `inputs` from their start, with a cut after every final bar; passes over what `resume` has consumed.
fn run(inputs: &[Input], resume: Option<Vec<u8>>, closed: bool) -> Kept {
    let universe = universe();
    let start = resume.map_or_else(|| Checkpoint::new(&universe), |b| Checkpoint::from_bytes(&b).unwrap());
    start.check(&universe).unwrap();
    let passed_over = usize::try_from(start.inputs).unwrap();
    let live = Arc::new(LiveState::new(universe, "test", "run", None, 4));
    let (desk, _refresher) = crate::refresh::desk(&live.scenery, &Arc::default());
    let (recorder, _) = crate::telemetry::channel();
    let clock = Arc::new(ManualClock::new(0));
    let mut hot = HotLoop::new(Arc::clone(&live), clock, desk, recorder, &start).unwrap();
    let (kept, request) = (Arc::new(Mutex::new(Kept::default())), CutRequest::default());
    let sink = Keep { kept: Arc::clone(&kept), request: request.clone() };
    hot.store_in(Some(
        DurablePath::start(&live, start, 2, Box::new(sink), 16, &StopFlag::default()).unwrap(),
    ));
    for input in &inputs[passed_over.min(inputs.len())..] {
        request.raise();
        hot.input(input.clone()).unwrap();
    }
    hot.end(closed).unwrap().unwrap().finish().unwrap();
    Arc::into_inner(kept).unwrap().into_inner().unwrap()
}

/// Resumes `inputs` from every cut of `from`, and asks for the rows and the cuts of the undisturbed run.
fn assert_resumes(inputs: &[Input], undisturbed: &Kept, from: &Kept) {
    for (rows, checkpoint) in &from.cuts {
        assert_eq!(from.rows[..*rows], undisturbed.rows[..*rows]);
        let events = from.rows[..*rows].iter().filter(|row| row.starts_with("Events")).count();
        assert_eq!(checkpoint.events, events as u64);
        let resumed = run(inputs, Some(checkpoint.to_bytes().unwrap()), true);
        let at = checkpoint.inputs;
        assert_eq!(resumed.rows, undisturbed.rows[*rows..], "rows after a cut at input {at}");
        let bytes = |kept: &Kept| {
            let later = kept.cuts.iter().filter(|(_, cut)| cut.inputs > at);
            later.map(|(_, cut)| cut.to_bytes().unwrap()).collect::<Vec<_>>()
        };
        assert!(bytes(&resumed) == bytes(undisturbed), "cuts after a cut at input {at}");
        assert!(resumed.cuts.last().unwrap().1.complete);
    }
}

/// A stretch of input: what it is, which asset, how far the time goes on (ms), how the price moves.
type Stretch = (u8, u32, i64, f64);

/// Ticks as a CSV file would bring them, with what is wrong in such files.
fn inputs_of(stretches: &[Stretch]) -> Vec<Input> {
    let (mut now, mut prices, mut inputs) = (1_000 * SECOND, [10.0, 20.0, 30.0, 40.0], Vec::<Input>::new());
    for (line, &(kind, asset, millis, change)) in (1_u64..).zip(stretches) {
        let millis = millis * SECOND / 1_000;
        let price = &mut prices[asset as usize];
        let at = |time: i64, price: f64| Input::Tick(fixtures::tick(asset, time, price, line));
        inputs.push(match kind {
            // Late, for a bar that is open still or one that is final.
            0 => at(now - 2 * millis, *price),
            // Far ahead of the stream: held, and believed only where several come together.
            1 => at(now + 7_200 * SECOND + millis, *price),
            // A stretch without ticks, of more bars than the window.
            2 => {
                now += 9 * SECOND;
                at(now, *price)
            }
            // An outage longer than a tick may be ahead.
            3 => {
                now += 300 * SECOND;
                at(now, *price)
            }
            4 => at(now, *price * 500.0),
            5 => at(now, -1.0),
            6 => Input::Event(Box::new(Event {
                kind: EventKind::Quarantined,
                reason: "unparsable price",
                detail: format!("line {line}"),
                partition: 0,
                offset: line,
            })),
            7 if !inputs.is_empty() => inputs[inputs.len() / 2].clone(),
            8 if !inputs.is_empty() => inputs[inputs.len() - 1].clone(),
            _ => {
                now += millis;
                *price *= 1.0 + change;
                at(now, *price)
            }
        });
    }
    inputs
}

fn any_stretch() -> impl Strategy<Value = Stretch> {
    // Mostly good ticks; from 9 on all are.
    (0..60_u8, 0..4_u32, 1..700_i64, -0.01..0.01_f64)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_run_resumed_from_any_cut_writes_the_same_rows(
        stretches in prop::collection::vec(any_stretch(), 1..140), stops in prop::collection::vec(0..140_usize, 3),
    ) {
        let inputs = inputs_of(&stretches);
        let undisturbed = run(&inputs, None, true);
        assert_resumes(&inputs, &undisturbed, &undisturbed);
        for stop in stops {
            // Stopped anywhere, also where ticks are held: the last cut is where the rows end.
            let stopped = run(&inputs[..stop.min(inputs.len())], None, false);
            prop_assert_eq!(stopped.cuts.last().unwrap().0, stopped.rows.len());
            assert_resumes(&inputs, &undisturbed, &stopped);
        }
    }
}

#[test]
fn every_kind_of_input_comes_up_and_is_resumed_from() {
    let mut stretches: Vec<Stretch> = (0..120)
        .map(|step| (9, step % 4, 1 + i64::from(step * 37 % 400), f64::from(step % 7) * 1e-3))
        .collect();
    for (at, kind) in
        [(17, 0), (30, 1), (31, 1), (44, 4), (52, 5), (55, 6), (60, 8), (66, 7), (70, 2), (90, 3)]
    {
        stretches.insert(at, (kind, 1, 450, 0.0));
    }
    let inputs = inputs_of(&stretches);
    let undisturbed = run(&inputs, None, true);
    assert!(undisturbed.cuts.len() > 20, "{} cuts", undisturbed.cuts.len());
    let all = undisturbed.rows.join("\n");
    for found in [
        "turnover: Some",
        "Frontiers",
        "kind: \"gap\"",
        "duplicate",
        "too far ahead",
        "out of order",
        "price absurdly far",
        "price not positive",
        "unparsable price",
        "turnover: None",
    ] {
        assert!(all.contains(found), "{found} did not come up");
    }
    assert_resumes(&inputs, &undisturbed, &undisturbed);
    (0..inputs.len()).step_by(3).for_each(|stop| {
        assert_resumes(&inputs, &undisturbed, &run(&inputs[..stop], None, false));
    });
}

#[test]
fn resumed_live_answers_are_those_of_a_run_that_was_not_stopped() {
    let universe = fixtures::universe(4, &fixtures::settings());
    let ticks = fixtures::ticks(4, 120);
    let hot_from = |start: &Checkpoint| {
        let live = Arc::new(LiveState::new(universe.clone(), "test", "run", None, 4));
        let (recorder, _) = crate::telemetry::channel();
        let (desk, _refresher) = crate::refresh::desk(&live.scenery, &Arc::default());
        HotLoop::new(live, Arc::new(ManualClock::new(0)), desk, recorder, start).unwrap()
    };
    let mut undisturbed = hot_from(&Checkpoint::new(&universe));
    let (before, after) = ticks.split_at(ticks.len() / 2);
    before.iter().for_each(|&tick| undisturbed.input(Input::Tick(tick)).unwrap());
    let start = Checkpoint {
        inputs: before.len() as u64,
        bar: Some(undisturbed.bar),
        assembly: undisturbed.assembly.clone(),
        window: undisturbed.window.clone(),
        ..Checkpoint::new(&universe)
    };
    let mut resumed = hot_from(&start);
    for &tick in &after[..200] {
        undisturbed.input(Input::Tick(tick)).unwrap();
        resumed.input(Input::Tick(tick)).unwrap();
        let (one, other) = (&undisturbed.draft, &resumed.draft);
        assert_eq!(one.prices, other.prices);
        assert_eq!((&one.tick_times, &one.closes, one.bar), (&other.tick_times, &other.closes, other.bar));
        for (one, other) in one.portfolios().iter().zip(other.portfolios()) {
            assert_eq!(one.label, other.label);
            assert!((one.risk - other.risk).abs() < 1e-9 * one.risk && one.risk > 0.0);
            assert!(one.weights.iter().zip(&other.weights).all(|(a, b)| (a - b).abs() < 1e-7));
        }
    }
    assert_eq!(resumed.live.phase(), Phase::Live);
}
