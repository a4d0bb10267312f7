//! A maximum number of assets and a minimum position, exactly: branch and bound over which assets are held.
//!
//! In a node some assets are decided; the others may be anything their bounds allow, zero included, which is a convex
//! question with a value at least as large as that of any support below the node. A node whose own answer keeps
//! both constraints, or whose value is no better than the best support known, is done; otherwise the weight that
//! is most undecided is decided. Exact for as long as the nodes suffice; beyond them there is no answer.

use super::case::Case;
use super::descent::polish;
use super::optimum;
use super::score::{Objectives, Score};
use super::support::{Place, bounds_at, most_assets, restricted};
use crate::constraints::Projector;
use crate::error::{Error, Result};

/// Nodes after which the method gives up.
const NODES: usize = 1_000;
/// A weight of this size is none to the interior-point method.
const NOTHING: f64 = 1e-7;
/// A node that promises less than this more, relative to the value, is done.
const GAIN: f64 = 1e-10;

/// The optimum and whether all convex questions were solved to their tolerances; `None` where the nodes did not
/// suffice or the objective has no convex form.
pub(super) fn optimum(case: &Case<'_>) -> Option<(Vec<f64>, bool)> {
    if case.score.objective == Objectives::RiskParity {
        return None;
    }
    let mut tree = Tree { case, score: case.score.clone(), best: None, nodes: NODES, converged: true };
    tree.explore(&mut vec![None; case.problem.assets()])?;
    let (places, weights) = tree.best?;
    let weights = match restricted(case, &places) {
        Some(case) => polish(&case, weights),
        None => weights,
    };
    Some((weights, tree.converged))
}

/// Any support with a feasible portfolio.
pub(super) fn feasible(case: &Case<'_>) -> Result<Vec<Place>> {
    let score = Score { objective: targetless(&case.score.objective), ..case.score.clone() };
    let mut tree = Tree { case, score, best: None, nodes: NODES, converged: true };
    let finished = tree.explore(&mut vec![None; case.problem.assets()]);
    match (tree.best, finished) {
        (Some((places, _)), _) => Ok(places),
        (None, Some(())) => Err(conflict(case, "no choice of assets satisfies them")),
        (None, None) => Err(undecided(case)),
    }
}

/// The error where no feasible portfolio was found though there may be one.
pub(super) fn undecided(case: &Case<'_>) -> Error {
    conflict(case, "no choice of assets was found that satisfies them")
}

fn conflict(case: &Case<'_>, finding: &str) -> Error {
    let mut constraints = Vec::new();
    constraints.extend(case.constraints.max_assets().map(|count| format!("maximum assets {count}")));
    constraints.extend(case.constraints.min_position().map(|least| format!("minimum position {least}")));
    constraints.push("the other constraints".to_owned());
    let remedy = match (case.constraints.max_assets(), case.constraints.min_position()) {
        (Some(_), Some(_)) => "allow more assets or smaller positions",
        (Some(_), None) => "allow more assets",
        _ => "allow smaller positions",
    };
    Error::Conflict { constraints, remedy: format!("{finding}; {remedy}") }
}

fn targetless(objective: &Objectives) -> Objectives {
    match objective {
        Objectives::TargetReturn { .. } | Objectives::TargetRisk { .. } => objective.clone(),
        _ => Objectives::MinVariance,
    }
}

struct Tree<'a, 'b> {
    case: &'a Case<'b>,
    score: Score,
    best: Option<(Vec<Place>, Vec<f64>)>,
    nodes: usize,
    converged: bool,
}

impl Tree<'_, '_> {
    /// Goes through a node and all below it; `None` when the nodes are used up.
    fn explore(&mut self, decided: &mut Vec<Option<Place>>) -> Option<()> {
        self.nodes = self.nodes.checked_sub(1)?;
        let held = decided.iter().flatten().filter(|&&place| place != Place::Out).count();
        if held > most_assets(self.case) {
            return Some(());
        }
        let Some(weights) = self.relaxed(decided) else { return Some(()) };
        if !self.is_promising(&weights) {
            return Some(());
        }
        self.round(decided, &weights);
        if !self.is_promising(&weights) {
            return Some(());
        }
        let Some(asset) = self.most_undecided(decided, &weights) else { return Some(()) };
        let first = if weights[asset] < 0.0 { Place::Short } else { Place::Long };
        let second = if weights[asset] < 0.0 { Place::Long } else { Place::Short };
        for place in [first, Place::Out, second] {
            if bounds_at(self.case, asset, place).is_some() {
                decided[asset] = Some(place);
                self.explore(decided)?;
            }
        }
        decided[asset] = None;
        Some(())
    }

