//! Samplers over the feasible weights {l ≤ w ≤ u, Σw = 1}.
//!
//! Lower bounds are met by an affine shift: w = l + B·s with s on the simplex and B = 1 − Σl. Where no upper
//! bound can bind, s is drawn from `simplex`; otherwise w comes from `capped`. Rejection is not used: at
//! fifty assets it never accepts. What a group of sixteen portfolios draws is a function of the run key, the
//! group's number and, around elites, of the elites it is given.

mod capped;
mod elites;
mod simplex;
mod tile;

pub(crate) use elites::Elites;
pub(crate) use tile::Tile;

use serde::{Deserialize, Serialize};

use crate::batch::{Batch, Evaluator, ScaledProblem};
use crate::error::Result;
use crate::problem::Bounds;
use crate::random::{LaneStream, PortfolioStream, Purpose, RunKey};
use crate::simd::{GROUPS, InstructionSet, Machine};

/// Slack within which an upper bound that cannot bind counts as absent.
const CAP_TOLERANCE: f64 = 1e-12;

/// How portfolios are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SamplerKind {
    /// Face-edge-vertex biased and near uniform portfolios in turn, and from the second chunk of each block on
    /// as many around the best so far.
    #[default]
    Auto,
    /// Uniform over the feasible set: exponential spacings, or hit-and-run where upper bounds can bind.
    Uniform,
    /// Biased towards faces, edges and vertices (Shaw 2010), or towards mixtures of few vertices where upper
    /// bounds can bind.
    FaceEdgeVertex,
}

impl SamplerKind {
    /// The name used in settings and interfaces.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Uniform => "uniform",
            Self::FaceEdgeVertex => "face-edge-vertex",
        }
    }
}

impl std::str::FromStr for SamplerKind {
    type Err = String;

    fn from_str(name: &str) -> std::result::Result<Self, Self::Err> {
        [Self::Auto, Self::Uniform, Self::FaceEdgeVertex]
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| format!("unknown sampler {name:?}; expected auto, uniform or face-edge-vertex"))
    }
}

/// Draws the portfolios of one problem's bounds, sixteen at a time.
#[derive(Debug, Clone)]
pub struct Sampler {
    kind: SamplerKind,
    region: Region,
    portfolios: RunKey,
    groups: RunKey,
    machine: Machine,
}

/// The feasible set in the terms the samplers need.
#[derive(Debug, Clone)]
struct Region {
    lower: Vec<f32>,
    upper: Vec<f32>,
    /// What is left to distribute above the lower bounds.
    budget: f32,
    /// Upper minus lower bound, for filling vertices.
    room: Vec<f64>,
    exact_lower: Vec<f64>,
    exact_budget: f64,
    /// Whether an upper bound can bind.
    capped: bool,
}

impl Region {
    fn new(bounds: &Bounds) -> Self {
        let budget = (1.0 - bounds.lower().iter().sum::<f64>()).max(0.0);
        let room: Vec<f64> =
            bounds.upper().iter().zip(bounds.lower()).map(|(high, low)| high - low).collect();
        Self {
            lower: bounds.lower().iter().map(|&bound| bound as f32).collect(),
            upper: bounds.upper().iter().map(|&bound| bound as f32).collect(),
            budget: budget as f32,
            capped: room.iter().any(|&room| room < budget - CAP_TOLERANCE),
            room,
            exact_lower: bounds.lower().to_vec(),
            exact_budget: budget,
        }
    }
}

impl Sampler {
    /// The sampler of a Monte Carlo run.
    #[must_use]
    pub fn new(bounds: &Bounds, kind: SamplerKind, seed: u64, stream: u64) -> Self {
        Self::with_purposes(
            bounds,
            kind,
            [Purpose::Portfolios, Purpose::Groups].map(|p| RunKey::new(seed, stream, p)),
        )
    }

    /// The sampler of a live population: other numbers than those of the run with the same seed.
    pub(crate) fn population(bounds: &Bounds, seed: u64, stream: u64) -> Self {
        let keys = [Purpose::Population, Purpose::PopulationGroups].map(|p| RunKey::new(seed, stream, p));
        Self::with_purposes(bounds, SamplerKind::Auto, keys)
    }

    fn with_purposes(bounds: &Bounds, kind: SamplerKind, [portfolios, groups]: [RunKey; 2]) -> Self {
        Self { kind, region: Region::new(bounds), portfolios, groups, machine: Machine::detect() }
    }

    /// The same sampler on a given instruction set; the weights have the same bits under each.
    ///
    /// # Errors
    /// An instruction set that this processor does not have.
    pub fn with_instructions(mut self, set: InstructionSet) -> Result<Self> {
        self.machine = set.machine()?;
        Ok(self)
    }

