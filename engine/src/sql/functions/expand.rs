//! Puts the query of a table function in the place of its call.

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::arrow::array::timezone::Tz;
use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, Ident, ObjectName, ObjectNamePart, Query, Statement,
    TableAlias, TableFactor, TableFunctionArgs, UnaryOperator, Value, VisitMut, VisitorMut,
    visit_expressions, visit_expressions_mut,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;

use super::declaration::{Parameter, ParameterKind, TableFunction};
use super::table_functions;
use crate::error::{Error, Result};
use crate::settings::Settings;
use crate::slo::Slos;
use crate::sql::guard;

/// How deep functions may be built on functions: ours are not, so it is a mistake.
const DEEPEST: usize = 8;

/// Puts in the queries of all table functions that a statement calls.
///
/// # Errors
///
/// [`Error::BadQuery`] if an argument is missing, unknown, or not what it should be.
pub(crate) fn expand(statement: &mut DfStatement, known: Known<'_>) -> Result<()> {
    match statement {
        DfStatement::Statement(statement) => expand_in(&mut **statement, known, 0),
        DfStatement::Explain(explain) => expand(&mut explain.statement, known),
        _ => Ok(()),
    }
}

/// What calls are put together from, besides their arguments.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) slos: &'a Slos,
}

fn expand_in<T: VisitMut>(part: &mut T, known: Known<'_>, depth: usize) -> Result<()> {
    if depth > DEEPEST {
        return Err(Error::Internal("a table function calls itself".into()));
    }
    match part.visit(&mut Calls { known, depth }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Calls<'a> {
    known: Known<'a>,
    depth: usize,
}

impl VisitorMut for Calls<'_> {
    type Break = Error;

    fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Error> {
        let TableFactor::Table { name, alias, args: Some(args), .. } = factor else {
            return ControlFlow::Continue(());
        };
        match self.query_of(name, args) {
            Ok(None) => ControlFlow::Continue(()),
            Ok(Some((name, query))) => {
                let alias = alias.take().unwrap_or_else(|| TableAlias {
                    explicit: true,
                    name: Ident::new(name),
                    columns: Vec::new(),
                    at: None,
                });
                *factor = TableFactor::Derived {
                    lateral: false,
                    subquery: Box::new(query),
                    alias: Some(alias),
                    sample: None,
                };
                ControlFlow::Continue(())
            }
            Err(error) => ControlFlow::Break(error),
        }
    }
}

impl Calls<'_> {
    fn query_of(
        &self,
        name: &ObjectName,
        args: &TableFunctionArgs,
    ) -> Result<Option<(&'static str, Query)>> {
        let [ObjectNamePart::Identifier(name)] = name.0.as_slice() else { return Ok(None) };
        let Some(function) = table_functions()?.get(name.value.to_lowercase().as_str()) else {
            return Ok(None);
        };
        let given = given(function, &args.args)?;
        let values = values(function, given, self.known)?;
        let mut query = parse(&self.known.slos.fill(function.sql))?;
        // First those that it calls: what it gives to them may name its own parameters.
        expand_in(&mut query, self.known, self.depth + 1)?;
        fill_in(&mut query, &values);
        Ok(Some((function.name, query)))
    }
}

/// The arguments by the names of their parameters.
fn given(function: &TableFunction, args: &[FunctionArg]) -> Result<HashMap<String, Expr>> {
    let wrong = |what: String| {
        let syntax = function.syntax();
        Error::BadQuery(format!(
            "{what}; it is called as {syntax}, also by name as in name => value"
        ))
    };
    let mut given = HashMap::new();
    for (at, arg) in args.iter().enumerate() {
        let (name, value) = match arg {
            FunctionArg::Named { name, arg, .. } => (Some(name.value.to_lowercase()), arg),
            FunctionArg::Unnamed(arg) => (None, arg),
            FunctionArg::ExprNamed { name, arg, .. } => (Some(name.to_string()), arg),
        };
        let FunctionArgExpr::Expr(value) = value else {
            return Err(wrong(format!("`{arg}` is no argument of {}", function.name)));
        };
        let parameter = match &name {
            None => function.parameters.get(at),
            Some(name) => function.parameters.iter().find(|parameter| parameter.name == *name),
        };
        let Some(parameter) = parameter else {
            return Err(wrong(match name {
                Some(name) => format!("{} has no parameter `{name}`", function.name),
                None => format!("{} does not take {} arguments", function.name, args.len()),
            }));
        };
        if names_a_column(value) {
            let (name, function) = (&parameter.name, function.name);
            return Err(Error::BadQuery(format!(
                "`{name}` of {function} must be a constant, not `{value}`; text is in single quotes"
            )));
        }
        if given.insert(parameter.name.clone(), value.clone()).is_some() {
            return Err(wrong(format!("{} is given `{}` twice", function.name, parameter.name)));
        }
    }
    let missing = |parameter: &&Parameter| {
        parameter.default.is_none() && !given.contains_key(&parameter.name)
    };
    match function.parameters.iter().find(missing) {
        Some(parameter) => Err(wrong(format!("{} needs `{}`", function.name, parameter.name))),
        None => Ok(given),
    }
}

