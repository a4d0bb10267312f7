//! `/api/v1/catalog`: what SQL has, for completion and documentation.

use axum::Json;
use serde::Serialize;
use silverbullet_query::catalog::{self, ColumnInfo, FunctionInfo};
use utoipa::ToSchema;

/// Tables and functions.
#[derive(Serialize, ToSchema)]
#[schema(as = Catalog)]
pub(crate) struct CatalogView {
    /// In the order of their names.
    tables: Vec<TableView>,
    /// Those that SQL does not have by itself.
    functions: Vec<FunctionView>,
}

/// A table.
#[derive(Serialize, ToSchema)]
#[schema(as = CatalogTable)]
struct TableView {
    /// Name in SQL.
    name: String,
    /// What one row says.
    comment: String,
    /// In their order.
    columns: Vec<ColumnView>,
}

/// A column.
#[derive(Serialize, ToSchema)]
#[schema(as = CatalogColumn)]
struct ColumnView {
    /// Name.
    name: String,
    /// Type as SQL shows it.
    r#type: String,
    /// Whether it may be null.
    nullable: bool,
    /// Unit, where it has one.
    unit: Option<String>,
    /// What it means.
    comment: String,
}

/// A function.
#[derive(Serialize, ToSchema)]
#[schema(as = CatalogFunction)]
struct FunctionView {
    /// Name.
    name: String,
    /// How it is called.
    signature: String,
    /// What it gives.
    comment: String,
}

impl From<ColumnInfo> for ColumnView {
    fn from(column: ColumnInfo) -> Self {
        let ColumnInfo { name, data_type, nullable, unit, comment } = column;
        Self { name, r#type: data_type, nullable, unit, comment }
    }
}

impl From<FunctionInfo> for FunctionView {
    fn from(function: FunctionInfo) -> Self {
        let FunctionInfo { name, signature, comment } = function;
        Self { name, signature, comment }
    }
}

/// Tables, columns and functions of SQL with their meaning.
#[utoipa::path(
    get,
    path = "/api/v1/catalog",
    tag = "tables",
    responses((status = 200, description = "What there is to ask for", body = CatalogView))
)]
pub(crate) async fn catalog() -> Json<CatalogView> {
    let table = |table: catalog::TableInfo| {
        let columns = catalog::columns(&table.name).unwrap_or_default();
        TableView {
            columns: columns.into_iter().map(ColumnView::from).collect(),
            name: table.name,
            comment: table.comment,
        }
    };
    Json(CatalogView {
        tables: catalog::tables().into_iter().map(table).collect(),
        functions: catalog::functions().into_iter().map(FunctionView::from).collect(),
    })
}
