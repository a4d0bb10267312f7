//! What is let through: one query, or a question about tables.

use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::ast::{SetExpr, Statement as Sql};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use crate::translate::{Names, translate};
use crate::{Error, ErrorKind, Result};

/// Longest text of a query, in bytes.
const LONGEST: usize = 64 << 10;
/// Deepest nesting of expressions and subqueries.
const DEEPEST: usize = 128;
/// Most operators of a query. A chain of them is planned in the square of its length, and planning cannot be
/// stopped.
const MOST_OPERATORS: usize = 1_000;

/// The one statement of `text`, which reads only.
pub(crate) fn read_only(text: &str) -> Result<Statement> {
    if text.len() > LONGEST {
        let message = format!("the query has {} bytes, and {LONGEST} are the most: shorten it", text.len());
        return Err(Error::new(ErrorKind::Syntax, message));
    }
    let operators = operators(text);
    if operators > MOST_OPERATORS {
        let message = format!(
            "the query has {operators} operators, and {MOST_OPERATORS} are the most: use IN or a join"
        );
        return Err(Error::new(ErrorKind::Syntax, message));
    }
    let parse = || {
        DFParserBuilder::new(text)
            .with_dialect(&GenericDialect {})
            .with_recursion_limit(DEEPEST)
            .build()?
            .parse_statements()
    };
    let mut statements = parse().map_err(|error| translate(&error, &Names::default()))?;
    let Some(statement) = statements.pop_front() else {
        return Err(Error::new(ErrorKind::Syntax, "the query is empty: give a SELECT"));
    };
    if !statements.is_empty() {
        return Err(Error::new(ErrorKind::ReadOnly, "several statements: give one query at a time"));
    }
    check(&statement)?;
    Ok(statement)
}

/// Signs and words that take something on both sides. What is no SQL has none here: the parser says why.
fn operators(text: &str) -> usize {
    let dialect = GenericDialect {};
    let tokens = Tokenizer::new(&dialect, text).tokenize().unwrap_or_default();
    let joins = |token: &&Token| match token {
        Token::Word(word) => matches!(
            word.keyword,
            Keyword::AND | Keyword::OR | Keyword::NOT | Keyword::UNION | Keyword::EXCEPT | Keyword::INTERSECT
        ),
        Token::Plus | Token::Minus | Token::Mul | Token::Div | Token::Mod | Token::StringConcat => true,
        Token::Eq | Token::Neq | Token::Lt | Token::Gt | Token::LtEq | Token::GtEq => true,
        Token::Pipe | Token::Caret | Token::Ampersand | Token::DoubleColon => true,
        _ => false,
    };
    tokens.iter().filter(joins).count()
}

fn check(statement: &Statement) -> Result<()> {
    match statement {
        Statement::Explain(explain) => check(&explain.statement),
        Statement::Statement(statement) => check_sql(statement),
        Statement::CopyTo(_) => Err(refused("COPY")),
        Statement::CreateExternalTable(_) => Err(refused("CREATE EXTERNAL TABLE")),
        Statement::Reset(_) => Err(refused("RESET")),
    }
}

fn check_sql(statement: &Sql) -> Result<()> {
    match statement {
        Sql::Query(query) => check_body(&query.body),
        Sql::Explain { statement, .. } => check_sql(statement),
        Sql::ExplainTable { .. } | Sql::ShowTables { .. } | Sql::ShowColumns { .. } => Ok(()),
        other => Err(refused(&first_words(&other.to_string()))),
    }
}

fn check_body(body: &SetExpr) -> Result<()> {
    match body {
        SetExpr::Insert(_) => Err(refused("INSERT")),
        SetExpr::Update(_) => Err(refused("UPDATE")),
        SetExpr::Delete(_) => Err(refused("DELETE")),
        SetExpr::Merge(_) => Err(refused("MERGE")),
        SetExpr::Select(select) if select.into.is_some() => Err(refused("SELECT INTO")),
        _ => Ok(()),
    }
}

fn refused(what: &str) -> Error {
    let message = format!(
        "{what} is refused: SQL here is read-only; SELECT, VALUES, WITH, EXPLAIN, DESCRIBE, SHOW TABLES and \
         SHOW COLUMNS are answered"
    );
    Error::new(ErrorKind::ReadOnly, message)
}

/// The words a statement begins with, in capitals: `CREATE TABLE`, `SET`.
fn first_words(text: &str) -> String {
    let keyword = |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_uppercase());
    let words: Vec<&str> = text.split_whitespace().take_while(keyword).take(2).collect();
    if words.is_empty() { "this statement".to_owned() } else { words.join(" ") }
}
