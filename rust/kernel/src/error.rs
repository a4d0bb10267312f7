//! What can be wrong with a problem. Only invalid input is an error; a valid but degenerate problem is
//! answered with a [`Label`](crate::Label).

/// An input that no portfolio can be computed from. Each message names the parameter.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// A parameter has the wrong number of elements.
    #[error("{parameter}: expected {expected} elements, got {found}")]
    Shape {
        /// Name of the parameter as the caller knows it.
        parameter: &'static str,
        /// Elements that were needed.
        expected: usize,
        /// Elements that were given.
        found: usize,
    },
    /// The processor lacks an instruction set that was asked for.
    #[error("instructions: this processor has no {name}")]
    InstructionSet {
        /// Its name.
        name: &'static str,
    },
    /// There is no asset, or no sample, to work on.
    #[error("{parameter}: at least one is needed")]
    Empty {
        /// Name of the parameter.
        parameter: &'static str,
    },
    /// A number is NaN or infinite.
    #[error("{parameter}[{index}]: {value} is not a finite number")]
    NotFinite {
        /// Name of the parameter.
        parameter: &'static str,
        /// Position in the parameter's own storage.
        index: usize,
        /// What stood there.
        value: f64,
    },
    /// The covariance differs from its transpose beyond rounding.
    #[error(
        "covariance: entry ({row}, {column}) is {upper:e} but ({column}, {row}) is {lower:e}; it must be symmetric"
    )]
    NotSymmetric {
        /// Row of the larger disagreement.
        row: usize,
        /// Its column.
        column: usize,
        /// The entry above the diagonal.
        upper: f64,
        /// The entry below it.
        lower: f64,
    },
    /// The covariance has a negative eigenvalue beyond rounding.
    #[error(
        "covariance: smallest eigenvalue {smallest:e} against largest {largest:e}; it must be positive semi-definite"
    )]
    NotPositiveSemidefinite {
        /// Smallest eigenvalue.
        smallest: f64,
        /// Largest eigenvalue.
        largest: f64,
    },
    /// The bounds of one asset cross.
    #[error("bounds[{asset}]: lower {lower} is above upper {upper}")]
    BoundsCross {
        /// Index of the asset.
        asset: usize,
        /// Lower bound.
        lower: f64,
        /// Upper bound.
        upper: f64,
    },
    /// No weights within the bounds sum to one.
    #[error("bounds: the {side} bounds sum to {sum}, so no weights within them sum to 1")]
    Infeasible {
        /// `lower` when the lower bounds exceed one, `upper` when the upper bounds fall short of it.
        side: &'static str,
        /// Their sum.
        sum: f64,
    },
    /// A target that no feasible portfolio reaches.
    #[error("{parameter}: {value:e} is out of reach; efficient portfolios have {least:e} to {most:e}")]
    Unattainable {
        /// Name of the parameter.
        parameter: &'static str,
        /// What was asked for.
        value: f64,
        /// What the minimum-variance portfolio has.
        least: f64,
        /// What the portfolio of the largest mean has.
        most: f64,
    },
    /// A number is outside the range it may take.
    #[error("{parameter}: {value} is not allowed; {expected}")]
    OutOfRange {
        /// Name of the parameter.
        parameter: &'static str,
        /// What was given.
        value: f64,
        /// What would have been accepted.
        expected: &'static str,
    },
    /// A group of assets is not a group.
    #[error("group {name:?}: {reason}")]
    Group {
        /// Its name.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No weights satisfy these constraints together; without any one of them some would.
    #[error("infeasible: no weights satisfy {} together; {remedy}", constraints.join(" and "))]
    Conflict {
        /// The constraints in conflict, each with its limit.
        constraints: Vec<String>,
        /// What would resolve it.
        remedy: String,
    },
}

/// The result of a kernel call.
pub type Result<T> = std::result::Result<T, Error>;

/// Refuses slices that hold anything but finite numbers.
pub(crate) fn require_finite(parameter: &'static str, values: &[f64]) -> Result<()> {
    match values.iter().position(|value| !value.is_finite()) {
        Some(index) => Err(Error::NotFinite { parameter, index, value: values[index] }),
        None => Ok(()),
    }
}

/// Refuses slices of any other length.
pub(crate) fn require_length(parameter: &'static str, expected: usize, found: usize) -> Result<()> {
    if expected == found { Ok(()) } else { Err(Error::Shape { parameter, expected, found }) }
}
