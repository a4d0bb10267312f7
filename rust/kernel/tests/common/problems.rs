//! Random problems of every kind the exact solvers must answer, and the checks shared by their tests.
#![allow(dead_code, reason = "each test crate uses its part")]

use silverbullet_kernel::{Bounds, Problem, SymmetricMatrix};

/// SplitMix64 (Steele, Lea & Flood 2014): enough for test data.
#[derive(Debug, Clone)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform in [0, 1).
    pub(crate) fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    pub(crate) fn below(&mut self, count: usize) -> usize {
        (self.bits() % count as u64) as usize
    }

    pub(crate) fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.uniform()).ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

/// What is special about a random problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    WellConditioned,
    TickScale,
    NearSingular,
    SingularRisky,
    SingularRiskless,
    FewSamples,
    NegativeMeans,
    Duplicates,
    TiedMeans,
}

impl Kind {
    pub(crate) const ALL: [Self; 9] = [
        Self::WellConditioned,
        Self::TickScale,
        Self::NearSingular,
        Self::SingularRisky,
        Self::SingularRiskless,
        Self::FewSamples,
        Self::NegativeMeans,
        Self::Duplicates,
        Self::TiedMeans,
    ];
}

/// `Z Zᵀ` with the rows of `Z` given.
fn outer(rows: &[Vec<f64>]) -> SymmetricMatrix {
    SymmetricMatrix::from_lower(rows.len(), |i, j| rows[i].iter().zip(&rows[j]).map(|(a, b)| a * b).sum())
}

fn loadings(random: &mut Random, assets: usize, factors: usize) -> Vec<Vec<f64>> {
    (0..assets)
        .map(|_| {
            let volatility = random.between(0.5, 2.0);
            (0..factors)
                .map(|k| {
                    let market = if k == 0 { random.between(0.4, 1.2) } else { 0.0 };
                    volatility * (market + 0.6 * random.normal() * f64::from(u8::from(k > 0)))
                })
                .collect()
        })
        .collect()
}

fn with_diagonal(matrix: &SymmetricMatrix, mut extra: impl FnMut(usize) -> f64) -> SymmetricMatrix {
    let extra: Vec<f64> = (0..matrix.order()).map(&mut extra).collect();
    SymmetricMatrix::from_lower(matrix.order(), |i, j| matrix.get(i, j) + if i == j { extra[i] } else { 0.0 })
}

fn covariance(random: &mut Random, kind: Kind, assets: usize) -> SymmetricMatrix {
    match kind {
        Kind::NearSingular => {
            let matrix = outer(&loadings(random, assets, (assets / 2).max(1)));
            let floor = 10f64.powf(random.between(-10.0, -6.0));
            with_diagonal(&matrix, |_| floor)
        }
        Kind::SingularRisky => outer(&loadings(random, assets, (assets / 3).max(1))),
        Kind::SingularRiskless => {
            let mut rows = loadings(random, assets, (assets / 2).max(1));
            let hedge: Vec<f64> = (0..assets).map(|_| random.between(0.5, 1.5)).collect();
            let total: f64 = hedge.iter().sum();
            for k in 0..rows[0].len() {
                let mean: f64 = rows.iter().zip(&hedge).map(|(row, h)| row[k] * h / total).sum();
                rows.iter_mut().for_each(|row| row[k] -= mean);
            }
            outer(&rows)
        }
        Kind::FewSamples => {
            let beta: Vec<f64> = (0..assets).map(|_| random.between(0.8, 1.2)).collect();
            let bars = (assets / 2).max(2);
            let market: Vec<f64> = (0..bars).map(|_| 2.0 * random.normal()).collect();
            let mut rows: Vec<Vec<f64>> =
                beta.iter().map(|b| market.iter().map(|m| b * m + 0.4 * random.normal()).collect()).collect();
            for row in &mut rows {
                let mean = row.iter().sum::<f64>() / bars as f64;
                row.iter_mut().for_each(|x| *x = (*x - mean) / ((bars - 1) as f64).sqrt());
            }
            outer(&rows)
        }
        _ => {
            let matrix = outer(&loadings(random, assets, 3));
            with_diagonal(&matrix, |_| random.between(0.1, 1.0))
        }
    }
}

fn bounds(random: &mut Random, assets: usize) -> Bounds {
    let equal = 1.0 / assets as f64;
    let short = random.below(3) == 0;
    let lower = (0..assets)
        .map(|_| match random.below(3) {
            0 if short => -random.between(0.0, 0.3),
            1 => random.between(0.0, 0.8) * equal,
            _ => 0.0,
        })
        .collect();
    let upper = (0..assets)
        .map(|_| {
            equal * if random.below(2) == 0 { random.between(1.0, 2.0) } else { random.between(1.0, 10.0) }
        })
        .collect();
    Bounds::new(lower, upper).unwrap()
}

/// A random problem of the given kind; `bounded` draws bounds other than long-only.
pub(crate) fn problem(random: &mut Random, kind: Kind, assets: usize, bounded: bool) -> Problem {
    let mut matrix = covariance(random, kind, assets);
    let mut mean: Vec<f64> = (0..assets).map(|_| 0.02 + 0.1 * random.normal()).collect();
    match kind {
        Kind::NegativeMeans => mean.iter_mut().for_each(|m| *m = -m.abs() - 1e-3),
        Kind::TiedMeans => mean.iter_mut().for_each(|m| *m = [0.01, 0.05, 0.05, -0.02][random.below(4)]),
        Kind::Duplicates => {
            let source: Vec<usize> = (0..assets).map(|i| if i % 2 == 1 { i - 1 } else { i }).collect();
            matrix = matrix.principal(&source);
            mean = source.iter().map(|&i| mean[i]).collect();
        }
        _ => {}
    }
    if kind == Kind::TickScale {
        matrix.as_mut_slice().iter_mut().for_each(|entry| *entry *= 1e-10);
        mean.iter_mut().for_each(|m| *m *= 1e-5);
    }
    let problem = Problem::new(mean, matrix, 250).unwrap();
    if bounded { problem.with_bounds(bounds(random, assets)).unwrap() } else { problem }
}

/// The median standard deviation of the assets.
pub(crate) fn median_volatility(problem: &Problem) -> f64 {
    let mut volatility: Vec<f64> =
        (0..problem.assets()).map(|i| problem.covariance().diagonal(i).max(0.0).sqrt()).collect();
    volatility.sort_by(f64::total_cmp);
    volatility[volatility.len() / 2]
}

/// `½ wᵀΣw − t μ·w` is at most this far above its optimum: the Frank-Wolfe gap `g·w − min_v g·v`, which
/// needs no solver.
pub(crate) fn frank_wolfe_gap(problem: &Problem, mean: &[f64], tolerance: f64, weights: &[f64]) -> f64 {
    let mut gradient = vec![0.0; weights.len()];
    problem.covariance().multiply_into(weights, &mut gradient);
    for (g, m) in gradient.iter_mut().zip(mean) {
        *g = tolerance * m - *g;
    }
    let best = problem.bounds().greedy_fill(&gradient);
    gradient.iter().zip(best.iter().zip(weights)).map(|(g, (v, w))| g * (v - w)).sum()
}
