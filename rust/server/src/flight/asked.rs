//! What a descriptor asks for: a table, a query, or a command of Flight SQL.

use arrow_flight::FlightDescriptor;
use arrow_flight::flight_descriptor::DescriptorType;
use arrow_flight::sql::{Any, Command};
use prost::Message;
use serde::Deserialize;
use silverbullet_query::catalog;
use tonic::Status;
use tonic::metadata::MetadataMap;

use super::snapshot::MOST_SHARES;

/// Says how many endpoints are wanted, where the descriptor cannot.
const ENDPOINTS: &str = "silverbullet-endpoints";
/// What commands of Flight SQL begin with.
const FLIGHT_SQL: &str = "type.googleapis.com/arrow.flight.protocol.sql.";

/// What is asked for.
#[derive(Debug, PartialEq)]
pub(crate) enum Asked {
    /// A query, in so many shares.
    Query { text: String, endpoints: usize },
    /// A command of Flight SQL, in so many shares.
    Command { command: Box<Command>, endpoints: usize },
    /// A table as it grows.
    Follow { table: String },
}

/// A command in JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    query: Option<String>,
    table: Option<String>,
    columns: Option<Vec<String>>,
    endpoints: Option<usize>,
    follow: Option<String>,
}

impl Asked {
    pub(crate) fn of(descriptor: &FlightDescriptor, headers: &MetadataMap) -> Result<Self, Status> {
        let endpoints = match headers.get(ENDPOINTS) {
            None => 1,
            Some(text) => {
                let number = text.to_str().ok().and_then(|text| text.trim().parse().ok());
                shares(number.ok_or_else(|| wrong(format!("the header {ENDPOINTS} is no number")))?)?
            }
        };
        match descriptor.r#type() {
            DescriptorType::Path => {
                let text = whole_table(&descriptor.path.join("."), None)?;
                Ok(Self::Query { text, endpoints })
            }
            DescriptorType::Cmd => Self::of_command(&descriptor.cmd, endpoints),
            DescriptorType::Unknown => {
                Err(wrong("the descriptor is neither a path (a table) nor a command (SQL)"))
            }
        }
    }

    fn of_command(bytes: &[u8], endpoints: usize) -> Result<Self, Status> {
        if let Ok(any) = Any::decode(bytes)
            && any.type_url.starts_with(FLIGHT_SQL)
        {
            let command = Command::try_from(any).map_err(|error| wrong(error.to_string()))?;
            return Ok(match command {
                Command::CommandStatementQuery(statement) => Self::Query { text: statement.query, endpoints },
                command => Self::Command { command: Box::new(command), endpoints },
            });
        }
        let text =
            std::str::from_utf8(bytes).map_err(|_| wrong("the command is neither Flight SQL nor text"))?;
        if !text.trim_start().starts_with('{') {
            return Ok(Self::Query { text: text.to_owned(), endpoints });
        }
        let request: Request =
            serde_json::from_str(text).map_err(|error| wrong(format!("the command in JSON: {error}")))?;
        if let Request { query: None, table: None, columns: None, endpoints: None, follow: Some(table) } =
            request
        {
            return Ok(Self::Follow { table });
        }
        let endpoints = request.endpoints.map_or(Ok(endpoints), shares)?;
        let text = match (request.query, request.table) {
            (Some(query), None) if request.columns.is_none() && request.follow.is_none() => query,
            (None, Some(table)) if request.follow.is_none() => {
                whole_table(&table, request.columns.as_deref())?
            }
            _ => {
                return Err(wrong(
                    r#"the command in JSON has "query", or "table" and perhaps "columns", and perhaps "endpoints"; or "follow" alone"#,
                ));
            }
        };
        Ok(Self::Query { text, endpoints })
    }
}

fn wrong(message: impl Into<String>) -> Status {
    Status::invalid_argument(message)
}

fn shares(number: usize) -> Result<usize, Status> {
    if (1..=MOST_SHARES).contains(&number) {
        Ok(number)
    } else {
        Err(wrong(format!("{number} endpoints: there may be 1 to {MOST_SHARES}")))
    }
}

