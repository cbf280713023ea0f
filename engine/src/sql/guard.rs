//! What may run: one query, within limits. Everything else is refused before it is planned.

use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::SQLOptions;
use datafusion::sql::parser::{DFParserBuilder, Statement as DfStatement};
use datafusion::sql::sqlparser::ast::{Query, SetExpr, Statement as SqlStatement};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use crate::error::{Error, Result};
use crate::settings::Settings;

const ALLOWED: &str = "only SELECT, EXPLAIN, SHOW and DESCRIBE are allowed";

/// Refuses a text that is too long, too deep or too large to be parsed safely.
pub(crate) fn check_text(sql: &str, settings: &Settings) -> Result<()> {
    if sql.len() > settings.sql_max_bytes {
        return Err(too_complex("bytes", sql.len(), settings.sql_max_bytes));
    }
    let tokens = Tokenizer::new(&GenericDialect {}, sql)
        .tokenize()
        .map_err(|e| Error::BadQuery(e.to_string()))?;
    let tokens = || tokens.iter().filter(|token| !matches!(token, Token::Whitespace(_)));
    let count = tokens().count();
    if count > settings.sql_max_tokens {
        return Err(too_complex("words and operators", count, settings.sql_max_tokens));
    }
    let operators = tokens().filter(|token| is_operator(token)).count();
    if operators > settings.sql_max_operators {
        return Err(too_complex("operators", operators, settings.sql_max_operators));
    }
    let mut depth: usize = 0;
    for token in tokens() {
        match token {
            Token::LParen | Token::LBracket | Token::LBrace => depth += 1,
            Token::RParen | Token::RBracket | Token::RBrace => depth = depth.saturating_sub(1),
            Token::Word(word) if word.value.eq_ignore_ascii_case("case") => depth += 1,
            Token::Word(word) if word.value.eq_ignore_ascii_case("end") => {
                depth = depth.saturating_sub(1);
            }
            _ => {}
        }
        if depth > settings.sql_max_depth {
            return Err(too_complex("levels of nesting", depth, settings.sql_max_depth));
        }
    }
    Ok(())
}

/// Parses exactly one statement of a kind that only reads.
pub(crate) fn parse(sql: &str, settings: &Settings) -> Result<DfStatement> {
    let dialect = GenericDialect {};
    let mut parser = DFParserBuilder::new(sql)
        .with_dialect(&dialect)
        .with_recursion_limit(settings.sql_max_depth * 4)
        .build()?;
    let mut statements = parser.parse_statements()?;
    let statement = match (statements.pop_front(), statements.is_empty()) {
        (Some(statement), true) => statement,
        (None, _) => return Err(Error::BadQuery("the statement is empty; write a query".into())),
        (Some(_), false) => {
            return Err(refused("more than one statement in one text; send them one by one"));
        }
    };
    check_kind(&statement)?;
    Ok(statement)
}

fn check_kind(statement: &DfStatement) -> Result<()> {
    match statement {
        DfStatement::Explain(explain) => check_kind(&explain.statement),
        DfStatement::Statement(sql) => match &**sql {
            SqlStatement::Query(query) => check_query(query),
            SqlStatement::ExplainTable { .. }
            | SqlStatement::ShowTables { .. }
            | SqlStatement::ShowColumns { .. }
            | SqlStatement::ShowFunctions { .. }
            | SqlStatement::ShowVariable { .. } => Ok(()),
            SqlStatement::Explain { statement, .. } => {
                check_kind(&DfStatement::Statement(statement.clone()))
            }
            other => Err(refused(&format!("`{}` is not allowed", first_word(&other.to_string())))),
        },
        DfStatement::CopyTo(_) => Err(refused("`COPY` is not allowed")),
        DfStatement::CreateExternalTable(_) => Err(refused("`CREATE` is not allowed")),
        DfStatement::Reset(_) => Err(refused("`RESET` is not allowed")),
    }
}

/// Refuses what a query may hide in its `WITH` list. The planner would refuse it as well, in words that
/// promise to change data some day.
fn check_query(query: &Query) -> Result<()> {
    for table in query.with.iter().flat_map(|with| &with.cte_tables) {
        check_query(&table.query)?;
    }
    match &*query.body {
        SetExpr::Insert(statement)
        | SetExpr::Update(statement)
        | SetExpr::Delete(statement)
        | SetExpr::Merge(statement) => {
            check_kind(&DfStatement::Statement(Box::new(statement.clone())))
        }
        SetExpr::Query(query) => check_query(query),
        _ => Ok(()),
    }
}

/// Refuses a plan that would change anything, wherever in the statement that hides.
pub(crate) fn check_plan(plan: &LogicalPlan) -> Result<()> {
    let options =
        SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    options.verify_plan(plan).map_err(|_| refused("the statement would change data or settings"))
}

fn is_operator(token: &Token) -> bool {
    match token {
        Token::Plus
        | Token::Minus
        | Token::Mul
        | Token::Div
        | Token::Mod
        | Token::StringConcat
        | Token::Pipe
        | Token::Ampersand
        | Token::Caret
        | Token::DoubleColon => true,
        Token::Word(word) => ["and", "or", "not", "union", "intersect", "except", "join"]
            .iter()
            .any(|keyword| word.value.eq_ignore_ascii_case(keyword)),
        _ => false,
    }
}

fn first_word(text: &str) -> &str {
    text.split_whitespace().next().unwrap_or(text)
}

fn refused(what: &str) -> Error {
    Error::Refused { reason: format!("{what}; {ALLOWED}") }
}

fn too_complex(what: &str, found: usize, limit: usize) -> Error {
    Error::Refused {
        reason: format!("query too complex: {found} {what}, at most {limit} are allowed"),
    }
}

#[cfg(test)]
mod tests;
