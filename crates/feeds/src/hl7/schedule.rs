//! What scheduling messages say: which appointment, when, where and with whom (HL7 v2 chapter 10).

use super::adt::{Location, Person, Stated, people};
use super::{Field, Message, Moment, Precision};
use events::Timestamp;
use events::appointment::{APPOINTMENT_HOURS_MAX, Window};
use jiff::tz::TimeZone;
use smol_str::SmolStr;
use std::time::Duration;

/// How long an appointment lasts of which only the beginning is said.
pub const APPOINTMENT_LENGTH: Duration = Duration::from_secs(30 * 60);

/// An appointment, as an SIU describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Appointment {
    /// Its number: the filler's (SCH-2), or the placer's (SCH-1) where there is none.
    pub number: SmolStr,
    /// From when until when.
    pub window: Option<Window>,
    /// Where: AIL-3, or PV1-3.
    pub location: Option<Location>,
    /// With whom: AIP-3 of each, or PV1-7.
    pub people: Stated<Vec<Person>>,
    /// What became of it (SCH-25), in capitals.
    pub status: SmolStr,
}

/// The appointment of a message; `None` when it has no SCH.
pub(super) fn appointment(message: &Message<'_>, zone: &TimeZone) -> Option<Appointment> {
    let schedule = message.segment("SCH");
    if !schedule.exists() {
        return None;
    }
    let number = |field: Field<'_>| Some(SmolStr::new(field.component(1).trim())).filter(|number| !number.is_empty());
    let persons: Vec<_> = message.segments().filter(|s| s.name() == "AIP").map(|s| s.field(3)).collect();
    let named = match people(&persons) {
        Stated::Absent => people(&[message.segment("PV1").field(7)]),
        said => said,
    };
    let location = Location::read(&message.segment("AIL").field(3));
    let status = schedule.field(25).component(1);
    Some(Appointment {
        number: number(schedule.field(2)).or_else(|| number(schedule.field(1))).unwrap_or_default(),
        window: window(message, zone),
        location: location.or_else(|| Location::read(&message.segment("PV1").field(3))),
        people: named,
        status: status
            .trim()
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .take(16)
            .collect::<String>()
            .to_ascii_uppercase()
            .into(),
    })
}

/// The appointment's own times (SCH-11, TQ1), else those of the first service, place or person that has one.
fn window(message: &Message<'_>, zone: &TimeZone) -> Option<Window> {
    let (schedule, timing) = (message.segment("SCH"), message.segment("TQ1"));
    let read = |text: &str| {
        let moment = Moment::read(text, zone).filter(|moment| moment.precision >= Precision::Hour)?;
        Some(moment.at)
    };
    let service = message.segment("AIS");
    let parts = [
        service.field(4),
        message.segment("AIL").field(6),
        message.segment("AIP").field(6),
        message.segment("AIG").field(8),
    ];
    let from = read(&schedule.field(11).component(4))
        .or_else(|| read(&timing.field(7).component(1)))
        .or_else(|| parts.iter().find_map(|field| read(&field.component(1))))?;
    let until = read(&schedule.field(11).component(5)).or_else(|| read(&timing.field(8).component(1)));
    let length =
        length(&schedule.field(9), &schedule.field(10)).or_else(|| length(&service.field(7), &service.field(8)));
    let until = until.filter(|until| *until > from).unwrap_or_else(|| from + length.unwrap_or(APPOINTMENT_LENGTH));
    let longest = Duration::from_secs(APPOINTMENT_HOURS_MAX.unsigned_abs() * 3_600);
    Some(Window { from, until: until.min(from + longest) }).filter(|window| window.until > Timestamp::MIN)
}

/// A number of minutes, or of what the unit says.
fn length(number: &Field<'_>, unit: &Field<'_>) -> Option<Duration> {
    let count: u32 = number.component(1).trim().parse().ok().filter(|count| *count > 0 && *count <= 86_400)?;
    let seconds = match unit.component(1).trim().to_ascii_lowercase().as_str() {
        "s" | "sec" | "seconds" => 1,
        "h" | "hr" | "hour" | "hours" => 3_600,
        "d" | "day" | "days" => 86_400,
        _ => 60,
    };
    Some(Duration::from_secs(u64::from(count) * seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Appointment> {
        appointment(&Message::read(&format!("MSH|^~\\&|A\r{text}")).unwrap(), &TimeZone::UTC)
    }

    fn times(text: &str) -> Option<(String, String)> {
        let window = read(text).unwrap().window?;
        Some((window.from.to_string()[11..16].to_owned(), window.until.to_string()[11..16].to_owned()))
    }

    #[test]
    fn an_appointment_says_when_where_and_with_whom() {
        let text = "SCH|A1^PAS|B2^SCHED|||||||||^^^20260701090000^20260701094500||||||||||||||Booked\rPV1||O|ED||||D9\r\
                    AIS|1||CONS|20260701090000\rAIL|1||CLINIC^3\rAIP|1||D1^Doe\rAIP|2||N1";
        let found = read(text).unwrap();
        assert_eq!(found.number, "B2");
        assert_eq!(found.status, "BOOKED");
        assert_eq!(found.location.unwrap().unit, "CLINIC");
        assert_eq!(found.people, Stated::Is(["D1", "N1"].map(|code| Person::new(code).unwrap()).to_vec()));
        assert_eq!(times(text), Some(("09:00".into(), "09:45".into())));
        assert_eq!(read("PID|||7"), None);
    }

    #[test]
    fn times_are_found_wherever_a_sender_puts_them() {
        let at = |text: &str| times(text).unwrap();
        assert_eq!(at("SCH|A1\rTQ1|||||||202607010900|202607011000"), ("09:00".into(), "10:00".into()));
        assert_eq!(at("SCH|A1||||||||15|min\rAIS|1||X|202607010900"), ("09:00".into(), "09:15".into()));
        assert_eq!(at("SCH|A1\rAIS|1||X|202607010900|||2|h"), ("09:00".into(), "11:00".into()));
        assert_eq!(at("SCH|A1\rAIP|1||D1|||202607010900"), ("09:00".into(), "09:30".into()));
        assert_eq!(at("SCH|A1||||||||||^^^202607010900^202607010800"), ("09:00".into(), "09:30".into()));
        assert_eq!(times("SCH|A1||||||||||^^^20260701"), None, "a day is no hour");
        let endless = "SCH|A1||||||||||^^^202607010900^202707010900";
        assert_eq!(read(endless).unwrap().window.unwrap().until.to_string(), "2026-07-02T09:00:00.000Z");
    }
}
