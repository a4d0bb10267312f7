//! No row twice and none lost, wherever between tail and disk rows are when a query comes.

use proptest::prelude::*;
use silverbullet_store::backend::{Numbered, Numbers};
use silverbullet_store::{Table, Tables, TailBatch};

use super::support::{START, TestTail, commit, count, events, pending, portfolios, rows, small};
use crate::Sql;

/// What the writer may do between queries.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// Some bars become final.
    Bars(i64),
    /// Some of what waits is on disk, and still in the tail.
    Store(i64),
    /// The tail forgets what is on disk.
    Forget,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step =
        prop_oneof![(1..4_i64).prop_map(Step::Bars), (1..4_i64).prop_map(Step::Store), Just(Step::Forget)];
    proptest::collection::vec(step, 1..8)
}

async fn run(steps: Vec<Step>) {
    let directory = tempfile::tempdir().unwrap();
    let tail = std::sync::Arc::new(TestTail::default());
    let sql = Sql::over(Tables::open(directory.path()), tail.clone(), Vec::new(), None, small()).unwrap();
    let (mut made, mut stored) = (0, 0);
    for step in steps {
        match step {
            Step::Bars(bars) => {
                tail.0.lock().unwrap().push(pending("u", "x", made..made + bars));
                made += bars;
            }
            Step::Store(bars) => {
                let until = made.min(stored + bars);
                if until > stored {
                    let batch = portfolios("u", "x", stored..until);
                    commit(directory.path(), Table::Portfolios, batch, "u/x", START + until - 1).await;
                    stored = until;
                }
            }
            Step::Forget => {
                tail.0.lock().unwrap().retain(|pending| {
                    pending.rows.last(Table::Portfolios).unwrap() > Some(START + stored - 1)
                })
            }
        }
        let query = "select count(*) from portfolios";
        assert_eq!(count(&sql, query).await, 2 * made, "{step:?}");
        let query = "select count(distinct bar) from portfolios";
        assert_eq!(count(&sql, query).await, made, "{step:?}");
    }
}

#[tokio::test]
async fn of_events_that_are_stored_in_part_the_rest_is_added() {
    let directory = tempfile::tempdir().unwrap();
    let batch = events("u", "x", 0..5);
    commit(directory.path(), Table::Events, batch.slice(0, 3), "u/x", 13).await;
    let tail = std::sync::Arc::new(TestTail::default());
    // The first of these has ordinal 11: three are on disk.
    let waiting = Numbered { batch, numbers: Numbers::After(10) };
    tail.0.lock().unwrap().push(TailBatch { application: "u/x".to_owned(), rows: waiting });
    let sql = Sql::over(Tables::open(directory.path()), tail, Vec::new(), None, small()).unwrap();
    let offsets =
        |table| format!("select string_agg(\"offset\", ' ' order by \"offset\") as seen from {table}");
    assert_eq!(rows(&sql, &offsets("events")).await, "[\n{\"seen\":\"0 1 2 3 4\"}\n]");
    assert_eq!(rows(&sql, &offsets("live.events")).await, "[\n{\"seen\":\"3 4\"}\n]");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_row_is_seen_once(steps in steps()) {
        tokio::runtime::Runtime::new().unwrap().block_on(run(steps));
    }
}

/// Lines of an answer.
async fn lines(sql: &Sql, query: &str) -> Vec<String> {
    let batches = sql.collect(query).await.unwrap_or_else(|error| panic!("{query}: {error}"));
    let text = arrow::util::pretty::pretty_format_batches(&batches).unwrap().to_string();
    let inside = text.lines().filter(|line| line.starts_with('|')).skip(1);
    inside.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

#[tokio::test]
async fn the_newest_rows_are_the_same_as_those_of_all_that_are_put_in_order() {
    let fixture = super::support::fixture(small()).await;
    for table in ["portfolios", "history.portfolios", "(select bar, universe, objective from portfolios)"] {
        for kept in
            ["", "where t.universe = 'u'", "where 'v' = t.universe", "where t.objective = 'max-sharpe'"]
        {
            let query = |limit: &str| {
                let columns = "t.bar as number, t.universe, t.objective";
                format!("select {columns} from {table} t {kept} order by t.bar desc, 2, 3 {limit}")
            };
            let all = lines(&fixture.sql, &query("")).await;
            assert!(all.len() > 1, "{}", query(""));
            for wanted in 1..=all.len() + 2 {
                let newest = lines(&fixture.sql, &query(&format!("limit {wanted}"))).await;
                assert_eq!(newest, all[..wanted.min(all.len())], "{wanted} of {}", query(""));
            }
            let later = lines(&fixture.sql, &query("limit 2 offset 1")).await;
            assert_eq!(later, all[1..3.min(all.len())], "{}", query(""));
        }
    }
}

#[tokio::test]
async fn only_where_the_newest_are_asked_for_are_rows_bounded() {
    let fixture = super::support::fixture(small()).await;
    for (query, bounded) in [
        ("select * from portfolios order by bar desc limit 1", true),
        (
            "select objective, risk from portfolios where universe = 'u' order by as_of desc, risk limit 1",
            true,
        ),
        ("select * from portfolios order by bar limit 1", false),
        ("select * from portfolios order by risk desc limit 1", false),
        ("select * from portfolios where risk > 0 order by bar desc limit 1", false),
        ("select bar + 1 as bar from portfolios order by bar desc limit 1", false),
        ("select * from portfolios order by bar desc", false),
        ("select * from portfolios order by bar desc limit 100000", false),
        ("select distinct bar from portfolios order by bar desc limit 1", false),
    ] {
        let plan = lines(&fixture.sql, &format!("explain {query}")).await.join("\n");
        let is_bounded = plan.contains("bar >=") || plan.contains("as_of >=");
        assert_eq!(is_bounded, bounded, "{query}\n{plan}");
    }
}
