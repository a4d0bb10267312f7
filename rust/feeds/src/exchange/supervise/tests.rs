//! All of it without a socket or a sleep: facts at times, and what is done about them.

use silverbullet_market::SECOND;

use super::*;
use crate::exchange::{Binance, Kraken, Okx, Venue};

const DAY: Nanos = 86_400 * SECOND;

/// A supervisor and the time.
struct Scene {
    supervisor: Supervisor,
    now: Nanos,
}

impl Scene {
    fn of(venue: &dyn Venue) -> Self {
        Self::with(Policy::of(venue), 1)
    }

    fn with(policy: Policy, frames: usize) -> Self {
        let mut scene = Self { supervisor: Supervisor::new(policy, frames, 7, 0), now: 0 };
        assert_eq!(scene.due(), ["connect 0", "show Connecting"]);
        scene
    }

    /// What is to be done, in short; where something is told, its reason alone.
    fn done(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(action) = self.supervisor.action() {
            lines.push(match action {
                Action::Connect(id) => format!("connect {id}"),
                Action::Subscribe(id, frame) => format!("subscribe {id} {frame}"),
                Action::KeepAlive(id) => format!("keep alive {id}"),
                Action::Switch(id) => format!("switch {id}"),
                Action::Close(id) => format!("close {id}"),
                Action::Drop(id) => format!("drop {id}"),
                Action::Tell(_, reason, _) => format!("tell {reason}"),
                Action::Gap { from, to, why } => format!("gap {from} {to} {why}"),
                Action::Show(status, _) => format!("show {status:?}"),
            });
        }
        lines
    }

    fn due(&mut self) -> Vec<String> {
        self.supervisor.due(self.now);
        self.done()
    }

    fn fact(&mut self, id: Id, fact: Fact) -> Vec<String> {
        self.supervisor.fact(id, fact, self.now);
        self.done()
    }

    /// Lets time pass to `until`, in which `id` says something every second; what is done, with its time.
    fn pass(&mut self, until: Nanos, heard: Option<Id>) -> Vec<(Nanos, String)> {
        let mut all = Vec::new();
        let mut next = heard.map_or(Nanos::MAX, |_| self.now + SECOND);
        while self.now < until {
            let wake = self.supervisor.wake_at();
            assert!(wake > self.now, "it would turn in circles at {wake}");
            self.now = wake.min(next).min(until);
            if let Some(id) = heard.filter(|_| self.now == next) {
                self.supervisor.heard(id, self.now);
                next += SECOND;
            }
            let now = self.now;
            all.extend(self.due().into_iter().map(|line| (now, line)));
        }
        all
    }

    fn open(&mut self, id: Id) {
        self.fact(id, Fact::Opened);
        self.fact(id, Fact::Priced);
    }

    fn lose(&mut self, id: Id) -> Vec<String> {
        self.fact(id, Fact::Lost(Loss::new("reset", "by the other side")))
    }

    /// The pause until the next attempt.
    fn pause(&mut self) -> Nanos {
        let began = self.now;
        let done = self.pass(self.supervisor.wake_at(), None);
        assert!(done.iter().any(|(_, line)| line.starts_with("connect")), "{done:?}");
        self.now - began
    }
}

fn lines(timed: &[(Nanos, String)]) -> Vec<&str> {
    timed.iter().map(|(_, line)| &**line).collect()
}

#[test]
fn each_venue_has_its_own_patience_with_silence() {
    let venues: [(Box<dyn Venue>, Nanos); 3] =
        [(Box::new(Kraken), 5), (Box::new(Okx::default()), 25), (Box::new(Binance::international()), 30)];
    for (venue, seconds) in venues {
        let mut scene = Scene::of(&*venue);
        assert_eq!(scene.fact(0, Fact::Opened), ["tell connected", "subscribe 0 0"]);
        assert_eq!(scene.fact(0, Fact::Priced), ["show Ok"]);
        scene.pass(100 * SECOND, Some(0));
        let before = scene.pass((100 + seconds) * SECOND - 1, None);
        assert!(before.iter().all(|(_, line)| line.starts_with("keep alive")), "{before:?}");
        let after = scene.pass((100 + seconds) * SECOND, None);
        assert_eq!(lines(&after), ["drop 0", "tell silent", "show Failing"], "{}", venue.name());
    }
}

#[test]
fn pauses_are_drawn_from_a_range_that_doubles_up_to_a_minute() {
    let most = |attempt: u32| ((SECOND / 4) << attempt.min(30)).min(60 * SECOND);
    let mut sums = [0; 12];
    for seed in 0..200 {
        let policy = Policy::of(&Kraken);
        let mut scene = Scene { supervisor: Supervisor::new(policy, 1, seed, 0), now: 0 };
        scene.due();
        for (attempt, sum) in (0..).zip(&mut sums) {
            let id = u64::from(attempt);
            assert_eq!(
                scene.lose(id)[..3],
                [format!("drop {id}"), "tell reset".into(), "show Failing".into()]
            );
            let pause = scene.pause();
            assert!(pause <= most(attempt), "{pause} at {attempt}");
            *sum += pause;
        }
    }
    // From the whole range: the mean is half of it.
    for (attempt, sum) in (0..).zip(sums) {
        let share = sum as f64 / 200.0 / most(attempt) as f64;
        assert!((0.4..0.6).contains(&share), "{share} at {attempt}");
    }
}

