//! What the rest of Handrail wants to know of a message: who sent it, what happened when, to whom, and where they now are.
//!
//! Codes, and who the patient is: the latter is for detail beside the log only. Names of staff are never taken out of the message.

use super::order::{self, Order};
use super::schedule::{self, Appointment};
use super::{Field, Message, Moment, Segment};
use events::PrincipalId;
use events::encounter::{Class, PEOPLE_MAX};
use jiff::tz::TimeZone;
use plane::NUMBER_BYTES_MAX;
use smol_str::SmolStr;

/// The most patients one merge message may name.
pub const PATIENTS_MAX: usize = 64;

/// What a field says: nothing, that there is none (`""`), or something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Stated<T> {
    /// Nothing: what was known stays.
    #[default]
    Absent,
    /// That there is none.
    Null,
    /// This.
    Is(T),
}

/// A number and who gave it out (CX): a record number, a visit number.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Identifier {
    /// The number itself.
    pub number: SmolStr,
    /// Who gave it out (CX-4), or empty.
    pub authority: SmolStr,
    /// What sort of number (CX-5), such as `MR`, or empty.
    pub kind: SmolStr,
}

impl Identifier {
    fn read(field: &Field<'_>) -> Option<Self> {
        let number = field.component(1);
        (!number.is_empty()).then(|| Self {
            number: SmolStr::new(number.trim()),
            authority: SmolStr::new(field.subcomponent(4, 1).trim()),
            kind: SmolStr::new(field.component(5).trim()),
        })
    }

    /// Whether it can be told from every other: bounded, printable, and with no byte that was lost in decoding.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        let clean = |text: &str| {
            text.len() <= NUMBER_BYTES_MAX && !text.chars().any(|letter| letter.is_control() || letter == '\u{fffd}')
        };
        !self.number.is_empty() && clean(&self.number) && clean(&self.authority)
    }
}

/// Somebody of the staff, by the code the sender knows them by.
pub type Person = PrincipalId;

/// Who sent a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sender {
    /// MSH-3.
    pub application: SmolStr,
    /// MSH-4.
    pub facility: SmolStr,
}

/// A place as PV1-3 writes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Location {
    /// Point of care.
    pub unit: SmolStr,
    /// Room, or empty.
    pub room: SmolStr,
    /// Bed, or empty.
    pub bed: SmolStr,
}

impl Location {
    pub(super) fn read(field: &Field<'_>) -> Option<Self> {
        let text = |number| SmolStr::new(field.component(number).trim());
        let unit = text(1);
        (!unit.is_empty()).then(|| Self { unit, room: text(2), bed: text(3) })
    }
}

/// What PV1 says of a stay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Visit {
    /// PV1-2.
    pub class: Option<Class>,
    /// PV1-3.
    pub location: Option<Location>,
    /// PV1-6.
    pub prior_location: Option<Location>,
    /// PV1-11: where they are for a while, their bed kept.
    pub temporary_location: Option<Location>,
    /// PV1-42: where a pending transfer will go.
    pub pending_location: Option<Location>,
    /// PV1-7, at most [`PEOPLE_MAX`].
    pub attending: Stated<Vec<Person>>,
    /// PV1-8, -9 and -17 together, at most [`PEOPLE_MAX`].
    pub participants: Stated<Vec<Person>>,
    /// PV1-16: whether the patient is one whose record needs more care.
    pub vip: Stated<bool>,
    /// PV1-19.
    pub number: Option<Identifier>,
}

impl Visit {
    fn read(pv1: &Segment<'_>) -> Self {
        Self {
            class: class(&pv1.field(2).component(1)),
            location: Location::read(&pv1.field(3)),
            prior_location: Location::read(&pv1.field(6)),
            temporary_location: Location::read(&pv1.field(11)),
            pending_location: Location::read(&pv1.field(42)),
            attending: people(&[pv1.field(7)]),
            participants: people(&[pv1.field(8), pv1.field(9), pv1.field(17)]),
            vip: vip(&pv1.field(16)),
            number: Identifier::read(&pv1.field(19)),
        }
    }
}

fn class(code: &str) -> Option<Class> {
    match code.trim().to_ascii_uppercase().as_str() {
        "" => None,
        "I" => Some(Class::Inpatient),
        "O" => Some(Class::Outpatient),
        "E" => Some(Class::Emergency),
        _ => Some(Class::Other),
    }
}

