//! What the server can do: `GetSqlInfo`, which drivers read before they connect.
//!
//! Every question has an answer: drivers trip over those that they do not get.

use std::collections::HashMap;

use arrow_flight::sql::metadata::{SqlInfoData, SqlInfoDataBuilder};
use arrow_flight::sql::{
    SqlInfo, SqlNullOrdering, SqlOuterJoinsSupportLevel, SqlSupportedCaseSensitivity,
    SqlSupportedGroupBy, SqlSupportedResultSetConcurrency, SqlSupportedResultSetType,
    SqlSupportedSubqueries, SqlSupportedTransaction, SqlSupportedUnions,
    SqlTransactionIsolationLevel, SupportedSqlGrammar,
};
use tonic::Status;

use crate::service::Service;
use crate::status;

/// Version of the Arrow columnar format.
const ARROW_FORMAT: &str = "1.5";

/// Words that are keywords here and not in SQL:2003.
const KEYWORDS: &[&str] = &[
    "ANALYZE", "ANTI", "DESCRIBE", "EXCLUDE", "EXPLAIN", "ILIKE", "LIMIT", "OFFSET", "QUALIFY",
    "REGEXP", "RLIKE", "SEMI", "SHOW", "TRY_CAST",
];
const NUMERIC_FUNCTIONS: &[&str] = &[
    "abs", "ceil", "exp", "floor", "ln", "log", "log10", "log2", "power", "round", "sqrt", "trunc",
];
const STRING_FUNCTIONS: &[&str] = &[
    "btrim",
    "character_length",
    "concat",
    "concat_ws",
    "contains",
    "ends_with",
    "left",
    "lower",
    "lpad",
    "ltrim",
    "octet_length",
    "regexp_like",
    "regexp_replace",
    "repeat",
    "replace",
    "reverse",
    "right",
    "rpad",
    "rtrim",
    "split_part",
    "starts_with",
    "strpos",
    "substr",
    "upper",
];
const DATETIME_FUNCTIONS: &[&str] = &[
    "date_bin",
    "date_part",
    "date_trunc",
    "from_unixtime",
    "now",
    "to_char",
    "to_date",
    "to_timestamp",
    "to_unixtime",
];
const SYSTEM_FUNCTIONS: &[&str] = &["arrow_typeof", "coalesce", "nullif", "version"];

/// The answers to all questions that have one.
pub(crate) fn all(service: &Service) -> Result<SqlInfoData, Status> {
    let mut info = SqlInfoDataBuilder::new();
    server(&mut info, service);
    names(&mut info);
    grammar(&mut info);
    for (question, limit) in LIMITS {
        info.append(*question, *limit);
    }
    for (question, answer) in YES_OR_NO {
        info.append(*question, *answer);
    }
    info.build().map_err(status::unexpected)
}

fn server(info: &mut SqlInfoDataBuilder, service: &Service) {
    info.append(SqlInfo::FlightSqlServerName, "Spanlake");
    info.append(SqlInfo::FlightSqlServerVersion, env!("CARGO_PKG_VERSION"));
    info.append(SqlInfo::FlightSqlServerArrowVersion, ARROW_FORMAT);
    info.append(SqlInfo::FlightSqlServerTransaction, SqlSupportedTransaction::None as i32);
    let milliseconds = service.settings.prepared_statement_seconds.saturating_mul(1_000);
    let timeout = i32::try_from(milliseconds).unwrap_or(i32::MAX);
    info.append(SqlInfo::FlightSqlServerStatementTimeout, timeout);
    info.append(SqlInfo::FlightSqlServerTransactionTimeout, 0);
    let longest = i64::try_from(service.engine.settings().sql_max_bytes).unwrap_or(0);
    info.append(SqlInfo::SqlMaxStatementLength, longest);
}

