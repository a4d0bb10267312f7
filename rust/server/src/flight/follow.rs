//! A table as it grows: the rows of its newest bar, then those of each bar as it becomes final.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, SchemaRef};
use silverbullet_query::catalog;
use tonic::Status;

use super::Flight;
use super::snapshot::messages;
use super::wire::{Line, Pieces};

/// Between two looks for new bars, of which a universe has one a second at most.
const LOOK: Duration = Duration::from_millis(250);
/// What a table must have to be followed.
const NEEDED: [&str; 2] = ["universe", "bar"];

/// The tables that can be followed.
fn followed() -> Vec<String> {
    let tables = catalog::tables().into_iter().map(|table| table.name);
    tables.filter(|name| !name.contains('.') && can_be_followed(name)).collect()
}

fn can_be_followed(table: &str) -> bool {
    catalog::columns(table)
        .is_some_and(|columns| NEEDED.iter().all(|name| columns.iter().any(|column| column.name == *name)))
}

/// The columns of a table that grows by bars; others are refused.
pub(crate) fn schema(table: &str) -> Result<SchemaRef, Status> {
    let known = followed();
    let schema = catalog::schema(table).filter(|_| known.iter().any(|name| name == table));
    schema.ok_or_else(|| {
        Status::invalid_argument(format!("{table:?} cannot be followed; {} can", known.join(", ")))
    })
}

/// The newest bar seen of each universe.
#[derive(Default)]
struct Seen(BTreeMap<String, i64>);

impl Seen {
    /// A query for the rows that were not seen.
    fn query(&self, table: &str) -> String {
        if self.0.is_empty() {
            return format!(
                "select * from {table} t where bar = (select max(bar) from {table} n where n.universe = t.universe)"
            );
        }
        let mut query = format!("select * from {table} where false");
        let mut others = String::new();
        for (universe, bar) in &self.0 {
            let universe = crate::sql::literal(universe);
            // Writing into a text cannot fail.
            let _ = write!(query, " or (universe = {universe} and bar > {bar})");
            let _ = write!(others, "{}{universe}", if others.is_empty() { "" } else { ", " });
        }
        format!("{query} or universe not in ({others}) order by universe, bar")
    }

    fn see(&mut self, batch: &RecordBatch) {
        let (Some(universes), Some(bars)) = (batch.column_by_name("universe"), batch.column_by_name("bar"))
        else {
            return;
        };
        let (universes, bars) = (universes.as_string::<i32>(), bars.as_primitive::<Int64Type>());
        for (universe, bar) in universes.iter().zip(bars) {
            let (Some(universe), Some(bar)) = (universe, bar) else { continue };
            match self.0.get_mut(universe) {
                Some(seen) => *seen = bar.max(*seen),
                None => drop(self.0.insert(universe.to_owned(), bar)),
            }
        }
    }
}

impl Flight {
    /// Begins to send a table as it grows.
    pub(crate) fn follow(self: &Arc<Self>, table: &str) -> Result<Pieces, Status> {
        let schema = schema(table)?;
        let Ok(place) = Arc::clone(&self.followers).try_acquire_owned() else {
            return Err(Status::resource_exhausted("enough readers follow tables already: come back later"));
        };
        let (line, pieces) = self.shelf.line();
        let (flight, table) = (Arc::clone(self), table.to_owned());
        tokio::spawn(async move {
            let _place = place;
            let outcome = flight.send_new(&table, &schema, &line).await;
            line.end(outcome).await;
        });
        Ok(pieces)
    }

    /// Sends what is new until the reader has gone or the server stops.
    async fn send_new(&self, table: &str, schema: &SchemaRef, line: &Line) -> Result<(), Status> {
        let mut seen = Seen::default();
        let mut stopping = self.stopping.clone();
        let mut first = true;
        loop {
            let (_, batches, _room) = self.collect(seen.query(table), None).await?;
            batches.iter().for_each(|batch| seen.see(batch));
            // The columns are told once.
            for message in messages(schema, batches).await?.into_iter().skip(usize::from(!first)) {
                if !line.send(message).await {
                    return Ok(());
                }
            }
            first = false;
            tokio::select! {
                () = line.closed() => return Ok(()),
                _ = stopping.wait_for(|stopping| *stopping) => return Err(Status::unavailable("the run has ended")),
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_that_grow_by_bars_can_be_followed() {
        for table in ["portfolios", "bars", "frontiers", "assets", "weights"] {
            assert!(schema(table).is_ok(), "{table}");
        }
        for table in ["runs", "events", "live.ticks", "history.bars", "nothing"] {
            let status = schema(table).unwrap_err();
            assert!(status.message().contains("portfolios"), "{status}");
        }
    }

    #[test]
    fn what_was_seen_is_not_asked_for_again() {
        let mut seen = Seen::default();
        assert!(seen.query("bars").contains("max(bar)"));
        seen.0.insert("it's".into(), 7);
        let query = "select * from bars where false or (universe = 'it''s' and bar > 7) or universe not in ('it''s') order by universe, bar";
        assert_eq!(seen.query("bars"), query);
    }
}
