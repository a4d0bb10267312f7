//! Tables of results: what is on disk (`history`), what is final but not there yet (`live`), and both as plain
//! tables, no row twice.
//!
//! The tail is taken before the snapshot. A row that moves to disk in between is then in both, and what the
//! snapshot says it holds is left out of the tail; a row can be in neither only if it was in neither. Cassandra is asked last, for
//! what neither has.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::ScalarValue;
use datafusion::datasource::TableType;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::union::UnionExec;
use silverbullet_store::{Table, TailBatch};

use crate::cassandra::Beyond;
use crate::stored::{Stored, nothing};
use crate::variants::{Chosen, Newest, time_column};
use crate::views::{planned, with_schema};

/// Rows of the tail that `stored` does not hold.
pub(crate) async fn not_stored(
    table: Table,
    tail: Vec<TailBatch>,
    stored: Option<&Stored>,
) -> silverbullet_store::Result<Vec<TailBatch>> {
    let Some(stored) = stored else { return Ok(tail) };
    let mut left = Vec::with_capacity(tail.len());
    for TailBatch { application, rows } in tail {
        let rows = rows.above(table, stored.snapshot.stored(&application).await?)?;
        if rows.batch.num_rows() > 0 {
            left.push(TailBatch { application, rows });
        }
    }
    Ok(left)
}

/// The newest time of each variant in the tail.
pub(crate) fn see_tail(table: Table, tail: &[TailBatch], newest: &mut Newest) {
    for pending in tail {
        let Some((universe, variant)) = pending.application.split_once('/') else { continue };
        let times = time_column(table).and_then(|name| pending.rows.batch.column_by_name(name));
        let latest = times.and_then(|times| {
            use arrow::datatypes::TimestampMicrosecondType;
            arrow::compute::max(arrow::array::AsArray::as_primitive_opt::<TimestampMicrosecondType>(times)?)
        });
        newest.see(universe, variant, latest.unwrap_or(i64::MIN));
    }
}

/// Rows in memory behind those on disk, and those that only Cassandra has; each may be missing.
#[derive(Debug, Clone)]
pub(crate) struct United {
    table: Table,
    kind: TableType,
    stored: Option<Arc<Stored>>,
    tail: Arc<Vec<TailBatch>>,
    beyond: Option<Arc<Beyond>>,
    chosen: Chosen,
}

impl United {
    pub(crate) fn new(
        table: Table,
        stored: Option<Arc<Stored>>,
        tail: Arc<Vec<TailBatch>>,
        chosen: Chosen,
    ) -> Self {
        Self { table, kind: TableType::View, stored, tail, beyond: None, chosen }
    }

    /// The same with what only Cassandra has.
    pub(crate) fn with_beyond(self, beyond: Option<Arc<Beyond>>) -> Self {
        Self { beyond, ..self }
    }

    /// Whether nothing but files and what waits to be stored is read.
    pub(crate) fn is_here(&self) -> bool {
        self.beyond.is_none()
    }

    /// `history.<table>`: everything on disk, all variants.
    pub(crate) fn history(table: Table, stored: Option<Arc<Stored>>) -> Self {
        Self { table, kind: TableType::Base, stored, tail: Arc::default(), beyond: None, chosen: Chosen::All }
    }

    /// The same with all variants.
    pub(crate) fn all(&self) -> Self {
        Self { chosen: Chosen::All, ..self.clone() }
    }

    /// A value of `column` that `wanted` rows at least have or exceed; what is not stored yet only adds to them.
    pub(crate) fn least(
        &self,
        column: &'static str,
        universe: Option<&str>,
        wanted: usize,
    ) -> Option<ScalarValue> {
        self.stored.as_ref()?.least(&self.chosen, column, universe, wanted)
    }

    fn scan_tail(&self, projection: Option<&Vec<usize>>) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let takes = |application: &str| {
            application.split_once('/').is_none_or(|(universe, variant)| self.chosen.takes(universe, variant))
        };
        let schema = self.schema();
        let taken = self.tail.iter().filter(|pending| takes(&pending.application));
        let batches = taken.map(|pending| with_schema(&pending.rows.batch, &schema));
        let batches = batches.collect::<std::result::Result<Vec<RecordBatch>, _>>()?;
        if batches.is_empty() {
            return Ok(None);
        }
        let plan = MemorySourceConfig::try_new_exec(&[batches], schema, projection.cloned())?;
        Ok(Some(plan))
    }
}

#[async_trait]
impl TableProvider for United {
    fn schema(&self) -> SchemaRef {
        planned(self.table)
    }

    fn table_type(&self) -> TableType {
        self.kind
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut plans: Vec<Arc<dyn ExecutionPlan>> = self.scan_tail(projection)?.into_iter().collect();
        if let Some(stored) = &self.stored {
            plans.extend(stored.scan(session, &self.chosen, projection, filters, limit)?);
        }
        if let Some(beyond) = &self.beyond {
            plans.extend(beyond.scan(&self.chosen, projection, filters, limit).await?);
        }
        match plans.len() {
            0 => nothing(&self.schema(), projection),
            1 => Ok(plans.remove(0)),
            _ => UnionExec::try_new(plans),
        }
    }
}
