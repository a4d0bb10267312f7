//! The catalog DataFusion resolves names in, made anew for each query.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::Field;
use async_trait::async_trait;
use datafusion::catalog::{CatalogProvider, SchemaProvider, TableProvider};
use datafusion::common::metadata::FieldMetadata;
use datafusion::datasource::{MemTable, ViewTable, provider_as_source};
use datafusion::error::{DataFusionError, Result};
use datafusion::functions_nested::expr_fn::{map_keys, map_values};
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, col};
use silverbullet_store::Table;

use super::{CASSANDRA, DOCUMENTATION, Documentation, HISTORY, LIVE, PUBLIC, WEIGHTS, weights_schema};
use crate::cassandra;
use crate::live::LiveTable;
use crate::moment::{Frozen, Moment};
use crate::united::United;

/// All schemas at one moment.
#[derive(Debug)]
pub(crate) struct Catalog(pub(crate) Arc<Moment>);

impl CatalogProvider for Catalog {
    fn schema_names(&self) -> Vec<String> {
        let always = [DOCUMENTATION, HISTORY, LIVE, PUBLIC];
        let cassandra = self.0.cassandra().map(|_| CASSANDRA);
        always.into_iter().chain(cassandra).map(str::to_owned).collect()
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        let kind = match name {
            PUBLIC => Kind::Public,
            HISTORY => Kind::History,
            LIVE => Kind::Live,
            DOCUMENTATION => Kind::Documentation,
            // There also where it is not switched on, so that a query of it is told how to.
            CASSANDRA => Kind::Cassandra,
            _ => return None,
        };
        Some(Arc::new(Tables { kind, moment: self.0.clone() }))
    }
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Cassandra,
    Public,
    History,
    Live,
    Documentation,
}

/// One schema at one moment.
#[derive(Debug)]
struct Tables {
    kind: Kind,
    moment: Arc<Moment>,
}

impl Tables {
    async fn public(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        if name == WEIGHTS {
            return Ok(Some(Arc::new(self.weights().await?)));
        }
        match named(&Table::ALL, name) {
            Some(table) => Ok(Some(Arc::new(self.moment.united(table).await?))),
            None => Ok(None),
        }
    }

    /// Keys and values of the map side by side: both are as long as the map.
    async fn weights(&self) -> Result<ViewTable> {
        let portfolios = provider_as_source(Arc::new(self.moment.united(Table::Portfolios).await?));
        let names: Vec<String> = weights_schema().fields().iter().map(|field| field.name().clone()).collect();
        let mut columns: Vec<_> = names[..names.len() - 2].iter().map(|name| col(name.as_str())).collect();
        columns.push(map_keys(col("weights")).alias("asset"));
        columns.push(map_values(col("weights")).alias("weight"));
        let plan = LogicalPlanBuilder::scan(Table::Portfolios.name(), portfolios, None)?
            .project(columns)?
            .unnest_columns_with_options(vec!["asset".into(), "weight".into()], Default::default())?
            .project(weights_schema().fields().iter().map(|field| with_meaning(field)))?
            .build()?;
        Ok(ViewTable::new(plan, None))
    }

    async fn live(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        if let Some(table) = LiveTable::ALL.into_iter().find(|table| table.name() == name) {
            return memory(table.rows(self.moment.live())?).map(Some);
        }
        let Some(table) = named(&Table::RESULTS, name) else { return Ok(None) };
        let Frozen { tail, .. } = self.moment.table(table).await?;
        let batches = tail.iter().map(|pending| pending.rows.batch.clone()).collect();
        Ok(Some(Arc::new(MemTable::try_new(table.schema(), vec![batches])?)))
    }
}

/// The column of that name, with what the field says of it: unnesting has lost it.
fn with_meaning(field: &Field) -> Expr {
    let column = col(field.name().as_str());
    match field.name().as_str() {
        "asset" | "weight" => {
            column.alias_with_metadata(field.name(), Some(FieldMetadata::new_from_field(field)))
        }
        _ => column,
    }
}

fn named(tables: &[Table], name: &str) -> Option<Table> {
    tables.iter().copied().find(|table| table.name() == name)
}

fn switched_off() -> DataFusionError {
    DataFusionError::Plan("Cassandra is not switched on: name its nodes in store.cassandra.nodes".to_owned())
}

fn memory(batch: RecordBatch) -> Result<Arc<dyn TableProvider>> {
    Ok(Arc::new(MemTable::try_new(batch.schema(), vec![vec![batch]])?))
}

#[async_trait]
impl SchemaProvider for Tables {
    fn table_names(&self) -> Vec<String> {
        let mut names: Vec<&str> = match self.kind {
            Kind::Public => Table::ALL.iter().map(|table| table.name()).chain([WEIGHTS]).collect(),
            Kind::History => Table::ALL.iter().map(|table| table.name()).collect(),
            Kind::Live => {
                let tail = Table::RESULTS.iter().map(|table| table.name());
                tail.chain(LiveTable::ALL.iter().map(|table| table.name())).collect()
            }
            Kind::Documentation => Documentation::ALL.iter().map(|table| table.name()).collect(),
            Kind::Cassandra if self.moment.cassandra().is_none() => Vec::new(),
            Kind::Cassandra => return cassandra::names().collect(),
        };
        names.sort_unstable();
        names.into_iter().map(str::to_owned).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        match self.kind {
            Kind::Cassandra => {
                let Some(source) = self.moment.cassandra() else { return Err(switched_off()) };
                Ok(cassandra::named(source, name).map(|table| Arc::new(table) as Arc<dyn TableProvider>))
            }
            Kind::Public => self.public(name).await,
            Kind::Live => self.live(name).await,
            Kind::History => {
                let Some(table) = named(&Table::ALL, name) else { return Ok(None) };
                let stored = self.moment.table(table).await?.stored;
                Ok(Some(Arc::new(United::history(table, stored))))
            }
            Kind::Documentation => {
                let table = Documentation::ALL.into_iter().find(|table| table.name() == name);
                table.map(|table| memory(table.rows()?)).transpose()
            }
        }
    }

    fn table_exist(&self, name: &str) -> bool {
        self.table_names().iter().any(|known| known == name)
    }
}
