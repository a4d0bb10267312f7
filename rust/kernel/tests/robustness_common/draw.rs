//! Random questions to the kernel, sound and unsound: what the caller would hand over, before any validation.

use silverbullet_kernel::{Bounds, Problem, Result, SymmetricMatrix};

use super::source::Source;

/// The arguments of the constructors, and what they must make of them.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    pub(crate) mean: Vec<f64>,
    pub(crate) covariance: SymmetricMatrix,
    pub(crate) shrunk: Option<SymmetricMatrix>,
    pub(crate) lower: Vec<f64>,
    pub(crate) upper: Vec<f64>,
    pub(crate) risk_free: f64,
    pub(crate) observations: usize,
    /// True where the arguments are sound by construction, false where they are unsound by construction, `None`
    /// where that is left to the constructors.
    pub(crate) sound: Option<bool>,
}

impl Question {
    pub(crate) fn draw(source: &mut impl Source) -> Self {
        let assets = match source.below(8) {
            0 => 1,
            1 => 2,
            7 => 9 + source.below(12),
            _ => 3 + source.below(6),
        };
        let (lower, upper) = bounds(source, assets);
        let mut question = Self {
            mean: means(source, assets),
            covariance: covariance(source, assets),
            shrunk: None,
            lower,
            upper,
            risk_free: if source.one_in(3) { 0.01 * source.normal() } else { 0.0 },
            observations: [250, 1, 2, 1_000_000][source.below(4)],
            sound: Some(true),
        };
        if source.one_in(4) {
            question.shrunk = Some(covariance(source, assets));
        }
        if source.one_in(6) {
            question.duplicate(source);
        }
        question.rescale(source);
        if source.one_in(4) {
            question.spoil(source);
        }
        question
    }

    /// Makes some assets copies of others.
    fn duplicate(&mut self, source: &mut impl Source) {
        let assets = self.mean.len();
        let from: Vec<usize> =
            (0..assets).map(|asset| if source.one_in(2) { source.below(assets) } else { asset }).collect();
        self.covariance = self.covariance.principal(&from);
        self.mean = from.iter().map(|&asset| self.mean[asset]).collect();
    }

    /// Units from those of ticks to absurd ones, for all returns alike or asset by asset. Powers of two keep a
    /// covariance positive semi-definite to the last bit.
    fn rescale(&mut self, source: &mut impl Source) {
        let assets = self.mean.len();
        let width = [0.0, 0.0, 20.0, 40.0, 150.0, 380.0][source.below(6)];
        let common = source.between(-width, width).round();
        let own = if source.one_in(5) { [1.0, 8.0, 20.0][source.below(3)] } else { 0.0 };
        let units: Vec<f64> =
            (0..assets).map(|_| (common + source.between(-own, own).round()).exp2()).collect();
        let means = if source.one_in(6) { source.between(-60.0, 60.0).round().exp2() } else { 1.0 };
        let scaled = |matrix: &SymmetricMatrix| {
            SymmetricMatrix::from_lower(assets, |i, j| matrix.get(i, j) * units[i] * units[j])
        };
        for matrix in std::iter::once(&mut self.covariance).chain(&mut self.shrunk) {
            *matrix = scaled(matrix);
        }
        self.mean.iter_mut().zip(&units).for_each(|(mean, unit)| *mean *= unit * means);
        self.risk_free *= common.exp2();
    }

    /// Puts something in that does not belong there.
    fn spoil(&mut self, source: &mut impl Source) {
        const STRANGE: [f64; 8] =
            [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN, f64::MIN_POSITIVE, 5e-324, -0.0];
        let assets = self.mean.len();
        let asset = source.below(assets);
        let value = STRANGE[source.below(STRANGE.len())];
        self.sound = if value.is_finite() { None } else { Some(false) };
        match source.below(9) {
            0 => self.mean[asset] = value,
            1 => self.covariance.set(asset, source.below(assets), value),
            2 => self.lower[asset] = value,
            3 => self.upper[asset] = value,
            4 => self.risk_free = value,
            5 => {
                let other = source.below(assets);
                let entry = &mut self.covariance.as_mut_slice()[asset * assets + other];
                *entry += source.normal();
                self.sound = None;
            }
            6 => {
                let entry = self.covariance.diagonal(asset);
                self.covariance.set(asset, asset, -entry);
                self.sound = (entry > 1e-8 * self.covariance.trace().abs()).then_some(false);
            }
            7 => {
                (self.lower[asset], self.upper[asset]) = (self.upper[asset] + 0.5, self.lower[asset]);
                self.sound = Some(false);
            }
            _ => self.misshape(source),
        }
    }

