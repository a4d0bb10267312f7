//! From what is asked to an answer that is kept, and what is told of it.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow_flight::error::FlightError;
use arrow_flight::sql::Command;
use arrow_flight::{FlightDescriptor, FlightEndpoint, FlightInfo};
use prost_types::Timestamp;
use silverbullet_market::{Nanos, SECOND};
use silverbullet_query::{ErrorKind, Question};
use tonic::Status;

use super::asked::Asked;
use super::budget::Room;
use super::snapshot::Snapshot;
use super::{Flight, QUEUE, metadata};

impl Flight {
    /// Answers, keeps the answer, and says where it is.
    pub(crate) async fn info(
        &self,
        asked: Asked,
        descriptor: FlightDescriptor,
    ) -> Result<FlightInfo, Status> {
        let (snapshot, of_sql) = match asked {
            Asked::Query { text, endpoints } => {
                (self.query(Question { text, parameters: None, limits: self.limits }, endpoints).await?, true)
            }
            Asked::Command { command, endpoints } => match *command {
                Command::CommandPreparedStatementQuery(query) => {
                    let statement = self.statements.get(&query.prepared_statement_handle)?;
                    let (text, parameters) = (statement.text, statement.parameters);
                    (self.query(Question { text, parameters, limits: self.limits }, endpoints).await?, true)
                }
                command => (self.keep_batch(self.told(command)?).await?, false),
            },
        };
        let snapshot = Arc::new(snapshot);
        let number = self.shelf.put(Arc::clone(&snapshot))?;
        let expires = timestamp(self.shelf.expiry_utc());
        let endpoint = |share| {
            FlightEndpoint::new()
                .with_ticket(arrow_flight::Ticket::new(self.shelf.ticket(number, share).to_string()))
                .with_expiration_time(expires)
        };
        tracing::debug!(number, rows = snapshot.rows, bytes = snapshot.bytes, of_sql, "an answer is kept");
        FlightInfo::new()
            .with_descriptor(descriptor)
            .with_endpoints((0..snapshot.shares()).map(endpoint).collect())
            .with_total_records(i64::try_from(snapshot.rows).unwrap_or(-1))
            .with_total_bytes(i64::try_from(snapshot.bytes).unwrap_or(-1))
            .with_ordered(true)
            .try_with_schema(&snapshot.schema)
            .map_err(|error| FlightError::from(error).into())
    }

    /// The columns of what would be answered.
    pub(crate) async fn schema(&self, asked: Asked) -> Result<SchemaRef, Status> {
        match asked {
            Asked::Query { text, .. } => Ok(self.sql.describe(&text).await.map_err(status)?.schema),
            Asked::Command { command, .. } => match *command {
                Command::CommandPreparedStatementQuery(query) => {
                    Ok(self.statements.get(&query.prepared_statement_handle)?.described.schema)
                }
                command => Ok(self.told(command)?.schema()),
            },
        }
    }

    /// Runs a query once there is a place.
    async fn query(&self, question: Question, shares: usize) -> Result<Snapshot, Status> {
        let place = tokio::time::timeout(QUEUE, self.places.acquire()).await;
        let Ok(Ok(_place)) = place else {
            let seconds = QUEUE.as_secs();
            return Err(Status::resource_exhausted(format!(
                "the query has waited for others for {seconds} s: come back later"
            )));
        };
        let mut answer = self.sql.ask(question).await.map_err(status)?;
        let mut room = self.shelf.room();
        let mut batches = Vec::new();
        while let Some(batch) = answer.next().await {
            let batch = batch.map_err(status)?;
            self.shelf.grow(&mut room, batch.get_array_memory_size())?;
            batches.push(batch);
        }
        Snapshot::encode(answer.schema(), batches, shares, room).await
    }

    async fn keep_batch(&self, batch: RecordBatch) -> Result<Snapshot, Status> {
        let mut room: Room = self.shelf.room();
        self.shelf.grow(&mut room, batch.get_array_memory_size())?;
        Snapshot::encode(batch.schema(), vec![batch], 1, room).await
    }

    /// What the server says of itself and its tables.
    fn told(&self, command: Command) -> Result<RecordBatch, Status> {
        let batch = match command {
            Command::CommandGetCatalogs(_) => metadata::catalogs(),
            Command::CommandGetDbSchemas(command) => metadata::schemas(command),
            Command::CommandGetTables(command) => metadata::tables(command),
            Command::CommandGetTableTypes(_) => metadata::table_types(),
            Command::CommandGetPrimaryKeys(command) => metadata::primary_keys(&command),
            Command::CommandGetExportedKeys(_)
            | Command::CommandGetImportedKeys(_)
            | Command::CommandGetCrossReference(_) => Ok(metadata::foreign_keys()),
            Command::CommandGetSqlInfo(command) => self.metadata.info(&command.info),
            Command::CommandGetXdbcTypeInfo(command) => self.metadata.types(command.data_type),
            other => {
                let name = other.type_url().rsplit('.').next().unwrap_or_default().to_owned();
                return Err(Status::unimplemented(format!(
                    "{name} is not answered here: ask in SQL, which only reads"
                )));
            }
        };
        batch.map_err(Status::from)
    }
}

/// An error of a query as gRPC has it.
pub(crate) fn status(error: silverbullet_query::Error) -> Status {
    let message = error.to_string();
    match error.kind() {
        ErrorKind::Syntax => Status::invalid_argument(message),
        ErrorKind::Unknown => Status::not_found(message),
        ErrorKind::ReadOnly => Status::permission_denied(message),
        ErrorKind::Time => Status::deadline_exceeded(message),
        ErrorKind::Memory | ErrorKind::Rows => Status::resource_exhausted(message),
        ErrorKind::Failed => Status::internal(message),
    }
}

pub(crate) fn timestamp(utc: Nanos) -> Timestamp {
    let nanos = i32::try_from(utc.rem_euclid(SECOND)).unwrap_or_default();
    Timestamp { seconds: utc.div_euclid(SECOND), nanos }
}
