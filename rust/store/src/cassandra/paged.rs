//! A query in pages, each asked for again where it failed for a reason that may pass.

use arrow::array::RecordBatch;
use futures::{Stream, StreamExt, stream};
use scylla::response::query_result::QueryRowsResult;
use scylla::response::{PagingState, PagingStateResponse};
use scylla::statement::prepared::PreparedStatement;
use scylla::value::CqlValue;

use super::connection::Connection;
use super::fault::Fault;
use super::rows::Projection;

/// A query with its values.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    pub(crate) connection: Connection,
    pub(crate) statement: PreparedStatement,
    pub(crate) values: Vec<CqlValue>,
    pub(crate) action: &'static str,
}

/// A query with what its rows become.
#[derive(Debug, Clone)]
pub(crate) struct Pages {
    pub(crate) query: Query,
    pub(crate) projection: Projection,
}

/// A page, and where the next one begins.
pub(crate) type Page<T> = (T, Option<PagingState>);

impl Query {
    pub(crate) async fn page(&self, state: PagingState) -> Result<Page<QueryRowsResult>, Fault> {
        let session = &self.connection.session;
        let ask = || session.execute_single_page(&self.statement, &self.values, state.clone());
        let ((result, next), _) = self.connection.repeated(0, self.action, ask).await?;
        let rows = result.into_rows_result().map_err(|error| Fault::other(error, self.action))?;
        let next = match next {
            PagingStateResponse::HasMorePages { state } => Some(state),
            PagingStateResponse::NoMorePages => None,
        };
        Ok((rows, next))
    }
}

impl Pages {
    pub(crate) async fn page(&self, state: PagingState) -> Result<Page<RecordBatch>, Fault> {
        let (rows, next) = self.query.page(state).await?;
        Ok((self.projection.decode(&rows)?, next))
    }

    /// All pages.
    pub(crate) fn stream(self) -> impl Stream<Item = Result<RecordBatch, Fault>> + Send {
        self.from(Some(PagingState::start()))
    }

    /// The pages from `state` on; those without rows are left out.
    pub(crate) fn from(
        self,
        state: Option<PagingState>,
    ) -> impl Stream<Item = Result<RecordBatch, Fault>> + Send {
        let pages = stream::try_unfold((self, state), |(pages, state)| async move {
            let Some(state) = state else { return Ok(None) };
            let (batch, next) = pages.page(state).await?;
            Ok(Some((batch, (pages, next))))
        });
        pages.filter(|page| std::future::ready(page.as_ref().map_or(true, |batch| batch.num_rows() > 0)))
    }
}
