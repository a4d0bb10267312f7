//! What a query may not do, and how much.

use std::time::Duration;

use super::support::{fixture, rows, small};
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
    // Not about time, of which a busy machine needs much for the last one.
    let fixture = fixture(Limits { time: Duration::from_secs(300), ..small() }).await;
    let nested = format!("select {}1{}", "(".repeat(10_000), ")".repeat(10_000));
    let long = format!("select 1{}", " + 1".repeat(20_000));
    let chain = format!("select 1{}", " + 1".repeat(10_000));
    for query in [nested, long, chain, format!("select {}", "not ".repeat(900))] {
        let error = fixture.sql.collect(&query).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Syntax, "{error}");
    }
    for (query, instead) in [
        ("select struct(1, 2)", "named_struct"),
        ("select {a: bar} from bars", "named_struct"),
        ("select map {bar: 1} from bars", "map("),
    ] {
        let error = fixture.sql.collect(query).await.unwrap_err();
        assert!(error.kind() == ErrorKind::Syntax && error.to_string().contains(instead), "{query}: {error}");
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

/// `expression` of `x` in subqueries within each other, the innermost over `from`.
fn nested(expression: &str, start: &str, from: &str, depth: usize) -> String {
    let inner = format!("select {start} as x{from}");
    (0..depth).fold(inner, |inner, _| format!("select {expression} as x from ({inner})"))
}

#[tokio::test]
async fn what_grows_by_doubling_is_stopped_at_once() {
    let limits = Limits { time: Duration::from_secs(120), ..small() };
    let fixture = fixture(limits).await;
    let replaced =
        (0..12).fold("'aaaaaaaaaa'".to_owned(), |text, _| format!("replace({text}, 'a', 'aaaaaaaaaa')"));
    let of_rows = " from portfolios";
    let texts = [
        format!("select length({replaced}) as n"),
        "select regexp_replace(repeated, 'a', repeated, 'g') from (select array_to_string(array_agg('aaaaaaaa'), '') as repeated from generate_series(1, 5000))".to_owned(),
        "select array_to_string(array_agg(1), (select string_agg('aaaaaaaa', '') from generate_series(1, 100000))) from generate_series(1, 100000)".to_owned(),
    ];
    let mut queries = texts.to_vec();
    for expression in [
        "x || x",
        "concat(x, x)",
        "concat_ws(x, x, x)",
        "replace(x, 'a', 'aaaa')",
        "regexp_replace(x, '(a)', '\\1\\1', 'g')",
        "array_to_string([x, x], '')",
    ] {
        queries.push(format!("select length(x) from ({})", nested(expression, "'aaaaaaa'", "", 40)));
        let rows = nested(expression, "concat(label, 'a')", of_rows, 40);
        queries.push(format!("select max(length(x)) from ({rows})"));
    }
    for expression in ["[x, x]", "named_struct('a', x, 'b', x)", "map([x], [x])", "arrays_zip([x], [x])"] {
        queries.push(nested(expression, "1", "", 30));
        queries.push(nested(expression, "bar", of_rows, 30));
    }
    for expression in ["array_concat(x, x)", "x || x"] {
        queries.push(format!("select cardinality(x) from ({})", nested(expression, "[1]", "", 40)));
        let rows = nested(expression, "[bar]", of_rows, 40);
        queries.push(format!("select max(cardinality(x)) from ({rows})"));
    }
    for query in queries {
        let error = match fixture.sql.collect(&query).await {
            Ok(_) => panic!("{query} was answered"),
            Err(error) => error,
        };
        assert_eq!(error.kind(), ErrorKind::Memory, "{query}: {error}");
        assert!(error.to_string().contains("which is the most"), "{query}: {error}");
    }
}

#[tokio::test]
async fn what_is_bounded_answers_as_before() {
    let fixture = fixture(small()).await;
    let one = |value: &str| format!("[\n{{\"x\":{value}}}\n]");
    for (expression, value) in [
        ("'a' || 'b' || 1", "\"ab1\""),
        ("'a' || null", "null"),
        ("concat('a', null, 'b')", "\"ab\""),
        ("replace('abcabc', 'bc', 'x')", "\"axax\""),
        ("regexp_replace('price 12', '([0-9]+)', '<\\1>')", "\"price <12>\""),
        ("array_to_string([1, 2, null], '-', '?')", "\"1-2-?\""),
        ("[1, 2] || [3]", "[1,2,3]"),
        ("named_struct('a', 1)['a']", "1"),
        ("map {'a': 1}['a']", "1"),
        ("length(string_agg(label || '/' || objective, ',')) from portfolios where universe = 'v'", "59"),
    ] {
        let query = format!(
            "select {}",
            if expression.contains(" from ") {
                expression.replacen(" from ", " as x from ", 1)
            } else {
                format!("{expression} as x")
            }
        );
        assert_eq!(rows(&fixture.sql, &query).await, one(value), "{query}");
    }
    let named = rows(&fixture.sql, "select 'a' || 'b', concat('a', 'b')").await;
    assert!(named.contains("Utf8(\"a\") || Utf8(\"b\")".replace('"', "\\\"").as_str()), "{named}");
    let long = "select max(length(x)) as x from (select replace(label || objective, '-', '----------') as x from portfolios a, generate_series(1, 20000))";
    assert_eq!(rows(&fixture.sql, long).await, one("23"));
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
