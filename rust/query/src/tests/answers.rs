//! What queries answer, against files in `tests/golden`; `UPDATE_GOLDEN=1` writes them.

use std::path::Path;

use super::support::{count, fixture, rows, small};
use crate::ErrorKind;

/// Name of the golden file and query.
const QUERIES: [(&str, &str); 10] = [
    (
        "newest",
        "select universe, variant, bar, objective, weights from portfolios order by bar desc, objective limit 2",
    ),
    (
        "newest_bar",
        "select universe, bar, objective, as_of from portfolios where bar = (select max(bar) from portfolios) order by objective",
    ),
    (
        "variants",
        "select universe, variant, count(*) as n, min(bar) as first, max(bar) as last from history.portfolios group by 1, 2 order by 1, 2",
    ),
    ("tail", "select variant, bar, objective from live.portfolios order by bar, objective"),
    (
        "weights",
        "select bar, asset, weight from weights where bar > 1700000005 and objective = 'max-sharpe' order by bar, asset",
    ),
    (
        "annualised",
        "select annualised(0.5, '1d') as a, annualised(1, interval '1 hour') as b, annualised_risk(1, 31536000) as c, annualised(null, '1s') as d",
    ),
    (
        "portfolio_return",
        "select bar, portfolio_return(weights, map {'ETH': 0.25, 'BTC': 0.5}) as r, portfolio_return(weights, map {'ETH': 1.0}) as missing from history.portfolios where variant = 'old' and objective = 'max-sharpe' order by bar",
    ),
    ("empty", "select count(*) as n, max(bar) as last from bars"),
    (
        "documentation",
        "select column_name, data_type, is_nullable, unit, comment from catalog.columns where table_schema = 'public' and table_name = 'portfolios'",
    ),
    (
        "tables",
        "select table_schema, table_name from information_schema.tables where table_schema <> 'information_schema' order by 1, 2",
    ),
];

#[tokio::test]
async fn queries_give_what_they_gave() {
    let fixture = fixture(small()).await;
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    for (name, query) in QUERIES {
        let file = golden.join(name).with_extension("txt");
        let answer = format!("{query}\n{}\n", rows(&fixture.sql, query).await);
        if update {
            std::fs::write(&file, &answer).unwrap();
        }
        let expected = std::fs::read_to_string(&file).unwrap_or_else(|_| panic!("no golden file {name}"));
        assert_eq!(answer, expected, "{name}");
    }
}

