//! The SQL types and their properties: `GetXdbcTypeInfo`, which ODBC and JDBC drivers show.

use arrow_flight::sql::metadata::{XdbcTypeInfo, XdbcTypeInfoData, XdbcTypeInfoDataBuilder};
use arrow_flight::sql::{Nullable, Searchable, XdbcDataType, XdbcDatetimeSubcode};
use tonic::Status;

use crate::status;

/// The types that columns of results have. Maps, structs and arrays have no ODBC type.
pub(crate) fn all() -> Result<XdbcTypeInfoData, Status> {
    let mut types = XdbcTypeInfoDataBuilder::new();
    types.append(plain("BOOLEAN", XdbcDataType::XdbcBit, 1));
    types.append(number("TINYINT", XdbcDataType::XdbcTinyint, 8));
    types.append(number("SMALLINT", XdbcDataType::XdbcSmallint, 16));
    types.append(number("INTEGER", XdbcDataType::XdbcInteger, 32));
    types.append(number("BIGINT", XdbcDataType::XdbcBigint, 64));
    types.append(number("REAL", XdbcDataType::XdbcReal, 24));
    types.append(number("DOUBLE", XdbcDataType::XdbcDouble, 53));
    types.append(decimal());
    types.append(text());
    types.append(bytes());
    types.append(moment("DATE", XdbcDataType::XdbcDate, 10, None));
    types.append(moment("TIME", XdbcDataType::XdbcTime, 18, None));
    types.append(moment(
        "TIMESTAMP",
        XdbcDataType::XdbcTimestamp,
        35,
        Some(XdbcDatetimeSubcode::XdbcSubcodeTimestampWithTimezone),
    ));
    types.build().map_err(status::unexpected)
}

fn plain(name: &str, data_type: XdbcDataType, size: i32) -> XdbcTypeInfo {
    XdbcTypeInfo {
        type_name: name.into(),
        local_type_name: Some(name.into()),
        data_type,
        sql_data_type: data_type,
        column_size: Some(size),
        nullable: Nullable::NullabilityNullable,
        searchable: Searchable::Basic,
        ..XdbcTypeInfo::default()
    }
}

fn number(name: &str, data_type: XdbcDataType, bits: i32) -> XdbcTypeInfo {
    XdbcTypeInfo {
        unsigned_attribute: Some(false),
        auto_increment: Some(false),
        num_prec_radix: Some(2),
        ..plain(name, data_type, bits)
    }
}

fn decimal() -> XdbcTypeInfo {
    XdbcTypeInfo {
        create_params: Some(vec!["precision".into(), "scale".into()]),
        minimum_scale: Some(0),
        maximum_scale: Some(38),
        num_prec_radix: Some(10),
        ..number("DECIMAL", XdbcDataType::XdbcDecimal, 38)
    }
}

fn text() -> XdbcTypeInfo {
    XdbcTypeInfo {
        case_sensitive: true,
        searchable: Searchable::Full,
        ..quoted("VARCHAR", XdbcDataType::XdbcVarchar, i32::MAX, "'")
    }
}

fn bytes() -> XdbcTypeInfo {
    quoted("VARBINARY", XdbcDataType::XdbcVarbinary, i32::MAX, "X'")
}

fn moment(
    name: &str,
    data_type: XdbcDataType,
    size: i32,
    subcode: Option<XdbcDatetimeSubcode>,
) -> XdbcTypeInfo {
    let prefix = format!("{name} '");
    XdbcTypeInfo { datetime_subcode: subcode, ..quoted(name, data_type, size, &prefix) }
}

fn quoted(name: &str, data_type: XdbcDataType, size: i32, prefix: &str) -> XdbcTypeInfo {
    XdbcTypeInfo {
        literal_prefix: Some(prefix.into()),
        literal_suffix: Some("'".into()),
        ..plain(name, data_type, size)
    }
}