    /// Fills `batch` with portfolios `16 · group` to `16 · group + 15`. The sampler's kind decides what they
    /// are drawn from; [`SamplerKind::Auto`] takes its kinds in turn by the group's number.
    pub fn draw(&self, group: u64, batch: &mut Batch) {
        self.draw_around(group, None, batch);
    }

    /// The same, moved towards some of `elites`, if there are any.
    pub(crate) fn draw_around(&self, group: u64, elites: Option<&Elites>, batch: &mut Batch) {
        if self.region.capped {
            self.draw_capped(group, elites, batch);
        } else {
            let recipe = simplex::recipe(self.kind, group, elites);
            simplex::draw(&self.region, self.machine, self.portfolios.seeds(group), recipe, batch);
        }
    }

    /// Draws the next groups of `tile`: the first `groups` are those from `first` on.
    #[inline]
    pub(crate) fn draw_tile(&self, first: u64, groups: usize, elites: Option<&Elites>, tile: &mut Tile) {
        let numbers: [u64; GROUPS] = std::array::from_fn(|group| first + group as u64);
        if self.region.capped {
            for (place, &group) in numbers.iter().enumerate().take(groups) {
                self.draw_capped(group, elites, tile.batch());
                tile.take_batch(place);
            }
        } else {
            let seeds = numbers.map(|group| self.portfolios.seeds(group));
            let recipes = numbers.map(|group| simplex::recipe(self.kind, group, elites));
            tile.draw(self.machine, &seeds, &recipes[..groups]);
        }
    }

    /// Whether [`evaluate_and_draw`](Self::evaluate_and_draw) does both at once.
    #[inline]
    pub(crate) fn draws_between(&self) -> bool {
        !self.region.capped && self.machine.draws_between(self.region.lower.len())
    }

    /// Evaluates all present groups of `tile` and draws the next as [`draw_tile`](Self::draw_tile) does, both at once
    /// where that is faster.
    #[inline]
    pub(crate) fn evaluate_and_draw(
        &self,
        first: u64,
        groups: usize,
        elites: Option<&Elites>,
        tile: &mut Tile,
    ) {
        if !self.draws_between() {
            tile.evaluate(GROUPS);
            return self.draw_tile(first, groups, elites, tile);
        }
        let numbers: [u64; GROUPS] = std::array::from_fn(|group| first + group as u64);
        let seeds = numbers.map(|group| self.portfolios.seeds(group));
        let recipes = numbers.map(|group| simplex::recipe(self.kind, group, elites));
        tile.evaluate_drawing(&seeds, &recipes[..groups]);
    }

    /// The best of some portfolios, to draw around.
    pub(crate) fn elites<'a>(&self, portfolios: impl IntoIterator<Item = &'a [f64]>) -> Elites {
        let region = &self.region;
        if region.capped || region.exact_budget <= 0.0 {
            return Elites::new(portfolios, |_, weight| weight as f32);
        }
        // Points of the simplex, which is what is drawn.
        Elites::new(portfolios, |asset, weight| {
            ((weight - region.exact_lower[asset]) / region.exact_budget) as f32
        })
    }

    /// The instruction set that it draws with.
    pub(crate) fn machine(&self) -> Machine {
        self.machine
    }

    /// Room for four groups of this sampler and the evaluator of what is drawn into it.
    pub(crate) fn tile(&self, problem: &ScaledProblem) -> Tile {
        let region = &self.region;
        if region.capped {
            return Tile::new(Evaluator::of(problem, self.machine), vec![0.0; region.lower.len()], 1.0);
        }
        let evaluator =
            Evaluator::of_simplex(problem, self.machine, &region.exact_lower, region.exact_budget);
        Tile::new(evaluator, region.lower.clone(), region.budget)
    }

    fn draw_capped(&self, group: u64, elites: Option<&Elites>, batch: &mut Batch) {
        let mut lanes = LaneStream::new(self.portfolios, group);
        let mut shared = PortfolioStream::new(self.groups, group);
        let near_uniform = match self.kind {
            SamplerKind::Uniform => true,
            SamplerKind::FaceEdgeVertex => false,
            // Hit-and-run costs some twenty times a mixture of vertices.
            SamplerKind::Auto => group.is_multiple_of(16),
        };
        if near_uniform {
            capped::hit_and_run(&self.region, capped::SWEEPS, &mut lanes, &mut shared, batch);
        } else {
            capped::vertex_mixture(&self.region, self.machine, group, &mut lanes, &mut shared, batch);
        }
        if let Some(elites) = elites {
            elites.mix(group, &mut lanes, batch);
        }
    }
}

#[cfg(test)]
mod tests;
