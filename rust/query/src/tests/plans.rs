//! Plans that are kept are used while nothing changes, and never show what was.

use silverbullet_store::{Table, Tables};

use super::support::{START, TestTail, commit, count, pending, portfolios, small};
use crate::Sql;

#[tokio::test]
async fn a_kept_plan_sees_what_has_come_since() {
    let directory = tempfile::tempdir().unwrap();
    let tail = std::sync::Arc::new(TestTail::default());
    let sql = Sql::over(Tables::open(directory.path()), tail.clone(), Vec::new(), None, small()).unwrap();
    let query = "select count(*) from portfolios";
    assert_eq!(count(&sql, query).await, 0);
    for bars in 1..4 {
        tail.0.lock().unwrap().push(pending("u", "x", bars - 1..bars));
        for _ in 0..2 {
            assert_eq!(count(&sql, query).await, 2 * bars, "in the tail");
        }
    }
    commit(directory.path(), Table::Portfolios, portfolios("u", "x", 0..3), "u/x", START + 2).await;
    tail.0.lock().unwrap().clear();
    for _ in 0..2 {
        assert_eq!(count(&sql, query).await, 6, "on disk");
    }
    assert_eq!(sql.plans_kept(), 1, "those of before are gone");
}

#[tokio::test]
async fn only_plans_that_depend_on_nothing_but_tables_are_kept() {
    let fixture = super::support::fixture(small()).await;
    let kept = async |query: &str| {
        let before = fixture.sql.plans_kept();
        fixture.sql.collect(query).await.unwrap_or_else(|error| panic!("{query}: {error}"));
        fixture.sql.plans_kept() - before
    };
    assert_eq!(kept("select * from portfolios order by bar desc limit 1").await, 1);
    assert_eq!(kept("select * from portfolios order by bar desc limit 1").await, 0, "it was known");
    assert_eq!(kept("select asset, weight from weights where weight > 0.1").await, 1);
    for query in [
        "select now()",
        "select count(*) from portfolios where as_of < now()",
        "select bar, random() from portfolios",
        "select * from live.latency",
        "select * from portfolios where bar in (select bar from live.portfolios)",
        "select * from information_schema.tables",
        "explain select * from portfolios",
        "select * from catalog.tables",
    ] {
        assert_eq!(kept(query).await, 0, "{query}");
    }
}
