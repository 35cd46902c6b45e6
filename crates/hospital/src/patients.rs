//! Whom the hospital has a record of. Every name, number and address is invented.

use crate::{Random, names};
use events::Timestamp;
use std::time::Duration;

/// Who gives out the record numbers (CX-4).
pub const RECORD_AUTHORITY: &str = "HGH";

/// Somebody with a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patient {
    /// The record number.
    pub record: String,
    /// Their given name.
    pub given: String,
    /// Their family name.
    pub family: String,
    /// The date of birth, `YYYYMMDD`.
    pub born: String,
    /// `F`, `M` or `U`.
    pub sex: char,
    /// Where they live.
    pub street: String,
    /// A number from a range that nobody is given.
    pub national: String,
    /// Whether they are well known.
    pub vip: bool,
    /// Whether they are under sixteen.
    pub child: bool,
}

pub(crate) fn patients(random: &mut Random, count: usize, now: Timestamp) -> Vec<Patient> {
    let offset = random.number();
    (0..count)
        .map(|number| {
            let name = names::name(offset, number);
            let years = 1 + random.below(95);
            Patient {
                record: format!("{}", 4_000_000 + number * 7 + random.below(7)),
                given: name.given.to_owned(),
                family: name.family.to_owned(),
                born: date_before(now, years, random.below(365)),
                sex: if random.happens(50) { 'F' } else { 'M' },
                street: names::street(random),
                national: format!("999{:07}", number % 10_000_000),
                vip: random.happens(2),
                child: years < 16,
            }
        })
        .collect()
}

/// Somebody who came in without a name, under a number of their own.
pub(crate) fn unknown(random: &mut Random, number: u64, start: u64) -> Patient {
    Patient {
        record: format!("T{start:X}-{number}"),
        given: "Unknown".to_owned(),
        family: format!("Trauma {number}"),
        born: String::new(),
        sex: 'U',
        street: String::new(),
        national: String::new(),
        vip: false,
        child: random.happens(5),
    }
}

fn date_before(now: Timestamp, years: usize, days: usize) -> String {
    let back = Duration::from_secs((years as u64 * 365 + days as u64) * 24 * 60 * 60);
    let text = (now - back).to_string();
    text.chars().take(10).filter(|letter| *letter != '-').collect()
}
