//! The view drawn on a test terminal, at the smallest size and at a large one.

use std::collections::BTreeMap;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use silverbullet_engine::live::{EventRow, LiveState, Phase, StageLatency, Summary};
use silverbullet_engine::publication::Publication;
use silverbullet_kernel::{Fallback, Label, Method, Objective};
use silverbullet_market::{SECOND, SourceDescription, Universe};

use super::*;
use crate::settings::{Overrides, load};

fn universe(assets: usize) -> Universe {
    let nowhere = std::path::Path::new("/nonexistent/silverbullet.toml");
    let loaded = load(None, nowhere, std::iter::empty(), Overrides::default()).unwrap();
    let source = SourceDescription {
        name: "csv".into(),
        identity: "test".into(),
        venues: Vec::new(),
        assets: (0..assets).map(|asset| format!("ASSET{asset}")).collect(),
        grid: Some(60 * SECOND),
        replayable: true,
        seekable: false,
        rows: Some(1_000),
    };
    Universe::resolve("default", &loaded.settings.universes["default"], &source, 0).unwrap()
}

fn publication(assets: usize) -> Publication {
    let mut publication = Publication::with_capacity(assets, 3);
    publication.sequence = 12_345;
    publication.answered = 3;
    publication.condition_number = Some(94.25);
    publication.prices = (0..assets).map(|asset| 100.0 + asset as f64).collect();
    publication.closes = vec![100.0; assets];
    publication.eligible = vec![true; assets];
    publication.eligible[1] = false;
    let kinds = [
        (Objective::MaxSharpe, Method::Exact, Label::Ok, Some(0.0)),
        (Objective::MaxSharpe, Method::MonteCarlo, Label::Ok, Some(1.5e-6)),
        (Objective::MinVariance, Method::Exact, Label::Fallback(Fallback::Singular), None),
    ];
    for (answer, (objective, method, label, gap)) in publication.answers.iter_mut().zip(kinds) {
        (answer.objective, answer.method, answer.label, answer.gap) = (objective, method, label, gap);
        (answer.mean, answer.risk, answer.sharpe) = (2e-6, 5e-4, Some(0.004));
        answer.weights[0] = 0.75;
        answer.weights[2] = 0.25;
    }
    publication
}

fn snapshot(publication: Option<Publication>) -> Snapshot {
    let latency = StageLatency { count: 10, p50: 22_500, p90: 30_000, p99: 795_000, p999: 1, max: 4_200_000 };
    let event = EventRow {
        universe: "default".into(),
        source: "csv".into(),
        partition: 0,
        offset: 7,
        kind: "quarantined",
        as_of: 0,
        detail: "price not positive: line 7".into(),
    };
    Snapshot {
        phase: if publication.is_some() { Phase::Live } else { Phase::WarmingUp },
        publication,
        summary: Summary {
            frames: 500,
            ticks: 161_280,
            ignored: BTreeMap::new(),
            quarantined: 3,
            bars: 321,
            publications: 12_345,
            skipped: 0,
        },
        refreshes: 4,
        latency: ["queue", "compute", "publish", "total"].map(|stage| (stage, latency)).to_vec(),
        events: vec![event],
        ticks_per_second: 812.4,
        publications_per_second: 815.0,
    }
}

/// The screen as lines of text.
fn drawn(size: (u16, u16), snapshot: &Snapshot, scroll: usize, help: bool) -> Vec<String> {
    let universe = universe(16);
    let page = Page {
        universes: vec!["default", "majors"],
        selected: 0,
        universe: &universe,
        source: "csv",
        rows: Some(1_000),
        snapshot,
        elapsed: 65 * SECOND,
        http: Some("127.0.0.1:8080".parse().unwrap()),
        scroll,
        help,
    };
    let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).unwrap();
    terminal.draw(|frame| page.draw(frame)).unwrap();
    let buffer = terminal.backend().buffer();
    buffer
        .content()
        .chunks(usize::from(size.0))
        .map(|row| row.iter().map(|cell| cell.symbol()).collect::<String>().trim_end().to_owned())
        .collect()
}

fn line<'a>(screen: &'a [String], part: &str) -> &'a str {
    screen
        .iter()
        .find(|line| line.contains(part))
        .unwrap_or_else(|| panic!("no {part:?} in\n{}", screen.join("\n")))
}

#[test]
fn the_smallest_screen_has_everything_that_counts() {
    let screen = drawn((80, 24), &snapshot(Some(publication(16))), 0, false);
    assert_eq!(screen.len(), 24);
    assert_eq!(screen[0], " SilverBullet  default majors ● live csv · bar 1m · ledoit-wolf × 600 · 00:01:05");
    assert_eq!(screen[1], " 812 ticks/s · 815 answers/s · 161,280 ticks · 321 bars · 3 quarantined · 4 refr");
    assert!(screen[2].contains("500 of 1,000 rows  50 %"));
    assert!(line(&screen, "Portfolios").contains("answer 12,345"));
    let exact = line(&screen, "max-sharpe   exact");
    let words: Vec<&str> = exact.split_whitespace().collect();
    assert_eq!(
        words[1..words.len() - 1],
        ["exact", "0.0040", "2.90", "0.020", "bp", "5.000", "bp", "0", "ok"]
    );
    assert!(line(&screen, "monte-carlo").contains("1.5e-6"));
    assert!(line(&screen, "min-variance exact").contains(" – singular"));
    assert!(line(&screen, "ASSET0").contains("100.00") && line(&screen, "ASSET0").contains("75.00 %"));
    assert!(line(&screen, "ASSET1 ").contains("not enough bars yet"));
    assert!(line(&screen, "ASSET2").contains("+2.000 %") && line(&screen, "ASSET2").contains("25.00 %"));
    assert!(line(&screen, "p50/p99").contains("total 22.5µs/795µs"));
    assert!(screen[22].contains("quarantined price not positive: line 7"));
    assert_eq!(screen[23], " q quit  tab universe  ↑↓ scroll  ? help   http://127.0.0.1:8080");
}

