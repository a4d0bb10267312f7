//! Samplers over the feasible weights {l ≤ w ≤ u, Σw = 1}.
//!
//! Lower bounds are met by an affine shift: w = l + B·s with s on the simplex and B = 1 − Σl. Where no upper
//! bound can bind, s is drawn from `simplex`; otherwise w comes from `capped`. Rejection is not used: at
//! fifty assets it never accepts. What a group of sixteen portfolios draws is a function of the run key, the
//! group's number and, around elites, of the elites it is given.

mod capped;
mod elites;
mod simplex;

pub(crate) use elites::Elites;

use serde::{Deserialize, Serialize};

use crate::batch::Batch;
use crate::problem::Bounds;
use crate::random::{LaneStream, PortfolioStream, Purpose, RunKey};

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

    fn from_str(name: &str) -> Result<Self, Self::Err> {
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
        Self { kind, region: Region::new(bounds), portfolios, groups }
    }

    /// Fills `batch` with portfolios `16 · group` to `16 · group + 15`. The sampler's kind decides what they
    /// are drawn from; [`SamplerKind::Auto`] takes its kinds in turn by the group's number.
    #[inline(always)]
    pub fn draw(&self, group: u64, batch: &mut Batch) {
        let mut lanes = LaneStream::new(self.portfolios, group);
        self.draw_base(group, &mut lanes, batch);
    }

    /// The same, moved towards one of `elites`; without any it is [`draw`](Self::draw).
    pub(crate) fn draw_around(&self, group: u64, elites: &Elites, batch: &mut Batch) {
        let mut lanes = LaneStream::new(self.portfolios, group);
        self.draw_base(group, &mut lanes, batch);
        elites.mix(group, &mut lanes, batch);
    }

    #[inline(always)]
    fn draw_base(&self, group: u64, lanes: &mut LaneStream, batch: &mut Batch) {
        if self.region.capped {
            let mut shared = PortfolioStream::new(self.groups, group);
            let near_uniform = match self.kind {
                SamplerKind::Uniform => true,
                SamplerKind::FaceEdgeVertex => false,
                // Hit-and-run costs some twenty times a mixture of vertices.
                SamplerKind::Auto => group.is_multiple_of(16),
            };
            if near_uniform {
                capped::hit_and_run(&self.region, capped::SWEEPS, lanes, &mut shared, batch);
            } else {
                capped::vertex_mixture(&self.region, group, lanes, &mut shared, batch);
            }
        } else {
            let squarings = match self.kind {
                SamplerKind::Uniform => 0,
                SamplerKind::FaceEdgeVertex | SamplerKind::Auto => simplex::squarings(group),
            };
            simplex::draw(&self.region, squarings, lanes, batch);
        }
    }
}

#[cfg(test)]
mod tests;