fn names_a_column(value: &Expr) -> bool {
    let found = visit_expressions(value, |expr| match expr {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Subquery(_) => {
            ControlFlow::Break(())
        }
        _ => ControlFlow::Continue(()),
    });
    found.is_break()
}

/// The value of every parameter, of its type.
fn values(
    function: &TableFunction,
    mut given: HashMap<String, Expr>,
    known: Known<'_>,
) -> Result<HashMap<String, Expr>> {
    let mut values: HashMap<String, Expr> = HashMap::new();
    // A default may name parameters behind it: those of the window do.
    for parameter in function.parameters.iter().rev() {
        let value = match given.remove(&parameter.name) {
            Some(value) => value,
            None => {
                let mut default = parse_expr(parameter.default.as_deref().unwrap_or("NULL"))?;
                fill_in(&mut default, &values);
                default
            }
        };
        let value = match parameter.kind {
            ParameterKind::Predicate => predicate(function, parameter, &value, known.settings)?,
            ParameterKind::Slo => slo(&value, known.slos)?,
            ParameterKind::Zone => zone(function, parameter, &value)?,
            _ => value,
        };
        choose(function, parameter, &value)?;
        let value = typed(parameter.kind, &value)?;
        values.insert(parameter.name.clone(), value);
    }
    Ok(values)
}

/// Refuses text that is none of the choices, and numbers out of range. What is worked out first is not looked at.
fn choose(function: &TableFunction, parameter: &Parameter, value: &Expr) -> Result<()> {
    if let (Some((least, most)), Some(number)) = (parameter.range, number(value))
        && !(least..=most).contains(&number)
    {
        return Err(Error::BadQuery(format!(
            "`{}` of {} must be from {least} to {most}, not {value}",
            parameter.name, function.name
        )));
    }
    let Expr::Value(value) = value else { return Ok(()) };
    let Value::SingleQuotedString(text) = &value.value else { return Ok(()) };
    if parameter.choices.is_empty() || parameter.choices.contains(text) {
        return Ok(());
    }
    let choices = parameter.choices.join("', '");
    Err(Error::BadQuery(format!(
        "`{}` of {} must be one of '{choices}', not '{text}'",
        parameter.name, function.name
    )))
}

/// A number that is written out.
fn number(value: &Expr) -> Option<f64> {
    match value {
        Expr::Value(value) => match &value.value {
            Value::Number(number, _) => number.parse().ok(),
            _ => None,
        },
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => number(expr).map(|number| -number),
        _ => None,
    }
}

/// A condition that is given as text.
fn predicate(
    function: &TableFunction,
    parameter: &Parameter,
    value: &Expr,
    settings: &Settings,
) -> Result<Expr> {
    let (name, function) = (&parameter.name, function.name);
    let text = match value {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) | Value::NationalStringLiteral(text) => text,
            Value::Null => return Ok(Expr::Value(value.clone())),
            _ => return Err(no_predicate(name, function)),
        },
        _ => return Err(no_predicate(name, function)),
    };
    guard::check_text(text, settings)?;
    parse_expr(text).map_err(|error| {
        Error::BadQuery(format!("`{name}` of {function} is no condition in SQL: {error}"))
    })
}

