//! What is let through: one query, or a question about tables.

use std::ops::ControlFlow;

use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, Ident, SetExpr, Statement as Sql, TableAlias, TableFactor, Value,
    VisitMut, VisitorMut,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use crate::functions::optimise::takes_query;
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
    prepared(statement, text)
}

/// Gives every derived table that has no name one of its own. Without, the planner takes equal expressions of
/// queries within each other (`x + 1` of `x + 1`) for one and the same, and computes them once.
fn prepared(mut statement: Statement, text: &str) -> Result<Statement> {
    let mut prefix = "derived_".to_owned();
    while text.to_ascii_lowercase().contains(&prefix) {
        prefix.push('_');
    }
    let mut preparation = Preparation { prefix, given: 0, parameters: 0 };
    let mut inner = &mut statement;
    while let Statement::Explain(explain) = inner {
        inner = &mut explain.statement;
    }
    let flow = match inner {
        Statement::Statement(inner) => inner.visit(&mut preparation),
        _ => ControlFlow::Continue(()),
    };
    match flow {
        ControlFlow::Continue(()) => Ok(statement),
        ControlFlow::Break(instead) => {
            Err(Error::new(ErrorKind::Syntax, format!("this literal is not understood: {instead}")))
        }
    }
}

struct Preparation {
    prefix: String,
    given: usize,
    /// Question marks so far.
    parameters: usize,
}

impl VisitorMut for Preparation {
    /// What to write instead.
    type Break = &'static str;

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Self::Break> {
        match factor {
            TableFactor::Derived { alias: alias @ None, .. } => {
                self.given += 1;
                let name = Ident::new(format!("{}{}", self.prefix, self.given));
                *alias = Some(TableAlias { explicit: true, name, columns: Vec::new(), at: None });
            }
            TableFactor::Table { name, args: Some(arguments), .. } if takes_query(&name.to_string()) => {
                // Planned when the function is scanned: a table function takes no subquery of several columns.
                if let Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(first))) = arguments.args.first_mut()
                    && let Expr::Subquery(query) = first
                {
                    *first = Expr::value(Value::SingleQuotedString(query.to_string()));
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }

    /// Types of records and keys double where they hold one another. Functions refuse large ones; what the
    /// planner makes of a literal cannot.
    fn pre_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<Self::Break> {
        match expression {
            Expr::Struct { .. } | Expr::Dictionary(_) => {
                ControlFlow::Break("write named_struct('name', value, …)")
            }
            Expr::Map(map) if map.entries.iter().any(|entry| !matches!(*entry.key, Expr::Value(_))) => {
                ControlFlow::Break("the keys of MAP {…} are constants; write map([key, …], [value, …])")
            }
            Expr::Value(value) => {
                if let Value::Placeholder(name) = &mut value.value
                    && name == "?"
                {
                    self.parameters += 1;
                    *name = format!("${}", self.parameters);
                }
                ControlFlow::Continue(())
            }
            _ => ControlFlow::Continue(()),
        }
    }
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