#[test]
fn the_same_seed_draws_the_same_pauses() {
    let pauses = |seed| {
        let mut supervisor = Supervisor::new(Policy::of(&Kraken), 1, seed, 0);
        (0..9).map(|_| supervisor.pause(&Loss::new("reset", ""))).collect::<Vec<_>>()
    };
    assert_eq!(pauses(1), pauses(1));
    assert_ne!(pauses(1), pauses(2));
}

#[test]
fn only_half_a_minute_of_prices_makes_pauses_short_again() {
    for (seconds, short) in [(0, false), (29, false), (30, true)] {
        let mut scene = Scene::of(&Kraken);
        for id in 0..10 {
            scene.lose(id);
            scene.pause();
        }
        scene.open(10);
        scene.pass(scene.now + seconds * SECOND, Some(10));
        scene.lose(10);
        assert_eq!(scene.supervisor.attempts, if short { 1 } else { 11 }, "{seconds} s");
    }
}

#[test]
fn a_connection_that_only_opens_does_not_make_pauses_short() {
    let mut scene = Scene::of(&Kraken);
    for id in 0..5 {
        scene.fact(id, Fact::Opened);
        // Heartbeats, but no price.
        scene.pass(scene.now + 40 * SECOND, Some(id));
        scene.lose(id);
        scene.pause();
    }
    assert_eq!(scene.supervisor.attempts, 5);
}

#[test]
fn a_venue_that_wants_to_be_left_alone_is() {
    for (wish, least, most) in [(90, 90, 90), (100_000, 3_600, 3_600), (0, 0, 1)] {
        let mut scene = Scene::of(&Kraken);
        let retry_after = Some(wish * SECOND);
        let loss = Loss { retry_after, ..Loss::new("too many requests", "HTTP 429") };
        let done = scene.fact(0, Fact::Lost(loss));
        assert_eq!(done[..3], ["drop 0", "tell too many requests", "show Failing"]);
        let pause = scene.pause();
        assert!((least * SECOND..=most * SECOND).contains(&pause), "{pause} for {wish}");
    }
}

#[test]
fn a_connection_that_does_not_open_is_given_up() {
    let mut scene = Scene::of(&Kraken);
    assert_eq!(scene.pass(10 * SECOND - 1, None), []);
    assert_eq!(lines(&scene.pass(10 * SECOND, None)), ["drop 0", "tell did not open", "show Failing"]);
}

#[test]
fn no_more_connections_are_opened_than_the_venue_allows() {
    let mut scene = Scene::with(Policy { connects: (3, SECOND), first_pause: 0, ..Policy::of(&Kraken) }, 1);
    let mut times = vec![0];
    for id in 0..9 {
        let done = scene.lose(id);
        if !done.iter().any(|line| line.starts_with("connect")) {
            scene.pause();
        }
        times.push(scene.now);
    }
    let seconds: Vec<Nanos> = times.iter().map(|time| time / SECOND).collect();
    assert_eq!(seconds, [0, 0, 0, 1, 1, 1, 2, 2, 2, 3]);
}

#[test]
fn what_is_sent_keeps_to_the_pace_and_the_connection_is_kept_alive() {
    let mut scene = Scene::with(Policy { pace: SECOND / 4, ..Policy::of(&Okx::default()) }, 4);
    assert_eq!(scene.fact(0, Fact::Opened), ["tell connected", "subscribe 0 0"]);
    let sent = scene.pass(50 * SECOND, Some(0));
    let quarters: Vec<(Nanos, &str)> = sent.iter().map(|(at, line)| (at * 4 / SECOND, &**line)).collect();
    let expected = [
        (1, "subscribe 0 1"),
        (2, "subscribe 0 2"),
        (3, "subscribe 0 3"),
        (80, "keep alive 0"),
        (160, "keep alive 0"),
    ];
    assert_eq!(quarters, expected);
}

#[test]
fn a_gap_is_told_before_the_first_price_after_it() {
    let mut scene = Scene::of(&Kraken);
    scene.open(0);
    scene.pass(50 * SECOND, Some(0));
    scene.now += SECOND;
    scene.lose(0);
    let pause = scene.pause();
    let (from, id) = (50 * SECOND, 1);
    assert_eq!(scene.fact(id, Fact::Opened), ["tell reconnected", "subscribe 1 0"]);
    // Lost once more before a price: it is one gap.
    scene.lose(id);
    scene.pause();
    scene.fact(2, Fact::Opened);
    scene.now += SECOND;
    assert!(scene.supervisor.awaits_price(2));
    let to = scene.now;
    assert_eq!(scene.fact(2, Fact::Priced), [format!("gap {from} {to} reset"), "show Ok".to_owned()]);
    assert!(!scene.supervisor.awaits_price(2) && pause <= SECOND / 4);
    assert_eq!(scene.fact(2, Fact::Priced), Vec::<String>::new());
    assert_eq!(scene.supervisor.losses(), 2);
}

