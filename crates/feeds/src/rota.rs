//! Rota files and rows: who works where and when, checked before anything of it is believed.

use crate::hl7::{Moment, Precision};
use charter::Charter;
use events::rota::{SHIFT_HOURS_MAX, ShiftAssigned};
use events::{IdError, PrincipalId, ShiftId, Timestamp};
use jiff::tz::TimeZone;
use serde::Deserialize;
use std::time::Duration;

/// The most shifts one file or request may hold.
pub const SHIFTS_MAX: usize = 10_000;

/// A shift as another system writes it. Times are RFC 3339; without a zone they are the hospital's own.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShiftRow {
    /// The rota's own id for the shift.
    pub shift: String,
    /// Who works it.
    pub person: String,
    /// The unit, by its id or one of its codes.
    pub unit: String,
    /// From when, inclusive.
    pub from: String,
    /// Until when, exclusive.
    pub until: String,
    /// Whether they are on call for the unit rather than present in it.
    #[serde(default)]
    pub on_call: bool,
}

/// What is wrong with a rota.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RotaError {
    /// Not CSV with the columns `shift,person,unit,from,until` and perhaps `on_call`.
    #[error("the file is not a rota: {0}")]
    Csv(#[from] csv::Error),
    /// Too many rows.
    #[error("a rota has at most {SHIFTS_MAX} shifts at a time")]
    TooMany,
    /// One row is wrong; nothing of the rota was used.
    #[error("shift {row}: {wrong}")]
    Row {
        /// Which, counted from 1.
        row: usize,
        /// What is wrong with it.
        #[source]
        wrong: ShiftError,
    },
}

/// What is wrong with a shift.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShiftError {
    /// The shift's or the person's id.
    #[error("`{what}` is not an id: {source}")]
    Id {
        /// Which of them.
        what: &'static str,
        /// What is wrong with it.
        #[source]
        source: IdError,
    },
    /// No unit has this id or code.
    #[error("the charter knows no unit called `{0}`")]
    Unit(String),
    /// A time.
    #[error("`{what}` is not a time such as 2026-11-22T07:30:00Z")]
    Time {
        /// Which of them.
        what: &'static str,
    },
    /// It ends before it begins, or lasts longer than anybody may work.
    #[error("a shift ends after it begins and lasts at most {SHIFT_HOURS_MAX} hours")]
    Length,
}

/// Checks rows against the charter.
///
/// # Errors
/// The first thing that is wrong; nothing should be used then.
pub fn shifts(rows: &[ShiftRow], charter: &Charter) -> Result<Vec<ShiftAssigned>, RotaError> {
    if rows.len() > SHIFTS_MAX {
        return Err(RotaError::TooMany);
    }
    let zone = TimeZone::get(&charter.hospital().time_zone).unwrap_or(TimeZone::UTC);
    let checked = |(at, row)| shift(row, charter, &zone).map_err(|wrong| RotaError::Row { row: at + 1, wrong });
    rows.iter().enumerate().map(checked).collect()
}

/// Reads a CSV file with a heading; columns may come in any order.
///
/// # Errors
/// As [`shifts`], and when it is no such file.
pub fn from_csv(file: &[u8], charter: &Charter) -> Result<Vec<ShiftAssigned>, RotaError> {
    let mut reader =
        csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file));
    let rows = reader.deserialize().take(SHIFTS_MAX + 1).collect::<Result<Vec<ShiftRow>, _>>()?;
    shifts(&rows, charter)
}

fn shift(row: &ShiftRow, charter: &Charter, zone: &TimeZone) -> Result<ShiftAssigned, ShiftError> {
    let id = |what, wrong: IdError| ShiftError::Id { what, source: wrong };
    let from = time(&row.from, "from", zone)?;
    let until = time(&row.until, "until", zone)?;
    let longest = Duration::from_secs(SHIFT_HOURS_MAX.unsigned_abs() * 60 * 60);
    if until <= from || until.since(from) > longest {
        return Err(ShiftError::Length);
    }
    Ok(ShiftAssigned {
        shift: ShiftId::new(&row.shift).map_err(|wrong| id("shift", wrong))?,
        person: PrincipalId::new(&row.person).map_err(|wrong| id("person", wrong))?,
        unit: charter
            .unit_by_code(&row.unit)
            .cloned()
            .ok_or_else(|| ShiftError::Unit(row.unit.chars().take(64).collect()))?,
        from,
        until,
        on_call: row.on_call,
    })
}

fn time(text: &str, what: &'static str, zone: &TimeZone) -> Result<Timestamp, ShiftError> {
    let moment = Moment::read(text, zone).filter(|moment| moment.precision >= Precision::Minute);
    moment.map(|moment| moment.at).ok_or(ShiftError::Time { what })
}
