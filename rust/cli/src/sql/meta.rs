//! What the prompt understands besides SQL.

use clap::ValueEnum;
use silverbullet_query::catalog;

use crate::args::ResultFormat;
use crate::output;

/// The commands and what they do.
pub(super) const COMMANDS: [(&str, &str); 5] = [
    ("\\?", "this list"),
    ("\\d", "tables; \\d TABLE lists its columns"),
    ("\\f", "functions that SQL does not have by itself"),
    ("\\format", "how rows are printed: \\format table, json or csv"),
    ("\\q", "end; so does Ctrl-D"),
];

/// What a line that is no query asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Text(String),
    Format(ResultFormat),
    End,
}

/// True for words that end the prompt or ask for help without a backslash.
pub(super) fn is_word(line: &str) -> bool {
    matches!(line.trim_end_matches(';'), "exit" | "quit" | "help")
}

/// What `line` asks for; `None` where it is a query.
pub(super) fn asked(line: &str) -> Option<Asked> {
    let line = line.trim().trim_end_matches(';').trim_end();
    let (command, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    Some(match command {
        "\\q" | "exit" | "quit" => Asked::End,
        "\\?" | "help" => Asked::Text(help()),
        "\\d" if rest.trim().is_empty() => Asked::Text(tables()),
        "\\d" => Asked::Text(columns(rest.trim())),
        "\\f" => Asked::Text(functions()),
        "\\format" => match ResultFormat::from_str(rest.trim(), true) {
            Ok(format) => Asked::Format(format),
            Err(_) => Asked::Text("\\format takes table, json or csv".to_owned()),
        },
        other if other.starts_with('\\') => {
            Asked::Text(format!("there is no {other}; \\? lists what there is"))
        }
        _ => return None,
    })
}

fn help() -> String {
    let mut table =
        output::table(&["", "A query ends with ; and may have several lines. Tab completes, arrows recall."]);
    for (command, meaning) in COMMANDS {
        table.add_row([command, meaning]);
    }
    table.to_string()
}

fn tables() -> String {
    let mut table = output::table(&["table", "a row is"]);
    for info in catalog::tables() {
        table.add_row([info.name, info.comment]);
    }
    table.to_string()
}

fn columns(name: &str) -> String {
    let Some(columns) = catalog::columns(name) else {
        return format!("there is no table {name}; \\d lists what there is");
    };
    let mut table = output::table(&["column", "type", "unit", "meaning"]);
    for column in columns {
        table.add_row([column.name, column.data_type, column.unit.unwrap_or_default(), column.comment]);
    }
    table.to_string()
}

fn functions() -> String {
    let mut table = output::table(&["function", "gives"]);
    for function in catalog::functions() {
        table.add_row([function.signature, function.comment]);
    }
    table.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_told_from_queries() {
        assert_eq!(asked("select 1;"), None);
        assert_eq!(asked(" \\q "), Some(Asked::End));
        assert_eq!(asked("exit;"), Some(Asked::End));
        assert_eq!(asked("\\format json"), Some(Asked::Format(ResultFormat::Json)));
        let text = |line: &str| match asked(line) {
            Some(Asked::Text(text)) => text,
            other => panic!("{line}: {other:?}"),
        };
        assert!(text("\\d").contains("portfolios"));
        assert!(text("\\d portfolios").contains("turnover"));
        assert!(text("\\d nothing").contains("there is no table nothing"));
        assert!(text("\\x").contains("\\?"));
        assert!(text("help").contains("Tab completes"));
        assert!(text("\\f").contains("annualised"));
    }
}
