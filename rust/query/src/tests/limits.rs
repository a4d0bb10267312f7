//! What a query may not do, and how much.

use std::time::Duration;

use super::support::{fixture, small};
use crate::{ErrorKind, Limits};

#[tokio::test]
async fn statements_that_do_not_read_are_refused() {
    let fixture = fixture(small()).await;
    for query in [
        "insert into portfolios select * from portfolios",
        "create table t as select 1",
        "create view v as select 1",
        "create external table t stored as csv location '/etc/passwd'",
        "copy (select 1) to '/tmp/x.csv'",
        "drop table portfolios",
        "delete from portfolios",
        "update portfolios set bar = 1",
        "set datafusion.execution.batch_size = 1",
        "reset datafusion.execution.batch_size",
        "prepare p as select 1",
        "execute p",
        "begin",
        "select 1; select 2",
        "explain insert into portfolios select * from portfolios",
        "explain analyze copy (select 1) to '/tmp/x.csv'",
        "truncate table portfolios",
        "show all",
    ] {
        let error = fixture.sql.collect(query).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ReadOnly, "{query}: {error}");
    }
    for query in [
        "select * from '/etc/passwd'",
        "select * from 'file.csv'",
        "select * from read_csv('/etc/passwd')",
        "select repeat('x', 1000000000000)",
        "select range(0, 1000000000000)",
    ] {
        let error = fixture.sql.collect(query).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unknown, "{query}: {error}");
    }
    for query in [
        "show tables",
        "describe portfolios",
        "show columns from portfolios",
        "explain select 1",
        "values (1)",
        "select now(), count(*) from bars where close_time > now() - interval '1 day'",
    ] {
        assert!(fixture.sql.collect(query).await.is_ok(), "{query}");
    }
}

#[tokio::test]
async fn nesting_and_length_end_in_words() {
    let fixture = fixture(small()).await;
    let nested = format!("select {}1{}", "(".repeat(10_000), ")".repeat(10_000));
    let long = format!("select 1{}", " + 1".repeat(20_000));
    let chain = format!("select 1{}", " + 1".repeat(10_000));
    for query in [nested, long, chain, format!("select {}", "not ".repeat(900))] {
        let error = fixture.sql.collect(&query).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Syntax, "{error}");
    }
    let sum = format!("select 1{}", " + 1".repeat(900));
    fixture.sql.collect(&sum).await.unwrap();
}

#[tokio::test]
async fn time_ends_plans_that_never_wait() {
    let limits = Limits { time: Duration::from_millis(500), ..small() };
    let fixture = fixture(limits).await;
    for query in [
        "select count(*) from generate_series(1, 1000000) a cross join generate_series(1, 1000000) b",
        "with recursive r(n) as (select 1 union all select n + 1 from r) select count(*) from r",
        "select sum(a.value) from generate_series(1, 1000000000000) a",
    ] {
        let error = fixture.sql.collect(query).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Time | ErrorKind::Memory), "{query}: {error}");
    }
    // The thread is free again.
    fixture.sql.collect("select 1").await.unwrap();
}

#[tokio::test]
async fn memory_ends_what_has_to_hold_everything() {
    let fixture = fixture(Limits { memory: 8 << 20, ..small() }).await;
    for query in [
        "select max(value) from (select value from generate_series(1, 3000000) order by value % 7, value limit 2900000)",
        "select max(n) from (select value % 2999999 as v, count(*) as n from generate_series(1, 3000000) group by 1)",
    ] {
        let error = fixture.sql.collect(query).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Memory, "{query}: {error}");
        assert!(error.to_string().contains("8 MiB"), "{error}");
    }
}

#[tokio::test]
async fn an_answer_is_cut_at_the_limit_and_says_so() {
    let fixture = fixture(Limits { rows: 1_000, ..small() }).await;
    let mut answer = fixture.sql.query("select * from generate_series(1, 5000)").await.unwrap();
    let mut rows = 0;
    while let Some(batch) = answer.next().await {
        rows += batch.unwrap().num_rows();
    }
    assert_eq!(rows, 1_000);
    assert!(answer.truncated());
    let mut answer = fixture.sql.query("select * from generate_series(1, 1000)").await.unwrap();
    while answer.next().await.is_some() {}
    assert!(!answer.truncated());
    let error = fixture.sql.collect("select * from generate_series(1, 5000)").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rows);
    assert!(fixture.tail.0.lock().unwrap().len() == 1);
}
