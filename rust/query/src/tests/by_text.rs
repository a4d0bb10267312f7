//! Groups by text are those of DataFusion's own operator: the same rows in the same order, with the same bits.

use super::support::{fixture, rows, small};
use crate::{ErrorKind, Limits};

/// Words of any length, some missing; as many of the second kind as there are rows for `{many}`.
const WORDS: &str = "select value as x, arrow_cast(case when value % 7 = 0 then null when value % 3 = 0 then 'exact' \
    else 'fallback: no positive excess mean ' || (value % 5) end, 'Utf8View') as a, \
    arrow_cast('w' || (value % 1000), 'Utf8View') as b, case when value > 0 then 1 end as one \
    from generate_series(1, 50000)";
const COLUMNS: &str = "count(*) as n, count(a) as there, sum(x) as s, avg(sqrt(x)) as m, min(b) as least, max(x) as most, stddev(x) as d";

#[tokio::test]
async fn groups_by_text_are_those_of_the_usual_operator() {
    let fixture = fixture(Limits { rows: 20_000, ..small() }).await;
    for by in ["a", "b", "a, b", "b, a", "a, b, arrow_cast('w' || (x % 3), 'Utf8View')"] {
        let query = |more: &str| format!("select {by}, {COLUMNS} from ({WORDS}) group by {by}{more}");
        // A number that is the same for all: no longer text alone.
        let (ours, usual) = (query(""), query(", one"));
        let plan = rows(&fixture.sql, &format!("explain {ours}")).await;
        assert!(plan.contains("ByTextAggregateExec"), "{plan}");
        let plan = rows(&fixture.sql, &format!("explain {usual}")).await;
        assert!(!plan.contains("ByText") && plan.contains("AggregateExec"), "{plan}");
        assert_eq!(rows(&fixture.sql, &ours).await, rows(&fixture.sql, &usual).await, "{by}");
    }
}

#[tokio::test]
async fn stored_tables_are_grouped_by_text_and_other_aggregates_are_left_alone() {
    let fixture = fixture(small()).await;
    for (query, by_text) in [
        ("select objective, method, count(*), avg(gap) from history.portfolios group by 1, 2", true),
        // Of rows on disk and in the tail, each grouped by itself first.
        ("select objective, max(bar), avg(gap) from portfolios where bar > 0 group by 1 order by 1", true),
        // What a table is parted by is plain text.
        ("select universe, max(bar) from portfolios group by 1", false),
        ("select distinct universe, variant from history.portfolios", false),
        ("select bar, count(*) from portfolios group by 1", false),
        ("select objective, count(distinct bar), count(distinct gap) from portfolios group by 1", false),
        ("select objective, count(*) filter (where bar > 0) from portfolios group by 1", false),
        ("select objective, method, count(*) from portfolios group by rollup(objective, method)", false),
    ] {
        let plan = rows(&fixture.sql, &format!("explain {query}")).await;
        assert_eq!(plan.contains("ByText"), by_text, "{query}: {plan}");
        fixture.sql.collect(query).await.unwrap();
    }
}

#[tokio::test]
async fn groups_by_text_are_counted_towards_the_memory_of_a_query() {
    let fixture = fixture(Limits { memory: 8 << 20, ..small() }).await;
    let query = "select max(n) from (select arrow_cast('word ' || value, 'Utf8View') as w, count(*) as n from generate_series(1, 3000000) group by 1)";
    let plan = rows(&fixture.sql, &format!("explain {query}")).await;
    assert!(plan.contains("ByText"), "{plan}");
    let error = fixture.sql.collect(query).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Memory, "{error}");
}
