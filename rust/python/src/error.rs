//! Errors of the crates as exceptions of the package, with the names of assets where the crates have numbers.

use pyo3::PyErr;
use silverbullet_kernel::Error;
use silverbullet_market::moments;

pyo3::import_exception!(silverbullet._errors, InputError);
pyo3::import_exception!(silverbullet._errors, InfeasibleError);
pyo3::import_exception!(silverbullet._errors, KernelMismatchError);

/// An error of the kernel about a problem with these assets.
pub(crate) fn raise(error: &Error, assets: &[String]) -> PyErr {
    let told = told(error, assets);
    match error {
        Error::Infeasible { .. } | Error::Conflict { .. } | Error::Unattainable { .. } => {
            InfeasibleError::new_err(told)
        }
        _ => InputError::new_err(told),
    }
}

/// An error of the moments of these assets.
pub(crate) fn raise_moments(error: &moments::Error, assets: &[String]) -> PyErr {
    InputError::new_err(match *error {
        moments::Error::NotFinite { row, asset, value } => {
            let name = name(assets, asset);
            format!("returns: {value} of {name} in row {row} is not a finite number of at most 1e60")
        }
        moments::Error::TooFewRows { rows } => {
            format!("returns: at least 2 are needed (3 prices), got {rows}; take a longer history")
        }
        _ => error.to_string(),
    })
}

/// What the kernel says, with names.
fn told(error: &Error, assets: &[String]) -> String {
    let order = assets.len().max(1);
    match *error {
        Error::NotFinite { parameter: parameter @ ("covariance" | "shrunk covariance"), index, value } => {
            let (row, column) = (name(assets, index / order), name(assets, index % order));
            format!("{parameter}: {value} of {row} and {column} is not a finite number")
        }
        Error::NotFinite { parameter, index, value } if index < assets.len() => {
            format!("{parameter}: {value} of {} is not a finite number", assets[index])
        }
        Error::NotSymmetric { row, column, upper, lower } => {
            let (row, column) = (name(assets, row), name(assets, column));
            format!(
                "covariance: that of {row} and {column} is {upper:e} but that of {column} and {row} is {lower:e}; \
                 it must be symmetric: take (covariance + covariance.T) / 2 if that is what is meant"
            )
        }
        Error::NotPositiveSemidefinite { .. } => {
            format!("{error}; estimate it from one common window of returns, or shrink it")
        }
        Error::BoundsCross { asset, lower, upper } => {
            format!("bounds of {}: lower {lower} is above upper {upper}", name(assets, asset))
        }
        _ => with_names(&error.to_string(), assets),
    }
}

fn name(assets: &[String], asset: usize) -> String {
    assets.get(asset).cloned().unwrap_or_else(|| format!("asset {asset}"))
}

/// `asset 3` and `assets 1, 4 and 2 more` with names for the numbers; "maximum assets 3" counts them.
fn with_names(text: &str, assets: &[String]) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut in_list = false;
    for word in text.split(' ') {
        let number = word.trim_end_matches([',', ';', '.', ':']);
        let named = number.parse().ok().filter(|_| in_list).and_then(|at: usize| assets.get(at));
        let before_is_maximum = words.last().is_some_and(|before| before == "maximum");
        in_list = matches!(word, "asset" | "assets") && !before_is_maximum
            || named.is_some() && word.ends_with(',');
        words.push(named.map_or_else(|| word.to_owned(), |name| format!("{name}{}", &word[number.len()..])));
    }
    words.join(" ")
}
