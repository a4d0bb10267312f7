//! Where drawn scenarios come from.

use std::ops::Range;

use super::Scenarios;
use super::bootstrap::Bootstrap;
use super::factor::Factor;
use super::normal::{chi_squared, fill_normal};
use crate::error::{Error, Result, require_finite};
use crate::matrix::{SymmetricMatrix, dot};
use crate::problem::Problem;
use crate::random::{PortfolioStream, Purpose, RunKey};

/// What the matrix of a Student t distribution means.
#[derive(Debug, Clone, PartialEq)]
pub enum Spread {
    /// The covariance of the returns.
    Covariance(SymmetricMatrix),
    /// The scale matrix S; the covariance is `ν / (ν − 2) · S`.
    Scale(SymmetricMatrix),
}

/// A distribution of the simple returns of one bar, or history to draw bars from. Nothing keeps a normal or a t
/// distributed return above −1: at the scale of bars it is the approximation that moments make anyway.
#[derive(Debug, Clone, PartialEq)]
pub struct ScenarioSource(Kind);

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    /// `mean + L z`, and `mean + L z · √(stretch / χ²_ν)` with degrees of freedom.
    Elliptical {
        mean: Vec<f64>,
        factor: Factor,
        tail: Option<Tail>,
    },
    History {
        history: Scenarios,
        scheme: Bootstrap,
    },
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Tail {
    degrees: f64,
    /// ν for a scale matrix, ν − 2 for a covariance.
    stretch: f64,
}

impl ScenarioSource {
    /// Normal returns with `mean` (one element an asset) and `covariance`, per bar; it may be singular.
    ///
    /// # Errors
    /// No asset, a wrong shape, a number that is not finite, a covariance that is not symmetric or not positive
    /// semi-definite beyond rounding.
    pub fn normal(mean: Vec<f64>, covariance: &SymmetricMatrix) -> Result<Self> {
        Self::elliptical(mean, covariance, None)
    }

    /// Multivariate Student t returns with location `mean`, `spread` and `degrees` of freedom ν:
    /// `mean + √(ν/χ²_ν) · S^½ z` with scale matrix S and standard normal z.
    ///
    /// # Errors
    /// As [`normal`](Self::normal); degrees of freedom that are not above 2, where there is no covariance.
    pub fn student_t(mean: Vec<f64>, spread: &Spread, degrees: f64) -> Result<Self> {
        require_finite("degrees of freedom", &[degrees])?;
        if degrees <= 2.0 {
            let expected = "the covariance exists above 2 only";
            return Err(Error::OutOfRange { parameter: "degrees of freedom", value: degrees, expected });
        }
        let (matrix, stretch) = match spread {
            Spread::Covariance(covariance) => (covariance, degrees - 2.0),
            Spread::Scale(scale) => (scale, degrees),
        };
        Self::elliptical(mean, matrix, Some(Tail { degrees, stretch }))
    }

    /// Bars of `history`.
    ///
    /// # Errors
    /// No bar; a block length of zero.
    pub fn bootstrap(history: Scenarios, scheme: Bootstrap) -> Result<Self> {
        scheme.require_valid(history.rows())?;
        Ok(Self(Kind::History { history, scheme }))
    }

    fn elliptical(mean: Vec<f64>, matrix: &SymmetricMatrix, tail: Option<Tail>) -> Result<Self> {
        // A problem checks just what a distribution needs.
        let problem = Problem::new(mean, matrix.clone(), 1)?;
        let factor = Factor::new(problem.covariance());
        Ok(Self(Kind::Elliptical { mean: problem.mean().to_vec(), factor, tail }))
    }

    /// Number of assets.
    #[must_use]
    pub fn assets(&self) -> usize {
        match &self.0 {
            Kind::Elliptical { mean, .. } => mean.len(),
            Kind::History { history, .. } => history.assets(),
        }
    }

    /// The rows numbered `rows` of run `seed`: the same bits whatever range they are drawn in.
    #[must_use]
    pub fn draw(&self, seed: u64, rows: Range<u64>) -> Scenarios {
        self.draw_path(seed, 0, rows)
    }

    /// The rows numbered `rows` of path `path` of run `seed`. Paths do not depend on each other, as blocks of one long
    /// run of rows would where a block of a bootstrap reaches over their ends; path 0 is what [`draw`](Self::draw) gives.
    #[must_use]
    pub fn draw_path(&self, seed: u64, path: u64, rows: Range<u64>) -> Scenarios {
        let run = RunKey::new(seed, path, Purpose::Scenarios);
        let mut returns = Vec::new();
        match &self.0 {
            Kind::Elliptical { mean, factor, tail } => {
                let mut normals = vec![0.0; factor.rank()];
                for row in rows {
                    let mut stream = PortfolioStream::new(run, row);
                    fill_normal(&mut stream, &mut normals);
                    let stretch = tail
                        .map_or(1.0, |tail| (tail.stretch / chi_squared(&mut stream, tail.degrees)).sqrt());
                    returns.extend(mean.iter().enumerate().map(|(asset, mean)| {
                        (mean + stretch * dot(factor.row(asset), &normals)).clamp(-f64::MAX, f64::MAX)
                    }));
                }
            }
            Kind::History { history, scheme } => {
                scheme.for_each(run, rows, history.rows(), |bar| returns.extend_from_slice(history.row(bar)));
            }
        }
        Scenarios::drawn(self.assets(), returns)
    }
}
