//! Which variant of a universe plain tables show.

use silverbullet_store::{Table, Tables};

use super::support::{START, TestTail, commit, count, events, portfolios, rows, run, small};
use crate::Sql;

/// `long` has later rows than `short`, and no events; `idle` has run without any rows.
async fn two_windows(runs: &[(&str, &str, i64)]) -> (tempfile::TempDir, Sql) {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    commit(data, Table::Portfolios, portfolios("u", "long", 100..104), "u/long", START + 103).await;
    commit(data, Table::Portfolios, portfolios("u", "short", 0..3), "u/short", START + 2).await;
    commit(data, Table::Events, events("u", "short", 0..5), "u/short", 5).await;
    for (number, (variant, kind, second)) in (1..).zip(runs) {
        commit(data, Table::Runs, run("u", variant, kind, *second), "runs", number).await;
    }
    let sql =
        Sql::over(Tables::open(data), std::sync::Arc::new(TestTail::default()), Vec::new(), None, small());
    (directory, sql.unwrap())
}

const SEEN: &str = "select string_agg(distinct variant, ' ') as seen from portfolios";

#[tokio::test]
async fn the_last_run_is_shown_whatever_the_dates_of_its_rows() {
    for (runs, portfolios, events) in [
        // Nothing known of any run: the latest rows.
        (&[][..], "long", 0),
        (&[("long", "run", 1), ("short", "run", 2)], "short", 5),
        (&[("short", "run", 1), ("long", "run", 2)], "long", 0),
        (&[("long", "run", 1), ("short", "run", 2), ("long", "run", 3)], "long", 0),
        // What is known to have run goes before what is not.
        (&[("short", "run", 1)], "short", 5),
        (&[("long", "run", 1), ("short", "run", 2), ("idle", "run", 3)], "short", 5),
        (&[("short", "run", 1), ("long", "backtest", 2)], "short", 5),
    ] {
        let (_directory, sql) = two_windows(runs).await;
        assert_eq!(rows(&sql, SEEN).await, format!("[\n{{\"seen\":\"{portfolios}\"}}\n]"), "{runs:?}");
        assert_eq!(count(&sql, "select count(*) from events").await, events, "{runs:?}");
        let query = "select count(*) from events where variant = 'short'";
        assert_eq!(count(&sql, query).await, 5, "{runs:?}");
        let query = "select count(*) from portfolios where variant = 'long'";
        assert_eq!(count(&sql, query).await, 8, "{runs:?}");
    }
}

#[tokio::test]
async fn a_query_sees_one_variant_in_all_tables() {
    for last in ["long", "short"] {
        let (_directory, sql) =
            two_windows(&[("long", "run", 1), ("short", "run", 2), (last, "run", 3)]).await;
        let query = "select string_agg(distinct variant, ' ') as seen from (select variant from portfolios union all select variant from events)";
        assert_eq!(rows(&sql, query).await, format!("[\n{{\"seen\":\"{last}\"}}\n]"));
        let query = "select count(*) from portfolios p join events e on p.universe = e.universe where p.variant <> e.variant or p.variant = e.variant";
        assert_eq!(count(&sql, query).await, 14 * 5);
        let query = "select count(*) from portfolios p join events e on p.universe = e.universe";
        assert_eq!(count(&sql, query).await, if last == "short" { 6 * 5 } else { 0 });
    }
}
