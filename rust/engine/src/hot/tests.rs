use silverbullet_kernel::{Method, Objective, Problem, exact};
use silverbullet_market::ManualClock;

use super::*;
use crate::durable::compute::rows_of;
use crate::durable::job_of;
use crate::durable::rows::{PortfolioRow, Row};
use crate::fixtures as common;
use crate::refresh::Refresher;

fn hot_loop(universe: silverbullet_market::Universe) -> HotLoop {
    hot_loop_and_refresher(universe).0
}

fn hot_loop_and_refresher(universe: silverbullet_market::Universe) -> (HotLoop, Refresher) {
    let answers = answer::most_answers(&universe);
    let start = Checkpoint::new(&universe);
    let live = Arc::new(LiveState::new(universe, "test", "run", None, answers));
    let (recorder, _) = crate::telemetry::channel();
    let (desk, refresher) = crate::refresh::desk(&live.scenery, &Arc::default());
    (HotLoop::new(live, Arc::new(ManualClock::new(0)), desk, recorder, &start).unwrap(), refresher)
}

/// A refresh thread at work, until the flag is raised.
fn refreshed(
    universe: &silverbullet_market::Universe,
) -> (HotLoop, Arc<std::sync::atomic::AtomicBool>, std::thread::JoinHandle<()>) {
    let answers = answer::most_answers(universe);
    let start = Checkpoint::new(universe);
    let live = Arc::new(LiveState::new(universe.clone(), "test", "run", None, answers));
    let (recorder, _) = crate::telemetry::channel();
    let ended = Arc::default();
    let (desk, refresher) = crate::refresh::desk(&live.scenery, &ended);
    let hot = HotLoop::new(live, Arc::new(ManualClock::new(0)), desk, recorder, &start).unwrap();
    let universe = universe.clone();
    let thread = std::thread::spawn(move || refresher.run(&universe, &ManualClock::new(0)));
    (hot, ended, thread)
}

fn steps(universe: &silverbullet_market::Universe, ticks: Vec<Tick>) -> Vec<Step> {
    let mut assembly = Assembly::new(universe);
    let mut steps = vec![];
    for tick in ticks {
        assembly.tick(tick, &mut |step| steps.push(step));
    }
    assembly.end(&mut |step| steps.push(step));
    steps
}

fn close_to(live: f64, stored: f64, scale: f64, what: &str) {
    assert!((live - stored).abs() <= 1e-9 * scale, "{what}: live {live:e}, stored {stored:e}");
}

fn assert_same_answer(hot: &HotLoop, row: &PortfolioRow) {
    let answers = hot.draft.portfolios();
    let live = answers
        .iter()
        .find(|answer| answer.objective.name() == row.objective && answer.method == Method::Exact)
        .unwrap();
    assert_eq!(live.label.text(), row.label);
    close_to(live.mean, row.mean, row.risk, "mean");
    close_to(live.risk, row.risk, row.risk, "risk");
    close_to(live.sharpe.unwrap(), row.sharpe.unwrap(), 1.0, "Sharpe ratio");
    for (asset, weight) in &row.weights.0 {
        let position = hot.live.universe.assets.iter().position(|name| name == asset).unwrap();
        close_to(live.weights[position], *weight, 100.0, asset);
    }
}

/// Runs the stream through the hot loop and, bar by bar, through the durable computation. Returns how many
/// stored portfolios were compared.
fn compare(universe: silverbullet_market::Universe, ticks: Vec<Tick>) -> usize {
    let mut window = ReturnWindow::new(universe.assets.len(), universe.window, universe.stale_after);
    let mut hot = hot_loop(universe.clone());
    let mut compared = 0;
    for step in steps(&universe, ticks) {
        let bar = if let Step::Bar(bar) = &step { Some((**bar).clone()) } else { None };
        hot.take_steps(&mut vec![step]).unwrap();
        let Some(bar) = bar else { continue };
        for row in rows_of(&universe, &job_of(&mut window, bar)).unwrap() {
            if let Row::Portfolios(row) = row
                && row.method == "exact"
            {
                assert_same_answer(&hot, &row);
                compared += 1;
            }
        }
    }
    compared
}

#[test]
fn live_answers_equal_the_stored_ones_at_each_close_of_a_million_ticks() {
    for estimator in ["sample", "ledoit-wolf", "exponential"] {
        // The samples are drawn for the Monte Carlo rows, which are not compared here.
        let settings = silverbullet_market::UniverseSettings {
            estimator: estimator.into(),
            samples: 16,
            ..common::settings()
        };
        let ticks = common::ticks_at(40, 6, 1_800);
        assert!(ticks.len() > 300_000, "{} ticks", ticks.len());
        let compared = compare(common::universe(6, &settings), ticks);
        assert!(compared > 3_000, "{compared} with {estimator}");
    }
}