fn vip(field: &Field<'_>) -> Stated<bool> {
    if field.is_null() {
        return Stated::Null;
    }
    match field.component(1).trim().to_ascii_uppercase().as_str() {
        "" => Stated::Absent,
        "N" | "NO" | "0" | "F" | "FALSE" => Stated::Is(false),
        _ => Stated::Is(true),
    }
}

/// The codes in XCN fields. An entry without a usable code (a bare name, say) is left out.
pub(super) fn people(fields: &[Field<'_>]) -> Stated<Vec<Person>> {
    if fields.iter().all(|field| field.is_empty() || field.is_null()) {
        let null = fields.iter().any(Field::is_null);
        return if null { Stated::Null } else { Stated::Absent };
    }
    let mut people: Vec<Person> = Vec::new();
    for entry in fields.iter().flat_map(Field::repetitions) {
        if let Ok(person) = PrincipalId::new(entry.component(1).trim())
            && people.len() < PEOPLE_MAX
            && !people.contains(&person)
        {
            people.push(person);
        }
    }
    Stated::Is(people)
}

/// A patient a message names, with what it says of their stay. Merges name several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patient {
    /// PID-3, or PID-2 where an old sender has nothing there.
    pub record: Vec<Identifier>,
    /// PID-5, family name first, or empty: for detail beside the log, never for an entry.
    pub name: SmolStr,
    /// PID-7, or empty: likewise.
    pub birth_date: SmolStr,
    /// MRG-1: the record that is given up.
    pub retired: Vec<Identifier>,
    /// PV1.
    pub visit: Visit,
}

/// A message, typed. Any type of message reads as one; what it does not have is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AdtMessage {
    /// How many headers (MSH) the frame holds: more than one is more than one message.
    pub headers: usize,
    /// MSH-9.1, such as `ADT`.
    pub kind: SmolStr,
    /// MSH-9.2, or EVN-1 where an old sender has nothing there, such as `A01`.
    pub trigger: SmolStr,
    /// MSH-10.
    pub control_id: SmolStr,
    /// MSH-3 and MSH-4.
    pub sender: Sender,
    /// MSH-7: when the message was made.
    pub made_at: Option<Moment>,
    /// EVN-2: when the event was entered.
    pub entered_at: Option<Moment>,
    /// EVN-6: when it happened; in a cancellation, when what is cancelled had happened.
    pub happened_at: Option<Moment>,
    /// The patients it names, in order: one, except in merges and unmerges. At most [`PATIENTS_MAX`] and one more.
    pub patients: Vec<Patient>,
    /// The orders it speaks of, if it is of a type that does. At most [`super::ORDERS_MAX`] and one more.
    pub orders: Vec<Order>,
    /// The appointment it speaks of, if it is an SIU.
    pub appointment: Option<Appointment>,
}

impl AdtMessage {
    /// Reads a message, taking times without a zone to be of `zone`.
    #[must_use]
    pub fn read(message: &Message<'_>, zone: &TimeZone) -> Self {
        let (header, event) = (message.segment("MSH"), message.segment("EVN"));
        let (kind, trigger) = (header.field(9).component(1), header.field(9).component(2));
        let trigger = if trigger.is_empty() { event.field(1).component(1) } else { trigger };
        let moment = |field: Field<'_>| Moment::read(&field.component(1), zone);
        let type_code = code(&kind);
        let orders =
            if order::is_about_orders(&type_code) { order::orders(message, &type_code, zone) } else { Vec::new() };
        let appointment = if type_code == "SIU" { schedule::appointment(message, zone) } else { None };
        Self {
            headers: message.segments().filter(Segment::is_header).count(),
            kind: type_code,
            trigger: code(&trigger),
            control_id: SmolStr::new(header.field(10).component(1).trim()),
            sender: Sender {
                application: SmolStr::new(header.field(3).component(1).trim()),
                facility: SmolStr::new(header.field(4).component(1).trim()),
            },
            made_at: moment(header.field(7)),
            entered_at: moment(event.field(2)),
            happened_at: moment(event.field(6)),
            patients: patients(message),
            orders,
            appointment,
        }
    }

    /// Type and trigger, such as `ADT^A01`: letters and digits only, whatever the sender put there.
    #[must_use]
    pub fn message_type(&self) -> SmolStr {
        if self.trigger.is_empty() {
            self.kind.clone()
        } else {
            smol_str::format_smolstr!("{}^{}", self.kind, self.trigger)
        }
    }
}

/// A short code, free of anything that could carry a name into evidence.
pub(super) fn code(text: &str) -> SmolStr {
    text.chars().filter(char::is_ascii_alphanumeric).take(8).map(|letter| letter.to_ascii_uppercase()).collect()
}

