//! What there is to ask for: tables, columns, functions, with their meaning. For completion and documentation.
//!
//! The same stands in SQL: `catalog.tables`, `catalog.columns` and `catalog.functions`.

pub(crate) mod provider;

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use serde::Serialize;
use silverbullet_store::Table;
use silverbullet_store::schema::{COMMENT, UNIT};

use crate::functions;
use crate::live::LiveTable;

/// Name of the catalog all tables are in.
pub const CATALOG: &str = "silverbullet";
/// Schema of the plain tables.
pub const PUBLIC: &str = "public";
/// Schema of what is on disk.
pub const HISTORY: &str = "history";
/// Schema of what is in memory.
pub const LIVE: &str = "live";
/// Schema of what is in Cassandra.
pub const CASSANDRA: &str = "cassandra";
/// Schema of the documentation.
pub const DOCUMENTATION: &str = "catalog";
/// The view of weights one to a row.
pub(crate) const WEIGHTS: &str = "weights";

/// A table as SQL names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableInfo {
    /// Name in SQL, with its schema unless that is the default one: `portfolios`, `live.ticks`.
    pub name: String,
    /// What one row says.
    pub comment: String,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ColumnInfo {
    /// Name.
    pub name: String,
    /// Type as Arrow writes it.
    #[serde(rename = "type")]
    pub data_type: String,
    /// Whether it may be null.
    pub nullable: bool,
    /// Unit, where it has one.
    pub unit: Option<String>,
    /// What it means.
    pub comment: String,
}

/// A function that SQL does not have by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FunctionInfo {
    /// Name.
    pub name: String,
    /// How it is called.
    pub signature: String,
    /// What it gives.
    pub comment: String,
}

/// All tables: plain ones first, then those of each schema.
#[must_use]
pub fn tables() -> Vec<TableInfo> {
    let info = |(name, schema): (String, SchemaRef)| TableInfo {
        name,
        comment: schema.metadata().get(COMMENT).cloned().unwrap_or_default(),
    };
    schemas().into_iter().map(info).collect()
}

/// The columns of a table named as in [`tables`]; `None` where there is no such table.
#[must_use]
pub fn columns(table: &str) -> Option<Vec<ColumnInfo>> {
    Some(schema(table)?.fields().iter().map(|field| column(field)).collect())
}

/// The same as Arrow has them, with what one row says in the metadata.
#[must_use]
pub fn schema(table: &str) -> Option<SchemaRef> {
    let plain = table.strip_prefix("public.").unwrap_or(table);
    let (_, schema) = schemas().into_iter().find(|(name, _)| name == plain)?;
    Some(schema)
}

/// The functions this crate adds.
#[must_use]
pub fn functions() -> Vec<FunctionInfo> {
    functions::documentation()
}

/// What is known of a column of a table or of an answer.
#[must_use]
pub fn column(field: &Field) -> ColumnInfo {
    ColumnInfo {
        name: field.name().clone(),
        data_type: type_name(field.data_type()),
        nullable: field.is_nullable(),
        unit: field.metadata().get(UNIT).cloned(),
        comment: field.metadata().get(COMMENT).cloned().unwrap_or_default(),
    }
}

/// A type's name without what is the same for all our maps and times.
fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) if fields.len() == 2 => {
                format!("Map({}, {})", type_name(fields[0].data_type()), type_name(fields[1].data_type()))
            }
            _ => data_type.to_string(),
        },
        _ => data_type.to_string(),
    }
}

/// All tables by their names in SQL.
pub(crate) fn schemas() -> Vec<(String, SchemaRef)> {
    let mut all: Vec<(String, SchemaRef)> =
        Table::ALL.iter().map(|table| (table.name().to_owned(), described(*table))).collect();
    all.push((WEIGHTS.to_owned(), weights_schema()));
    all.sort_by(|left, right| left.0.cmp(&right.0));
    let qualified = |schema: &str, name: &str| format!("{schema}.{name}");
    all.extend(Table::ALL.iter().map(|table| (qualified(HISTORY, table.name()), described(*table))));
    all.extend(Table::RESULTS.iter().map(|table| (qualified(LIVE, table.name()), described(*table))));
    all.extend(LiveTable::ALL.iter().map(|table| (qualified(LIVE, table.name()), table.schema())));
    all.extend(
        Documentation::ALL.iter().map(|table| (qualified(DOCUMENTATION, table.name()), table.schema())),
    );
    all
}

/// A table's columns with what one row says: for documentation only, plans know columns alone.
fn described(table: Table) -> SchemaRef {
    let comment = [(COMMENT.to_owned(), table.comment().to_owned())].into();
    Arc::new(Schema::new_with_metadata(table.schema().fields().clone(), comment))
}

