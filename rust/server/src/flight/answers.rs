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
use super::snapshot::{Snapshot, size_of};
use super::ticket::Wanted;
use super::{Flight, QUEUE, follow, metadata};

/// While an answer is formed, its rows are held once as they are and once as they are sent.
const FORMED: usize = 2;

impl Flight {
    /// Answers, keeps the answer, and says where it is.
    pub(crate) async fn info(
        &self,
        asked: Asked,
        descriptor: FlightDescriptor,
    ) -> Result<FlightInfo, Status> {
        let snapshot = match asked {
            Asked::Query { text, endpoints } => self.query(text, None, endpoints).await?,
            Asked::Command { command, endpoints } => match *command {
                Command::CommandPreparedStatementQuery(query) => {
                    let statement = self.statements.get(&query.prepared_statement_handle)?;
                    self.query(statement.text, statement.parameters, endpoints).await?
                }
                command => self.keep_batch(self.told(command)?).await?,
            },
            Asked::Follow { table } => return following(&table, descriptor),
        };
        let snapshot = Arc::new(snapshot);
        let number = self.shelf.put(Arc::clone(&snapshot))?;
        let expires = timestamp(self.shelf.expiry_utc());
        let endpoint = |share| {
            FlightEndpoint::new()
                .with_ticket(arrow_flight::Ticket::new(self.shelf.ticket(number, share).to_string()))
                .with_expiration_time(expires)
        };
        tracing::debug!(number, rows = snapshot.rows, bytes = snapshot.bytes, "an answer is kept");
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
            Asked::Follow { table } => follow::schema(&table),
        }
    }

    async fn query(
        &self,
        text: String,
        parameters: Option<RecordBatch>,
        shares: usize,
    ) -> Result<Snapshot, Status> {
        let (schema, batches, room) = self.collect(text, parameters).await?;
        Snapshot::encode(schema, batches, shares, room).await
    }

    /// Runs a query once there is a place. The room holds what its rows take.
    pub(crate) async fn collect(
        &self,
        text: String,
        parameters: Option<RecordBatch>,
    ) -> Result<(SchemaRef, Vec<RecordBatch>, Room), Status> {
        let place = tokio::time::timeout(QUEUE, self.places.acquire()).await;
        let Ok(Ok(_place)) = place else {
            let seconds = QUEUE.as_secs();
            return Err(Status::resource_exhausted(format!(
                "the query has waited for others for {seconds} s: come back later"
            )));
        };
        let question = Question { text, parameters, limits: self.limits };
        let mut answer = self.sql.ask(question).await.map_err(status)?;
        let mut room = self.shelf.room();
        let mut batches = Vec::new();
        while let Some(batch) = answer.next().await {
            let batch = batch.map_err(status)?;
            self.shelf.grow(&mut room, FORMED * size_of(&batch))?;
            batches.push(batch);
        }
        Ok((answer.schema(), batches, room))
    }

    async fn keep_batch(&self, batch: RecordBatch) -> Result<Snapshot, Status> {
        let mut room: Room = self.shelf.room();
        self.shelf.grow(&mut room, FORMED * size_of(&batch))?;
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

/// What is told of a table that is to be followed.
fn following(table: &str, descriptor: FlightDescriptor) -> Result<FlightInfo, Status> {
    let ticket = arrow_flight::Ticket::new(Wanted::following(table));
    FlightInfo::new()
        .with_descriptor(descriptor)
        .with_endpoint(FlightEndpoint::new().with_ticket(ticket))
        .with_total_records(-1)
        .with_total_bytes(-1)
        .try_with_schema(&*follow::schema(table)?)
        .map_err(|error| FlightError::from(error).into())
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
