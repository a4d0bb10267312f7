//! Queries that are given values for their parameters.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Int64Type};

use super::support::{Fixture, fixture, small};
use crate::{ErrorKind, Question};

/// One row of values.
fn row(values: impl IntoIterator<Item = ArrayRef>) -> RecordBatch {
    RecordBatch::try_from_iter(
        values.into_iter().enumerate().map(|(place, value)| (place.to_string(), value)),
    )
    .unwrap()
}

fn number(value: i64) -> ArrayRef {
    Arc::new(Int64Array::from(vec![value]))
}

fn text(value: &str) -> ArrayRef {
    Arc::new(StringArray::from(vec![value]))
}

/// The numbers of the first column, or what is wrong.
async fn answer(fixture: &Fixture, query: &str, parameters: Option<RecordBatch>) -> crate::Result<Vec<i64>> {
    let mut answer = fixture.sql.ask(Question { text: query.into(), parameters, limits: small() }).await?;
    let mut numbers = Vec::new();
    while let Some(batch) = answer.next().await {
        numbers.extend(batch?.column(0).as_primitive::<Int64Type>().values());
    }
    Ok(numbers)
}

#[tokio::test]
async fn question_marks_and_numbers_take_values_in_their_order() {
    let fixture = fixture(small()).await;
    let values = || row([number(3), number(6)]);
    for query in [
        "select value from generate_series(1, 10) where value > ? and value < ?",
        "select value from generate_series(1, 10) where value > $1 and value < $2",
        "select value from generate_series(1, 10) where value < $2 and value > $1",
        "select value from (select * from generate_series(1, 10) where value > ?) where value < ?",
    ] {
        assert_eq!(answer(&fixture, query, Some(values())).await.unwrap(), [4, 5], "{query}");
    }
    let of_other_type =
        row([Arc::new(Int32Array::from(vec![3])) as _, Arc::new(Float64Array::from(vec![5.5])) as _]);
    let query = "select value from generate_series(1, 10) where value > ? and value < ?";
    assert_eq!(answer(&fixture, query, Some(of_other_type)).await.unwrap(), [4, 5]);
    let no_placeholder = "select value from generate_series(1, 3) where '?' = ? order by value limit 1";
    assert_eq!(answer(&fixture, no_placeholder, Some(row([text("?")]))).await.unwrap(), [1]);
}

#[tokio::test]
async fn values_that_are_missing_or_too_many_are_told() {
    let fixture = fixture(small()).await;
    let query = "select value from generate_series(1, 10) where value > ?";
    for (parameters, words) in [
        (None, "the query has 1 parameters, and 0 values were given"),
        (Some(row([number(1), number(2)])), "the query has 1 parameters, and 2 values were given"),
        (Some(row([Arc::new(Int64Array::from(vec![1, 2])) as _])), "2 rows of parameters"),
    ] {
        let error = answer(&fixture, query, parameters).await.unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
    for (query, words) in [
        ("select value from generate_series(1, 10) where value > $2", "$1 is nowhere in the query"),
        ("select value from generate_series(1, 10) where value > $least", "write ? or $1"),
    ] {
        let error = answer(&fixture, query, Some(row([number(1)]))).await.unwrap_err();
        assert!(error.to_string().contains(words), "{query}: {error}");
    }
}

#[tokio::test]
async fn a_query_is_described_without_being_run() {
    let fixture = fixture(small()).await;
    let described = fixture
        .sql
        .describe("select universe, bar + 1 as next from portfolios where bar > ? and objective = ?")
        .await
        .unwrap();
    let names: Vec<_> = described.schema.fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names, ["universe", "next"]);
    let kinds: Vec<_> = described.parameters.fields().iter().map(|field| field.data_type().clone()).collect();
    assert_eq!(kinds, [DataType::Int64, DataType::Utf8]);
    let error = fixture.sql.describe("select nothing from portfolios").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unknown);
    let error = fixture.sql.describe("drop table portfolios").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReadOnly);
}