#[test]
fn they_are_equal_where_the_window_is_shorter_than_the_universe() {
    let settings =
        silverbullet_market::UniverseSettings { estimator: "sample".into(), window: 5, ..common::settings() };
    let compared = compare(common::universe(9, &settings), common::ticks(9, 60));
    assert!(compared > 50, "{compared}");
}

#[test]
fn each_tick_is_answered_as_the_cold_solver_would() {
    let universe = common::universe(6, &common::settings());
    let mut hot = hot_loop(universe.clone());
    let mut compared = 0;
    for step in steps(&universe, common::ticks(6, 120)) {
        let is_tick = matches!(step, Step::Tick(..));
        let before = hot.draft.sequence;
        hot.take_steps(&mut vec![step]).unwrap();
        assert_eq!(hot.draft.sequence, before + 1, "each step is answered");
        if !is_tick || hot.book.eligible.is_empty() {
            continue;
        }
        let mut mean = vec![0.0; hot.book.eligible.len()];
        hot.book.closed.open_mean_into(&hot.book.deviation, &mut mean);
        let mut covariance = hot.book.closed.base.clone();
        hot.book.closed.open_covariance_into(&hot.book.deviation, &mut covariance);
        let problem = Problem::new(mean, covariance, universe.window + 1).unwrap();
        for objective in universe.objectives.clone() {
            let cold = exact::solve(&problem, objective);
            let live = hot.draft.portfolios().iter().find(|answer| answer.objective == objective).unwrap();
            assert_eq!(live.label, cold.label);
            close_to(live.risk, cold.risk, cold.risk, "risk");
            close_to(live.mean, cold.mean, cold.risk, "mean");
            compared += 1;
        }
    }
    assert!(compared > 1_000, "{compared}");
}

