//! HL7 v2.5 as an admission system writes it: all the segments, most of the fields.

use crate::patients::{Patient, RECORD_AUTHORITY};
use crate::staff::Member;
use crate::truth::Stay;
use crate::units::{self, Unit};
use events::encounter::Presence;
use events::{Timestamp, UnitId};
use jiff::tz::TimeZone;

/// What a message says apart from whom it is about.
pub(crate) struct About<'a> {
    pub(crate) kind: &'static str,
    pub(crate) trigger: &'static str,
    pub(crate) control_id: &'a str,
    /// When it happens.
    pub(crate) at: Timestamp,
    /// EVN-6, when that is another time: of what is cancelled.
    pub(crate) happened_at: Option<Timestamp>,
    pub(crate) zone: &'a TimeZone,
}

/// A whole message: header, event, patient, what else there is.
pub(crate) fn message(about: &About<'_>, patient: &Patient, rest: &[String]) -> String {
    let at = written(about.at, about.zone);
    let structure = match about.trigger {
        "A02" | "A11" | "A12" | "A13" | "A03" | "A05" => {
            format!("{}^{}^ADT_{}", about.kind, about.trigger, about.trigger)
        }
        "A04" | "A08" => format!("ADT^{}^ADT_A01", about.trigger),
        "A40" => "ADT^A40^ADT_A39".to_owned(),
        trigger => format!("{0}^{trigger}^{0}_{trigger}", about.kind),
    };
    let header = segment(
        "MSH",
        &[
            (1, "^~\\&"),
            (2, "HARBOUR-PAS"),
            (3, RECORD_AUTHORITY),
            (4, "HANDRAIL"),
            (5, RECORD_AUTHORITY),
            (6, &at),
            (8, &structure),
            (9, about.control_id),
            (10, "P"),
            (11, "2.5"),
            (14, "AL"),
            (15, "NE"),
            (17, "UNICODE UTF-8"),
        ],
    );
    let happened = about.happened_at.map_or_else(|| at.clone(), |happened| written(happened, about.zone));
    let event = segment("EVN", &[(1, about.trigger), (2, &at), (6, &happened)]);
    let mut lines = vec![header];
    if about.kind == "ADT" {
        lines.push(event);
    }
    lines.push(pid(patient));
    lines.extend_from_slice(rest);
    lines.join("\r") + "\r"
}

fn pid(patient: &Patient) -> String {
    let record = format!("{}^^^{RECORD_AUTHORITY}^MR", patient.record);
    let identifiers =
        if patient.national.is_empty() { record } else { format!("{record}~{}^^^NHS^NH", patient.national) };
    let name = format!("{}^{}^^^^^L", escaped(&patient.family), escaped(&patient.given));
    let address = if patient.street.is_empty() {
        String::new()
    } else {
        format!("{}^^Harbour^^HB1 1AA^GBR^H", escaped(&patient.street))
    };
    segment(
        "PID",
        &[(1, "1"), (3, &identifiers), (5, &name), (7, &patient.born), (8, &patient.sex.to_string()), (11, &address)],
    )
}

/// PV1 of a stay. `prior` is where the patient was before; `vip` is said only where it is so.
pub(crate) fn pv1(stay: &Stay, attending: Option<&Member>, prior: Option<&UnitId>, vip: bool, opened: &str) -> String {
    let class = stay.class.to_string();
    let place = stay.unit().map(|unit| place(unit, Some(stay.bed))).unwrap_or_default();
    let prior = prior.map(|unit| self::place(unit, None)).unwrap_or_default();
    let attending = attending.map_or_else(String::new, xcn);
    let visit = format!("{}^^^{RECORD_AUTHORITY}^VN", stay.visit);
    let status = if stay.presence == Presence::Expected { "PREADMIT" } else { "ADMITTED" };
    segment(
        "PV1",
        &[
            (1, "1"),
            (2, &class),
            (3, &place),
            (6, &prior),
            (7, &attending),
            (10, if stay.class == 'O' { "OPD" } else { "MED" }),
            (16, if vip { "VIP" } else { "" }),
            (17, &attending),
            (19, &visit),
            (41, status),
            (44, opened),
        ],
    )
}

/// The record that is given up in a merge.
pub(crate) fn mrg(patient: &Patient) -> String {
    let record = format!("{}^^^{RECORD_AUTHORITY}^MR", patient.record);
    let name = format!("{}^{}", escaped(&patient.family), escaped(&patient.given));
    segment("MRG", &[(1, &record), (7, &name)])
}

/// A laboratory result.
pub(crate) fn result(order: u64, value: usize, at: &str) -> Vec<String> {
    let order = order.to_string();
    vec![
        segment("OBR", &[(1, "1"), (2, &order), (3, &order), (4, "2823-3^Potassium^LN"), (7, at), (25, "F")]),
        segment(
            "OBX",
            &[
                (1, "1"),
                (2, "NM"),
                (3, "2823-3^Potassium^LN"),
                (5, &format!("{}.{}", 3 + value / 10 % 3, value % 10)),
                (6, "mmol/L"),
                (7, "3.5-5.3"),
                (11, "F"),
            ],
        ),
    ]
}

/// A time with its zone, to the millisecond.
pub(crate) fn written(at: Timestamp, zone: &TimeZone) -> String {
    jiff::Timestamp::from_millisecond(at.as_millis())
        .map(|at| at.to_zoned(zone.clone()).strftime("%Y%m%d%H%M%S%.3f%z").to_string())
        .unwrap_or_default()
}

fn place(unit: &UnitId, bed: Option<(usize, usize)>) -> String {
    let code = units::find(unit).map_or(unit.as_str(), |unit: &Unit| unit.code);
    match bed {
        Some((room, bed)) => format!("{code}^Room {room}^{bed}^{RECORD_AUTHORITY}"),
        None => format!("{code}^^^{RECORD_AUTHORITY}"),
    }
}

fn xcn(member: &Member) -> String {
    format!("{}^{}^{}^^^Dr^^^{RECORD_AUTHORITY}", member.code, escaped(member.family), escaped(member.given))
}

/// A segment from its fields' numbers; for MSH the number is one less than the standard's.
fn segment(name: &str, fields: &[(usize, &str)]) -> String {
    let last = fields.iter().map(|(number, _)| *number).max().unwrap_or(0);
    let mut text = name.to_owned();
    for number in 1..=last {
        text.push('|');
        text.push_str(fields.iter().find(|(at, _)| *at == number).map_or("", |(_, field)| field));
    }
    text.truncate(text.trim_end_matches('|').len());
    text
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '|' => escaped.push_str("\\F\\"),
            '^' => escaped.push_str("\\S\\"),
            '&' => escaped.push_str("\\T\\"),
            '~' => escaped.push_str("\\R\\"),
            '\\' => escaped.push_str("\\E\\"),
            letter => escaped.push(letter),
        }
    }
    escaped
}