#[tokio::test]
async fn only_a_choice_of_variant_reaches_the_others() {
    let fixture = fixture(small()).await;
    let sql = &fixture.sql;
    let newest = 12 + 4;
    let all = newest + 6;
    for (query, expected) in [
        ("select count(*) from portfolios", newest),
        ("select count(*) from portfolios where bar >= 0", newest),
        ("select count(*) from portfolios where variant = 'old'", 6),
        ("select count(*) from portfolios where variant like '%'", all),
        ("select count(*) from portfolios where variant is not null", all),
        ("select count(*) from portfolios where variant in (select variant from history.portfolios)", all),
        ("select count(*) from (select * from portfolios) p where p.variant <> ''", all),
        ("with p as (select * from portfolios) select count(*) from p where variant = 'old' or bar < 0", 6),
        ("select count(*) from weights where variant = 'old'", 12),
        ("select count(*) from weights", 2 * newest),
        (
            "select count(*) from portfolios a, portfolios b where a.variant = b.variant and a.bar = b.bar and a.objective = b.objective and a.universe = b.universe",
            newest,
        ),
        (
            "select count(*) from portfolios a join portfolios b on a.bar = b.bar and a.objective = b.objective and a.universe = b.universe where b.variant = 'old' and a.variant = 'old'",
            6,
        ),
        ("select count(*) from history.portfolios", 6 + 8 + 4),
        ("select count(*) from live.portfolios", 4),
    ] {
        assert_eq!(count(sql, query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn files_are_left_out_and_known_counts_are_not_read() {
    let fixture = fixture(small()).await;
    let files = |plan: &str| plan.matches(".parquet").count();
    for (query, expected) in [
        ("select * from history.portfolios", 4),
        ("select * from history.portfolios where universe = 'v'", 1),
        ("select * from history.portfolios where variant = 'new' and bar > 1700000004", 1),
        ("select * from history.portfolios where as_of < timestamp '2023-11-14T22:13:22Z'", 2),
        ("select * from history.portfolios where bar between 10 and 20", 0),
        ("select * from portfolios", 3),
        ("select count(*), max(bar) from history.portfolios", 0),
    ] {
        let plan = rows(&fixture.sql, &format!("explain {query}")).await;
        assert_eq!(files(&plan), expected, "{query}: {plan}");
    }
}

#[tokio::test]
async fn the_newest_rows_are_found_without_reading_the_others() {
    let fixture = fixture(small()).await;
    let query = "explain analyze select bar, weights from history.portfolios where variant = 'new' order by bar desc limit 1";
    let plan = rows(&fixture.sql, query).await;
    assert!(plan.contains("filter=[DynamicFilter") || plan.contains("DynamicFilter"), "{plan}");
    assert!(plan.contains("files_ranges_pruned_statistics=2 total → 1 matched"), "{plan}");
}

#[tokio::test]
async fn unknown_names_are_told_with_the_nearest() {
    let fixture = fixture(small()).await;
    for (query, kind, part) in [
        ("select * from portfolio", ErrorKind::Unknown, "did you mean portfolios?"),
        ("select * from history.bar", ErrorKind::Unknown, "did you mean history.bars?"),
        ("select * from xyz", ErrorKind::Unknown, "tables: assets"),
        ("select wieghts from portfolios", ErrorKind::Unknown, "did you mean weights?"),
        ("select anualised(1, '1m')", ErrorKind::Unknown, "did you mean annualised?"),
        ("select * form portfolios", ErrorKind::Syntax, "Line: 1"),
        ("", ErrorKind::Syntax, "empty"),
        ("select annualised(1, '1x')", ErrorKind::Failed, "1x"),
    ] {
        let error = fixture.sql.collect(query).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{query}: {error}");
        assert!(error.to_string().contains(part), "{query}: {error}");
    }
}

#[tokio::test]
async fn answers_carry_meaning_and_unit() {
    let fixture = fixture(small()).await;
    for table in ["portfolios", "history.portfolios", "live.portfolios", "weights"] {
        let query = format!("select * from {table} limit 1");
        let answer = fixture.sql.query(&query).await.unwrap();
        for field in answer.schema().fields() {
            assert!(!crate::catalog::column(field).comment.is_empty(), "{table}.{}", field.name());
        }
    }
    for table in crate::catalog::tables() {
        assert!(!table.comment.is_empty(), "{}", table.name);
        assert!(!crate::catalog::columns(&table.name).unwrap().is_empty(), "{}", table.name);
        let query = format!("select * from {} limit 0", table.name);
        let answer = fixture.sql.collect(&query).await.unwrap();
        let names: Vec<String> =
            answer[0].schema().fields().iter().map(|field| field.name().clone()).collect();
        let known = crate::catalog::columns(&table.name).unwrap();
        assert_eq!(names, known.into_iter().map(|column| column.name).collect::<Vec<_>>(), "{}", table.name);
    }
    assert!(fixture.directory.path().exists());
}

#[tokio::test]
async fn queries_within_each_other_are_each_computed() {
    let fixture = fixture(small()).await;
    let nested = |expression: &str, inner: &str, depth: usize| {
        let inner = inner.to_owned();
        (0..depth).fold(inner, |inner, _| format!("select {expression} as x from ({inner})"))
    };
    let start = 1_700_000_000;
    for (query, expected) in [
        (nested("x*2", "select 1 as x", 3), 8),
        (format!("select min(x) from ({})", nested("x+1", "select bar as x from portfolios", 4)), start + 4),
        (format!("select (select max(x) from ({}))", nested("x+1", "select 0 as x", 5)), 5),
        ("select a + b from (select 1 as a), (select 2 as b)".to_owned(), 3),
        ("select derived_1.a from (select 1 as a) derived_1, (select 2 as b)".to_owned(), 1),
        (
            "select count(*) from (select * from (select * from portfolios)) where variant = 'old'"
                .to_owned(),
            6,
        ),
        (
            "with t as (select 1 as x) select x from (select x + 1 as x from (select x + 1 as x from t))"
                .to_owned(),
            3,
        ),
    ] {
        assert_eq!(count(&fixture.sql, &query).await, expected, "{query}");
    }
    let plan = nested("x*2", "select bar as x from portfolios", 2);
    assert!(rows(&fixture.sql, &format!("explain {plan}")).await.contains("derived_"), "{plan}");
}

#[tokio::test]
async fn columns_of_one_name_are_both_told() {
    let fixture = fixture(small()).await;
    let query = "select a.bar, b.bar from portfolios a join portfolios b on b.bar = a.bar + 1 and a.objective = b.objective and a.universe = b.universe where a.universe = 'v' limit 1";
    assert_eq!(rows(&fixture.sql, query).await, "[\n{\"bar\":1700000000,\"bar_1\":1700000001}\n]");
}
