//! Portfolios of the prices that a query gives.

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::Float64Type;

use super::support::{Fixture, fixture, small};
use crate::ErrorKind;

/// Three assets whose returns take turns: A earns 2 or 0 per cent, B 0 or 3, C nothing at all but at the last bar.
const PRICES: &str = "select bar, asset, case asset \
     when 'A' then 10 * power(1.02, (bar + 1) / 2) when 'B' then 20 * power(1.03, bar / 2) \
     else 30 + case when bar = 8 then 0.3 else 0 end end as price \
     from (select value as bar from generate_series(0, 8)) cross join (values ('B'), ('A'), ('C')) as assets(asset)";

/// The same assets, each going its own way.
const ROUGH: &str = "select bar, asset, case asset \
     when 'A' then 10 * (1 + 0.01 * bar + 0.02 * sin(bar)) when 'B' then 20 * (1 + 0.005 * bar + 0.01 * cos(2 * bar)) \
     else 30 * (1 + 0.002 * bar + 0.03 * sin(0.7 * bar)) end as price \
     from (select value as bar from generate_series(0, 20)) cross join (values ('B'), ('A'), ('C')) as assets(asset)";

async fn ask(fixture: &Fixture, query: &str) -> crate::Result<RecordBatch> {
    let batches = fixture.sql.collect(&query.replace("PRICES", PRICES).replace("ROUGH", ROUGH)).await?;
    Ok(concat_batches(&batches[0].schema(), &batches).unwrap())
}

fn numbers(batch: &RecordBatch, column: &str) -> Vec<f64> {
    batch.column_by_name(column).unwrap().as_primitive::<Float64Type>().values().to_vec()
}

fn texts(batch: &RecordBatch, column: &str) -> Vec<String> {
    let column = batch.column_by_name(column).unwrap().as_string::<i32>();
    column.iter().map(|text| text.unwrap_or_default().to_owned()).collect()
}

/// Whether two numbers are the same but for rounding.
fn near(left: f64, right: f64) -> bool {
    (left - right).abs() <= 1e-12 * right.abs().max(1.0)
}

#[tokio::test]
async fn moments_are_those_of_simple_returns_by_asset() {
    let fixture = fixture(small()).await;
    let moments = ask(&fixture, "select * from moments((PRICES)) order by asset").await.unwrap();
    assert_eq!(texts(&moments, "asset"), ["A", "B", "C"]);
    let [mean, volatility] = ["mean", "volatility"].map(|column| numbers(&moments, column));
    // Four of eight returns are two per cent (three), the others nothing.
    for (asset, (size, share)) in [(0.02, 0.5), (0.03, 0.5), (0.01, 0.125)].into_iter().enumerate() {
        assert!(near(mean[asset], size * share), "{mean:?}");
        let variance = 8.0 * size * size * share * (1.0 - share) / 7.0;
        assert!(near(volatility[asset], variance.sqrt()), "{volatility:?}");
    }
    let covariance = "select covariances['B'] as ab from moments((PRICES)) where asset = 'A'";
    // They never move together: −Σ ab / 7 of the deviations.
    assert!(near(numbers(&ask(&fixture, covariance).await.unwrap(), "ab")[0], -8.0 * 0.01 * 0.015 / 7.0));
}

