//! A table in Cassandra as DataFusion sees it.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::datasource::TableType;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use silverbullet_store::Table;
use silverbullet_store::cassandra::{CassandraReader, KeyRead, splits};

use super::exec::{CassandraExec, Read};
use super::wanted::{self, Wanted};
use super::{Cassandra, external, name_of};

/// Ranges of tokens that a whole table is read in: many more than there are nodes and requests at a time.
const RANGES: u32 = 256;

/// A table in Cassandra.
#[derive(Debug)]
pub(crate) struct CassandraTable {
    source: Arc<Cassandra>,
    table: Table,
    is_latest: bool,
}

impl CassandraTable {
    pub(crate) fn new(source: Arc<Cassandra>, table: Table, is_latest: bool) -> Self {
        Self { source, table, is_latest }
    }

    fn name(&self) -> String {
        name_of(self.table, self.is_latest)
    }

    /// How the rows that are wanted are read.
    async fn read(&self, reader: &CassandraReader, wanted: Wanted, limit: Option<usize>) -> Result<Read> {
        let Some(scopes) = &wanted.scopes else { return self.whole() };
        if self.is_latest {
            let (table, variants) = (self.table, wanted.variants.clone());
            return Ok(Read::Newest { table, universes: scopes.iter().cloned().collect(), variants });
        }
        let mut keys = Vec::new();
        for scope in scopes {
            let variants = match &wanted.variants {
                _ if !wanted::has_variants(self.table) => BTreeSet::from([String::new()]),
                Some(variants) => variants.clone(),
                None => reader.variants(self.table, scope).await.map_err(external)?.into_iter().collect(),
            };
            keys.extend(variants.into_iter().map(|variant| KeyRead {
                from: wanted.from,
                to: wanted.to,
                limit,
                ..KeyRead::new(self.table, scope, variant)
            }));
        }
        Ok(Read::Keys(keys))
    }

    fn whole(&self) -> Result<Read> {
        let (name, column) = (self.name(), wanted::scope_column(self.table));
        let refused = |what: &str| {
            Err(DataFusionError::Plan(format!("{what}: add WHERE {column} = '…' to the query of {name}")))
        };
        if self.is_latest {
            return refused("the newest rows are those of a universe");
        }
        if !self.source.catalog.full_scans {
            return refused("the query would read a whole table of Cassandra, and sql.full_scans is false");
        }
        Ok(Read::Whole { table: self.table, ranges: splits(RANGES) })
    }
}

#[async_trait]
impl TableProvider for CassandraTable {
    fn schema(&self) -> SchemaRef {
        self.table.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        // Partitions are asked for by their scope. Without one the table is read as a whole, and of the newest rows a
        // universe is asked for and nothing else: filters are then applied again.
        let scoped = filters.iter().any(|filter| wanted::is_scope(self.table, filter));
        let support = |filter: &&Expr| match wanted::support(self.table, filter) {
            TableProviderFilterPushDown::Exact if self.is_latest || !scoped => {
                TableProviderFilterPushDown::Inexact
            }
            support => support,
        };
        Ok(filters.iter().map(support).collect())
    }

    async fn scan(
        &self,
        _session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let reader = self.source.reader().await?;
        let read = self.read(&reader, Wanted::of(self.table, filters), limit).await?;
        Ok(Arc::new(CassandraExec::new(reader, self.name(), &self.table.schema(), read, projection)?))
    }
}
