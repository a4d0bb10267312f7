//! DoPut: values for the parameters of a prepared statement.

use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::error::FlightError;
use arrow_flight::sql::{Any, Command, DoPutPreparedStatementResult};
use arrow_flight::{FlightData, PutResult};
use futures::{Stream, StreamExt, TryStreamExt, stream};
use prost::Message;
use tonic::Status;

use super::Flight;

/// Most batches that parameters may come in.
const MOST_BATCHES: usize = 16;

impl Flight {
    /// Takes what is put.
    pub(crate) async fn put<S>(&self, mut messages: S) -> Result<PutResult, Status>
    where
        S: Stream<Item = Result<FlightData, Status>> + Unpin + Send + 'static,
    {
        let first = messages.next().await.ok_or_else(|| Status::invalid_argument("nothing was put"))??;
        let descriptor = first.flight_descriptor.clone();
        let descriptor = descriptor.ok_or_else(|| {
            Status::invalid_argument("the first message has no descriptor: say what is put")
        })?;
        let any = Any::decode(&*descriptor.cmd).map_err(|_| refused("what is no command of Flight SQL"))?;
        match Command::try_from(any) {
            Ok(Command::CommandPreparedStatementQuery(query)) => {
                let handle = query.prepared_statement_handle;
                let messages = stream::once(async { Ok(first) }).chain(messages).map_err(FlightError::from);
                let mut batches = FlightRecordBatchStream::new_from_flight_data(messages);
                let mut rows = Vec::new();
                while let Some(batch) = batches.next().await {
                    let batch = batch.map_err(|error| Status::invalid_argument(error.to_string()))?;
                    if batch.num_rows() > 0 {
                        rows.push(batch);
                    }
                    if rows.len() > MOST_BATCHES {
                        return Err(Status::invalid_argument("too many parameters: a query takes one row"));
                    }
                }
                if let Some(row) = rows.pop().filter(|_| rows.is_empty()) {
                    self.statements.bind(&handle, row)?;
                } else {
                    return Err(Status::invalid_argument(
                        "the parameters are not one row: run the query once for each",
                    ));
                }
                let result = DoPutPreparedStatementResult { prepared_statement_handle: Some(handle) };
                Ok(PutResult { app_metadata: result.encode_to_vec().into() })
            }
            Ok(Command::CommandPreparedStatementUpdate(_) | Command::CommandStatementUpdate(_)) => {
                Err(Status::permission_denied("SQL only reads here: use a SELECT"))
            }
            Ok(other) => Err(refused(other.type_url())),
            Err(error) => Err(Status::invalid_argument(error.to_string())),
        }
    }
}

fn refused(what: &str) -> Status {
    Status::unimplemented(format!("{what} cannot be put here: parameters of prepared statements can"))
}
