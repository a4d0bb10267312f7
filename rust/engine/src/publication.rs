//! The live answer to a tick, in a form that is copied without allocation.

pub(crate) mod words;
use std::sync::Arc;

use silverbullet_kernel::{Label, Method, Objective};
use silverbullet_market::Nanos;

use crate::at_close::AtClose;

/// What made the engine answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Trigger {
    /// Nothing yet.
    #[default]
    None,
    /// A tick of the asset at this position of the universe.
    Tick(usize),
    /// The close of the bar with this number.
    BarClose(i64),
}

/// When the tick passed each stage, on the monotonic clock. When it happened, by the clock of the exchange, is the
/// publication's event time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stamps {
    /// Arrived from the source; of a source that keeps a pace, when it was due, so that a stall of the source itself is
    /// part of what is measured.
    pub received: Nanos,
    /// Taken out of the ring by the engine.
    pub dequeued: Nanos,
    /// Answer computed.
    pub computed: Nanos,
    /// Answer readable by others.
    pub published: Nanos,
}

/// One portfolio of a publication. Weights are over the whole universe; an asset that is not eligible has
/// weight zero.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// What it was chosen for.
    pub objective: Objective,
    /// How it was found.
    pub method: Method,
    /// Whether this answers the question asked.
    pub label: Label,
    /// Expected simple return per bar; NaN before there are moments.
    pub mean: f64,
    /// Standard deviation per bar; NaN before there are moments.
    pub risk: f64,
    /// Sharpe ratio per bar, where the risk is not zero.
    pub sharpe: Option<f64>,
    /// Stated distance from the optimum.
    pub gap: Option<f64>,
    /// One weight an asset of the universe.
    pub weights: Vec<f64>,
}

/// The number of no venue.
pub const NO_VENUE: u16 = u16::MAX;

/// Everything the engine has to say after one tick or bar close.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Publication {
    /// Counts publications of this run from 1.
    pub sequence: u64,
    /// Event time of what triggered it, nanoseconds UTC.
    pub event_time: Nanos,
    /// What triggered it.
    pub trigger: Trigger,
    /// Number of the last final bar in the window; zero before the first.
    pub bar: i64,
    /// Ticks taken in since the publication before without one of their own: while the engine is behind, only the newest
    /// of those waiting is answered.
    pub skipped: u64,
    /// When it passed each stage.
    pub stamps: Stamps,
    /// Condition number of the closed covariance, as of the population in use.
    pub condition_number: Option<f64>,
    /// The portfolios. The vector is as long as the most that are ever answered; `answered` of them count.
    pub answers: Vec<Answer>,
    /// How many of `answers` are valid.
    pub answered: usize,
    /// The newest answers of the objectives that are answered at a close only; `None` before the first.
    pub at_close: Option<Arc<AtClose>>,
    /// The weights held, in universe order, where a command has told them.
    pub holdings: Option<Arc<[f64]>>,
    /// Last price of each asset; NaN before the first.
    pub prices: Vec<f64>,
    /// Number of the venue that each asset's last price came from; [`NO_VENUE`] before the first.
    pub venues: Vec<u16>,
    /// Event time of each asset's newest tick, nanoseconds UTC; [`Nanos::MIN`] before the first.
    pub tick_times: Vec<Nanos>,
    /// Close of the last final bar of each asset; NaN before the first.
    pub closes: Vec<f64>,
    /// Which assets take part.
    pub eligible: Vec<bool>,
}

impl Publication {
    /// A publication with room for `assets` assets and `answers` portfolios.
    #[must_use]
    pub fn with_capacity(assets: usize, answers: usize) -> Self {
        let answer = Answer {
            objective: Objective::MaxSharpe,
            method: Method::Exact,
            label: Label::Ok,
            mean: f64::NAN,
            risk: f64::NAN,
            sharpe: None,
            gap: None,
            weights: vec![0.0; assets],
        };
        Self {
            answers: vec![answer; answers],
            prices: vec![f64::NAN; assets],
            venues: vec![NO_VENUE; assets],
            tick_times: vec![Nanos::MIN; assets],
            closes: vec![f64::NAN; assets],
            eligible: vec![false; assets],
            ..Self::default()
        }
    }

    /// The valid answers.
    #[must_use]
    pub fn portfolios(&self) -> &[Answer] {
        &self.answers[..self.answered.min(self.answers.len())]
    }

    /// All answers, those of this moment first: with each of the others the number of the bar it is for.
    pub fn listed(&self) -> impl Iterator<Item = (&Answer, Option<i64>)> + Clone {
        let at_close = self
            .at_close
            .iter()
            .flat_map(|close| close.answers.iter().map(|answer| (answer, Some(close.bar))));
        self.portfolios().iter().map(|answer| (answer, None)).chain(at_close)
    }

    /// Half the sum of the absolute differences between `weights` (over the universe) and the weights held; `None`
    /// where those are not known.
    #[must_use]
    pub fn turnover(&self, weights: &[f64]) -> Option<f64> {
        let held = self.holdings.as_ref()?;
        Some(0.5 * weights.iter().zip(held.iter()).map(|(weight, held)| (weight - held).abs()).sum::<f64>())
    }

    /// Takes over all of `other` without allocating, given that both have the same capacity.
    pub fn copy_from(&mut self, other: &Self) {
        self.sequence = other.sequence;
        self.event_time = other.event_time;
        self.trigger = other.trigger;
        self.bar = other.bar;
        self.skipped = other.skipped;
        self.stamps = other.stamps;
        self.condition_number = other.condition_number;
        self.answered = other.answered;
        if self.at_close.as_ref().map(Arc::as_ptr) != other.at_close.as_ref().map(Arc::as_ptr) {
            self.at_close.clone_from(&other.at_close);
        }
        if self.holdings.as_ref().map(Arc::as_ptr) != other.holdings.as_ref().map(Arc::as_ptr) {
            self.holdings.clone_from(&other.holdings);
        }
        self.prices.copy_from_slice(&other.prices);
        self.venues.copy_from_slice(&other.venues);
        self.tick_times.copy_from_slice(&other.tick_times);
        self.closes.copy_from_slice(&other.closes);
        self.eligible.copy_from_slice(&other.eligible);
        for (mine, theirs) in self.answers.iter_mut().zip(other.portfolios()) {
            mine.copy_from(theirs);
        }
    }
}

impl Answer {
    fn copy_from(&mut self, other: &Self) {
        self.objective = other.objective;
        self.method = other.method;
        self.label = other.label;
        self.mean = other.mean;
        self.risk = other.risk;
        self.sharpe = other.sharpe;
        self.gap = other.gap;
        self.weights.copy_from_slice(&other.weights);
    }
}
