//! What can be wrong with returns, estimators and windows.

/// The largest magnitude a return may have: fourth powers of it, summed over the assets, stay finite.
pub(crate) const LARGEST_RETURN: f64 = 1e60;

/// An input that no moments can be computed from.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// A covariance needs two observations.
    #[error("returns: at least 2 bars are needed, got {rows}")]
    TooFewRows {
        /// Rows there were.
        rows: usize,
    },
    /// There is no asset to estimate anything of.
    #[error("returns: at least one asset is needed")]
    NoAsset,
    /// A parameter has the wrong number of elements.
    #[error("{parameter}: expected {expected} elements, got {found}")]
    Shape {
        /// Name of the parameter.
        parameter: &'static str,
        /// Elements that were needed.
        expected: usize,
        /// Elements that were given.
        found: usize,
    },
    /// A return is NaN, infinite or beyond 1e60.
    #[error("returns[{row}][{asset}]: {value} is not a finite number of at most 1e60")]
    NotFinite {
        /// Row of the matrix; zero for a single row.
        row: usize,
        /// Column.
        asset: usize,
        /// What stood there.
        value: f64,
    },
    /// The half-life of the exponential weights is out of range.
    #[error("half-life: {half_life} bars is not allowed; it must be a finite number of at least 0.1")]
    HalfLife {
        /// What was given.
        half_life: f64,
    },
    /// No estimator is known by this name, or its half-life is missing, superfluous or not a number.
    #[error(
        "`{given}` is none of `sample`, `ledoit-wolf` and `exponential` (which takes a half-life in bars)"
    )]
    UnknownEstimator {
        /// What was given.
        given: String,
    },
    /// A rolling window must hold two bars at least.
    #[error("window: at least 2 bars are needed, got {window}")]
    Window {
        /// What was given.
        window: usize,
    },
    /// More rows than the rolling window holds.
    #[error("returns: {rows} bars do not fit a window of {window}")]
    TooManyRows {
        /// Rows there were.
        rows: usize,
        /// Bars the window holds.
        window: usize,
    },
    /// A full window must be told what leaves it; one that is still filling evicts nothing.
    #[error("evicted row: {}", if *.full { "missing, the window is full" } else { "given, but the window is not full" })]
    Eviction {
        /// True when the window was full.
        full: bool,
    },
}

/// The result of a call in this module.
pub type Result<T> = std::result::Result<T, Error>;

/// Refuses a row that holds anything but usable returns; `row` is named in the error.
pub(crate) fn require_usable(row: usize, returns: &[f64]) -> Result<()> {
    match returns.iter().position(|value| value.is_nan() || value.abs() > LARGEST_RETURN) {
        Some(asset) => Err(Error::NotFinite { row, asset, value: returns[asset] }),
        None => Ok(()),
    }
}

/// Refuses slices of any other length.
pub(crate) fn require_length(parameter: &'static str, expected: usize, found: usize) -> Result<()> {
    if expected == found { Ok(()) } else { Err(Error::Shape { parameter, expected, found }) }
}
