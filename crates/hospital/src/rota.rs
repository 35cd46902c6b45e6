//! Who works when: days and nights around a given time, so that every unit always has somebody of every role.

use crate::Member;
use events::rota::ShiftAssigned;
use events::{ShiftId, Timestamp};
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan};
use std::collections::BTreeMap;
use std::fmt::Write;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    Day,
    Night,
    OnCall,
    Off,
}

/// Day and night shifts overlap by half an hour, for the hand-over.
const DAY_STARTS: Time = Time::constant(7, 0, 0, 0);
const NIGHT_STARTS: Time = Time::constant(19, 0, 0, 0);
const SHIFT: fn() -> Span = || 12.hours().minutes(30);

pub(crate) fn shifts(staff: &[Member], days: i16, now: Timestamp, zone: &TimeZone) -> Vec<ShiftAssigned> {
    let Ok(today) = jiff::Timestamp::from_millisecond(now.as_millis()).map(|now| now.to_zoned(zone.clone()).date())
    else {
        return Vec::new();
    };
    let mut teams: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for member in staff {
        *teams.entry((member.unit.as_str(), member.role)).or_default() += 1;
    }
    let mut shifts = Vec::new();
    // The night before the first day reaches into it.
    for offset in -days - 1..=days {
        let Ok(date) = today.checked_add(i32::from(offset).days()) else { continue };
        for member in staff {
            let team = teams.get(&(member.unit.as_str(), member.role)).copied().unwrap_or(1);
            for turn in turns(member, team, date) {
                shifts.extend(shift(member, turn, date, zone));
            }
        }
    }
    shifts
}

/// A third of the team by day, a third by night, and the last of those at home on call. Everybody moves on one place a day.
fn turns(member: &Member, team: usize, date: Date) -> Vec<Turn> {
    if team == 1 {
        return vec![Turn::Day, Turn::Night];
    }
    let third = (team / 3).max(1);
    let day = date.day_of_year().unsigned_abs() as usize + date.year().unsigned_abs() as usize * 366;
    let place = (member.place + day) % team;
    let turn = match place {
        _ if place < third => Turn::Day,
        _ if place < third * 2 => Turn::Night,
        _ if place == team - 1 && matches!(member.role, "doctor" | "surgeon" | "anaesthetist" | "radiologist") => {
            Turn::OnCall
        }
        _ => Turn::Off,
    };
    vec![turn]
}

fn shift(member: &Member, turn: Turn, date: Date, zone: &TimeZone) -> Option<ShiftAssigned> {
    let (starts, letter) = match turn {
        Turn::Day => (DAY_STARTS, 'D'),
        Turn::Night => (NIGHT_STARTS, 'N'),
        Turn::OnCall => (NIGHT_STARTS, 'C'),
        Turn::Off => return None,
    };
    let from = date.to_datetime(starts).to_zoned(zone.clone()).ok()?;
    let until = from.checked_add(SHIFT()).ok()?;
    Some(ShiftAssigned {
        shift: ShiftId::new(&format!("{}-{}-{letter}", member.id, date.strftime("%Y%m%d"))).ok()?,
        person: member.id.clone(),
        unit: member.unit.clone(),
        from: Timestamp::from_millis(from.timestamp().as_millisecond()),
        until: Timestamp::from_millis(until.timestamp().as_millisecond()),
        on_call: turn == Turn::OnCall,
    })
}

pub(crate) fn csv(shifts: &[ShiftAssigned]) -> String {
    let mut csv = String::from("shift,person,unit,from,until,on_call\n");
    for ShiftAssigned { shift, person, unit, from, until, on_call } in shifts {
        // Writing to a string does not fail.
        let _ = writeln!(csv, "{shift},{person},{unit},{from},{until},{on_call}");
    }
    csv
}
