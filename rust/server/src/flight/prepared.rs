//! Prepared statements: a query with what it answers, and values for its parameters.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use arrow::array::RecordBatch;
use bytes::Bytes;
use silverbullet_query::Described;
use tonic::Status;

use super::snapshot::size_of;

/// Statements kept; one that was not used for longest goes where there are more.
const MOST: usize = 1_024;
/// Bytes that the values of one statement may take.
const MOST_BYTES: usize = 1 << 20;

/// A query that waits to be run.
#[derive(Debug, Clone)]
pub(crate) struct Prepared {
    pub(crate) text: String,
    pub(crate) described: Described,
    pub(crate) parameters: Option<RecordBatch>,
}

/// Statements by their handles.
#[derive(Default)]
pub(crate) struct Statements(Mutex<Known>);

#[derive(Default)]
struct Known {
    next: u64,
    /// Uses so far: the statement with the smallest number was not used for longest.
    uses: u64,
    statements: BTreeMap<Bytes, (u64, Prepared)>,
}

impl Statements {
    /// Keeps a statement; gives its handle.
    pub(crate) fn put(&self, statement: Prepared) -> Bytes {
        let mut known = self.known();
        if known.statements.len() >= MOST {
            let oldest = known.statements.iter().min_by_key(|(_, (used, _))| *used);
            if let Some(handle) = oldest.map(|(handle, _)| handle.clone()) {
                known.statements.remove(&handle);
            }
        }
        let handle = Bytes::from(format!("statement-{}", known.next));
        known.next += 1;
        let used = known.used();
        known.statements.insert(handle.clone(), (used, statement));
        handle
    }

    /// A statement as it is.
    pub(crate) fn get(&self, handle: &Bytes) -> Result<Prepared, Status> {
        let mut known = self.known();
        let now = known.used();
        let (used, statement) = known.statements.get_mut(handle).ok_or_else(unknown)?;
        *used = now;
        Ok(statement.clone())
    }

    /// Values for its parameters, one row.
    pub(crate) fn bind(&self, handle: &Bytes, parameters: RecordBatch) -> Result<(), Status> {
        if parameters.num_rows() != 1 {
            return Err(Status::invalid_argument(format!(
                "{} rows of parameters: a query takes one; run it once for each",
                parameters.num_rows()
            )));
        }
        if size_of(&parameters) > MOST_BYTES {
            return Err(Status::invalid_argument(format!("parameters above {} KiB", MOST_BYTES >> 10)));
        }
        let mut known = self.known();
        let (_, statement) = known.statements.get_mut(handle).ok_or_else(unknown)?;
        let (expected, given) = (statement.described.parameters.fields().len(), parameters.num_columns());
        if expected != given {
            return Err(Status::invalid_argument(format!(
                "the query has {expected} parameters, and {given} values were given"
            )));
        }
        statement.parameters = Some(parameters);
        Ok(())
    }

    /// Keeps a statement no longer.
    pub(crate) fn close(&self, handle: &Bytes) {
        self.known().statements.remove(handle);
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Nobody panics between two changes.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn used(&mut self) -> u64 {
        self.uses += 1;
        self.uses
    }
}

fn unknown() -> Status {
    Status::not_found("there is no such prepared statement (any longer): prepare it again")
}