/// A query for all rows of a table that there is.
fn whole_table(name: &str, columns: Option<&[String]>) -> Result<String, Status> {
    let Some(known) = catalog::columns(name) else {
        let names: Vec<String> = catalog::tables().into_iter().map(|table| table.name).collect();
        return Err(Status::not_found(format!("there is no table {name:?}; there are {}", names.join(", "))));
    };
    let Some(columns) = columns else { return Ok(format!("select * from {name}")) };
    if let Some(unknown) = columns.iter().find(|name| known.iter().all(|column| column.name != **name)) {
        let names: Vec<&str> = known.iter().map(|column| column.name.as_str()).collect();
        return Err(Status::not_found(format!(
            "there is no column {unknown:?} in {name}; there are {}",
            names.join(", ")
        )));
    }
    if columns.is_empty() {
        return Err(wrong("no columns are asked for: name some, or leave them out"));
    }
    Ok(format!(
        "select {} from {name}",
        columns.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use arrow_flight::sql::{CommandGetCatalogs, CommandStatementQuery, ProstMessageExt};

    use super::*;

    fn asked(descriptor: &FlightDescriptor) -> Result<Asked, Status> {
        Asked::of(descriptor, &MetadataMap::new())
    }

    fn query(text: &str, endpoints: usize) -> Asked {
        Asked::Query { text: text.into(), endpoints }
    }

    #[test]
    fn a_path_a_text_json_and_flight_sql_all_become_queries() {
        let path =
            |parts: &[&str]| FlightDescriptor::new_path(parts.iter().map(|part| (*part).into()).collect());
        assert_eq!(asked(&path(&["bars"])).unwrap(), query("select * from bars", 1));
        assert_eq!(asked(&path(&["history", "bars"])).unwrap(), query("select * from history.bars", 1));
        let command = |text: &str| asked(&FlightDescriptor::new_cmd(text.to_owned()));
        assert_eq!(command("select 1").unwrap(), query("select 1", 1));
        let json = r#"{"table": "bars", "columns": ["bar", "close"], "endpoints": 3}"#;
        assert_eq!(command(json).unwrap(), query(r#"select "bar", "close" from bars"#, 3));
        assert_eq!(command(r#"{"query": "select 1"}"#).unwrap(), query("select 1", 1));
        assert_eq!(command(r#"{"follow": "bars"}"#).unwrap(), Asked::Follow { table: "bars".into() });
        let statement = CommandStatementQuery { query: "select 2".into(), transaction_id: None };
        let statement = FlightDescriptor::new_cmd(statement.as_any().encode_to_vec());
        assert_eq!(asked(&statement).unwrap(), query("select 2", 1));
        let catalogs = FlightDescriptor::new_cmd(CommandGetCatalogs {}.as_any().encode_to_vec());
        assert!(matches!(asked(&catalogs).unwrap(), Asked::Command { endpoints: 1, .. }));
    }

    #[test]
    fn a_header_says_how_many_endpoints_and_json_overrules_it() {
        let mut headers = MetadataMap::new();
        headers.insert(ENDPOINTS, "8".parse().unwrap());
        let descriptor = FlightDescriptor::new_cmd("select 1");
        assert_eq!(Asked::of(&descriptor, &headers).unwrap(), query("select 1", 8));
        let descriptor = FlightDescriptor::new_cmd(r#"{"query": "select 1", "endpoints": 2}"#);
        assert_eq!(Asked::of(&descriptor, &headers).unwrap(), query("select 1", 2));
        for text in ["0", "65", "many"] {
            headers.insert(ENDPOINTS, text.parse().unwrap());
            let status = Asked::of(&descriptor, &headers).unwrap_err();
            assert_eq!(status.code(), tonic::Code::InvalidArgument, "{text}");
        }
    }

    #[test]
    fn what_there_is_not_is_named_with_what_there_is() {
        let descriptor = FlightDescriptor::new_path(vec!["prices".into()]);
        let status = asked(&descriptor).unwrap_err();
        assert_eq!(status.code(), tonic::Code::NotFound);
        assert!(
            status.message().contains("\"prices\"") && status.message().contains("portfolios"),
            "{status}"
        );
        let json = r#"{"table": "bars", "columns": ["colour"]}"#;
        let status = asked(&FlightDescriptor::new_cmd(json)).unwrap_err();
        assert!(status.message().contains("\"colour\"") && status.message().contains("close"), "{status}");
        for json in [
            r#"{"table": "bars", "query": "select 1"}"#,
            "{}",
            r#"{"follow": "bars", "endpoints": 2}"#,
            r#"{"sql": "select 1"}"#,
            "{",
        ] {
            let status = asked(&FlightDescriptor::new_cmd(json)).unwrap_err();
            assert_eq!(status.code(), tonic::Code::InvalidArgument, "{json}");
        }
        let status = asked(&FlightDescriptor::new_cmd(vec![0xff, 0xfe])).unwrap_err();
        assert_eq!(status.code(), tonic::Code::InvalidArgument);
    }
}
