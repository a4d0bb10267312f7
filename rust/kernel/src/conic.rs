//! Convex problems for Clarabel, an interior-point solver (Goulart & Chen 2024), row by row.
//!
//! `min ½ xᵀPx + q·x` subject to equalities, inequalities and second-order cones. The caller brings numbers
//! near one: tolerances are 1e-12, which data at the scale of tick returns would meet without being solved.

use clarabel::algebra::CscMatrix;
use clarabel::solver::{
    DefaultSettings, DefaultSolver, IPSolver, NonnegativeConeT, SecondOrderConeT, SolverStatus,
    SupportedConeT, ZeroConeT,
};

/// Entries of a row: variable and coefficient.
pub(crate) type Row = Vec<(usize, f64)>;

/// Asked for first; where rounding does not let the solver get there, the second is what is accepted.
const TOLERANCES: [f64; 2] = [1e-12, 1e-9];

/// A problem under construction.
#[derive(Debug, Clone, Default)]
pub(crate) struct Model {
    variables: usize,
    quadratic: Vec<(usize, usize, f64)>,
    linear: Vec<f64>,
    equalities: Vec<(Row, f64)>,
    inequalities: Vec<(Row, f64)>,
    cones: Vec<Vec<(Row, f64)>>,
}

/// What came out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Outcome {
    /// The optimum, to the tolerances, and the dual of the first cone's first value (zero without one).
    Solved(Vec<f64>, f64),
    /// The best point reached: only reduced tolerances were met.
    Reached(Vec<f64>, f64),
    /// No point satisfies the rows, or the value falls without end.
    Infeasible,
}

impl Model {
    /// Adds `count` variables and gives the position of the first.
    pub(crate) fn variables(&mut self, count: usize) -> usize {
        let first = self.variables;
        self.variables += count;
        self.linear.resize(self.variables, 0.0);
        first
    }

    /// Adds `value` to the cost of a variable.
    pub(crate) fn cost(&mut self, variable: usize, value: f64) {
        self.linear[variable] += value;
    }

    /// Adds `value · x_row · x_column` (half of it on the diagonal) to the cost: one entry of P, `row <= column`.
    pub(crate) fn curve(&mut self, row: usize, column: usize, value: f64) {
        self.quadratic.push((row, column, value));
    }

    /// row · x = limit
    pub(crate) fn equal(&mut self, row: Row, limit: f64) {
        self.equalities.push((row, limit));
    }

    /// row · x ≤ limit
    pub(crate) fn at_most(&mut self, row: Row, limit: f64) {
        self.inequalities.push((row, limit));
    }

    /// The first of the values (row · x + constant) is at least the Euclidean norm of the others.
    pub(crate) fn norm(&mut self, values: Vec<(Row, f64)>) {
        self.cones.push(values);
    }

    /// Solves it.
    pub(crate) fn solve(&self) -> Outcome {
        let mut reached = None;
        for tolerance in TOLERANCES {
            let (status, x, dual) = self.run(tolerance);
            match status {
                SolverStatus::Solved => return Outcome::Solved(x, dual),
                SolverStatus::PrimalInfeasible
                | SolverStatus::DualInfeasible
                | SolverStatus::AlmostPrimalInfeasible
                | SolverStatus::AlmostDualInfeasible => return Outcome::Infeasible,
                _ if reached.is_none() && x.iter().all(|value| value.is_finite()) => {
                    reached = Some((x, dual));
                }
                _ => {}
            }
        }
        reached.map_or(Outcome::Infeasible, |(x, dual)| Outcome::Reached(x, dual))
    }

    fn run(&self, tolerance: f64) -> (SolverStatus, Vec<f64>, f64) {
        let settings = DefaultSettings {
            verbose: false,
            max_iter: 200,
            tol_gap_abs: tolerance,
            tol_gap_rel: tolerance,
            tol_feas: tolerance,
            ..DefaultSettings::default()
        };
        let (mut rows, mut columns, mut values, mut limits) = (vec![], vec![], vec![], vec![]);
        let mut push = |row: &Row, sign: f64, limit: f64| {
            for &(variable, value) in row {
                rows.push(limits.len());
                columns.push(variable);
                values.push(sign * value);
            }
            limits.push(limit);
        };
        self.equalities.iter().chain(&self.inequalities).for_each(|(row, limit)| push(row, 1.0, *limit));
        // The slack b − Ax lies in the cone, so a value enters with its sign turned.
        self.cones.iter().flatten().for_each(|(row, constant)| push(row, -1.0, *constant));
        let mut cones: Vec<SupportedConeT<f64>> = Vec::new();
        if !self.equalities.is_empty() {
            cones.push(ZeroConeT(self.equalities.len()));
        }
        if !self.inequalities.is_empty() {
            cones.push(NonnegativeConeT(self.inequalities.len()));
        }
        cones.extend(self.cones.iter().map(|cone| SecondOrderConeT(cone.len())));
        let constraints = CscMatrix::new_from_triplets(limits.len(), self.variables, rows, columns, values);
        let entries = |of: fn(&(usize, usize, f64)) -> usize| self.quadratic.iter().map(of).collect();
        let curvature = CscMatrix::new_from_triplets(
            self.variables,
            self.variables,
            entries(|entry| entry.0),
            entries(|entry| entry.1),
            self.quadratic.iter().map(|entry| entry.2).collect(),
        );
        let solver = DefaultSolver::new(&curvature, &self.linear, &constraints, &limits, &cones, settings);
        let Ok(mut solver) = solver else { return (SolverStatus::NumericalError, vec![f64::NAN], 0.0) };
        solver.solve();
        let cone = self.equalities.len() + self.inequalities.len();
        let dual = solver.solution.z.get(cone).copied().unwrap_or(0.0);
        (solver.solution.status, solver.solution.x.clone(), dual)
    }
}
