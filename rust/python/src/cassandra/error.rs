//! What Cassandra cannot do, as exceptions of the package: by what a person has to do about it.

use arrow::error::ArrowError;
use pyo3::PyErr;
use silverbullet_store::cassandra::Fault;
use silverbullet_store::{Error, Table};

use crate::error::InputError;

pyo3::import_exception!(silverbullet._errors, AccessDeniedError);
pyo3::import_exception!(silverbullet._errors, CassandraError);
pyo3::import_exception!(silverbullet._errors, ConnectionFailedError);
pyo3::import_exception!(silverbullet._errors, TablesError);

/// An error of the store.
pub(crate) fn raise(error: &Error) -> PyErr {
    // Drivers say things over several lines.
    let told = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    let Error::Cassandra(fault) = error else { return CassandraError::new_err(told) };
    match fault.as_ref() {
        Fault::Settings { .. } | Fault::Rows { .. } => InputError::new_err(told),
        Fault::Unreachable { .. } => ConnectionFailedError::new_err(told),
        Fault::Credentials { .. } | Fault::Unauthorized { .. } => AccessDeniedError::new_err(told),
        Fault::NoKeyspace { .. }
        | Fault::SchemaOlder { .. }
        | Fault::SchemaNewer { .. }
        | Fault::Type { .. } => TablesError::new_err(told),
        _ => CassandraError::new_err(told),
    }
}

/// Record batches that cannot be had.
pub(crate) fn raise_arrow(error: &ArrowError) -> PyErr {
    InputError::new_err(format!("the rows cannot be read: {error}"))
}

pub(crate) fn unknown_table(name: &str) -> PyErr {
    let names = Table::ALL.map(Table::name).join(", ");
    InputError::new_err(format!("table: there is no table {name:?}; there are {names}"))
}
