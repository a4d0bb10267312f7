//! How fast tables in Cassandra are written, read and asked, beside the bare driver with the same rows.
//!
//! `cassandra_bench NODE` takes a command a line and answers each with one line of JSON, so that peers in other languages can be measured in
//! turns with it (`make bench-cassandra`):
//!
//! - `write ours|bare TABLE FIRST ROWS`: so many rows, from the row FIRST on
//! - `read sql|bare TABLE`: the whole table, by a query or by the driver alone
//! - `latest ROUNDS`: the newest portfolios of the universe, by a query
//!
//! Requests are made on one thread. The keyspace is `silverbullet_bench`.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark looks at the clock and says what it saw"
)]
#![allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "rows are few enough")]

mod bare;
mod rows;

use std::io::BufRead;
use std::time::{Duration, Instant};

use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use serde_json::{Value, json};
use silverbullet_query::{CassandraCatalog, Limits, Sql};
use silverbullet_store::cassandra::{CassandraSettings, CassandraWriter, Connection, init};
use silverbullet_store::{Table, Tables};

type Any = Box<dyn std::error::Error>;

const KEYSPACE: &str = "silverbullet_bench";
const BATCH: usize = 64;
const CONCURRENCY: usize = 32;
/// Rows that are handed over at a time.
const HANDED: usize = 50_000;

fn main() -> Result<(), Any> {
    let node = std::env::args().nth(1).ok_or("usage: cassandra_bench NODE")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let bench = runtime.block_on(Bench::open(node))?;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        println!("{}", runtime.block_on(bench.answer(&words))?);
    }
    Ok(())
}

struct Bench {
    writer: CassandraWriter,
    bare: Session,
    sql: Sql,
}

impl Bench {
    async fn open(node: String) -> Result<Self, Any> {
        let settings = CassandraSettings {
            nodes: vec![node.clone()],
            keyspace: KEYSPACE.to_owned(),
            concurrency: CONCURRENCY,
            batch_rows: BATCH,
            batch_bytes: 1 << 20,
            ..Default::default()
        };
        let connection = Connection::open(settings.clone()).await?;
        init(&connection).await?;
        let bare =
            SessionBuilder::new().known_node(node).user("silverbullet", "silverbullet").build().await?;
        let limits = Limits { time: Duration::from_secs(3_600), rows: usize::MAX, ..Limits::default() };
        // There are no tables on this machine.
        let nowhere = Tables::open(std::env::temp_dir().join("silverbullet-bench-nowhere"));
        let catalog = CassandraCatalog { settings, full_scans: true };
        let sql = Sql::with_cassandra(nowhere, None, Vec::new(), catalog, limits)?;
        Ok(Self { writer: CassandraWriter::open(connection).await?, bare, sql })
    }

    async fn answer(&self, words: &[&str]) -> Result<Value, Any> {
        Ok(match words {
            ["write", who, table, first, rows] => {
                let (first, rows): (usize, usize) = (first.parse()?, rows.parse()?);
                per_second(rows, self.write(who, named(table)?, first, rows).await?)
            }
            ["read", "bare", table] => {
                let (rows, took) = bare::scan(&self.bare, named(table)?).await?;
                per_second(rows, took)
            }
            ["read", "sql", table] => {
                let begun = Instant::now();
                let rows = self.rows(&format!("select * from cassandra.{}", named(table)?.name())).await?;
                per_second(rows, begun.elapsed())
            }
            ["latest", rounds] => self.latest(rounds.parse()?).await?,
            _ => return Err(format!("no command: {}", words.join(" ")).into()),
        })
    }

    /// How long it takes until all rows are acknowledged, without making them.
    async fn write(&self, who: &str, table: Table, first: usize, rows: usize) -> Result<Duration, Any> {
        let mut took = Duration::ZERO;
        for from in (first..first + rows).step_by(HANDED) {
            let batch = rows::batch(table, from, HANDED.min(first + rows - from))?;
            took += if who == "ours" {
                let begun = Instant::now();
                self.writer.write(table, &batch).await?;
                begun.elapsed()
            } else {
                bare::write(&self.bare, table, &batch).await?
            };
        }
        Ok(took)
    }

    async fn latest(&self, rounds: usize) -> Result<Value, Any> {
        let mut times = Vec::new();
        for _ in 0..rounds {
            let begun = Instant::now();
            if self.rows("select * from cassandra.latest_portfolios where universe = 'universe'").await? == 0
            {
                return Err("no newest portfolios".into());
            }
            times.push(begun.elapsed().as_secs_f64() * 1e3);
        }
        times.sort_by(f64::total_cmp);
        let at = |share: usize| times[(times.len() * share / 100).min(times.len() - 1)];
        Ok(json!({ "p50_ms": at(50), "p99_ms": at(99) }))
    }

    async fn rows(&self, query: &str) -> Result<usize, Any> {
        let mut answer = self.sql.query(query).await?;
        let mut rows = 0;
        while let Some(batch) = answer.next().await {
            rows += batch?.num_rows();
        }
        Ok(rows)
    }
}

fn named(name: &str) -> Result<Table, Any> {
    let table = Table::ALL.into_iter().find(|table| table.name() == name);
    table.ok_or_else(|| format!("no table {name}").into())
}

fn per_second(rows: usize, took: Duration) -> Value {
    json!({ "rows": rows, "rows_per_s": rows as f64 / took.as_secs_f64() })
}
