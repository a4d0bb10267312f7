//! The answer to a query: a stream of record batches within limits.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::execution::SendableRecordBatchStream;
use futures::{Stream, StreamExt};
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

use crate::translate::{Names, translate_running};
use crate::views::{plain, with_schema};
use crate::{Error, ErrorKind, Result};

/// The rows of a query as they come. Dropping it ends the query.
///
/// The stream ends after the limit's number of rows; [`Answer::truncated`] then says that there were more.
#[derive(Debug)]
pub struct Answer {
    pub(crate) schema: SchemaRef,
    pub(crate) progress: Arc<Progress>,
    pub(crate) batches: mpsc::Receiver<Result<RecordBatch>>,
    /// Says so when time is up; none once it has.
    pub(crate) lateness: Option<oneshot::Receiver<Error>>,
    /// What works for this answer.
    pub(crate) _tasks: [Abort; 2],
}

/// How far a query has come.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    complete: AtomicBool,
    truncated: AtomicBool,
}

/// A task that ends with its handle.
#[derive(Debug)]
pub(crate) struct Abort(pub(crate) AbortHandle);

impl Drop for Abort {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A query that ended without a word: a fault, or the end of the program.
pub(crate) fn stopped() -> Error {
    Error::new(ErrorKind::Failed, "the query was stopped before its end")
}

impl Answer {
    /// Columns of every batch. A field's metadata has `comment` and `unit` where they are known.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// Whether rows were left out because of the limit; final once the stream has ended.
    #[must_use]
    pub fn truncated(&self) -> bool {
        self.progress.truncated.load(Ordering::Acquire)
    }

    /// The next batch; `None` at the end.
    pub async fn next(&mut self) -> Option<Result<RecordBatch>> {
        StreamExt::next(self).await
    }

    fn end(&mut self) {
        self.batches.close();
        self.lateness = None;
        self.progress.complete.store(true, Ordering::Release);
    }
}

impl Stream for Answer {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(lateness) = self.lateness.as_mut()
            && let Poll::Ready(late) = Pin::new(lateness).poll(context)
        {
            self.lateness = None;
            if let Ok(error) = late {
                while self.batches.try_recv().is_ok() {}
                self.end();
                return Poll::Ready(Some(Err(error)));
            }
        }
        match self.batches.poll_recv(context) {
            Poll::Ready(None) if !self.progress.complete.load(Ordering::Acquire) => {
                self.end();
                Poll::Ready(Some(Err(stopped())))
            }
            other => other,
        }
    }
}

/// The other end of an answer.
pub(crate) struct Delivery {
    pub(crate) rows: mpsc::Sender<Result<RecordBatch>>,
    pub(crate) progress: Arc<Progress>,
    /// Rows that may still be sent.
    pub(crate) left: usize,
}

impl Delivery {
    /// Sends what comes until the end, an error, the limit, or until nobody listens.
    pub(crate) async fn run(mut self, mut stream: SendableRecordBatchStream, names: &Names) {
        let schema = plain(&stream.schema());
        while let Some(batch) = stream.next().await {
            let plain = batch.and_then(|batch| Ok(with_schema(&batch, &schema)?));
            let sent = match plain {
                Ok(batch) => self.send(batch).await,
                Err(error) => {
                    drop(self.rows.send(Err(translate_running(&error, names))).await);
                    false
                }
            };
            if !sent {
                break;
            }
        }
        self.progress.complete.store(true, Ordering::Release);
    }

    /// Whether more may come.
    async fn send(&mut self, batch: RecordBatch) -> bool {
        let rows = batch.num_rows();
        if rows == 0 {
            return true;
        }
        let fits = rows.min(self.left);
        if fits < rows {
            self.progress.truncated.store(true, Ordering::Release);
        }
        self.left -= fits;
        if fits > 0 && self.rows.send(Ok(batch.slice(0, fits))).await.is_err() {
            return false;
        }
        fits == rows
    }
}
