//! Completion at the prompt: words of SQL, tables, columns and functions.

use rustyline::completion::Completer;
use rustyline::highlight::Highlighter;
use rustyline::hint::HistoryHinter;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Helper, Result};
use silverbullet_query::catalog;

use super::meta;

const WORDS: [&str; 36] = [
    "and", "as", "asc", "avg", "between", "by", "case", "count", "desc", "describe", "distinct", "else",
    "end", "explain", "from", "group", "having", "in", "is", "join", "left", "like", "limit", "max", "min",
    "not", "null", "on", "or", "order", "over", "select", "sum", "union", "where", "with",
];

/// What the line editor asks for while a query is typed.
pub(super) struct Assistant {
    names: Vec<String>,
    hinter: HistoryHinter,
}

impl Assistant {
    pub(super) fn new() -> Self {
        let mut names: Vec<String> = WORDS.iter().map(|word| (*word).to_owned()).collect();
        for table in catalog::tables() {
            let columns = catalog::columns(&table.name).unwrap_or_default();
            names.extend(columns.into_iter().map(|column| column.name));
            names.push(table.name);
        }
        names.extend(catalog::functions().into_iter().map(|function| format!("{}(", function.name)));
        names.sort_unstable();
        names.dedup();
        Self { names, hinter: HistoryHinter::new() }
    }

    /// Names that go on from what stands before the cursor, and where that begins.
    fn candidates(&self, line: &str, cursor: usize) -> (usize, Vec<String>) {
        let typed = &line[..cursor];
        if typed.starts_with('\\') {
            let known = meta::COMMANDS.iter().filter(|(name, _)| name.starts_with(typed));
            return (0, known.map(|(name, _)| (*name).to_owned()).collect());
        }
        let start = typed
            .rfind(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.'))
            .map_or(0, |at| at + typed[at..].chars().next().map_or(1, char::len_utf8));
        let word = typed[start..].to_lowercase();
        if word.is_empty() {
            return (start, Vec::new());
        }
        (start, self.names.iter().filter(|name| name.starts_with(&word)).cloned().collect())
    }
}

impl Helper for Assistant {}

impl Highlighter for Assistant {}

impl Completer for Assistant {
    type Candidate = String;

    fn complete(&self, line: &str, cursor: usize, _: &Context<'_>) -> Result<(usize, Vec<String>)> {
        Ok(self.candidates(line, cursor))
    }
}

impl rustyline::hint::Hinter for Assistant {
    type Hint = String;

    fn hint(&self, line: &str, cursor: usize, context: &Context<'_>) -> Option<String> {
        self.hinter.hint(line, cursor, context)
    }
}

impl Validator for Assistant {
    /// A query ends with a semicolon; until then Enter begins another line.
    fn validate(&self, context: &mut ValidationContext<'_>) -> Result<ValidationResult> {
        let input = context.input().trim();
        let complete =
            input.is_empty() || input.starts_with('\\') || input.ends_with(';') || meta::is_word(input);
        Ok(if complete { ValidationResult::Valid(None) } else { ValidationResult::Incomplete })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_columns_functions_and_words_are_completed_where_they_begin() {
        let assistant = Assistant::new();
        let complete = |line: &str| assistant.candidates(line, line.len());
        assert_eq!(complete("sel"), (0, vec!["select".to_owned()]));
        let (start, names) = complete("select * from portf");
        assert_eq!((start, names.contains(&"portfolios".to_owned())), (14, true));
        assert!(complete("select turn").1.contains(&"turnover".to_owned()));
        assert!(complete("select annual").1.iter().any(|name| name.ends_with('(')));
        assert!(complete("select * from history.portf").1.contains(&"history.portfolios".to_owned()));
        assert_eq!(complete("select ").1, Vec::<String>::new());
        assert!(complete("\\").1.contains(&"\\d".to_owned()));
        assert_eq!(complete("select 'ü' sele").0, 12);
    }
}
