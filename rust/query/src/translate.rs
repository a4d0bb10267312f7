//! From DataFusion's errors to ours: what sort it is, what it is about, and what to do.

use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use strsim::levenshtein;

use crate::{Error, ErrorKind};

/// Names that may have been meant.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    pub(crate) tables: Vec<String>,
    pub(crate) functions: Vec<String>,
    pub(crate) memory: usize,
}

/// An error of planning.
pub(crate) fn translate(error: &DataFusionError, names: &Names) -> Error {
    specific(error, names).unwrap_or_else(|| {
        let root = root_of(error);
        let kind = match root {
            DataFusionError::Plan(_)
            | DataFusionError::SQL(..)
            | DataFusionError::SchemaError(..)
            | DataFusionError::NotImplemented(_)
            | DataFusionError::Configuration(_) => ErrorKind::Syntax,
            _ => ErrorKind::Failed,
        };
        Error::new(kind, plain(root))
    })
}

/// An error while the query runs: whatever it is, the query is understood.
pub(crate) fn translate_running(error: &DataFusionError, names: &Names) -> Error {
    specific(error, names).unwrap_or_else(|| Error::new(ErrorKind::Failed, plain(root_of(error))))
}

fn specific(error: &DataFusionError, names: &Names) -> Option<Error> {
    match root_of(error) {
        DataFusionError::SQL(parser, _) => {
            let message = parser.to_string();
            let message = message.strip_prefix("sql parser error: ").unwrap_or(&message);
            if message.contains("recursion limit exceeded") {
                let message = "the query is nested too deeply: flatten parentheses and subqueries";
                return Some(Error::new(ErrorKind::Syntax, message));
            }
            Some(Error::new(ErrorKind::Syntax, format!("no SQL: {}", shortened(message))))
        }
        DataFusionError::SchemaError(schema, _) => match schema.as_ref() {
            SchemaError::FieldNotFound { field, valid_fields } => {
                let known: Vec<String> = valid_fields.iter().map(|field| field.name.clone()).collect();
                let hint = hint(&field.name, &known, "columns here");
                Some(Error::new(ErrorKind::Unknown, format!("there is no column {}{hint}", field.name)))
            }
            _ => None,
        },
        DataFusionError::Plan(message) => unknown(message, names),
        DataFusionError::ResourcesExhausted(_) => {
            let mebibytes = names.memory >> 20;
            let message = format!(
                "the query needs more than the {mebibytes} MiB of memory it may use: narrow it by a time range, \
                 take fewer columns, aggregate, or sort with a LIMIT"
            );
            Some(Error::new(ErrorKind::Memory, message))
        }
        DataFusionError::External(error) => error.downcast_ref::<Error>().cloned(),
        DataFusionError::ExecutionJoin(join) if join.is_panic() => {
            let message = "the query made the engine fail; please report it with the query";
            Some(Error::new(ErrorKind::Failed, message))
        }
        _ => None,
    }
}

/// A missing table or function is told by text alone.
fn unknown(message: &str, names: &Names) -> Option<Error> {
    let quoted = |start: &str, end: &str| Some(message.strip_prefix(start)?.split_once(end)?.0.to_owned());
    if let Some(table) = quoted("table '", "' not found") {
        let plain = table.strip_prefix("silverbullet.").unwrap_or(&table);
        let plain = plain.strip_prefix("public.").unwrap_or(plain);
        let hint = hint(plain, &names.tables, "tables");
        return Some(Error::new(ErrorKind::Unknown, format!("there is no table {plain}{hint}")));
    }
    let function = quoted("Invalid function '", "'").or_else(|| quoted("table function '", "' not found"))?;
    let hint = hint(&function, &names.functions, "");
    Some(Error::new(ErrorKind::Unknown, format!("there is no function {function}{hint}")))
}

/// The nearest name, or where there is none near, all of them.
fn hint(name: &str, known: &[String], what: &str) -> String {
    let wanted = name.to_lowercase();
    let distances = known.iter().map(|known| (levenshtein(&wanted, &known.to_lowercase()), known));
    match distances.min_by_key(|(distance, _)| *distance) {
        Some((distance, nearest)) if distance <= wanted.len().div_ceil(3) => {
            format!(": did you mean {nearest}?")
        }
        _ if known.is_empty() || what.is_empty() => String::new(),
        _ => {
            let mut all = known.to_vec();
            all.dedup();
            format!("; {what}: {}", all.join(", "))
        }
    }
}

fn root_of(error: &DataFusionError) -> &DataFusionError {
    match error {
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => root_of(inner),
        DataFusionError::Shared(inner) => root_of(inner),
        DataFusionError::Collection(errors) => errors.first().map_or(error, root_of),
        _ => error,
    }
}

fn plain(error: &DataFusionError) -> String {
    let message = error.strip_backtrace();
    let prefixes = ["Error during planning: ", "Execution error: ", "Arrow error: ", "External error: "];
    let message = prefixes.iter().find_map(|prefix| message.strip_prefix(prefix)).unwrap_or(&message);
    shortened(message)
}

/// A message may quote the query, which the asker has.
fn shortened(message: &str) -> String {
    const LONGEST: usize = 600;
    match message.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message.to_owned(),
    }
}
