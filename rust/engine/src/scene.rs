//! What a page draws of a universe: its population, its frontier and its assets under the live moments.
//!
//! A scene is worked out on the thread of whoever asks for it, from what the other threads leave behind anyway:
//! the moments of the newest close, the population drawn last, and the prices of the newest publication. The hot
//! thread does nothing for it but share what it posts at a close.
//!
//! All means and risks are per bar and with the open bar as observation W + 1, by the formulas of
//! [`ClosedMoments`](silverbullet_market::moments::ClosedMoments) and
//! [`LivePopulation`]: mean = μ_c + a u and covariance = B + c u uᵀ with u = r_open − μ_c, where the open
//! return of an asset is its price over its close, less one.

use std::sync::{Arc, Mutex, PoisonError};

use silverbullet_kernel::{FrontierPoint, Label, Problem, SymmetricMatrix, exact};
use silverbullet_market::{Nanos, Universe};

use crate::population::LivePopulation;
use crate::publication::Publication;
use crate::refresh::Close;

/// Points of the frontier equally spaced in mean, beside its corners: enough for a smooth curve.
const SPACED_POINTS: usize = 33;

/// One moment of a universe, to be drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    /// Sequence number of the publication it belongs to.
    pub sequence: u64,
    /// Event time of that publication, nanoseconds UTC.
    pub event_time: Nanos,
    /// Number of the last final bar in the moments.
    pub bar: i64,
    /// Standard deviation of each of the K portfolios of the population; empty while none is drawn for the
    /// assets that are eligible now.
    pub risk: Vec<f32>,
    /// Mean of each, in the same order.
    pub mean: Vec<f32>,
    /// The efficient frontier by rising mean: its corner portfolios, the one with the largest Sharpe ratio, and
    /// points between them. Weights are over the whole universe.
    pub frontier: Vec<FrontierPoint>,
    /// Whether the frontier is that of the moments themselves.
    pub label: Label,
    /// The eligible assets, by rising position.
    pub assets: Vec<SceneAsset>,
    /// Condition number of the closed covariance, as of the population in use.
    pub condition_number: Option<f64>,
}

/// One asset by itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SceneAsset {
    /// Position in the universe.
    pub position: usize,
    /// Mean.
    pub mean: f64,
    /// Standard deviation.
    pub volatility: f64,
}

/// A population with the close it is valid for.
#[derive(Debug)]
pub(crate) struct Drawn {
    pub(crate) generation: u64,
    pub(crate) bar: i64,
    pub(crate) population: LivePopulation,
}

/// What scenes are made of, left here by the other threads. The hot thread takes none of its locks.
#[derive(Debug, Default)]
pub(crate) struct Scenery {
    closes: Mutex<Closes>,
    drawn: Mutex<Option<Arc<Drawn>>>,
}

/// The closes that the hot thread has posted.
#[derive(Debug, Default)]
struct Closes {
    ring: Option<rtrb::Consumer<Arc<Close>>>,
    newest: Option<Arc<Close>>,
    /// Whether a population is still to be drawn under the newest.
    requested: bool,
}

impl Closes {
    /// Brings in what has been posted by now.
    fn collect(&mut self) {
        while let Some(Ok(close)) = self.ring.as_mut().map(rtrb::Consumer::pop) {
            self.newest = Some(close);
            self.requested = true;
        }
    }
}

impl Scenery {
    /// Takes closes from `ring` from now on.
    pub(crate) fn take_closes_from(&self, ring: rtrb::Consumer<Arc<Close>>) {
        lock(&self.closes).ring = Some(ring);
    }

    /// The newest close, where it was not asked for yet.
    pub(crate) fn take_request(&self) -> Option<Arc<Close>> {
        let mut closes = lock(&self.closes);
        closes.collect();
        if std::mem::take(&mut closes.requested) { closes.newest.clone() } else { None }
    }

    /// The same, where it is of that generation.
    pub(crate) fn take_request_of(&self, generation: u64) -> Option<Arc<Close>> {
        let mut closes = lock(&self.closes);
        closes.collect();
        let close =
            closes.newest.clone().filter(|close| closes.requested && close.generation == generation)?;
        closes.requested = false;
        Some(close)
    }

    fn newest_close(&self) -> Option<Arc<Close>> {
        let mut closes = lock(&self.closes);
        closes.collect();
        closes.newest.clone()
    }

