//! The statements that make keyspace and tables.
//!
//! Results are kept in windows of time, each compacted by itself and dropped as a whole when all of it has expired; a
//! window is a 25th of the time to live, or a day where rows live for ever. Rows carry the time at which the coordinator
//! took them: see [`super::writer`] for why.

use std::fmt::Write as _;
use std::time::Duration;

use super::bucket::formula;
use super::layout::{Form, Layout, quoted};
use super::settings::CassandraSettings;
use crate::schema::Table;

/// Table with the version of the tables.
pub(crate) const VERSION_TABLE: &str = "schema_version";
/// Table with the buckets that have rows.
pub(crate) const BUCKETS_TABLE: &str = "buckets";

/// Table with how far the tables of each universe and variant have come.
pub(crate) const PROGRESS_TABLE: &str = "progress";

/// Windows in a time to live.
const WINDOWS: u64 = 25;
const HOUR: u64 = 3_600;

/// Makes the keyspace.
pub(crate) fn create_keyspace(settings: &CassandraSettings) -> String {
    let options = settings.replication.iter();
    let options: Vec<_> =
        options.map(|(name, value)| format!("{}: {}", literal(name), literal(value))).collect();
    let name = quoted(&settings.keyspace);
    format!("CREATE KEYSPACE IF NOT EXISTS {name} WITH replication = {{{}}}", options.join(", "))
}

/// Every table that has to be there, with the statement that makes it in `keyspace`.
pub(crate) fn tables(settings: &CassandraSettings) -> Vec<(String, String)> {
    let keyspace = quoted(&settings.keyspace);
    let mut all: Vec<_> = Layout::all()
        .map(|layout| (layout.name(), create_table(&layout, &keyspace, ttl_of(&layout, settings.ttl))))
        .collect();
    all.push((
        BUCKETS_TABLE.to_owned(),
        format!(
            "CREATE TABLE IF NOT EXISTS {keyspace}.{BUCKETS_TABLE} (\"scope\" text, \"table\" text, \
             \"variant\" text, \"bucket\" bigint, PRIMARY KEY ((\"scope\"), \"table\", \"variant\", \"bucket\")) \
             WITH CLUSTERING ORDER BY (\"table\" ASC, \"variant\" ASC, \"bucket\" DESC) \
             AND comment = 'buckets that have rows, of a universe, or of a run of back-tests'"
        ),
    ));
    all.push((
        PROGRESS_TABLE.to_owned(),
        format!(
            "CREATE TABLE IF NOT EXISTS {keyspace}.{PROGRESS_TABLE} (\"universe\" text, \"variant\" text, \
             \"table\" text, \"version\" bigint, PRIMARY KEY ((\"universe\", \"variant\"), \"table\")) \
             WITH comment = 'up to which bar, of events up to which one, a table has the rows of a universe'"
        ),
    ));
    all
}

/// Makes the table with the version.
pub(crate) fn create_version_table(settings: &CassandraSettings) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS {}.{VERSION_TABLE} (\"component\" text PRIMARY KEY, \"version\" int, \
         \"program\" text) WITH comment = 'version of the tables; component is tables'",
        quoted(&settings.keyspace)
    )
}

/// How long rows of `layout` live; `None` for those that stay, whatever `ttl` says.
pub(crate) fn ttl_of(layout: &Layout, ttl: Option<Duration>) -> Option<Duration> {
    ttl.filter(|_| expires(layout))
}

/// True for tables of which old rows may go.
pub(crate) fn expires(layout: &Layout) -> bool {
    layout.form == Form::History && layout.table != Table::Runs
}

/// What a table's properties have to be for rows to live for `ttl`.
pub(crate) fn properties(ttl: Option<Duration>) -> String {
    let seconds = ttl.map_or(0, |ttl| ttl.as_secs());
    let window = if ttl.is_none() {
        "'compaction_window_unit': 'DAYS', 'compaction_window_size': '1'".to_owned()
    } else {
        let hours = (seconds / WINDOWS / HOUR).max(1);
        format!("'compaction_window_unit': 'HOURS', 'compaction_window_size': '{hours}'")
    };
    format!(
        "compaction = {{'class': 'TimeWindowCompactionStrategy', {window}}} AND default_time_to_live = {seconds}"
    )
}

fn create_table(layout: &Layout, keyspace: &str, ttl: Option<Duration>) -> String {
    let mut cql = format!("CREATE TABLE IF NOT EXISTS {keyspace}.{} (", quoted(&layout.name()));
    for column in &layout.columns {
        // Writing to a string does not fail.
        let _ = write!(cql, "{} {}, ", quoted(&column.name), column.cql);
    }
    let list = |names: &[&str]| names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
    let order = layout
        .clustering
        .iter()
        .map(|name| format!("{} {}", quoted(name), if layout.descends(name) { "DESC" } else { "ASC" }));
    let _ = write!(
        cql,
        "PRIMARY KEY (({}), {})) WITH CLUSTERING ORDER BY ({})",
        list(layout.partition),
        list(layout.clustering),
        order.collect::<Vec<_>>().join(", ")
    );
    if expires(layout) {
        let _ = write!(cql, " AND {}", properties(ttl));
    }
    let _ = write!(cql, " AND comment = {}", literal(&comment(layout)));
    cql
}

fn comment(layout: &Layout) -> String {
    let what = layout.table.comment();
    match layout.form {
        Form::History => format!("{what}; {}", formula(layout.table)),
        Form::Latest => format!("the newest rows of {}: {what}", layout.table.name()),
    }
}

/// `text` as a literal of CQL.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_say_their_keys_windows_and_buckets() {
        let settings =
            CassandraSettings { ttl: Some(Duration::from_secs(50 * 86_400)), ..Default::default() };
        let tables = tables(&settings);
        let of = |name: &str| &tables.iter().find(|(table, _)| table == name).unwrap().1;
        let portfolios = of("portfolios");
        for part in [
            "PRIMARY KEY ((\"universe\", \"variant\", \"bucket\"), \"bar\", \"objective\", \"method\")",
            "\"bar\" DESC, \"objective\" ASC",
            "'compaction_window_unit': 'HOURS', 'compaction_window_size': '48'",
            "default_time_to_live = 4320000",
            "bucket = floor(bar / 1024)",
            "\"as_of\" bigint, \"as_of_utc\" timestamp",
            "\"weights\" frozen<map<text, double>>, \"weights_order\" blob",
        ] {
            assert!(portfolios.contains(part), "{part} in {portfolios}");
        }
        assert!(!of("runs").contains("default_time_to_live"));
        assert!(!of("latest_portfolios").contains("default_time_to_live"));
        assert!(!of("progress").contains("default_time_to_live"));
        assert_eq!(literal("it's"), "'it''s'");
    }
}
