//! The native module `silverbullet._kernel`: `silverbullet-kernel` and `silverbullet-market` for numpy.
//!
//! It converts and nothing else: numbers come as numpy arrays of doubles and go as such, the interpreter's lock is
//! released while something is computed, and errors become the package's exceptions. With the feature `cassandra`, on by
//! default, it also has the tables in Cassandra of `silverbullet-store`. Names, defaults and
//! documentation for people are those of the package's own modules (`python/silverbullet`), which call this one.
//! Everything is per bar.

mod answer;
#[cfg(feature = "cassandra")]
mod cassandra;
mod constrained;
mod error;
mod moments;
mod parse;
mod problem;
mod question;
mod run;
mod sketch;

use pyo3::prelude::*;

/// The version of the package and a digest of the sources that decide what is computed. Two processes in which it is
/// the same compute the same bits.
const KERNEL_VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "+", env!("SILVERBULLET_SOURCES"));

#[pymodule]
#[pyo3(name = "_kernel")]
mod native {
    #[cfg(feature = "cassandra")]
    #[pymodule_export]
    use super::cassandra::{
        NativeBatch, NativeCassandra, NativeRead, NativeWrite, cassandra_columns, cassandra_keys, cassandra_ranges,
        cassandra_tables,
    };
    #[pymodule_export]
    use super::moments::estimate;
    #[pymodule_export]
    use super::problem::NativeProblem;
    #[pymodule_export]
    use super::sketch::NativeSketch;

    #[pymodule_export]
    const BLOCK: u64 = silverbullet_kernel::monte_carlo::BLOCK;
    #[pymodule_export]
    const KERNEL_VERSION: &str = super::KERNEL_VERSION;
    #[pymodule_export]
    const VERSION: &str = env!("CARGO_PKG_VERSION");
}
