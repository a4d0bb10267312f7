//! What the server tells of itself and of its tables, as Flight SQL has it.

use std::sync::Arc;

use arrow::array::{Int32Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow_flight::error::{FlightError, Result};
use arrow_flight::sql::metadata::{
    SqlInfoData, SqlInfoDataBuilder, XdbcTypeInfo, XdbcTypeInfoData, XdbcTypeInfoDataBuilder,
};
use arrow_flight::sql::{
    CommandGetDbSchemas, CommandGetPrimaryKeys, CommandGetTables, Nullable, Searchable, SqlInfo,
    SqlNullOrdering, SqlSupportedCaseSensitivity, SqlSupportedTransaction, XdbcDataType,
};
use silverbullet_query::catalog::{self, CATALOG, PUBLIC};
use silverbullet_store::Table;

/// Answers that stay the same while the program runs.
pub(crate) struct Metadata {
    info: SqlInfoData,
    types: XdbcTypeInfoData,
}

/// What a table is: the plain ones unite others.
fn type_of(schema: &str) -> &'static str {
    match schema {
        PUBLIC => "VIEW",
        catalog::DOCUMENTATION => "SYSTEM TABLE",
        _ => "TABLE",
    }
}

impl Metadata {
    pub(crate) fn new(version: &str) -> Result<Self> {
        Ok(Self { info: info(version)?, types: types()? })
    }

    pub(crate) fn info(&self, wanted: &[u32]) -> Result<RecordBatch> {
        self.info.record_batch(wanted.iter().copied())
    }

    pub(crate) fn types(&self, wanted: Option<i32>) -> Result<RecordBatch> {
        self.types.record_batch(wanted)
    }
}

pub(crate) fn catalogs() -> Result<RecordBatch> {
    let mut builder = arrow_flight::sql::CommandGetCatalogs {}.into_builder();
    builder.append(CATALOG);
    builder.build()
}

pub(crate) fn schemas(command: CommandGetDbSchemas) -> Result<RecordBatch> {
    let mut builder = command.into_builder();
    for schema in [catalog::DOCUMENTATION, catalog::HISTORY, catalog::LIVE, PUBLIC] {
        builder.append(CATALOG, schema);
    }
    builder.build()
}

pub(crate) fn tables(command: CommandGetTables) -> Result<RecordBatch> {
    let mut builder = command.into_builder();
    for table in catalog::tables() {
        let (schema, name) = catalog::split(&table.name);
        let columns = catalog::schema(&table.name).unwrap_or_else(|| Arc::new(Schema::empty()));
        builder.append(CATALOG, schema, name, type_of(schema), &columns)?;
    }
    builder.build()
}

pub(crate) fn table_types() -> Result<RecordBatch> {
    let mut builder = arrow_flight::sql::CommandGetTableTypes {}.into_builder();
    for name in ["SYSTEM TABLE", "TABLE", "VIEW"] {
        builder.append(name);
    }
    builder.build()
}

/// The columns that tell rows of a table apart, where it has such.
pub(crate) fn primary_keys(command: &CommandGetPrimaryKeys) -> Result<RecordBatch> {
    let schema = command.db_schema.as_deref().unwrap_or(PUBLIC);
    let known = command.catalog.as_deref().is_none_or(|catalog| catalog == CATALOG);
    let known = known && [PUBLIC, catalog::HISTORY, catalog::LIVE].contains(&schema);
    let table = Table::ALL.into_iter().find(|table| known && table.name() == command.table);
    let key = table.map_or(&[][..], Table::key);
    let same = |text: &str| Arc::new(StringArray::from(vec![text.to_owned(); key.len()]));
    let numbers = 1..=i32::try_from(key.len()).unwrap_or(i32::MAX);
    RecordBatch::try_new(
        primary_key_schema(),
        vec![
            same(CATALOG),
            same(schema),
            same(&command.table),
            Arc::new(StringArray::from(key.to_vec())),
            same("key"),
            Arc::new(Int32Array::from_iter_values(numbers)),
        ],
    )
    .map_err(FlightError::from)
}

fn primary_key_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("catalog_name", DataType::Utf8, true),
        Field::new("db_schema_name", DataType::Utf8, true),
        Field::new("table_name", DataType::Utf8, false),
        Field::new("column_name", DataType::Utf8, false),
        Field::new("key_name", DataType::Utf8, true),
        Field::new("key_sequence", DataType::Int32, false),
    ]))
}

/// Keys of other tables: no table has any.
pub(crate) fn foreign_keys() -> RecordBatch {
    let mut fields = Vec::new();
    for side in ["pk", "fk"] {
        fields.push(Field::new(format!("{side}_catalog_name"), DataType::Utf8, true));
        fields.push(Field::new(format!("{side}_db_schema_name"), DataType::Utf8, true));
        fields.push(Field::new(format!("{side}_table_name"), DataType::Utf8, false));
        fields.push(Field::new(format!("{side}_column_name"), DataType::Utf8, false));
    }
    fields.push(Field::new("key_sequence", DataType::Int32, false));
    fields.push(Field::new("fk_key_name", DataType::Utf8, true));
    fields.push(Field::new("pk_key_name", DataType::Utf8, true));
    fields.push(Field::new("update_rule", DataType::UInt8, false));
    fields.push(Field::new("delete_rule", DataType::UInt8, false));
    RecordBatch::new_empty(Arc::new(Schema::new(fields)))
}

