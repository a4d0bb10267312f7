//! A maximum number of assets and a minimum position, by search: which assets are held, long or short.
//!
//! Once that is decided the rest is convex: an asset left out has the bounds [0, 0], one held long at least the
//! minimum position. The search starts from the largest weights of the answer without these two constraints and
//! exchanges, drops, adds and turns assets for as long as something is gained; then again from random changes of
//! the best (iterated local search).

use super::SearchOptions;
use super::case::Case;
use super::descent::{descend, descend_smoothed, exchange};
use super::sampling::Sampler;
use super::score::{Objectives, State};
use super::{branch, searching, targets};
use crate::constraints::{Group, Projector};
use crate::error::Result;
use crate::random::PortfolioStream;

/// By how much a projection may miss the constraints of a feasible support.
pub(super) const FEASIBLE: f64 = 1e-10;
/// Gradient steps for one support, and with each width of smoothing.
const GRADIENTS: usize = 60;
const SMOOTHED: usize = 10;
/// Assets that are tried for one that leaves.
const CANDIDATES: usize = 8;
/// Random changes of the best support.
const KICKS: usize = 4;
/// Supports that are tried where the first is not feasible.
const ATTEMPTS: usize = 64;

/// What is decided of an asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Out,
    Long,
    Short,
}

/// The bounds of an asset in its place; `None` where it cannot be there.
pub(super) fn bounds_at(case: &Case<'_>, asset: usize, place: Place) -> Option<(f64, f64)> {
    let (lower, upper) = (case.region.lower[asset], case.region.upper[asset]);
    let least = case.constraints.min_position().unwrap_or(0.0);
    let (lower, upper) = match place {
        Place::Out => (lower.max(0.0), upper.min(0.0)),
        Place::Long => (lower.max(least), upper),
        Place::Short => (lower, upper.min(-least)),
    };
    // Zero is a size only where there is no minimum; a bound may bring no other choice.
    (lower <= upper).then_some((lower, upper))
}

/// The most assets that may be held.
pub(super) fn most_assets(case: &Case<'_>) -> usize {
    case.constraints.max_assets().unwrap_or(usize::MAX).min(case.problem.assets())
}

/// The best weights found.
pub(super) fn search(case: &Case<'_>, options: &SearchOptions) -> Result<Vec<f64>> {
    let relaxed = searching::convex(case, options);
    let work = if case.score.is_scenario() { options.samples / 16 } else { options.samples };
    let mut hunt = Hunt { case, left: work.max(64) };
    let sampler = Sampler::new(&case.region, &case.anchor, options.seed);
    let mut best = match hunt.first(&relaxed, &sampler) {
        Some(found) => found,
        // Either a support is found by going through them, or there is none.
        None => hunt.evaluated(branch::feasible(case)?).ok_or_else(|| branch::undecided(case))?,
    };
    hunt.climb(&mut best);
    for kick in 0..KICKS {
        let mut stream = sampler.stream(kick as u64 | 1 << 62);
        if let Some(mut changed) = hunt.kicked(&best.0, &mut stream) {
            hunt.climb(&mut changed);
            if changed.1.value > best.1.value {
                best = changed;
            }
        }
    }
    Ok(hunt.finished(best).weights)
}

type Found = (Vec<Place>, State);

struct Hunt<'a, 'b> {
    case: &'a Case<'b>,
    /// Supports that may still be evaluated.
    left: u64,
}

impl Hunt<'_, '_> {
    /// A feasible support: the largest weights, or what is near them.
    fn first(&mut self, relaxed: &State, sampler: &Sampler<'_>) -> Option<Found> {
        for attempt in 0..ATTEMPTS {
            let mut stream = sampler.stream(attempt as u64 | 1 << 61);
            let rank = |asset: usize, stream: &mut PortfolioStream| {
                let noise = attempt as f64 / ATTEMPTS as f64 * super::sampling::uniform(stream);
                relaxed.weights[asset].abs() + noise
            };
            let ranks: Vec<f64> = (0..relaxed.weights.len()).map(|asset| rank(asset, &mut stream)).collect();
            let places = self.largest(&relaxed.weights, &ranks);
            if let Some(found) = self.evaluated(places) {
                return Some(found);
            }
        }
        None
    }