#[test]
fn a_large_screen_has_latency_and_events_beside_all_assets() {
    let screen = drawn((160, 50), &snapshot(Some(publication(16))), 0, false);
    assert_eq!(screen.len(), 50);
    assert!(line(&screen, "Weights and prices").contains("1–16 of 16"));
    let compute = line(&screen, "compute");
    assert!(compute.contains("22.5 µs    795 µs    4.2 ms"), "{compute}");
    assert!(screen.iter().any(|line| line.contains("ASSET15")));
    assert!(line(&screen, "Events").contains("newest first"));
    assert!(line(&screen, "min-variance exact").contains("singular"));
}

#[test]
fn figures_and_labels_are_whole_at_any_width() {
    let mut large = publication(16);
    let figures = [(-0.0156626, 0.1234567), (0.0123, 1.5), (-2.5e-5, 1234.5)];
    for (answer, (mean, risk)) in large.answers.iter_mut().zip(figures) {
        (answer.mean, answer.risk, answer.sharpe) = (mean, risk, Some(mean / risk));
    }
    large.answers[0].label = Label::Fallback(Fallback::NoPositiveExcessMean);
    large.answers[0].gap = Some(-1.5e-6);
    let snapshot = snapshot(Some(large));
    for width in [80, 100, 120, 200] {
        let screen = drawn((width, 30), &snapshot, 0, false);
        let first = line(&screen, "no positive excess mean");
        for part in [" -156.6 bp ", " 1234.6 bp ", " -0.1269 ", " no positive excess mean"] {
            assert!(first.contains(part), "{part:?} at {width}: {first}");
        }
        let third = line(&screen, "min-variance exact");
        for part in [" -0.250 bp ", " 123450.0 % ", " singular"] {
            assert!(third.contains(part), "{part:?} at {width}: {third}");
        }
        assert!(screen.iter().any(|line| line.contains(" 123.0 bp ") && line.contains(" 150.0 % ")));
    }
}

#[test]
fn a_screen_that_is_too_small_says_so() {
    let snapshot = snapshot(Some(publication(16)));
    for size in [(59, 16), (60, 15)] {
        assert_eq!(drawn(size, &snapshot, 0, false)[0], "too small: 60x16 is needed");
    }
    assert!(drawn((60, 16), &snapshot, 0, false)[0].contains("SilverBullet"));
    assert!(line(&drawn((60, 16), &snapshot, 0, false), "min-variance exact").contains("5.000 bp"));
}

#[test]
fn scrolling_stops_at_the_last_asset() {
    let screen = drawn((80, 24), &snapshot(Some(publication(16))), 1_000, false);
    assert!(line(&screen, "Weights and prices").contains("–16 of 16"));
    assert!(screen.iter().any(|line| line.contains("ASSET15")));
}

#[test]
fn before_the_first_answer_it_says_what_it_waits_for() {
    let screen = drawn((80, 24), &snapshot(None), 0, false);
    assert!(line(&screen, "Waiting").contains("321 of 600 bars"));
    assert!(screen[0].contains("warming up"));
}

#[test]
fn help_lies_over_the_middle() {
    let screen = drawn((80, 24), &snapshot(Some(publication(16))), 0, true);
    assert!(line(&screen, "Keys").contains('┌'));
    assert!(screen.iter().any(|line| line.contains("Ctrl-C     end the run, exit code 130")));
}

#[test]
fn no_size_is_too_small_to_draw() {
    let snapshot = snapshot(Some(publication(16)));
    for size in [(1, 1), (20, 5), (40, 12), (109, 27), (110, 28), (300, 10)] {
        assert_eq!(drawn(size, &snapshot, 0, true).len(), usize::from(size.1));
    }
}

#[test]
fn keys_do_what_the_help_says() {
    let engines = ["a", "b"].map(|name| {
        let universe = Universe { name: name.into(), ..universe(3) };
        Arc::new(LiveState::new(universe, "csv", "run", None, 2))
    });
    let mut view = View::new(engines.to_vec(), None);
    let mut press = |code, modifiers| {
        let asked = view.key(KeyEvent::new(code, modifiers));
        (asked, view.selected, view.scroll, view.help)
    };
    let plain = KeyModifiers::NONE;
    assert_eq!(press(KeyCode::Char('c'), KeyModifiers::CONTROL).0, Asked::Interrupt);
    assert_eq!(press(KeyCode::Down, plain), (Asked::Nothing, 0, 1, false));
    assert_eq!(press(KeyCode::PageDown, plain), (Asked::Nothing, 0, 2, false));
    assert_eq!(press(KeyCode::Tab, plain), (Asked::Nothing, 1, 0, false));
    assert_eq!(press(KeyCode::BackTab, plain), (Asked::Nothing, 0, 0, false));
    assert_eq!(press(KeyCode::Char('?'), plain), (Asked::Nothing, 0, 0, true));
    assert_eq!(press(KeyCode::Esc, plain), (Asked::Nothing, 0, 0, false));
    assert_eq!(press(KeyCode::Char('q'), plain).0, Asked::Quit);
}