fn info(version: &str) -> Result<SqlInfoData> {
    let mut info = SqlInfoDataBuilder::new();
    info.append(SqlInfo::FlightSqlServerName, "SilverBullet");
    info.append(SqlInfo::FlightSqlServerVersion, version);
    info.append(SqlInfo::FlightSqlServerArrowVersion, arrow::ARROW_VERSION);
    info.append(SqlInfo::FlightSqlServerReadOnly, true);
    info.append(SqlInfo::FlightSqlServerSql, true);
    info.append(SqlInfo::FlightSqlServerSubstrait, false);
    info.append(SqlInfo::FlightSqlServerTransaction, SqlSupportedTransaction::None as i32);
    info.append(SqlInfo::FlightSqlServerCancel, true);
    info.append(SqlInfo::FlightSqlServerBulkIngestion, false);
    info.append(SqlInfo::FlightSqlServerStatementTimeout, 0_i32);
    info.append(SqlInfo::FlightSqlServerTransactionTimeout, 0_i32);
    info.append(SqlInfo::SqlDdlCatalog, false);
    info.append(SqlInfo::SqlDdlSchema, false);
    info.append(SqlInfo::SqlDdlTable, false);
    info.append(SqlInfo::SqlIdentifierCase, SqlSupportedCaseSensitivity::SqlCaseSensitivityLowercase as i32);
    info.append(SqlInfo::SqlIdentifierQuoteChar, "\"");
    info.append(
        SqlInfo::SqlQuotedIdentifierCase,
        SqlSupportedCaseSensitivity::SqlCaseSensitivityCaseInsensitive as i32,
    );
    info.append(SqlInfo::SqlAllTablesAreSelectable, true);
    info.append(SqlInfo::SqlNullOrdering, SqlNullOrdering::SqlNullsSortedHigh as i32);
    info.append(SqlInfo::SqlKeywords, &["explain", "show", "describe"][..]);
    info.append(
        SqlInfo::SqlNumericFunctions,
        &["abs", "ceil", "exp", "floor", "ln", "power", "round", "sqrt"][..],
    );
    info.append(SqlInfo::SqlStringFunctions, &["concat", "lower", "substr", "trim", "upper"][..]);
    info.append(SqlInfo::SqlSystemFunctions, &["coalesce", "nullif"][..]);
    info.append(SqlInfo::SqlDatetimeFunctions, &["date_bin", "date_part", "date_trunc", "now"][..]);
    info.append(SqlInfo::SqlSearchStringEscape, "\\");
    info.append(SqlInfo::SqlExtraNameCharacters, "");
    info.append(SqlInfo::SqlSupportsColumnAliasing, true);
    info.append(SqlInfo::SqlSupportsTableCorrelationNames, true);
    info.append(SqlInfo::SqlSupportsExpressionsInOrderBy, true);
    info.append(SqlInfo::SqlSupportsOrderByUnrelated, true);
    info.append(SqlInfo::SqlSupportsLikeEscapeClause, true);
    info.append(SqlInfo::SqlSchemaTerm, "schema");
    info.append(SqlInfo::SqlCatalogTerm, "catalog");
    info.append(SqlInfo::SqlProcedureTerm, "");
    info.append(SqlInfo::SqlCatalogAtStart, true);
    info.append(SqlInfo::SqlSelectForUpdateSupported, false);
    info.append(SqlInfo::SqlStoredProceduresSupported, false);
    info.append(SqlInfo::SqlCorrelatedSubqueriesSupported, true);
    info.append(SqlInfo::SqlDefaultTransactionIsolation, 0_i32);
    info.append(SqlInfo::SqlDataDefinitionCausesTransactionCommit, false);
    info.append(SqlInfo::SqlDataDefinitionsInTransactionsIgnored, false);
    info.append(SqlInfo::SqlBatchUpdatesSupported, false);
    info.append(SqlInfo::SqlSavepointsSupported, false);
    info.append(SqlInfo::SqlNamedParametersSupported, false);
    info.build()
}

fn types() -> Result<XdbcTypeInfoData> {
    let mut types = XdbcTypeInfoDataBuilder::new();
    let plain = |name: &str, data_type, size| XdbcTypeInfo {
        type_name: name.to_owned(),
        data_type,
        column_size: Some(size),
        nullable: Nullable::NullabilityNullable,
        searchable: Searchable::Full,
        local_type_name: Some(name.to_owned()),
        sql_data_type: data_type,
        ..XdbcTypeInfo::default()
    };
    let number = |name: &str, data_type, size| XdbcTypeInfo {
        unsigned_attribute: Some(false),
        auto_increment: Some(false),
        num_prec_radix: Some(2),
        ..plain(name, data_type, size)
    };
    let quoted = |name: &str, prefix: &str, data_type, size| XdbcTypeInfo {
        literal_prefix: Some(prefix.to_owned()),
        literal_suffix: Some("'".to_owned()),
        ..plain(name, data_type, size)
    };
    types.append(plain("BOOLEAN", XdbcDataType::XdbcBit, 1));
    types.append(number("INTEGER", XdbcDataType::XdbcInteger, 32));
    types.append(number("BIGINT", XdbcDataType::XdbcBigint, 64));
    types.append(number("DOUBLE", XdbcDataType::XdbcDouble, 53));
    types.append(XdbcTypeInfo {
        case_sensitive: true,
        ..quoted("VARCHAR", "'", XdbcDataType::XdbcVarchar, i32::MAX)
    });
    types.append(quoted("TIMESTAMP", "TIMESTAMP '", XdbcDataType::XdbcTimestamp, 32));
    types.build()
}