/// The name of an SLO: a mistyped one would look like one without data.
fn slo(value: &Expr, slos: &Slos) -> Result<Expr> {
    let name = match value {
        // What another function passes on was looked at there.
        Expr::Cast { expr, .. } => return slo(expr, slos),
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(name) => name,
            Value::Null | Value::Placeholder(_) => return Ok(Expr::Value(value.clone())),
            _ => {
                return Err(Error::BadQuery(format!("`{value}` is no SLO; give its name as text")));
            }
        },
        other => {
            return Err(Error::BadQuery(format!("`{other}` is no SLO; give its name as text")));
        }
    };
    if slos.slos.iter().any(|slo| slo.name == *name) {
        return Ok(value.clone());
    }
    let problem = slos.problems.iter().find(|problem| problem.slo.as_ref() == Some(name));
    Err(Error::BadQuery(match problem {
        Some(problem) => format!("SLO `{name}` cannot be watched: {problem}"),
        None if slos.slos.is_empty() => format!(
            "there is no SLO `{name}`: none is loaded; name a file of them by --slo FILE, or by \
             `slo_files` in the settings of the server"
        ),
        None => {
            let names: Vec<&str> = slos.slos.iter().map(|slo| slo.name.as_str()).collect();
            format!("there is no SLO `{name}`; there are {}", names.join(", "))
        }
    }))
}

/// A time zone. Its name stays as it is written: where one can be, SQL takes nothing else.
fn zone(function: &TableFunction, parameter: &Parameter, value: &Expr) -> Result<Expr> {
    let is_zone = match value {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(name) => name.parse::<Tz>().is_ok(),
            // What another function passes on, by the name of its parameter, is looked at there.
            Value::Placeholder(name) => {
                name.trim_start_matches('$').starts_with(char::is_alphabetic)
            }
            _ => false,
        },
        _ => false,
    };
    if is_zone {
        return Ok(value.clone());
    }
    Err(Error::BadQuery(format!(
        "`{}` of {} must be the name of a time zone, such as 'Europe/Berlin', not {value}",
        parameter.name, function.name
    )))
}

fn no_predicate(name: &str, function: &str) -> Error {
    Error::BadQuery(format!(
        "`{name}` of {function} must be a condition as text in single quotes, such as \
         'root_status_code = ''error'''"
    ))
}

fn typed(kind: ParameterKind, value: &Expr) -> Result<Expr> {
    let sql = match kind {
        ParameterKind::Timestamp => {
            format!("arrow_cast({value}, 'Timestamp(Nanosecond, Some(\"UTC\"))')")
        }
        ParameterKind::Zone => return Ok(value.clone()),
        ParameterKind::Predicate => format!("({value})"),
        ParameterKind::Slo => format!("CAST({value} AS TEXT)"),
        kind => format!("CAST({value} AS {})", kind.name()),
    };
    parse_expr(&sql)
}

/// Puts values in the place of parameters.
fn fill_in<T: VisitMut>(part: &mut T, values: &HashMap<String, Expr>) {
    let filled: ControlFlow<()> = visit_expressions_mut(part, |expr| {
        if let Expr::Value(value) = expr
            && let Value::Placeholder(name) = &value.value
            && let Some(value) = values.get(name.trim_start_matches('$'))
        {
            *expr = value.clone();
        }
        ControlFlow::Continue(())
    });
    debug_assert!(filled.is_continue());
}

fn parse(sql: &str) -> Result<Query> {
    let statements = Parser::parse_sql(&GenericDialect {}, sql);
    let statements = statements.map_err(|error| Error::Internal(format!("{error} in {sql}")))?;
    match <[Statement; 1]>::try_from(statements) {
        Ok([Statement::Query(query)]) => Ok(*query),
        _ => Err(Error::Internal(format!("not one query: {sql}"))),
    }
}

/// Parses one query.
pub(crate) fn parse_query(sql: &str) -> Result<Query> {
    let statements = Parser::parse_sql(&GenericDialect {}, sql);
    let statements = statements.map_err(|error| Error::BadQuery(error.to_string()))?;
    match <[Statement; 1]>::try_from(statements) {
        Ok([Statement::Query(query)]) => Ok(*query),
        _ => Err(Error::BadQuery("it must be one SELECT".into())),
    }
}

/// Parses one expression.
pub(crate) fn parse_expr(sql: &str) -> Result<Expr> {
    let bad = |error: String| Error::BadQuery(error);
    let dialect = GenericDialect {};
    let mut parser =
        Parser::new(&dialect).try_with_sql(sql).map_err(|error| bad(error.to_string()))?;
    let expr = parser.parse_expr().map_err(|error| bad(error.to_string()))?;
    let rest = parser.peek_token();
    if rest.token == datafusion::sql::sqlparser::tokenizer::Token::EOF {
        Ok(expr)
    } else {
        Err(bad(format!("`{rest}` does not belong there, in `{sql}`")))
    }
}