    /// The assets with the largest ranks held, on the side that the weights say; those that must be held first.
    fn largest(&self, weights: &[f64], ranks: &[f64]) -> Vec<Place> {
        let case = self.case;
        let must = |asset: usize| bounds_at(case, asset, Place::Out).is_none();
        let mut order: Vec<usize> = (0..weights.len()).collect();
        order.sort_by(|&a, &b| must(b).cmp(&must(a)).then(ranks[b].total_cmp(&ranks[a])).then(a.cmp(&b)));
        let least = case.constraints.min_position().unwrap_or(0.0);
        let mut places = vec![Place::Out; weights.len()];
        for &asset in order.iter().take(most_assets(case)) {
            // Half a minimum position is nearer to one than to none.
            if must(asset) || ranks[asset] >= 0.5 * least {
                let wanted = if weights[asset] < 0.0 { Place::Short } else { Place::Long };
                let other = if weights[asset] < 0.0 { Place::Long } else { Place::Short };
                let place = [wanted, other].into_iter().find(|&at| bounds_at(case, asset, at).is_some());
                places[asset] = place.unwrap_or(Place::Out);
            }
        }
        places
    }

    /// The best portfolio of a support; `None` where it is not feasible.
    fn evaluated(&mut self, places: Vec<Place>) -> Option<Found> {
        self.left = self.left.saturating_sub(1);
        let case = restricted(self.case, &places)?;
        let start = case.score.state(case.anchor.clone());
        let state = match case.score.objective {
            Objectives::TargetReturn { .. } | Objectives::TargetRisk { .. } => {
                let found = targets::improve(&case, &[start]);
                found.into_iter().filter(|state| targets::met(&case.score, state)).reduce(better)?
            }
            _ if case.score.is_scenario() => descend_smoothed(&case.score, &case.region, start, SMOOTHED),
            _ => descend(&case.score, &case.region, start, GRADIENTS, 0.0),
        };
        state.value.is_finite().then_some((places, state))
    }

    /// Changes one or two places for as long as that gains.
    fn climb(&mut self, best: &mut Found) {
        loop {
            let mut gained = false;
            for places in self.neighbours(best) {
                if self.left == 0 {
                    return;
                }
                if let Some(found) = self.evaluated(places)
                    && found.1.value > best.1.value + 1e-12 * best.1.value.abs()
                {
                    *best = found;
                    gained = true;
                    break;
                }
            }
            if !gained {
                return;
            }
        }
    }

    /// Supports next to this one, the most promising first: one asset for another, one more, one less, one turned.
    fn neighbours(&self, (places, state): &Found) -> Vec<Vec<Place>> {
        let case = self.case;
        let mut gradient = vec![0.0; places.len()];
        let width = 1e-2 * state.value.abs().max(f64::MIN_POSITIVE);
        case.score.gradient(state, width, &mut gradient);
        let fits = |asset: usize, place: Place| bounds_at(case, asset, place).is_some();
        let mut entrants: Vec<(f64, usize, Place)> = Vec::new();
        for asset in (0..places.len()).filter(|&asset| places[asset] == Place::Out) {
            for (place, sign) in [(Place::Long, 1.0), (Place::Short, -1.0)] {
                if fits(asset, place) {
                    entrants.push((sign * gradient[asset], asset, place));
                }
            }
        }
        entrants.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        entrants.truncate(CANDIDATES);
        let mut held: Vec<usize> = (0..places.len()).filter(|&asset| places[asset] != Place::Out).collect();
        held.sort_by(|&a, &b| state.weights[a].abs().total_cmp(&state.weights[b].abs()).then(a.cmp(&b)));
        let with = |changes: &[(usize, Place)]| {
            let mut changed = places.clone();
            changes.iter().for_each(|&(asset, place)| changed[asset] = place);
            changed
        };
        let mut near = Vec::new();
        if held.len() < most_assets(case) {
            near.extend(entrants.iter().map(|&(_, asset, place)| with(&[(asset, place)])));
        }
        for &leaver in held.iter().filter(|&&asset| fits(asset, Place::Out)) {
            near.extend(
                entrants.iter().map(|&(_, asset, place)| with(&[(leaver, Place::Out), (asset, place)])),
            );
            near.push(with(&[(leaver, Place::Out)]));
        }
        for &asset in &held {
            let turned = if places[asset] == Place::Long { Place::Short } else { Place::Long };
            if fits(asset, turned) {
                near.push(with(&[(asset, turned)]));
            }
        }
        near
    }