fn names(info: &mut SqlInfoDataBuilder) {
    // Names without quotes are read as lowercase; quoted ones as they are.
    let lowercase = SqlSupportedCaseSensitivity::SqlCaseSensitivityLowercase;
    info.append(SqlInfo::SqlIdentifierCase, lowercase as i32);
    let sensitive = SqlSupportedCaseSensitivity::SqlCaseSensitivityUnknown;
    info.append(SqlInfo::SqlQuotedIdentifierCase, sensitive as i32);
    info.append(SqlInfo::SqlIdentifierQuoteChar, "\"");
    info.append(SqlInfo::SqlSearchStringEscape, "\\");
    info.append(SqlInfo::SqlExtraNameCharacters, "$");
    info.append(SqlInfo::SqlCatalogTerm, "catalog");
    info.append(SqlInfo::SqlSchemaTerm, "schema");
    info.append(SqlInfo::SqlProcedureTerm, "");
    info.append(SqlInfo::SqlKeywords, KEYWORDS);
    info.append(SqlInfo::SqlNumericFunctions, NUMERIC_FUNCTIONS);
    info.append(SqlInfo::SqlStringFunctions, STRING_FUNCTIONS);
    info.append(SqlInfo::SqlDatetimeFunctions, DATETIME_FUNCTIONS);
    info.append(SqlInfo::SqlSystemFunctions, SYSTEM_FUNCTIONS);
}

fn grammar(info: &mut SqlInfoDataBuilder) {
    // NULL is the largest value: last when ascending, first when descending.
    info.append(SqlInfo::SqlNullOrdering, SqlNullOrdering::SqlNullsSortedHigh as i32);
    let joins = SqlOuterJoinsSupportLevel::SqlFullOuterJoins;
    info.append(SqlInfo::SqlOuterJoinsSupportLevel, joins as i32);
    let isolation = SqlTransactionIsolationLevel::SqlTransactionNone;
    info.append(SqlInfo::SqlDefaultTransactionIsolation, isolation as i32);
    // The conversion function of ODBC; CAST is not meant.
    info.append(SqlInfo::SqlSupportsConvert, HashMap::new());
    for (question, answers) in SETS {
        let set = answers.iter().fold(0, |set, answer| set | 1 << answer);
        info.append(*question, set);
    }
}

/// Questions whose answer is a set of enumeration values, which the protocol writes as bits.
const SETS: &[(SqlInfo, &[i32])] = &[
    (
        SqlInfo::SqlSupportedGrammar,
        &[
            SupportedSqlGrammar::SqlMinimumGrammar as i32,
            SupportedSqlGrammar::SqlCoreGrammar as i32,
        ],
    ),
    // Entry level.
    (SqlInfo::SqlAnsi92SupportedLevel, &[0]),
    (
        SqlInfo::SqlSupportedGroupBy,
        &[
            SqlSupportedGroupBy::SqlGroupByUnrelated as i32,
            SqlSupportedGroupBy::SqlGroupByBeyondSelect as i32,
        ],
    ),
    (
        SqlInfo::SqlSupportedSubqueries,
        &[
            SqlSupportedSubqueries::SqlSubqueriesInComparisons as i32,
            SqlSupportedSubqueries::SqlSubqueriesInExists as i32,
            SqlSupportedSubqueries::SqlSubqueriesInIns as i32,
        ],
    ),
    (
        SqlInfo::SqlSupportedUnions,
        &[SqlSupportedUnions::SqlUnion as i32, SqlSupportedUnions::SqlUnionAll as i32],
    ),
    (
        SqlInfo::SqlSupportedTransactionsIsolationLevels,
        &[SqlTransactionIsolationLevel::SqlTransactionNone as i32],
    ),
    (
        SqlInfo::SqlSupportedResultSetTypes,
        &[SqlSupportedResultSetType::SqlResultSetTypeForwardOnly as i32],
    ),
    (
        SqlInfo::SqlSupportedConcurrenciesForResultSetForwardOnly,
        &[SqlSupportedResultSetConcurrency::SqlResultSetConcurrencyReadOnly as i32],
    ),
    (SqlInfo::SqlSupportedConcurrenciesForResultSetUnspecified, &[]),
    (SqlInfo::SqlSupportedConcurrenciesForResultSetScrollSensitive, &[]),
    (SqlInfo::SqlSupportedConcurrenciesForResultSetScrollInsensitive, &[]),
    (SqlInfo::SqlSchemasSupportedActions, &[]),
    (SqlInfo::SqlCatalogsSupportedActions, &[]),
    (SqlInfo::SqlSupportedPositionedCommands, &[]),
];