    /// Leaves the newest population.
    pub(crate) fn set_drawn(&self, drawn: Drawn) {
        let replaced = lock(&self.drawn).replace(Arc::new(drawn));
        drop(replaced);
    }

    /// The scene of `publication`; `None` where the close at hand is of other assets.
    pub(crate) fn scene(&self, publication: &Publication, universe: &Universe) -> Option<Scene> {
        let close = self.newest_close()?;
        let takes_part = publication.eligible.iter().enumerate().filter(|(_, eligible)| **eligible);
        if !takes_part.map(|(position, _)| position).eq(close.eligible.iter().copied()) {
            return None;
        }
        let prices = close.eligible.iter().map(|&position| publication.prices[position]);
        let open_returns: Vec<f64> =
            prices.zip(&close.closes).map(|(price, close)| price / close - 1.0).collect();
        let problem = open_problem(&close, &open_returns, universe.risk_free)?;
        let frontier = exact::frontier(&problem);
        let (risk, mean) = self
            .population_at(&close)
            .map(|drawn| drawn.population.moments_under(&open_returns))
            .unwrap_or_default();
        Some(Scene {
            sequence: publication.sequence,
            event_time: publication.event_time,
            bar: close.bar,
            risk,
            mean,
            label: frontier.label,
            frontier: points_of(&frontier, &close, universe),
            assets: assets_of(&problem, &close),
            condition_number: publication.condition_number,
        })
    }

    /// The newest population of the same assets, brought up to `close` where it is of an earlier one, which is
    /// then kept for the next scene: O(K·N²) once a bar at most.
    fn population_at(&self, close: &Close) -> Option<Arc<Drawn>> {
        let drawn = lock(&self.drawn).clone().filter(|drawn| drawn.generation == close.generation)?;
        if drawn.bar == close.bar {
            return Some(drawn);
        }
        let mut population = drawn.population.clone();
        population.rebase(&close.closed);
        let fresh = Arc::new(Drawn { generation: close.generation, bar: close.bar, population });
        let mut slot = lock(&self.drawn);
        if slot.as_ref().is_some_and(|newest| Arc::ptr_eq(newest, &drawn)) {
            *slot = Some(Arc::clone(&fresh));
        }
        Some(fresh)
    }
}

/// The question of the live moments, with the open bar.
fn open_problem(close: &Close, open_returns: &[f64], risk_free: f64) -> Option<Problem> {
    let closed = &close.closed;
    let assets = closed.assets();
    let (mut deviation, mut mean) = (vec![0.0; assets], vec![0.0; assets]);
    let mut covariance = SymmetricMatrix::zeros(assets);
    closed.deviation_into(open_returns, &mut deviation);
    closed.open_mean_into(&deviation, &mut mean);
    closed.open_covariance_into(&deviation, &mut covariance);
    let problem = Problem::new(mean, covariance, closed.observations + 1)
        .and_then(|problem| problem.with_bounds(close.bounds.clone()))
        .and_then(|problem| problem.with_risk_free(risk_free))
        .and_then(|problem| match &close.stand_in {
            Some(stand_in) => problem.with_shrunk(stand_in.clone()),
            None => Ok(problem),
        });
    problem.inspect_err(|error| tracing::warn!(%error, bar = close.bar, "no scene")).ok()
}

fn points_of(frontier: &exact::Frontier, close: &Close, universe: &Universe) -> Vec<FrontierPoint> {
    let mut points = frontier.corners.clone();
    if points.len() > 1 {
        points.extend(frontier.equally_spaced(SPACED_POINTS));
        points.extend(frontier.max_sharpe(universe.risk_free));
        points.sort_by(|one, other| one.mean.total_cmp(&other.mean));
        points.dedup_by(|next, kept| next.mean == kept.mean);
    }
    for point in &mut points {
        let mut weights = vec![0.0; universe.assets.len()];
        for (&position, &weight) in close.eligible.iter().zip(&point.weights) {
            weights[position] = weight;
        }
        point.weights = weights;
    }
    points
}

fn assets_of(problem: &Problem, close: &Close) -> Vec<SceneAsset> {
    let asset = |(index, &position): (usize, &usize)| SceneAsset {
        position,
        mean: problem.mean()[index],
        volatility: problem.covariance().diagonal(index).max(0.0).sqrt(),
    };
    close.eligible.iter().enumerate().map(asset).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