#[test]
fn before_the_first_price_there_is_no_gap() {
    let mut scene = Scene::of(&Kraken);
    scene.fact(0, Fact::Opened);
    scene.lose(0);
    scene.pause();
    scene.fact(1, Fact::Opened);
    assert_eq!(scene.fact(1, Fact::Priced), ["show Ok"]);
}

#[test]
fn a_day_old_connection_is_replaced_by_overlap() {
    let mut scene = Scene::of(&Binance::international());
    scene.open(0);
    let renewal = DAY - 600 * SECOND;
    let done = scene.pass(renewal, Some(0));
    assert_eq!(done, [(renewal, "tell renewal".to_owned()), (renewal, "connect 1".to_owned())]);
    assert_eq!(scene.fact(1, Fact::Opened), ["subscribe 1 0"]);
    assert_eq!(scene.pass(renewal + 2 * SECOND, Some(0)), []);
    assert!(scene.supervisor.awaits_price(1));
    assert_eq!(scene.fact(1, Fact::Priced), Vec::<String>::new());
    assert_eq!(scene.pass(renewal + 7 * SECOND - 1, Some(0)), []);
    let done = scene.pass(renewal + 7 * SECOND, None);
    assert_eq!(lines(&done), ["close 0", "switch 1", "show Ok", "tell renewed"]);
    // A fact about the old one is none any more.
    assert_eq!(scene.lose(0), Vec::<String>::new());
    let again = scene.pass(2 * renewal + 3 * SECOND, Some(1));
    assert_eq!(lines(&again), ["tell renewal", "connect 2"]);
}

#[test]
fn a_replacement_that_cannot_be_had_is_tried_again_and_the_old_one_goes_on() {
    let mut scene = Scene::of(&Binance::international());
    scene.open(0);
    scene.pass(DAY - 600 * SECOND, Some(0));
    assert_eq!(scene.lose(1), ["drop 1", "tell reset"]);
    assert_eq!(lines(&scene.pass(scene.now + SECOND, Some(0))), ["connect 2"]);
    scene.open(2);
    assert_eq!(scene.lose(0), ["drop 0", "tell reset", "switch 2", "show Ok"]);
}

#[test]
fn a_venue_that_is_about_to_close_is_connected_to_at_once() {
    let mut scene = Scene::of(&Binance::international());
    scene.open(0);
    scene.pass(60 * SECOND, Some(0));
    assert_eq!(scene.fact(0, Fact::Closing), ["tell closing", "connect 1"]);
    // It closes before the replacement has brought a price: what is missing is told with the first.
    assert_eq!(scene.lose(0), ["drop 0", "tell reset", "switch 1", "show Connecting"]);
    scene.now += SECOND;
    assert_eq!(scene.fact(1, Fact::Opened), ["tell reconnected", "subscribe 1 0"]);
    let gap = format!("gap {} {} reset", 60 * SECOND, 61 * SECOND);
    assert_eq!(scene.fact(1, Fact::Priced), [gap, "show Ok".to_owned()]);
}

#[test]
fn a_venue_that_always_says_it_closes_is_not_hammered() {
    let mut scene = Scene::of(&Okx::default());
    for id in [0, 2, 4, 6, 8, 10] {
        scene.fact(id, Fact::Opened);
        scene.fact(id, Fact::Closing);
        scene.pass(scene.now + SECOND, None);
        scene.lose(id + 1);
        scene.lose(id);
        scene.pause();
        assert!(scene.supervisor.main.as_ref().is_some_and(|main| main.id == id + 2));
    }
    assert_eq!(scene.supervisor.attempts, 12);
}

#[test]
fn a_refusal_is_shown_and_what_brings_no_price_after_it_is_given_up() {
    let mut scene = Scene::of(&Okx::default());
    scene.fact(0, Fact::Opened);
    assert_eq!(scene.fact(0, Fact::Refused("no such".into())), ["show Failing", "tell subscription refused"]);
    let done = scene.pass(25 * SECOND, Some(0));
    assert_eq!(lines(&done), ["keep alive 0", "drop 0", "tell refused", "show Failing"]);
    scene.pause();
    // Where the rest is given, it is enough that one asset is missing.
    scene.open(1);
    assert_eq!(scene.fact(1, Fact::Refused("no such".into())), ["tell subscription refused"]);
    let done = scene.pass(scene.now + 100 * SECOND, Some(1));
    assert!(lines(&done).iter().all(|line| *line == "keep alive 1"), "{done:?}");
}

#[test]
fn at_the_end_open_connections_are_closed_and_others_dropped() {
    let mut scene = Scene::of(&Binance::international());
    scene.open(0);
    scene.fact(0, Fact::Closing);
    scene.supervisor.stop();
    assert_eq!(scene.done(), ["close 0", "drop 1"]);
    let mut waiting = Scene::of(&Kraken);
    waiting.lose(0);
    waiting.supervisor.stop();
    assert_eq!(waiting.done(), Vec::<String>::new());
}