#[test]
fn before_a_window_is_full_weights_are_equal_and_labelled() {
    let universe = common::universe(3, &common::settings());
    let mut hot = hot_loop(universe.clone());
    for step in steps(&universe, common::ticks(3, 10)) {
        hot.take_steps(&mut vec![step]).unwrap();
        for answer in hot.draft.portfolios() {
            assert_eq!(answer.label.text(), "fallback: no eligible asset");
            assert!((answer.weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        }
    }
    assert_eq!(hot.phase, Phase::WarmingUp);
}

#[test]
fn after_a_gap_the_last_good_weights_stay_and_say_so() {
    let universe = common::universe(3, &common::settings());
    let mut ticks = common::ticks(3, 120);
    let end = ticks.last().unwrap().event_time;
    ticks.extend(
        (0..4).map(|step| common::tick(0, end + (step + 5_000) * common::SECOND, 10.0, 9_000 + step as u64)),
    );
    let mut hot = hot_loop(universe.clone());
    let mut good = vec![];
    for step in steps(&universe, ticks) {
        let gap = matches!(step, Step::Gap(_));
        if gap {
            good = hot.draft.portfolios()[0].weights.clone();
        }
        hot.take_steps(&mut vec![step]).unwrap();
    }
    let last = &hot.draft.portfolios()[0];
    assert_eq!(last.label.text(), "fallback: no eligible asset");
    assert!(!good.is_empty());
    assert_eq!(last.weights, good);
    assert_eq!(hot.live.recent_events().iter().filter(|event| event.kind == "gap").count(), 1);
}

#[test]
fn bounds_that_the_eligible_assets_cannot_meet_are_labelled() {
    let settings = silverbullet_market::UniverseSettings { upper: 0.4, ..common::settings() };
    let universe = common::universe(3, &settings);
    let mut hot = hot_loop(universe.clone());
    let mut labels = std::collections::BTreeSet::new();
    for step in steps(&universe, common::ticks(3, 200)) {
        hot.take_steps(&mut vec![step]).unwrap();
        labels.extend(hot.draft.portfolios().iter().map(|answer| answer.label.text()));
    }
    assert!(labels.contains("fallback: bounds infeasible for the eligible assets"), "{labels:?}");
    assert!(labels.contains("ok"), "{labels:?}");
}

/// Portfolio `k` of the population in use, followed tick by tick, against its weights under the book's moments.
fn assert_population_equals_fresh(hot: &HotLoop, k: usize) {
    let (Some(population), book) = (&hot.population, &hot.book) else { return };
    let weights: Vec<f64> =
        (0..book.eligible.len()).map(|asset| f64::from(population.drawn().column(asset)[k])).collect();
    let mut mean = vec![0.0; weights.len()];
    book.closed.open_mean_into(&book.deviation, &mut mean);
    let mut covariance = book.closed.base.clone();
    book.closed.open_covariance_into(&book.deviation, &mut covariance);
    let variance = covariance.quadratic_form(&weights);
    let expected: f64 = weights.iter().zip(&mean).map(|(weight, mean)| weight * mean).sum();
    let (live_mean, live_variance) = population.moments_of(k);
    close_to(live_mean, expected, variance.sqrt(), "mean of a portfolio");
    close_to(live_variance, variance, variance, "variance of a portfolio");
}

#[test]
fn a_population_from_the_desk_answers_with_a_gap_that_is_never_negative() {
    let universe = common::universe(6, &common::settings());
    let (mut hot, ended, refresher) = refreshed(&universe);
    let (mut sampled, mut worst) = (0, 0.0_f64);
    for step in steps(&universe, common::ticks(6, 300)) {
        let closes = matches!(step, Step::Bar(_));
        hot.take_steps(&mut vec![step]).unwrap();
        // A close asks for a population; the stream goes on once it is there, however busy the machine is.
        while closes && !hot.book.eligible.is_empty() && !hot.desk.has_ready() {
            std::thread::yield_now();
        }
        assert_population_equals_fresh(&hot, sampled % universe.population);
        for answer in hot.draft.portfolios().iter().filter(|answer| answer.method == Method::MonteCarlo) {
            sampled += 1;
            assert!((answer.weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            if let Some(gap) = answer.gap {
                assert!(gap >= -1e-9, "{gap:e}");
                worst = worst.max(gap);
            }
        }
    }
    ended.store(true, Ordering::Release);
    refresher.join().unwrap();
    assert!(sampled > 5_000, "{sampled} answers from a population");
    assert!(worst > 0.0 && worst < 0.5, "worst gap {worst}");
}

/// Runs until five assets are eligible and `bars` more bars have closed; returns what is left of the stream.
fn run_until_settled(hot: &mut HotLoop, steps: Vec<Step>, bars: usize) -> std::vec::IntoIter<Step> {
    let mut rest = steps.into_iter();
    let mut closed = 0;
    while closed < bars {
        let step = rest.next().unwrap();
        let is_bar = matches!(step, Step::Bar(_));
        hot.take_steps(&mut vec![step]).unwrap();
        closed += usize::from(is_bar && hot.book.eligible.len() == 5);
    }
    rest
}

fn drawn_now(hot: &HotLoop, universe: &silverbullet_market::Universe) -> crate::refresh::Ready {
    let closed = &hot.book.closed;
    let problem = Problem::new(closed.mean.clone(), closed.covariance.clone(), universe.window).unwrap();
    let options = silverbullet_kernel::PopulationOptions { size: 64, seed: 0, stream: 0 };
    let drawn = silverbullet_kernel::Population::draw(&problem, &options).unwrap();
    crate::refresh::Ready {
        generation: hot.book.generation,
        bar: hot.bar,
        population: Some(LivePopulation::new(drawn, closed, 0.0)),
        condition_number: Some(7.0),
    }
}

#[test]
fn a_population_drawn_for_an_earlier_close_is_brought_up_to_date() {
    let universe = common::universe(6, &common::settings());
    let (mut hot, mut refresher) = hot_loop_and_refresher(universe.clone());
    let mut rest = run_until_settled(&mut hot, steps(&universe, common::ticks(6, 120)), 2);
    let ready = drawn_now(&hot, &universe);
    let before = hot.bar;
    while hot.bar < before + 3 {
        hot.take_steps(&mut vec![rest.next().unwrap()]).unwrap();
    }
    refresher.hand_over(ready);
    for step in rest.take(200) {
        hot.take_steps(&mut vec![step]).unwrap();
        (0..64).for_each(|k| assert_population_equals_fresh(&hot, k));
    }
    assert_eq!(hot.draft.condition_number, Some(7.0));
}

#[test]
fn a_population_of_other_assets_is_not_taken() {
    let universe = common::universe(6, &common::settings());
    let (mut hot, mut refresher) = hot_loop_and_refresher(universe.clone());
    let rest = run_until_settled(&mut hot, steps(&universe, common::ticks(6, 120)), 2);
    let mut ready = drawn_now(&hot, &universe);
    ready.generation -= 1;
    refresher.hand_over(ready);
    for step in rest.take(20) {
        hot.take_steps(&mut vec![step]).unwrap();
    }
    assert!(hot.population.is_none() && !hot.desk.has_ready());
}

/// The scene of the newest publication, an answer to a tick, against that publication itself.
fn assert_scene_fits(hot: &HotLoop) {
    let scene = hot.live.scene().unwrap();
    assert_eq!((scene.sequence, scene.bar), (hot.draft.sequence, hot.bar));
    let positions: Vec<usize> = scene.assets.iter().map(|asset| asset.position).collect();
    assert_eq!(positions, hot.book.eligible);
    assert!(scene.frontier.windows(2).all(|pair| pair[0].mean < pair[1].mean));
    let leaders = hot.population.as_ref().map(LivePopulation::leaders);
    for answer in hot.draft.portfolios().iter().filter(|answer| answer.label.is_ok()) {
        let within = |found: f64, tolerance: f64, expected: f64| {
            assert!((found - expected).abs() <= tolerance * answer.risk, "{found:e} and {expected:e}");
        };
        match (answer.method, answer.objective) {
            (Method::Exact, Objective::MinVariance) => within(scene.frontier[0].risk, 1e-9, answer.risk),
            (Method::Exact, _) => {
                let best = scene.frontier.iter().map(|point| point.mean / point.risk);
                close_to(best.fold(f64::MIN, f64::max), answer.sharpe.unwrap(), 1.0, "Sharpe ratio");
            }
            (Method::Baseline, _) => panic!("baselines are not answered live"),
            (Method::MonteCarlo, objective) => {
                let leaders = leaders.unwrap();
                let k =
                    if objective == Objective::MaxSharpe { leaders.max_sharpe } else { leaders.min_variance };
                within(f64::from(scene.risk[k]), 1e-6, answer.risk);
                within(f64::from(scene.mean[k]), 1e-6, answer.mean);
            }
        }
    }
}

#[test]
fn a_scene_shows_what_is_published() {
    let universe = common::universe(6, &common::settings());
    let (mut hot, ended, refresher) = refreshed(&universe);
    let mut compared = 0;
    for step in steps(&universe, common::ticks(6, 100)) {
        let is_tick = matches!(step, Step::Tick(..));
        hot.take_steps(&mut vec![step]).unwrap();
        if hot.book.eligible.is_empty() {
            assert_eq!(hot.live.scene(), None);
        } else if is_tick {
            assert_eq!(hot.live.scene().unwrap().risk.len(), universe.population);
            assert_scene_fits(&hot);
            compared += usize::from(hot.population.is_some());
        } else {
            // The scene of a close is drawn with it; its population is there once the other thread has it.
            while !hot.desk.has_ready() {
                std::thread::yield_now();
            }
        }
    }
    ended.store(true, Ordering::Release);
    refresher.join().unwrap();
    assert!(compared > 1_000, "{compared}");
}

#[test]
fn a_scene_never_mixes_what_belongs_to_different_assets() {
    let universe = common::universe(6, &common::settings());
    let mut hot = hot_loop(universe.clone());
    let mut rest = run_until_settled(&mut hot, steps(&universe, common::ticks(6, 160)), 2);
    // Without a population there are frontier and assets; with one of an earlier close, it is brought up to date.
    assert!(hot.live.scene().unwrap().risk.is_empty());
    let drawn = |ready: crate::refresh::Ready| crate::scene::Drawn {
        generation: ready.generation,
        bar: ready.bar,
        population: ready.population.unwrap(),
    };
    hot.live.scenery.set_drawn(drawn(drawn_now(&hot, &universe)));
    let first = hot.bar;
    let mut seen = 0;
    while hot.book.eligible.len() == 5 {
        let step = rest.next().unwrap();
        let is_tick = matches!(step, Step::Tick(..));
        hot.take_steps(&mut vec![step]).unwrap();
        let scene = hot.live.scene().unwrap();
        if hot.book.eligible.len() == 5 && is_tick && hot.bar > first {
            let drawn = drawn_now(&hot, &universe).population.unwrap().drawn().size();
            assert_eq!((scene.risk.len(), scene.mean.len()), (drawn, drawn));
            // The first portfolio is refined for the Sharpe ratio: the same one whatever its risk has become.
            let best = scene.frontier.iter().map(|point| point.mean / point.risk).fold(f64::MIN, f64::max);
            let sharpes = scene.mean.iter().zip(&scene.risk).map(|(mean, risk)| f64::from(mean / risk));
            assert!(sharpes.fold(f64::MIN, f64::max) <= best + 1e-6);
            seen += 1;
        }
    }
    assert!(seen > 100, "{seen}");
    // Six assets now, and a population of five.
    let scene = hot.live.scene().unwrap();
    assert!(scene.risk.is_empty() && scene.assets.len() == 6);
    assert!(scene.frontier.iter().all(|point| point.weights.len() == 6));
}
