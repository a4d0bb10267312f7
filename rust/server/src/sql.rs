//! Queries on behalf of clients: how many at a time, how long they took, and what became of them.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use axum::http::StatusCode;
use serde::de::DeserializeOwned;
use silverbullet_market::{Clock, Nanos};
use silverbullet_query::{Answer, Limits, Sql, format};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::meters::{Failure, Meters};
use crate::problem::Problem;

/// Queries at a time.
pub(crate) const PLACES: usize = 4;
/// The server's own small queries wait this long for a place.
const PATIENCE: Duration = Duration::from_secs(5);

/// Takes queries.
pub(crate) struct Desk {
    sql: Arc<Sql>,
    places: Arc<Semaphore>,
    clock: Arc<dyn Clock>,
    meters: Meters,
}

/// A query under way. Dropping it ends the query.
pub(crate) struct Running {
    answer: Answer,
    began: Nanos,
    clock: Arc<dyn Clock>,
    meters: Meters,
    _place: OwnedSemaphorePermit,
}

impl Desk {
    pub(crate) fn new(sql: Arc<Sql>, clock: Arc<dyn Clock>, meters: Meters) -> Self {
        Self { sql, places: Arc::new(Semaphore::new(PLACES)), clock, meters }
    }

    /// What a query may use.
    pub(crate) fn limits(&self) -> Limits {
        self.sql.limits()
    }

    /// Begins a query of a client, unless there are enough.
    pub(crate) async fn begin(&self, query: &str, limits: Limits) -> Result<Running, Problem> {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            self.meters.refused.inc();
            let detail = format!("{PLACES} queries are under way already; come back when one has ended");
            return Err(Problem::not_now(StatusCode::TOO_MANY_REQUESTS, detail));
        };
        self.run(place, query, limits).await
    }

    /// The rows of a query of the server's own, which waits for a place for a while.
    pub(crate) async fn rows<T: DeserializeOwned>(&self, query: &str) -> Result<Vec<T>, Problem> {
        let place = tokio::time::timeout(PATIENCE, Arc::clone(&self.places).acquire_owned()).await;
        let Ok(Ok(place)) = place else {
            self.meters.refused.inc();
            let detail = format!("{PLACES} queries are under way; come back when one has ended");
            return Err(Problem::not_now(StatusCode::TOO_MANY_REQUESTS, detail));
        };
        let mut running = self.run(place, query, self.limits()).await?;
        let mut batches = Vec::new();
        while let Some(batch) = running.next().await {
            batches.push(batch?);
        }
        let text = format::json(&batches)?;
        serde_json::from_str(&text).map_err(|error| Problem::internal(format!("the tables' rows: {error}")))
    }

    async fn run(
        &self,
        place: OwnedSemaphorePermit,
        query: &str,
        limits: Limits,
    ) -> Result<Running, Problem> {
        self.meters.queries.inc();
        let began = self.clock.monotonic();
        let answer = self.sql.query_within(query, limits).await.map_err(|error| {
            self.meters.failures.get_or_create(&Failure::of(error.kind())).inc();
            Problem::from(error)
        })?;
        self.meters.running.inc();
        let (clock, meters) = (Arc::clone(&self.clock), self.meters.clone());
        Ok(Running { answer, began, clock, meters, _place: place })
    }
}

impl Running {
    /// Columns of every batch.
    pub(crate) fn schema(&self) -> SchemaRef {
        self.answer.schema()
    }

    /// The next rows.
    pub(crate) async fn next(&mut self) -> Option<Result<RecordBatch, Problem>> {
        let next = self.answer.next().await?;
        Some(next.map_err(|error| {
            self.meters.failures.get_or_create(&Failure::of(error.kind())).inc();
            Problem::from(error)
        }))
    }

    /// Whether rows were left out; final at the end.
    pub(crate) fn truncated(&self) -> bool {
        self.answer.truncated()
    }

    /// How long it has taken.
    pub(crate) fn elapsed(&self) -> Duration {
        let nanos = self.clock.monotonic().saturating_sub(self.began);
        Duration::from_nanos(nanos.max(0).unsigned_abs())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.meters.query_seconds.observe(self.elapsed().as_secs_f64());
        self.meters.running.dec();
    }
}

/// A text as an SQL literal.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_stays_one_whatever_the_text() {
        assert_eq!(literal("BTC"), "'BTC'");
        assert_eq!(literal("a' OR '1'='1"), "'a'' OR ''1''=''1'");
    }
}
