//! The portfolio problems as Clarabel takes them: an interior-point solver that shares nothing with the
//! kernel's own. Inputs are rescaled to unit mean variance, tolerances are 1e-12.
#![allow(dead_code, reason = "each test crate uses its part")]

use clarabel::algebra::CscMatrix;
use clarabel::solver::{
    DefaultSettings, DefaultSolver, IPSolver, NonnegativeConeT, SolverStatus, SupportedConeT, ZeroConeT,
};

/// A minimum-variance or tangency problem; the covariance is row-major.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reference<'a> {
    pub(crate) mean: &'a [f64],
    pub(crate) covariance: &'a [f64],
    pub(crate) lower: &'a [f64],
    pub(crate) upper: &'a [f64],
    pub(crate) risk_free: f64,
}

/// What Clarabel found.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// Its weights, rescaled to sum to one; they satisfy the bounds to about the solver's tolerance.
    pub(crate) weights: Vec<f64>,
    /// True when every tolerance was met.
    pub(crate) solved: bool,
}

/// Rows of `A x ≤ b` or `A x = b`, dense.
struct Rows {
    entries: Vec<Vec<f64>>,
    limits: Vec<f64>,
}

impl Rows {
    fn new() -> Self {
        Self { entries: Vec::new(), limits: Vec::new() }
    }

    fn push(&mut self, row: Vec<f64>, limit: f64) {
        self.entries.push(row);
        self.limits.push(limit);
    }
}

impl Reference<'_> {
    fn assets(&self) -> usize {
        self.mean.len()
    }

    fn unit_row(&self, asset: usize, sign: f64) -> Vec<f64> {
        let mut row = vec![0.0; self.assets()];
        row[asset] = sign;
        row
    }

    /// The smallest variance.
    pub(crate) fn min_variance(&self) -> Answer {
        self.quadratic(None)
    }

    /// The smallest variance of all portfolios with the given mean (as an equality).
    pub(crate) fn min_variance_at(&self, mean: f64) -> Answer {
        self.quadratic(Some(mean))
    }

    /// The smallest `½ wᵀΣw − tolerance · mean·w`.
    pub(crate) fn utility(&self, tolerance: f64) -> Answer {
        let assets = self.assets();
        let mut rows = Rows::new();
        rows.push(vec![1.0; assets], 1.0);
        self.push_bounds(&mut rows);
        let typical = self.typical();
        let linear: Vec<f64> = self.mean.iter().map(|mean| -tolerance * mean / typical).collect();
        self.run(&rows, 1, &linear)
    }

    fn push_bounds(&self, rows: &mut Rows) {
        for asset in 0..self.assets() {
            rows.push(self.unit_row(asset, -1.0), -self.lower[asset]);
            rows.push(self.unit_row(asset, 1.0), self.upper[asset]);
        }
    }

    fn typical(&self) -> f64 {
        let assets = self.assets();
        (0..assets).map(|i| self.covariance[i * assets + i]).sum::<f64>() / assets as f64
    }

    fn quadratic(&self, target: Option<f64>) -> Answer {
        let assets = self.assets();
        let mut rows = Rows::new();
        rows.push(vec![1.0; assets], 1.0);
        if let Some(target) = target {
            // Centred: the row would be nearly parallel to that of the sum.
            let centre = self.mean.iter().sum::<f64>() / assets as f64;
            let spread = self.mean.iter().fold(0.0_f64, |most, m| most.max((m - centre).abs()));
            if spread > 0.0 {
                let row = self.mean.iter().map(|m| (m - centre) / spread).collect();
                rows.push(row, (target - centre) / spread);
            }
        }
        let equalities = rows.limits.len();
        self.push_bounds(&mut rows);
        self.run(&rows, equalities, &vec![0.0; assets])
    }

    /// The largest Sharpe ratio: `min yᵀΣy` subject to `(μ − r_f)·y = 1` and `l κ ≤ y ≤ u κ` with `κ = 1·y`.
    /// Some feasible portfolio must have a positive excess mean.
    pub(crate) fn max_sharpe(&self) -> Answer {
        let assets = self.assets();
        let excess: Vec<f64> = self.mean.iter().map(|m| m - self.risk_free).collect();
        let size = excess.iter().fold(0.0_f64, |most, e| most.max(e.abs()));
        let mut rows = Rows::new();
        rows.push(excess.iter().map(|e| e / size).collect(), 1.0);
        for asset in 0..assets {
            let mut row = vec![self.lower[asset]; assets];
            row[asset] -= 1.0;
            rows.push(row, 0.0);
            if self.upper[asset] < 1.0 || self.lower.iter().any(|&bound| bound < 0.0) {
                let mut row = vec![-self.upper[asset]; assets];
                row[asset] += 1.0;
                rows.push(row, 0.0);
            }
        }
        rows.push(vec![-1.0; assets], 0.0);
        self.run(&rows, 1, &vec![0.0; assets])
    }

    fn run(&self, rows: &Rows, equalities: usize, linear: &[f64]) -> Answer {
        let assets = self.assets();
        let typical = self.typical();
        let quadratic: Vec<Vec<f64>> = self
            .covariance
            .chunks_exact(assets)
            .enumerate()
            .map(|(row, entries)| {
                entries
                    .iter()
                    .enumerate()
                    .map(|(column, e)| if column < row { 0.0 } else { e / typical })
                    .collect()
            })
            .collect();
        let cones: [SupportedConeT<f64>; 2] =
            [ZeroConeT(equalities), NonnegativeConeT(rows.limits.len() - equalities)];
        let settings = DefaultSettings {
            verbose: false,
            max_iter: 200,
            tol_gap_abs: 1e-12,
            tol_gap_rel: 1e-12,
            tol_feas: 1e-12,
            ..DefaultSettings::default()
        };
        let mut solver = DefaultSolver::new(
            &CscMatrix::from(&quadratic),
            linear,
            &CscMatrix::from(&rows.entries),
            &rows.limits,
            &cones,
            settings,
        )
        .unwrap();
        solver.solve();
        let sum: f64 = solver.solution.x.iter().sum();
        Answer {
            weights: solver.solution.x.iter().map(|x| x / sum).collect(),
            solved: solver.solution.status == SolverStatus::Solved,
        }
    }
}