/// One entry for each PID, with the PV1 and MRG that follow it; one for a PV1 or MRG that no PID precedes.
fn patients(message: &Message<'_>) -> Vec<Patient> {
    let mut patients: Vec<Patient> = Vec::new();
    for segment in message.segments() {
        match segment.name() {
            "PID" => {
                if patients.len() > PATIENTS_MAX {
                    break;
                }
                patients.push(Patient {
                    record: identifiers(&[segment.field(3), segment.field(2)]),
                    name: name(&segment.field(5)),
                    birth_date: SmolStr::new(segment.field(7).component(1).trim()),
                    ..Patient::default()
                });
            }
            "PV1" => latest(&mut patients).visit = Visit::read(&segment),
            "MRG" => latest(&mut patients).retired = identifiers(&[segment.field(1)]),
            _ => {}
        }
    }
    patients
}

/// A person's name (XPN), the first if there are several: `Family, Given`.
fn name(field: &Field<'_>) -> SmolStr {
    let Some(first) = field.repetitions().next() else { return SmolStr::default() };
    let (family, given) = (first.subcomponent(1, 1), first.component(2));
    match (family.trim(), given.trim()) {
        ("\"\"", _) | ("", "") => SmolStr::default(),
        (one, "") | ("", one) => SmolStr::new(one),
        (family, given) => smol_str::format_smolstr!("{family}, {given}"),
    }
}

fn latest(patients: &mut Vec<Patient>) -> &mut Patient {
    if patients.is_empty() {
        patients.push(Patient::default());
    }
    let last = patients.len() - 1;
    // `get_mut` cannot miss: the list has just been seen not to be empty.
    #[expect(clippy::indexing_slicing, reason = "not empty, by the line above")]
    &mut patients[last]
}

