//! Moments against their definitions, against scikit-learn and pandas, rolling against summed afresh.
// Marked as tests, so that the leave to unwrap in tests covers the helpers too.
#[cfg(test)]
mod batch;
#[cfg(test)]
mod common;
#[cfg(test)]
mod open_bar;
#[cfg(test)]
mod rolling;
#[cfg(test)]
mod speed;
#[cfg(test)]
mod vectors;