    /// Two held assets exchanged for two others at random.
    fn kicked(&mut self, places: &[Place], stream: &mut PortfolioStream) -> Option<Found> {
        let case = self.case;
        for _ in 0..CANDIDATES {
            let mut changed = places.to_vec();
            for _ in 0..2 {
                let (leaver, entrant) = (stream.below(changed.len()), stream.below(changed.len()));
                let place = if stream.below(2) == 0 { Place::Long } else { Place::Short };
                let place = if bounds_at(case, entrant, place).is_some() { place } else { Place::Long };
                if changed[leaver] != Place::Out
                    && changed[entrant] == Place::Out
                    && bounds_at(case, leaver, Place::Out).is_some()
                    && bounds_at(case, entrant, place).is_some()
                {
                    changed[leaver] = Place::Out;
                    changed[entrant] = place;
                }
            }
            if self.left > 0
                && changed != places
                && let Some(found) = self.evaluated(changed)
            {
                return Some(found);
            }
        }
        None
    }

    /// The last digits of the best support's portfolio.
    fn finished(&self, (places, state): Found) -> State {
        let Some(case) = restricted(self.case, &places) else { return state };
        let is_target =
            matches!(case.score.objective, Objectives::TargetReturn { .. } | Objectives::TargetRisk { .. });
        let mut finished = if is_target { state.clone() } else { searching::improve(&case, state.clone()) };
        if is_target {
            exchange(&case.score, &case.region, &mut finished, 2 * places.len());
        }
        better(state, finished)
    }
}

fn better(a: State, b: State) -> State {
    if b.value > a.value { b } else { a }
}

/// The convex question that is left once the support is decided; `None` where it has no feasible portfolio.
pub(super) fn restricted<'a>(case: &Case<'a>, places: &[Place]) -> Option<Case<'a>> {
    if places.iter().filter(|&&place| place != Place::Out).count() > most_assets(case) {
        return None;
    }
    let (mut lower, mut upper) = (Vec::new(), Vec::new());
    for (asset, &place) in places.iter().enumerate() {
        let (low, high) = bounds_at(case, asset, place)?;
        lower.push(low);
        upper.push(high);
    }
    if lower.iter().sum::<f64>() > 1.0 + FEASIBLE || upper.iter().sum::<f64>() < 1.0 - FEASIBLE {
        return None;
    }
    let reachable = |group: &Group| {
        let sum = |bounds: &[f64]| group.assets().iter().map(|&asset| bounds[asset]).sum::<f64>();
        let (least, most) = group.limits();
        sum(&upper) >= least - FEASIBLE && sum(&lower) <= most + FEASIBLE
    };
    if !case.region.groups.iter().all(reachable) {
        return None;
    }
    let region = case.region.within(lower, upper);
    let anchor = Projector::new(&region).project(&case.anchor, None).to_vec();
    (region.violation(&anchor) <= FEASIBLE).then(|| case.within(region.lower, region.upper, anchor))
}