/// The identifiers of the first of these fields that has any.
fn identifiers(fields: &[Field<'_>]) -> Vec<Identifier> {
    fields
        .iter()
        .map(|field| field.repetitions().filter_map(|entry| Identifier::read(&entry)).take(PATIENTS_MAX).collect())
        .find(|identifiers: &Vec<_>| !identifiers.is_empty())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hl7::{Charset, Delimiters, decode};
    use proptest::prelude::*;

    fn read(text: &str) -> AdtMessage {
        AdtMessage::read(&Message::read(text).unwrap(), &TimeZone::UTC)
    }

    fn people(codes: &[&str]) -> Stated<Vec<Person>> {
        Stated::Is(codes.iter().map(|code| Person::new(code).unwrap()).collect())
    }

    #[test]
    fn reads_what_matters_of_a_transfer() {
        let message = read(concat!(
            "MSH|^~\\&|PAS|GH&1.2.3&ISO|HR|GH|20260701073015||ADT^A02^ADT_A02|c1|P|2.5\r",
            "EVN||20260701073000||||20260701072500\r",
            "PID|1|old|7^^^GH&1.2&ISO^MR~99^^^NHS^NH||Doe^Jane\r",
            "PV1|1|i|WARD-3A^12^2^GH|||ED^^7|D1^Smith~D2^Jones~^NoCode~D1|D3|D4|||||||Y|D4||V1^^^GH^VN"
        ));
        assert_eq!(message.message_type(), "ADT^A02");
        assert_eq!((message.control_id.as_str(), message.sender.facility.as_str()), ("c1", "GH"));
        assert_eq!(message.happened_at.unwrap().at.to_string(), "2026-07-01T07:25:00.000Z");
        let [patient] = &message.patients[..] else { panic!("{message:?}") };
        assert_eq!(patient.record[0], Identifier { number: "7".into(), authority: "GH".into(), kind: "MR".into() });
        assert_eq!(patient.record[1].kind, "NH");
        assert_eq!((patient.name.as_str(), patient.birth_date.as_str()), ("Doe, Jane", ""));
        let visit = &patient.visit;
        assert_eq!(visit.class, Some(Class::Inpatient));
        assert_eq!(visit.location, Some(Location { unit: "WARD-3A".into(), room: "12".into(), bed: "2".into() }));
        assert_eq!(visit.prior_location.as_ref().unwrap().unit, "ED");
        assert_eq!(visit.attending, people(&["D1", "D2"]));
        assert_eq!(visit.participants, people(&["D3", "D4"]));
        assert_eq!(visit.vip, Stated::Is(true));
        assert_eq!(visit.number.as_ref().unwrap().number, "V1");
    }

    #[test]
    fn null_is_told_from_absent() {
        let visit = |pv1: &str| read(&format!("MSH|^~\\&|A\rPID|||7\r{pv1}")).patients[0].visit.clone();
        assert_eq!(visit("PV1||I|||||||").attending, Stated::Absent);
        assert_eq!(visit("PV1||I|||||\"\"|").attending, Stated::Null);
        assert_eq!(visit("PV1||I|||||^Smith|").attending, people(&[]));
        assert_eq!(visit("PV1||I||||||||||||||\"\"").vip, Stated::Null);
        assert_eq!(visit("PV1||I||||||||||||||n").vip, Stated::Is(false));
    }

    #[test]
    fn old_senders_put_things_elsewhere() {
        let message = read("MSH|^~\\&|A|B|||1999||ADT|1|P|2.1\rEVN|A03|1999\rPID||7\rPV1||I");
        assert_eq!(message.message_type(), "ADT^A03");
        assert_eq!(message.patients[0].record[0].number, "7");
    }

    #[test]
    fn a_merge_of_several_pairs_keeps_each_with_its_own() {
        let message = read("MSH|^~\\&|A||||1||ADT^A40|1\rPID|||7\rMRG|8\rPID|||9\rMRG|10~11\rPV1||I");
        let numbers: Vec<_> =
            message.patients.iter().map(|pair| (pair.record[0].number.as_str(), pair.retired.len())).collect();
        assert_eq!(numbers, [("7", 1), ("9", 2)]);
    }

    #[test]
    fn identifiers_with_lost_or_hidden_characters_are_not_readable() {
        let readable =
            |number: &str| Identifier { number: number.into(), authority: "".into(), kind: "".into() }.is_readable();
        assert!(readable("7") && readable("Ä-7/1"));
        assert!(
            !readable("7\u{fffd}")
                && !readable("7\u{0}")
                && !readable("")
                && !readable(&"7".repeat(NUMBER_BYTES_MAX + 1))
        );
    }

    proptest! {
        #[test]
        fn what_was_meant_is_read_in_any_delimiters_character_set_and_line_ends(
            letters in Just(vec!['|', '^', '~', '\\', '&', '#', '$', '!', '*', '%']).prop_shuffle(),
            (charset, mark) in prop::sample::select(vec![
                ("8859/1", false), ("8859/15", false), ("UNICODE UTF-8", false), ("UNICODE UTF-8", true), ("", true), ("", false),
            ]),
            ends in prop::sample::select(vec!["\r", "\n", "\r\n", "\r\r", "\n \n"]),
            record in "[A-Z0-9äöüß|^~&#*!]{1,12}",
            unit in "[A-Za-zäöü&|^-]{1,10}",
            visit in proptest::option::of("[0-9]{1,18}"),
        ) {
            let delimiters = Delimiters {
                field: letters[0], component: letters[1], repetition: letters[2], escape: letters[3], subcomponent: letters[4],
            };
            let Delimiters { field, component, .. } = delimiters;
            let segment = |name: &str, fields: &[(usize, String)]| {
                let last = fields.iter().map(|(at, _)| *at).max().unwrap();
                let texts = (1..=last).map(|at| fields.iter().find(|(number, _)| *number == at).map_or("", |(_, text)| text));
                texts.fold(name.to_owned(), |line, text| format!("{line}{field}{text}"))
            };
            let text = [
                segment("MSH", &[(1, delimiters.encoding_characters()), (8, format!("ADT{component}A02")), (9, "c1".into()), (17, charset.into())]),
                segment("PID", &[(3, format!("{}{component}{component}{component}HGH{component}MR", delimiters.escape(&record)))]),
                segment("PV1", &[(3, delimiters.escape(&unit).into_owned()), (19, visit.clone().unwrap_or_default())]),
            ].join(ends);
            let mut bytes = if mark { b"\xef\xbb\xbf".to_vec() } else { Vec::new() };
            bytes.extend_from_slice(&Charset::named(charset).unwrap_or_default().encode(&text));
            let decoded = decode(&bytes);
            let message = AdtMessage::read(&Message::read(&decoded.text).unwrap(), &TimeZone::UTC);
            prop_assert_eq!(message.message_type(), "ADT^A02");
            let patient = &message.patients[0];
            let expected = Identifier { number: record.as_str().into(), authority: "HGH".into(), kind: "MR".into() };
            prop_assert_eq!(&patient.record, &vec![expected]);
            prop_assert_eq!(&patient.visit.location.as_ref().unwrap().unit, unit.as_str());
            prop_assert_eq!(patient.visit.number.as_ref().map(|number| number.number.to_string()), visit);
        }
    }
}
