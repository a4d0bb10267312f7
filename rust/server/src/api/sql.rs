//! `POST /api/v1/sql`: a read-only query, answered as JSON, CSV or an Arrow IPC stream.

use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use arrow::ipc::writer::StreamWriter;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use silverbullet_query::{Limits, format};
use utoipa::ToSchema;

use super::fresh;
use crate::connections::{Work, Working};
use crate::problem::Problem;
use crate::routes::BODY;
use crate::service::AppState;
use crate::sql::Running;

/// Bytes of a body that are read and thrown away when it is too long.
const MOST_DISCARDED: usize = 4 << 20;
/// A body has this long to arrive.
const BODY_TIME: Duration = Duration::from_secs(5);
/// Rows of a JSON answer where no limit is given, and the most.
const JSON_ROWS: usize = 10_000;
const MOST_JSON_ROWS: usize = 100_000;
/// A JSON answer is formed as a whole: it is cut when its rows hold this many bytes.
const MOST_JSON_BYTES: usize = 32 << 20;

const CSV: &str = "text/csv";
const ARROW: &str = "application/vnd.apache.arrow.stream";

/// What to ask.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SqlQuery)]
pub(crate) struct Question {
    /// One SQL query that reads.
    #[schema(example = "SELECT * FROM portfolios ORDER BY bar DESC")]
    query: String,
    /// Rows at most; JSON has 10,000 by default and 100,000 at most, the others have what the server allows.
    limit: Option<usize>,
}

/// The answer as JSON.
#[derive(Serialize, ToSchema)]
#[schema(as = SqlAnswer)]
struct AnswerView {
    /// In the order of the query.
    columns: Vec<ColumnView>,
    /// One object a row, from column to value.
    #[schema(value_type = Vec<Object>)]
    rows: Box<RawValue>,
    /// How many rows there are here.
    row_count: usize,
    /// Whether rows were left out because of the limit.
    truncated: bool,
    /// Time from the query's arrival to its last row, in milliseconds.
    elapsed_ms: f64,
}

/// A column of an answer.
#[derive(Serialize, ToSchema)]
#[schema(as = SqlColumn)]
struct ColumnView {
    /// Name.
    name: String,
    /// Type in Arrow's words.
    r#type: String,
    /// Whether it may be null.
    nullable: bool,
    /// What it means, where that is known.
    comment: Option<String>,
}

/// In what form the answer is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Csv,
    Arrow,
}

/// Answers a query that reads. Four at a time; more are refused with 429.
///
/// The answer is JSON, CSV or an Arrow IPC stream, as `Accept` says. CSV and Arrow are sent as the rows come;
/// an error on the way ends the connection before the end of the answer. Closing the connection ends the query.
/// What `curl -d` sends is taken as plain text, although it calls it a form.
#[utoipa::path(
    post,
    path = "/api/v1/sql",
    tag = "tables",
    request_body(content(
        (Question = "application/json"),
        (String = "text/plain", example = "SELECT * FROM portfolios ORDER BY bar DESC LIMIT 10")
    )),
    responses(
        (status = 200, description = "The rows", content(
            (AnswerView = "application/json"), (String = "text/csv"), (String = "application/vnd.apache.arrow.stream")
        )),
        Problem,
    )
)]
pub(crate) async fn sql(
    State(shared): AppState,
    ConnectInfo(work): ConnectInfo<Work>,
    request: Request,
) -> Result<Response, Problem> {
    let desk = shared.desk()?;
    let form = form(request.headers())?;
    let question = question(request).await?;
    let working = work.begin();
    let most = if form == Form::Json { MOST_JSON_ROWS } else { usize::MAX };
    let default = if form == Form::Json { JSON_ROWS } else { usize::MAX };
    let limits = desk.limits();
    let rows = question.limit.unwrap_or(default).min(most).min(limits.rows);
    let running = desk.begin(&question.query, Limits { rows, ..limits }).await?;
    match form {
        Form::Json => json(running).await,
        Form::Csv => rows_as(running, working, CSV, Csv::new).await,
        Form::Arrow => rows_as(running, working, ARROW, Ipc::new).await,
    }
}