    /// The answer of a node.
    fn relaxed(&mut self, decided: &[Option<Place>]) -> Option<Vec<f64>> {
        let (mut lower, mut upper) = (Vec::new(), Vec::new());
        let full =
            decided.iter().flatten().filter(|&&place| place != Place::Out).count() == most_assets(self.case);
        for (asset, place) in decided.iter().enumerate() {
            let (low, high) = match place {
                Some(place) => bounds_at(self.case, asset, *place)?,
                // Nothing more may be held.
                None if full => bounds_at(self.case, asset, Place::Out)?,
                None => (self.case.region.lower[asset], self.case.region.upper[asset]),
            };
            lower.push(low);
            upper.push(high);
        }
        if lower.iter().sum::<f64>() > 1.0 + 1e-9 || upper.iter().sum::<f64>() < 1.0 - 1e-9 {
            return None;
        }
        let region = self.case.region.within(lower, upper);
        let anchor = Projector::new(&region).project(&self.case.anchor, None).to_vec();
        let (weights, converged) = optimum::convex(&self.score, &region, &anchor)?;
        self.converged &= converged;
        (region.violation(&weights) <= 1e-7).then_some(weights)
    }

    fn value(&self, weights: &[f64]) -> f64 {
        self.score.value(weights, &self.score.image(weights))
    }

    fn is_promising(&self, weights: &[f64]) -> bool {
        let Some((_, best)) = &self.best else { return true };
        let best = self.value(best);
        self.value(weights) > best + GAIN * best.abs()
    }

    /// The support next to a node's answer, if it is feasible and the best so far.
    fn round(&mut self, decided: &[Option<Place>], weights: &[f64]) {
        let case = self.case;
        let least = case.constraints.min_position().unwrap_or(0.0);
        let mut order: Vec<usize> = (0..weights.len()).collect();
        let must = |asset: usize| {
            decided[asset].is_some_and(|place| place != Place::Out)
                || bounds_at(case, asset, Place::Out).is_none()
        };
        order.sort_by(|&a, &b| {
            must(b).cmp(&must(a)).then(weights[b].abs().total_cmp(&weights[a].abs())).then(a.cmp(&b))
        });
        let mut places = vec![Place::Out; weights.len()];
        for &asset in order.iter().take(most_assets(case)) {
            let side = if weights[asset] < 0.0 { Place::Short } else { Place::Long };
            let held = weights[asset].abs() > NOTHING.max(0.5 * least);
            places[asset] = match decided[asset] {
                Some(place) => place,
                None if held || must(asset) => side,
                None => Place::Out,
            };
        }
        let Some(restricted) = restricted(case, &places) else { return };
        let found = optimum::convex(&self.score, &restricted.region, &restricted.anchor);
        if let Some((weights, _)) = found
            && restricted.region.violation(&weights) <= 1e-9
            && self.is_promising(&weights)
        {
            self.best = Some((places, weights));
        }
    }

    /// The undecided asset whose weight is largest, of those that the answer leaves open; `None` where the answer
    /// keeps both constraints as it is.
    fn most_undecided(&self, decided: &[Option<Place>], weights: &[f64]) -> Option<usize> {
        let least = self.case.constraints.min_position().unwrap_or(0.0);
        let count = weights.iter().filter(|weight| weight.abs() > NOTHING).count();
        let too_many = count > most_assets(self.case);
        let open = |asset: usize| {
            let size = weights[asset].abs();
            decided[asset].is_none() && size > NOTHING && (too_many || size < least - NOTHING)
        };
        (0..weights.len())
            .filter(|&asset| open(asset))
            .max_by(|&a, &b| weights[a].abs().total_cmp(&weights[b].abs()).then(b.cmp(&a)))
    }
}
