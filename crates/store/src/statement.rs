//! Statements as constants, and the values that go in and come out of them.

use crate::ReadError;
use crate::database::StorageError;
use rusqlite::types::{ToSqlOutput, ValueRef};

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
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(value) => ValueRef::Integer(*value),
            Self::Text(value) => ValueRef::Text(value.as_bytes()),
            Self::Bytes(value) => ValueRef::Blob(value),
        }))
    }
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
pub struct Row<'a>(pub(crate) &'a rusqlite::Row<'a>);

impl std::fmt::Debug for Row<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Row")
    }
}

impl Row<'_> {
    fn value(&self, column: usize) -> Result<ValueRef<'_>, ReadError> {
        self.0.get_ref(column).map_err(|error| StorageError::new(error).into())
    }

    /// A number.
    ///
    /// # Errors
    /// When the column is something else.
    pub fn int(&self, column: usize) -> Result<i64, ReadError> {
        match self.value(column)? {
            ValueRef::Integer(value) => Ok(value),
            _ => Err(ReadError::Column { column, expected: "a number" }),
        }
    }

    /// A number or nothing.
    ///
    /// # Errors
    /// When the column is something else.
    pub fn int_or_null(&self, column: usize) -> Result<Option<i64>, ReadError> {
        if self.value(column)? == ValueRef::Null { Ok(None) } else { self.int(column).map(Some) }
    }

    /// A text.
    ///
    /// # Errors
    /// When the column is something else.
    pub fn text(&self, column: usize) -> Result<String, ReadError> {
        let text = self.value(column)?.as_str().map_err(|_| ReadError::Column { column, expected: "a text" })?;
        Ok(text.to_owned())
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
        self.value(column)?.as_blob().map_err(|_| ReadError::Column { column, expected: "bytes" })
    }

    /// A time, kept in milliseconds.
    ///
    /// # Errors
    /// When the column is something else.
    pub fn time(&self, column: usize) -> Result<events::Timestamp, ReadError> {
        self.int(column).map(events::Timestamp::from_millis)
    }
}
