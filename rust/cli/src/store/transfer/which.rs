//! Which rows are moved.

use clap::Args;
use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use silverbullet_store::Table;

use crate::failure::usage;
use crate::stored::{is, time_of};

/// What may be said of the rows on the command line.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Which {
    /// Only these tables [default: all]
    #[arg(long = "table", value_name = "NAMES", value_delimiter = ',')]
    pub(crate) tables: Vec<String>,
    /// Only rows of this universe
    #[arg(long, value_name = "NAME")]
    pub(crate) universe: Option<String>,
    /// Only rows of this variant
    #[arg(long, value_name = "NAME")]
    pub(crate) variant: Option<String>,
    /// Only rows of this time and later, such as 2026-01-31 or 2026-01-31T09:30:00Z
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) since: Option<Timestamp>,
    /// Only rows before this time
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) until: Option<Timestamp>,
}

fn moment(text: &str) -> Result<Timestamp, String> {
    let day =
        || text.parse::<Date>().and_then(|day| TimeZone::UTC.to_timestamp(day.to_datetime(Time::midnight())));
    text.parse::<Timestamp>().or_else(|_| day()).map_err(|_| {
        "a time is a day such as 2026-01-31 (UTC), or with its time of day 2026-01-31T09:30:00Z".to_owned()
    })
}

/// The tables of these names; all where there are none.
pub(crate) fn named(names: &[String]) -> anyhow::Result<Vec<Table>> {
    let unknown = names.iter().find(|name| !Table::ALL.iter().any(|table| table.name() == name.as_str()));
    if let Some(name) = unknown {
        let known: Vec<&str> = Table::ALL.iter().map(|table| table.name()).collect();
        return Err(usage(format!("--table: there is no table {name}; there are {}", known.join(", "))));
    }
    let wanted = |table: &Table| names.is_empty() || names.iter().any(|name| name == table.name());
    Ok(Table::ALL.into_iter().filter(wanted).collect())
}

impl Which {
    /// The tables that have such rows: a table without universes has none of a universe.
    pub(crate) fn tables(&self) -> anyhow::Result<Vec<Table>> {
        let tables = named(&self.tables)?;
        let asked = [("universe", &self.universe), ("variant", &self.variant)];
        let lacking = |table: &Table| {
            let schema = table.schema();
            asked
                .iter()
                .find(|(name, value)| value.is_some() && schema.index_of(name).is_err())
                .map(|(name, _)| *name)
        };
        if !self.tables.is_empty()
            && let Some((table, column)) = tables.iter().find_map(|table| Some((table, lacking(table)?)))
        {
            let name = table.name();
            return Err(usage(format!(
                "--{column}: rows of {name} have none; leave --{column} or {name} out"
            )));
        }
        Ok(tables.into_iter().filter(|table| lacking(table).is_none()).collect())
    }

    /// The conditions that rows of `table` meet, in SQL.
    pub(crate) fn conditions(&self, table: Table) -> Vec<String> {
        let equal = |name: &str, value: &Option<String>| value.as_ref().map(|value| is(name, value));
        let time = time_of(table);
        [
            equal("universe", &self.universe),
            equal("variant", &self.variant),
            self.since.map(|since| format!("{time} >= '{since}'")),
            self.until.map(|until| format!("{time} < '{until}'")),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_chosen_by_what_their_table_has() {
        let which = Which {
            universe: Some("o'hara".to_owned()),
            since: Some(moment("2026-01-31").unwrap()),
            until: Some(moment("2026-01-31T09:30:00+01:00").unwrap()),
            ..Which::default()
        };
        assert_eq!(
            which.conditions(Table::Bars).join(" and "),
            "universe = 'o''hara' and close_time >= '2026-01-31T00:00:00Z' and close_time < '2026-01-31T08:30:00Z'"
        );
        let tables = which.tables().unwrap();
        assert!(tables.contains(&Table::Latency) && !tables.contains(&Table::Backtests));
        assert!(moment("yesterday").unwrap_err().contains("2026-01-31"));
        let named = |name: &str| Which { tables: vec![name.to_owned()], ..which.clone() }.tables();
        assert!(named("backtests").unwrap_err().to_string().contains("--universe"));
        assert!(named("portfolio").unwrap_err().to_string().contains("portfolios"));
        assert_eq!(named("bars").unwrap(), [Table::Bars]);
    }
}