    fn misshape(&mut self, source: &mut impl Source) {
        self.sound = Some(false);
        match source.below(5) {
            0 => self.mean.push(0.0),
            1 => self.mean.clear(),
            2 => self.covariance = SymmetricMatrix::zeros(self.mean.len() + 1),
            3 => self.observations = 0,
            _ => self.upper.push(1.0),
        }
    }

    /// The problem, by the constructors.
    pub(crate) fn problem(&self) -> Result<Problem> {
        let bounds = Bounds::new(self.lower.clone(), self.upper.clone())?;
        let problem = Problem::new(self.mean.clone(), self.covariance.clone(), self.observations)?
            .with_risk_free(self.risk_free)?
            .with_bounds(bounds)?;
        match &self.shrunk {
            Some(shrunk) => problem.with_shrunk(shrunk.clone()),
            None => Ok(problem),
        }
    }
}

fn means(source: &mut impl Source, assets: usize) -> Vec<f64> {
    let kind = source.below(6);
    (0..assets)
        .map(|_| match kind {
            0 => 0.0,
            1 => -1e-3 - 0.01 * source.normal().abs(),
            2 => [0.01, 0.05, 0.05, -0.02][source.below(4)],
            _ => 0.01 + 0.05 * source.normal(),
        })
        .collect()
}

/// Z Zᵀ (+ D), with fewer factors than assets at times, and assets without any variance.
fn covariance(source: &mut impl Source, assets: usize) -> SymmetricMatrix {
    let kind = source.below(8);
    let factors = match kind {
        0 => 0,
        1 => 1,
        2 => 1 + source.below(assets),
        _ => 3,
    };
    let mut loadings: Vec<Vec<f64>> = (0..assets)
        .map(|_| {
            let dead = matches!(kind, 1..=3) && source.one_in(4);
            (0..factors).map(|_| if dead { 0.0 } else { source.normal() }).collect()
        })
        .collect();
    if kind == 4 && assets > 1 {
        // Equal weights have no risk.
        for factor in 0..factors {
            let mean = loadings.iter().map(|row| row[factor]).sum::<f64>() / assets as f64;
            loadings.iter_mut().for_each(|row| row[factor] -= mean);
        }
    }
    let own: Vec<f64> = (0..assets)
        .map(|_| match kind {
            0 => [0.0, 0.0, 1.0][source.below(3)],
            1..=4 => 0.0,
            5 => 10f64.powf(source.between(-16.0, -4.0)),
            _ => source.between(0.1, 1.0),
        })
        .collect();
    SymmetricMatrix::from_lower(assets, |i, j| {
        let shared: f64 = loadings[i].iter().zip(&loadings[j]).map(|(a, b)| a * b).sum();
        shared + if i == j { own[i] } else { 0.0 }
    })
}

/// Bounds within which weights that sum to one exist.
fn bounds(source: &mut impl Source, assets: usize) -> (Vec<f64>, Vec<f64>) {
    let equal = 1.0 / assets as f64;
    let kind = source.below(6);
    let wide = [1.0, 1.0, 30.0, 5e3][source.below(4)];
    (0..assets)
        .map(|_| match kind {
            0 | 1 => (0.0, 1.0),
            2 => (equal * source.between(0.0, 1.0), equal * source.between(1.0, 3.0)),
            3 => (-wide * source.between(0.0, 1.0), equal + wide * source.between(0.0, 1.0)),
            // Some weights are fixed, others nearly so.
            4 if source.one_in(2) => (equal, equal),
            4 => (equal - [0.0, 1e-14, 1e-9][source.below(3)], equal + [1e-14, 1e-9, 0.5][source.below(3)]),
            _ => ([0.0, -0.3, -1.0][source.below(3)], [equal, 0.5_f64.max(equal), 1.0][source.below(3)]),
        })
        .unzip()
}
