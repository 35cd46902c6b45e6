//! Statements as constants, and the values that go in and come out of them.

use crate::ReadError;
use crate::database::StorageError;
use crate::postgres::Failed;
use bytes::BytesMut;
use rusqlite::types::{ToSqlOutput, ValueRef};
use std::error::Error;
use tokio_postgres::types::{self, FromSql, IsNull, Type};

/// One SQL statement of the registry, written in the dialect that SQLite and PostgreSQL share.
///
/// Only this crate makes one, so that its test has prepared each.
#[derive(Debug)]
pub struct Statement {
    /// Its name in errors.
    pub(crate) name: &'static str,
    /// Its text.
    pub(crate) sql: &'static str,
    /// Whether, as a write, it must change at least one row.
    pub(crate) must_change: bool,
}

impl Statement {
    /// Its name, in lower case, such as `directory_add`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

/// A value given to a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Nothing.
    Null,
    /// A number, a time in milliseconds, a truth as 0 or 1.
    Int(i64),
    /// A text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// The number of the first entry of the batch whose write it is given to. Nothing else knows it.
    Entry,
}

/// What is wrong with [`Value::Entry`] given to anything but a batch's write.
pub(crate) const NO_ENTRY: &str = "no entry to number";

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(value) => ValueRef::Integer(*value),
            Self::Text(value) => ValueRef::Text(value.as_bytes()),
            Self::Bytes(value) => ValueRef::Blob(value),
            Self::Entry => return Err(rusqlite::Error::ToSqlConversionFailure(NO_ENTRY.into())),
        }))
    }
}

impl types::ToSql for Value {
    fn to_sql(&self, wanted: &Type, to: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(value) if *wanted == Type::INT4 => i32::try_from(*value)?.to_sql(wanted, to),
            Self::Int(value) => value.to_sql(wanted, to),
            Self::Text(value) => value.to_sql(wanted, to),
            Self::Bytes(value) => value.to_sql(wanted, to),
            Self::Entry => Err(NO_ENTRY.into()),
        }
    }

    /// Whether a value fits is seen before it is sent (`postgres::connection`), since that rests on the value.
    fn accepts(_: &Type) -> bool {
        true
    }

    types::to_sql_checked!();
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Int(value.into())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Int(value.into())
    }
}

impl From<events::Timestamp> for Value {
    fn from(value: events::Timestamp) -> Self {
        Self::Int(value.as_millis())
    }
}

impl From<events::Seq> for Value {
    /// A sequence beyond what a database counts to is the last one it does.
    fn from(value: events::Seq) -> Self {
        Self::Int(i64::try_from(value.0).unwrap_or(i64::MAX))
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Bytes(value.to_vec())
    }
}

impl<const N: usize> From<[u8; N]> for Value {
    fn from(value: [u8; N]) -> Self {
        Self::Bytes(value.to_vec())
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(value)
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// One row of an answer. Columns count from 0.
pub struct Row<'a>(pub(crate) Raw<'a>);

/// A row as its engine has it.
pub(crate) enum Raw<'a> {
    /// Of a file.
    Sqlite(&'a rusqlite::Row<'a>),
    /// Of a server.
    Postgres(&'a tokio_postgres::Row),
}

/// A value of a row, in place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cell<'a> {
    Null,
    Int(i64),
    Text(&'a str),
    Bytes(&'a [u8]),
    /// Of a type that is none of these.
    Other,
}

impl<'a> FromSql<'a> for Cell<'a> {
    fn from_sql(wanted: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(match *wanted {
            Type::INT8 => Self::Int(i64::from_sql(wanted, raw)?),
            Type::INT4 => Self::Int(i32::from_sql(wanted, raw)?.into()),
            Type::BOOL => Self::Int(bool::from_sql(wanted, raw)?.into()),
            Type::TEXT => Self::Text(<&str>::from_sql(wanted, raw)?),
            Type::BYTEA => Self::Bytes(raw),
            _ => Self::Other,
        })
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self::Null)
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

impl std::fmt::Debug for Row<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Row")
    }
}

impl Row<'_> {
    fn value(&self, column: usize) -> Result<Cell<'_>, ReadError> {
        match self.0 {
            Raw::Sqlite(row) => Ok(match row.get_ref(column).map_err(StorageError::new)? {
                ValueRef::Null => Cell::Null,
                ValueRef::Integer(value) => Cell::Int(value),
                ValueRef::Text(text) => std::str::from_utf8(text).map_or(Cell::Other, Cell::Text),
                ValueRef::Blob(bytes) => Cell::Bytes(bytes),
                ValueRef::Real(_) => Cell::Other,
            }),
            Raw::Postgres(row) => row.try_get(column).map_err(|error| StorageError::from(Failed::from(error)).into()),
        }
    }

    /// All its values.
    pub(crate) fn values(&self) -> Result<Vec<Value>, ReadError> {
        let columns = match self.0 {
            Raw::Sqlite(row) => row.as_ref().column_count(),
            Raw::Postgres(row) => row.len(),
        };
        let value = |column| match self.value(column)? {
            Cell::Null => Ok(Value::Null),
            Cell::Int(value) => Ok(value.into()),
            Cell::Text(value) => Ok(value.into()),
            Cell::Bytes(value) => Ok(value.into()),
            Cell::Other => Err(ReadError::Column { column, expected: "a number, a text or bytes" }),
        };
        (0..columns).map(value).collect()
    }

    /// A number.
    ///
    /// # Errors
    /// When the column is something else.
    pub fn int(&self, column: usize) -> Result<i64, ReadError> {
        match self.value(column)? {
            Cell::Int(value) => Ok(value),
            _ => Err(ReadError::Column { column, expected: "a number" }),
        }
    }

    /// A number or nothing.
    ///
    /// # Errors
    /// When the column is something else.
    pub fn int_or_null(&self, column: usize) -> Result<Option<i64>, ReadError> {
        if self.value(column)? == Cell::Null { Ok(None) } else { self.int(column).map(Some) }
    }

    /// A text.
    ///
    /// # Errors
    /// When the column is something else.
    pub fn text(&self, column: usize) -> Result<String, ReadError> {
        match self.value(column)? {
            Cell::Text(text) => Ok(text.to_owned()),
            _ => Err(ReadError::Column { column, expected: "a text" }),
        }
    }

    /// Bytes.
    ///
    /// # Errors
    /// When the column is something else.
    pub fn bytes(&self, column: usize) -> Result<Vec<u8>, ReadError> {
        self.bytes_in_place(column).map(<[u8]>::to_vec)
    }

    /// Bytes of a fixed length.
    ///
    /// # Errors
    /// When the column is something else, or of another length.
    pub fn array<const N: usize>(&self, column: usize) -> Result<[u8; N], ReadError> {
        let bytes = self.bytes_in_place(column)?;
        bytes.try_into().map_err(|_| ReadError::Column { column, expected: "bytes of the length asked for" })
    }

    /// Bytes, without copying them.
    pub(crate) fn bytes_in_place(&self, column: usize) -> Result<&[u8], ReadError> {
        match self.value(column)? {
            Cell::Bytes(bytes) => Ok(bytes),
            _ => Err(ReadError::Column { column, expected: "bytes" }),
        }
    }

    /// A time, kept in milliseconds.
    ///
    /// # Errors
    /// When the column is something else.
    pub fn time(&self, column: usize) -> Result<events::Timestamp, ReadError> {
        self.int(column).map(events::Timestamp::from_millis)
    }
}