/// The first form that is both asked for and to be had.
fn form(headers: &HeaderMap) -> Result<Form, Problem> {
    let Some(accept) = headers.get(header::ACCEPT) else { return Ok(Form::Json) };
    let accept = accept.to_str().unwrap_or_default();
    let known = |range: &str| match range.split(';').next().unwrap_or_default().trim() {
        "*/*" | "application/*" | "application/json" | "" => Some(Form::Json),
        CSV | "text/*" => Some(Form::Csv),
        ARROW => Some(Form::Arrow),
        _ => None,
    };
    accept.split(',').find_map(known).ok_or_else(|| {
        let detail = format!("there is no {accept}; there are application/json, {CSV} and {ARROW}");
        Problem::new(StatusCode::NOT_ACCEPTABLE, detail)
    })
}

/// The question in a request's body.
async fn question(request: Request) -> Result<Question, Problem> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.unwrap_or("text/plain").split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let body = tokio::time::timeout(BODY_TIME, whole(request.into_body())).await;
    let body = body.map_err(|_| {
        let detail = format!("the query did not arrive within {} s", BODY_TIME.as_secs());
        Problem::new(StatusCode::REQUEST_TIMEOUT, detail)
    })?;
    let body = body?;
    match kind.as_str() {
        "application/json" => serde_json::from_slice(&body).map_err(|error| {
            Problem::bad_request(format!("the body is not {{\"query\", \"limit\"}}: {error}"))
        }),
        // A browser lets a page of another site send plain text just as it does forms, so taking the query from
        // what `curl -d` calls a form opens nothing: such pages are refused before, whatever they send.
        "text/plain" | "application/sql" | "application/x-www-form-urlencoded" => {
            let query = String::from_utf8(body);
            let query = query.map_err(|_| Problem::bad_request("the query is not UTF-8"))?;
            Ok(Question { query, limit: None })
        }
        other => {
            let detail = format!("{other} is not understood; send application/json or text/plain");
            Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail))
        }
    }
}

/// All of a body. One that is too long is read on for a while and not kept: who is still sending when the
/// connection is closed may never see the answer.
async fn whole(body: Body) -> Result<Vec<u8>, Problem> {
    let mut pieces = body.into_data_stream();
    let (mut bytes, mut length) = (Vec::new(), 0);
    while let Some(piece) = pieces.next().await {
        let piece =
            piece.map_err(|error| Problem::bad_request(format!("the body did not arrive: {error}")))?;
        length += piece.len();
        if length <= BODY {
            bytes.extend_from_slice(&piece);
        } else if length > MOST_DISCARDED {
            break;
        }
    }
    if length > BODY {
        let detail = format!("a query is at most {} KiB long", BODY >> 10);
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail));
    }
    Ok(bytes)
}

async fn json(mut running: Running) -> Result<Response, Problem> {
    let mut batches: Vec<RecordBatch> = Vec::new();
    let (mut bytes, mut cut) = (0, false);
    while let Some(batch) = running.next().await {
        let batch = batch?;
        bytes += batch.get_array_memory_size();
        if bytes > MOST_JSON_BYTES && !batches.is_empty() {
            cut = true;
            break;
        }
        batches.push(batch);
    }
    let column = |(field, name): (&std::sync::Arc<arrow::datatypes::Field>, String)| ColumnView {
        name,
        r#type: field.data_type().to_string(),
        nullable: field.is_nullable(),
        comment: field.metadata().get("comment").cloned(),
    };
    let schema = running.schema();
    let columns = schema.fields().iter().zip(format::names(&schema)).map(column).collect();
    let row_count = batches.iter().map(RecordBatch::num_rows).sum();
    let (truncated, elapsed) = (cut || running.truncated(), running.elapsed());
    drop(running);
    let rows = RawValue::from_string(format::json(&batches)?)
        .map_err(|error| Problem::internal(format!("the rows as JSON: {error}")))?;
    Ok(fresh(AnswerView { columns, rows, row_count, truncated, elapsed_ms: elapsed.as_secs_f64() * 1e3 }))
}