/// Limits of the SQL language; 0 is no limit.
const LIMITS: &[(SqlInfo, i64)] = &[
    (SqlInfo::SqlMaxBinaryLiteralLength, 0),
    (SqlInfo::SqlMaxCharLiteralLength, 0),
    (SqlInfo::SqlMaxColumnNameLength, 0),
    (SqlInfo::SqlMaxColumnsInGroupBy, 0),
    (SqlInfo::SqlMaxColumnsInIndex, 0),
    (SqlInfo::SqlMaxColumnsInOrderBy, 0),
    (SqlInfo::SqlMaxColumnsInSelect, 0),
    (SqlInfo::SqlMaxColumnsInTable, 0),
    (SqlInfo::SqlMaxConnections, 0),
    (SqlInfo::SqlMaxCursorNameLength, 0),
    (SqlInfo::SqlMaxIndexLength, 0),
    (SqlInfo::SqlDbSchemaNameLength, 0),
    (SqlInfo::SqlMaxProcedureNameLength, 0),
    (SqlInfo::SqlMaxCatalogNameLength, 0),
    (SqlInfo::SqlMaxStatements, 0),
    (SqlInfo::SqlMaxRowSize, 0),
    (SqlInfo::SqlMaxTableNameLength, 0),
    (SqlInfo::SqlMaxTablesInSelect, 0),
    (SqlInfo::SqlMaxUsernameLength, 0),
];

/// What is supported.
const YES_OR_NO: &[(SqlInfo, bool)] = &[
    (SqlInfo::FlightSqlServerReadOnly, true),
    (SqlInfo::FlightSqlServerSql, true),
    (SqlInfo::FlightSqlServerSubstrait, false),
    (SqlInfo::FlightSqlServerCancel, true),
    (SqlInfo::FlightSqlServerBulkIngestion, false),
    (SqlInfo::FlightSqlServerIngestTransactionsSupported, false),
    (SqlInfo::SqlDdlCatalog, false),
    (SqlInfo::SqlDdlSchema, false),
    (SqlInfo::SqlDdlTable, false),
    (SqlInfo::SqlAllTablesAreSelectable, true),
    (SqlInfo::SqlCatalogAtStart, true),
    (SqlInfo::SqlSupportsColumnAliasing, true),
    (SqlInfo::SqlNullPlusNullIsNull, true),
    (SqlInfo::SqlSupportsTableCorrelationNames, true),
    (SqlInfo::SqlSupportsDifferentTableCorrelationNames, false),
    (SqlInfo::SqlSupportsExpressionsInOrderBy, true),
    (SqlInfo::SqlSupportsOrderByUnrelated, true),
    (SqlInfo::SqlSupportsLikeEscapeClause, true),
    (SqlInfo::SqlSupportsNonNullableColumns, false),
    (SqlInfo::SqlSupportsIntegrityEnhancementFacility, false),
    (SqlInfo::SqlMaxRowSizeIncludesBlobs, true),
    (SqlInfo::SqlSelectForUpdateSupported, false),
    (SqlInfo::SqlStoredProceduresSupported, false),
    (SqlInfo::SqlCorrelatedSubqueriesSupported, true),
    (SqlInfo::SqlTransactionsSupported, false),
    (SqlInfo::SqlDataDefinitionCausesTransactionCommit, false),
    (SqlInfo::SqlDataDefinitionsInTransactionsIgnored, false),
    (SqlInfo::SqlBatchUpdatesSupported, false),
    (SqlInfo::SqlSavepointsSupported, false),
    (SqlInfo::SqlNamedParametersSupported, false),
    (SqlInfo::SqlLocatorsUpdateCopy, false),
    (SqlInfo::SqlStoredFunctionsUsingCallSyntaxSupported, false),
];