/// Columns of `weights`: those of `portfolios` that tell rows apart, then asset and weight.
pub(crate) fn weights_schema() -> SchemaRef {
    let portfolios = Table::Portfolios.schema();
    let taken = ["universe", "variant", "bar", "objective", "method", "as_of", "run_id"];
    let mut fields: Vec<Field> = portfolios
        .fields()
        .iter()
        .filter(|f| taken.contains(&f.name().as_str()))
        .map(|f| f.as_ref().clone())
        .collect();
    let documented = |name: &str, data_type, comment: &str| {
        Field::new(name, data_type, true).with_metadata([(COMMENT.to_owned(), comment.to_owned())].into())
    };
    fields.push(documented("asset", DataType::Utf8, "name of the asset"));
    let weight = documented("weight", DataType::Float64, "share of the capital in the asset");
    let mut metadata = weight.metadata().clone();
    metadata.insert(UNIT.to_owned(), "share of capital".to_owned());
    fields.push(weight.with_metadata(metadata));
    let comment = "the weights of portfolios, one asset a row".to_owned();
    Arc::new(Schema::new_with_metadata(fields, [(COMMENT.to_owned(), comment)].into()))
}

/// Tables that describe the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Documentation {
    Columns,
    Functions,
    Tables,
}

impl Documentation {
    pub(crate) const ALL: [Self; 3] = [Self::Columns, Self::Functions, Self::Tables];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Columns => "columns",
            Self::Functions => "functions",
            Self::Tables => "tables",
        }
    }

    pub(crate) fn schema(self) -> SchemaRef {
        let text = |name: &str, comment: &str| {
            Field::new(name, DataType::Utf8, true)
                .with_metadata([(COMMENT.to_owned(), comment.to_owned())].into())
        };
        let (comment, fields) = match self {
            Self::Columns => (
                "every column of every table, with unit and meaning",
                vec![
                    text("table_schema", "schema of the table"),
                    text("table_name", "name of the table"),
                    text("column_name", "name of the column"),
                    text("data_type", "type"),
                    Field::new("is_nullable", DataType::Boolean, false)
                        .with_metadata([(COMMENT.to_owned(), "whether it may be null".to_owned())].into()),
                    text("unit", "unit, where it has one"),
                    text("comment", "what it means"),
                ],
            ),
            Self::Functions => (
                "functions that SQL does not have by itself",
                vec![
                    text("function_name", "name"),
                    text("signature", "how it is called"),
                    text("comment", "what it gives"),
                ],
            ),
            Self::Tables => (
                "every table, with its meaning",
                vec![
                    text("table_schema", "schema of the table"),
                    text("table_name", "name of the table"),
                    text("comment", "what one row says"),
                ],
            ),
        };
        Arc::new(Schema::new_with_metadata(fields, [(COMMENT.to_owned(), comment.to_owned())].into()))
    }

    pub(crate) fn rows(self) -> Result<RecordBatch, ArrowError> {
        let texts = |values: Vec<Option<String>>| Arc::new(StringArray::from(values)) as ArrayRef;
        let columns: Vec<ArrayRef> = match self {
            Self::Tables => {
                let rows = tables();
                let of =
                    |part: fn(&TableInfo) -> String| texts(rows.iter().map(|row| Some(part(row))).collect());
                vec![
                    of(|t| split(&t.name).0.to_owned()),
                    of(|t| split(&t.name).1.to_owned()),
                    of(|t| t.comment.clone()),
                ]
            }
            Self::Functions => {
                let rows = functions();
                let of = |part: fn(&FunctionInfo) -> &String| {
                    texts(rows.iter().map(|row| Some(part(row).clone())).collect())
                };
                vec![of(|f| &f.name), of(|f| &f.signature), of(|f| &f.comment)]
            }
            Self::Columns => {
                let all = schemas();
                let rows: Vec<(&String, ColumnInfo)> = all
                    .iter()
                    .flat_map(|(table, schema)| schema.fields().iter().map(move |f| (table, column(f))))
                    .collect();
                let of = |part: fn(&str, &ColumnInfo) -> Option<String>| {
                    texts(rows.iter().map(|(table, column)| part(table, column)).collect())
                };
                vec![
                    of(|table, _| Some(split(table).0.to_owned())),
                    of(|table, _| Some(split(table).1.to_owned())),
                    of(|_, column| Some(column.name.clone())),
                    of(|_, column| Some(column.data_type.clone())),
                    Arc::new(BooleanArray::from(rows.iter().map(|(_, c)| c.nullable).collect::<Vec<_>>())),
                    of(|_, column| column.unit.clone()),
                    of(|_, column| Some(column.comment.clone())),
                ]
            }
        };
        RecordBatch::try_new(self.schema(), columns)
    }
}

/// Schema and name of a table named as in [`tables`].
#[must_use]
pub fn split(name: &str) -> (&str, &str) {
    name.split_once('.').unwrap_or((PUBLIC, name))
}
