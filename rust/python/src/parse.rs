//! From numpy to what the crates take. The kernel owns its moments, so these few numbers are copied; prices are not.

use std::time::Duration;

use numpy::{PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;
use silverbullet_kernel::{SamplerKind, SymmetricMatrix};

use crate::error::{InputError, raise};

/// A vector, whatever its stride.
pub(crate) fn vector(array: &PyReadonlyArray1<'_, f64>) -> Vec<f64> {
    array.as_array().iter().copied().collect()
}

/// A square matrix, whatever its strides; the kernel looks at its symmetry.
pub(crate) fn matrix(array: &PyReadonlyArray2<'_, f64>, assets: &[String]) -> PyResult<SymmetricMatrix> {
    let view = array.as_array();
    let (rows, columns) = view.dim();
    if rows != columns || rows != assets.len() {
        let count = assets.len();
        return Err(InputError::new_err(format!(
            "covariance: {rows} × {columns} entries for {count} assets; it must have {count} × {count}"
        )));
    }
    SymmetricMatrix::from_row_major(rows, view.iter().copied().collect())
        .map_err(|error| raise(&error, assets))
}

/// A sampler by its name.
pub(crate) fn sampler(name: &str) -> PyResult<SamplerKind> {
    name.parse().map_err(|error| InputError::new_err(format!("sampler: {error}")))
}

/// Threads to use: all that this process may run on if not said.
pub(crate) fn threads(given: Option<usize>) -> usize {
    given.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
}

/// A time budget in seconds.
pub(crate) fn duration(seconds: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(seconds).map_err(|_| {
        InputError::new_err(format!("time_budget: {seconds} is not allowed; a number of seconds from 0 on"))
    })
}