/// Writes rows as they come.
trait Rows: Send + 'static {
    /// The rows of `batch`, after what stands before the first; without a batch what stands at the end.
    fn write(&mut self, batch: Option<&RecordBatch>) -> Result<Bytes, Problem>;
}

/// A streamed answer. The first rows are waited for, so that what is wrong with a query is told as such.
async fn rows_as<R: Rows>(
    mut running: Running,
    working: Working,
    kind: &'static str,
    rows: impl FnOnce(&Running) -> Result<R, Problem>,
) -> Result<Response, Problem> {
    let mut rows = rows(&running)?;
    let first = running.next().await.transpose()?;
    let ended = first.is_none();
    let first = rows.write(first.as_ref())?;
    let state = Streaming { running, _working: working, rows, first: Some(first), ended };
    let stream = futures::stream::try_unfold(state, Streaming::step);
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, Body::from_stream(stream)).into_response())
}

struct Streaming<R> {
    running: Running,
    _working: Working,
    rows: R,
    first: Option<Bytes>,
    ended: bool,
}

impl<R: Rows> Streaming<R> {
    async fn step(mut self) -> std::io::Result<Option<(Bytes, Self)>> {
        if let Some(first) = self.first.take() {
            return Ok(Some((first, self)));
        }
        if self.ended {
            return Ok(None);
        }
        let next = self.running.next().await.transpose().map_err(broken)?;
        self.ended = next.is_none();
        let bytes = self.rows.write(next.as_ref()).map_err(broken)?;
        Ok(if bytes.is_empty() { None } else { Some((bytes, self)) })
    }
}

/// The status is sent already: the answer breaks off, which clients see as such.
fn broken(problem: Problem) -> std::io::Error {
    tracing::warn!(?problem, "a query failed while its rows were sent");
    std::io::Error::other("the query failed")
}

/// Comma-separated values.
struct Csv {
    header: Option<Bytes>,
    header_length: usize,
}

impl Csv {
    fn new(running: &Running) -> Result<Self, Problem> {
        let header = format::csv(&[RecordBatch::new_empty(running.schema())])?;
        Ok(Self { header_length: header.len(), header: Some(header.into()) })
    }
}

impl Rows for Csv {
    fn write(&mut self, batch: Option<&RecordBatch>) -> Result<Bytes, Problem> {
        let header = self.header.take();
        let Some(batch) = batch else { return Ok(header.unwrap_or_default()) };
        let mut text = format::csv(std::slice::from_ref(batch))?;
        if header.is_none() {
            text.drain(..self.header_length.min(text.len()));
        }
        Ok(text.into())
    }
}

/// An Arrow IPC stream.
struct Ipc(StreamWriter<Vec<u8>>);

impl Ipc {
    fn new(running: &Running) -> Result<Self, Problem> {
        StreamWriter::try_new(Vec::new(), &running.schema()).map(Self).map_err(unwritable)
    }
}

impl Rows for Ipc {
    fn write(&mut self, batch: Option<&RecordBatch>) -> Result<Bytes, Problem> {
        match batch {
            Some(batch) => self.0.write(batch).map_err(unwritable)?,
            None => self.0.finish().map_err(unwritable)?,
        }
        Ok(std::mem::take(self.0.get_mut()).into())
    }
}

fn unwritable(error: ArrowError) -> Problem {
    Problem::internal(format!("the rows as an Arrow stream: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_form_that_is_to_be_had_is_taken() {
        let form =
            |accept: &str| form(&HeaderMap::from_iter([(header::ACCEPT, accept.parse().unwrap())])).ok();
        assert_eq!(super::form(&HeaderMap::new()).ok(), Some(Form::Json));
        assert_eq!(form("*/*"), Some(Form::Json));
        assert_eq!(form("text/html, text/csv;q=0.9, */*"), Some(Form::Csv));
        assert_eq!(form("application/vnd.apache.arrow.stream"), Some(Form::Arrow));
        assert_eq!(form("image/png"), None);
    }
}