#[tokio::test]
async fn portfolios_and_frontier_are_those_of_the_same_moments() {
    let fixture = fixture(small()).await;
    let least = ask(&fixture, "select * from min_variance((ROUGH))").await.unwrap();
    let best = ask(&fixture, "select * from max_sharpe((ROUGH), 0.001)").await.unwrap();
    assert_eq!(texts(&best, "method"), ["exact"]);
    assert_eq!([texts(&best, "label"), texts(&least, "label")], [["ok"], ["ok"]]);
    let (mean, risk, sharpe) =
        (numbers(&best, "mean")[0], numbers(&best, "risk")[0], numbers(&best, "sharpe")[0]);
    assert!(near(sharpe, (mean - 0.001) / risk));
    assert!(numbers(&least, "risk")[0] <= risk);
    let frontier =
        ask(&fixture, "select * from efficient_frontier((ROUGH), 7) order by point").await.unwrap();
    let means = ask(&fixture, "select max(mean) as mean from moments((ROUGH))").await.unwrap();
    let largest = numbers(&means, "mean")[0];
    let (risks, means) = (numbers(&frontier, "risk"), numbers(&frontier, "mean"));
    assert_eq!(risks.len(), 7);
    assert!(near(risks[0], numbers(&least, "risk")[0]) && near(means[6], largest), "{risks:?} {means:?}");
    assert!(risks.is_sorted() && means.is_sorted());
    let sums = "select sum(weight) as sum from (select point, unnest(map_values(weights)) as weight \
         from efficient_frontier((ROUGH))) group by point";
    let sums = numbers(&ask(&fixture, sums).await.unwrap(), "sum");
    assert!(sums.len() == 20 && sums.iter().all(|sum| near(*sum, 1.0)), "{sums:?}");
}

#[tokio::test]
async fn drawn_portfolios_are_near_the_exact_ones_and_the_same_for_a_seed() {
    let fixture = fixture(small()).await;
    let query = |seed: u64| format!("select * from monte_carlo((ROUGH), 5000, {seed}) order by objective");
    let drawn = ask(&fixture, &query(7)).await.unwrap();
    assert_eq!(texts(&drawn, "objective"), ["max-sharpe", "min-variance"]);
    assert_eq!(texts(&drawn, "method"), ["monte-carlo", "monte-carlo"]);
    assert!(
        numbers(&drawn, "gap").iter().all(|gap| (0.0..0.01).contains(gap)),
        "{:?}",
        numbers(&drawn, "gap")
    );
    assert_eq!(ask(&fixture, &query(7)).await.unwrap(), drawn);
    let shrunk =
        ask(&fixture, "select * from monte_carlo((ROUGH), 5000, 7, 'ledoit-wolf') order by objective");
    assert_ne!(numbers(&shrunk.await.unwrap(), "risk"), numbers(&drawn, "risk"));
}

#[tokio::test]
async fn stored_rows_may_be_what_is_optimised_and_the_rest_of_sql_around_it() {
    let fixture = fixture(small()).await;
    let query = "with best as (select weights from max_sharpe((select bar, 'A', 100 + bar from portfolios \
         where objective = 'max-sharpe' and method = 'exact'))) select weights['A'] as weight from best";
    assert_eq!(numbers(&ask(&fixture, query).await.unwrap(), "weight"), [1.0]);
}

#[tokio::test]
async fn what_is_wrong_names_the_function_and_how_it_is_called() {
    let fixture = fixture(small()).await;
    for (query, words) in [
        ("select * from max_sharpe(1)", "max_sharpe((prices)"),
        ("select * from max_sharpe()", "max_sharpe((prices)"),
        ("select * from moments((PRICES), 'shrunk')", "shrunk"),
        ("select * from efficient_frontier((PRICES), 1)", "efficient_frontier((prices) [, points"),
        ("select * from monte_carlo((PRICES))", "say how many"),
        ("select * from monte_carlo((PRICES), 1000000000000)", "monte_carlo((prices), samples"),
        ("select * from moments((select 1, 'A'))", "three columns"),
        ("select * from moments((select 'x', 'A', 1))", "a bar or a time"),
        ("select * from moments((select 1, 'A', -1))", "A has the price -1"),
        (
            "select * from moments((select 1 as bar, 'A', 2 as price union all select 1, 'A', 3))",
            "A has two prices at 1",
        ),
        ("select * from moments((select 1 as bar, 'A', 2 as price))", "three are the least"),
        ("select * from moments((select bar, asset, price from nowhere))", "nowhere"),
        ("select * from moments((drop table bars))", "no SQL"),
    ] {
        let error = ask(&fixture, query).await.unwrap_err();
        assert!(error.to_string().to_lowercase().contains(&words.to_lowercase()), "{query}: {error}");
        assert_ne!(error.kind(), ErrorKind::Memory, "{query}");
    }
}
