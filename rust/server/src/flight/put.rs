//! DoPut: prices of a user's own feed, and values for the parameters of a prepared statement.

use std::pin::Pin;

use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::error::FlightError;
use arrow_flight::flight_descriptor::DescriptorType;
use arrow_flight::sql::{Any, Command, DoPutPreparedStatementResult};
use arrow_flight::{FlightData, PutResult};
use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use prost::Message;
use silverbullet_feeds::put::{Kind, PutError, Taken};
use tonic::Status;

use super::Flight;

/// Most batches that parameters may come in.
const MOST_BATCHES: usize = 16;

/// Answers to what is put: one a batch of prices, or one for parameters.
pub(crate) type PutResults = Pin<Box<dyn Stream<Item = Result<PutResult, Status>> + Send>>;

impl Flight {
    /// Takes what is put.
    pub(crate) async fn put<S>(&self, mut messages: S) -> Result<PutResults, Status>
    where
        S: Stream<Item = Result<FlightData, Status>> + Unpin + Send + 'static,
    {
        let first = messages.next().await.ok_or_else(|| Status::invalid_argument("nothing was put"))??;
        let descriptor = first.flight_descriptor.clone();
        let descriptor = descriptor.ok_or_else(|| {
            Status::invalid_argument("the first message has no descriptor: say what is put")
        })?;
        let messages = stream::once(async { Ok(first) }).chain(messages).map_err(FlightError::from);
        let batches = FlightRecordBatchStream::new_from_flight_data(messages);
        if descriptor.r#type() == DescriptorType::Path {
            return self.prices(&descriptor.path, batches);
        }
        let any = Any::decode(&*descriptor.cmd).map_err(|_| refused("what is no command of Flight SQL"))?;
        match Command::try_from(any) {
            Ok(Command::CommandPreparedStatementQuery(query)) => {
                let result = self.parameters(query.prepared_statement_handle, batches).await?;
                Ok(Box::pin(stream::iter([Ok(result)])))
            }
            Ok(Command::CommandPreparedStatementUpdate(_) | Command::CommandStatementUpdate(_)) => {
                Err(Status::permission_denied("SQL only reads here: use a SELECT"))
            }
            Ok(other) => Err(refused(other.type_url())),
            Err(error) => Err(Status::invalid_argument(error.to_string())),
        }
    }

    async fn parameters(
        &self,
        handle: Bytes,
        mut batches: FlightRecordBatchStream,
    ) -> Result<PutResult, Status> {
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
        let Some(row) = rows.pop().filter(|_| rows.is_empty()) else {
            return Err(Status::invalid_argument(
                "the parameters are not one row: run the query once for each",
            ));
        };
        self.statements.bind(&handle, row)?;
        let result = DoPutPreparedStatementResult { prepared_statement_handle: Some(handle) };
        Ok(PutResult { app_metadata: result.encode_to_vec().into() })
    }

    /// Hands prices to the source, batch by batch; each is answered once it is taken, and the first that is not ends it.
    fn prices(&self, path: &[String], batches: FlightRecordBatchStream) -> Result<PutResults, Status> {
        let kind = Kind::ALL.into_iter().find(|kind| path.len() == 1 && path[0] == kind.name());
        let kind = kind.ok_or_else(|| refused(&path.join(".")))?;
        let inlet = self.inlet.clone().ok_or_else(|| {
            Status::failed_precondition(
                "this program takes its prices from elsewhere: start it with --source flight to put them here",
            )
        })?;
        let answers = stream::try_unfold((batches, inlet), move |(mut batches, inlet)| async move {
            let Some(batch) = batches.next().await else { return Ok(None) };
            let batch = batch.map_err(|error| Status::invalid_argument(error.to_string()))?;
            let taken = inlet.put(kind, &batch).await.map_err(|error| status_of(&error))?;
            Ok(Some((acknowledged(&taken), (batches, inlet))))
        });
        Ok(Box::pin(answers))
    }
}

/// The answer to a batch: JSON, so that any client can read it.
fn acknowledged(taken: &Taken) -> PutResult {
    let Taken { rows, quarantined, first } = taken;
    let told = serde_json::json!({"rows": rows, "quarantined": quarantined, "first": first});
    PutResult { app_metadata: told.to_string().into() }
}

fn status_of(error: &PutError) -> Status {
    match error {
        PutError::Columns { .. } => Status::invalid_argument(error.to_string()),
        PutError::Ended => Status::unavailable(error.to_string()),
    }
}

fn refused(what: &str) -> Status {
    Status::unimplemented(format!(
        "{what} cannot be put here: `ticks`, `bars` and parameters of prepared statements can"
    ))
}
