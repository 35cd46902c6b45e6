//! What each trigger becomes, and what becomes of messages that are not as they should be.

use super::*;
use crate::hl7::Message;
use events::encounter::Class;
use jiff::tz::TimeZone;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// 2026-07-01T07:30:15Z.
const NOW: Timestamp = Timestamp::from_millis(1_782_891_015_000);

#[derive(Default)]
struct Book {
    names: BTreeMap<String, u8>,
    labels: Vec<Label>,
    new: bool,
    unknown: Vec<(String, bool)>,
}

impl Book {
    fn number(&mut self, name: String) -> u8 {
        let next = u8::try_from(self.names.len()).unwrap() + 1;
        *self.names.entry(name).or_insert(next)
    }
}

impl Directory for Book {
    type Error = ();

    fn is_given(&mut self, record: &Identifier) -> bool {
        record.number != "TEMP-HR-0"
    }

    fn patient(&mut self, record: &Identifier) -> Result<PatientPseudonym, ()> {
        if record.number == "unknown" {
            return Err(());
        }
        Ok(PatientPseudonym::from_bytes([self.number(format!("p{}@{}", record.number, record.authority)); 16]))
    }

    fn encounter(&mut self, visit: VisitKey<'_>) -> Result<EncounterPseudonym, ()> {
        let name = match visit {
            VisitKey::Numbered(number) => format!("v{}", number.number),
            VisitKey::Unnumbered(patient) => format!("v of {patient}"),
        };
        Ok(EncounterPseudonym::from_bytes([self.number(name); 16]))
    }

    fn labels(&mut self, _: PatientPseudonym) -> Result<Vec<Label>, ()> {
        Ok(self.labels.clone())
    }

    fn can_merge(&mut self, _: PatientPseudonym, retired: PatientPseudonym) -> bool {
        self.labels.is_empty() || retired != patient(2)
    }

    fn is_new(&mut self, _: EncounterPseudonym) -> bool {
        self.new
    }

    fn unknown_unit(&mut self, code: &str, is_code: bool) {
        self.unknown.push((code.to_owned(), is_code));
    }

    fn order(&mut self, number: &str, by_placer: bool) -> Result<OrderPseudonym, ()> {
        Ok(OrderPseudonym::from_bytes([self.number(format!("o{number} {by_placer}")); 16]))
    }

    fn appointment(&mut self, number: &str) -> Result<AppointmentPseudonym, ()> {
        Ok(AppointmentPseudonym::from_bytes([self.number(format!("a{number}")); 16]))
    }

    fn known_unit(&mut self, code: &str) -> Option<UnitId> {
        match code {
            "3A" | "WARD-3A" => UnitId::new("WARD-3A").ok(),
            "RAD" => UnitId::new("RADIOLOGY").ok(),
            _ => None,
        }
    }
}

fn run(text: &str, book: &mut Book) -> Result<Vec<Draft>, TranslateError<()>> {
    let feed = FeedName::new("adt").unwrap();
    let message = Message::read(text).unwrap();
    let circumstances = Circumstances { feed: &feed, sha256: "00ff", now: NOW, record_authorities: &[] };
    translate(&AdtMessage::read(&message, &TimeZone::UTC), &circumstances, book)
}

fn adt(trigger: &str, rest: &str) -> String {
    format!(
        "MSH|^~\\&|PAS|GH|HR|GH|20260701073010||ADT^{trigger}|c1|P|2.5\rEVN||20260701073000||||20260701072500\r\
         PID|||7^^^GH^MR||Doe^Jane\r{rest}"
    )
}

const STAY: &str = "PV1||I|3A^12^2||||D1|D2|||||||||D3||V1";

fn one(trigger: &str, rest: &str) -> Event {
    let mut drafts = run(&adt(trigger, rest), &mut Book::default()).unwrap();
    assert_eq!(drafts.len(), 1, "{drafts:?}");
    drafts.remove(0).event
}

fn rejected(text: &str) -> Rejection {
    match run(text, &mut Book::default()) {
        Err(TranslateError::Rejected(rejection)) => rejection,
        other => panic!("{other:?}"),
    }
}

fn patient(number: u8) -> PatientPseudonym {
    PatientPseudonym::from_bytes([number; 16])
}

fn encounter(number: u8) -> EncounterPseudonym {
    EncounterPseudonym::from_bytes([number; 16])
}

fn ward() -> Place {
    Place { unit: UnitId::new("WARD-3A").unwrap(), room: Some("12".into()), bed: Some("2".into()) }
}

fn codes(codes: &[&str]) -> Vec<events::PrincipalId> {
    codes.iter().map(|code| events::PrincipalId::new(code).unwrap()).collect()
}

#[test]
fn arriving_opens_a_stay_and_says_when_where_and_who() {
    for (trigger, presence) in [
        ("A01", Presence::Present),
        ("A04", Presence::Present),
        ("A06", Presence::Present),
        ("A05", Presence::Expected),
        ("A14", Presence::Expected),
    ] {
        let opened = encounter::Opened {
            encounter: encounter(2),
            patient: patient(1),
            class: Class::Inpatient,
            presence,
            place: ward(),
            attending: codes(&["D1"]),
            participants: codes(&["D2", "D3"]),
        };
        assert_eq!(one(trigger, STAY), opened.into(), "{trigger}");
    }
    let draft = run(&adt("A01", STAY), &mut Book::default()).unwrap().remove(0);
    assert_eq!(draft.occurred_at.unwrap().to_string(), "2026-07-01T07:25:00.000Z");
    assert_eq!(draft.actor.to_string(), "feed:adt");
    assert_eq!(draft.source.unwrap().message, "c1");
    assert_eq!(draft.place, UnitId::new("WARD-3A").ok());
}

#[test]
fn a_swap_moves_both_patients_and_needs_both() {
    let other = "PID|||8^^^GH^MR\rPV1||I|ITU^1^1||||||||||||||||V2";
    let drafts = run(&adt("A17", &format!("PV1||I|3A^12^2||||||||||||||||V1\r{other}")), &mut Book::default()).unwrap();
    let moved = |draft: &Draft| match &draft.event {
        Event::EncounterMoved(body) => (body.patient, body.encounter, body.place.unit.to_string()),
        other => panic!("{other:?}"),
    };
    let both: Vec<_> = drafts.iter().map(moved).collect();
    let expected = [(patient(1), encounter(2), "WARD-3A".to_owned()), (patient(3), encounter(4), "ITU".to_owned())];
    assert_eq!(both, expected);
    assert_eq!(rejected(&adt("A17", STAY)), Rejection::NotASwap);
    assert_eq!(rejected(&adt("A17", &format!("{STAY}\rPID|||8^^^GH^MR\rPV1||I"))), Rejection::NoPlace);
}

#[test]
fn every_way_to_merge_two_records_merges_them() {
    for trigger in ["A18", "A34", "A39", "A40"] {
        let merged = patient::Merged { survivor: patient(1), retired: patient(2) };
        assert_eq!(one(trigger, "MRG|9^^^GH^MR"), merged.into(), "{trigger}");
    }
}

#[test]
fn an_update_opens_a_stay_nothing_was_ever_heard_of() {
    let news = |trigger: &str, pv1: &str, new| {
        let mut book = Book { new, ..Book::default() };
        run(&adt(trigger, pv1), &mut book).unwrap().iter().map(|draft| draft.event.kind().name).collect::<Vec<_>>()
    };
    assert_eq!(news("A08", STAY, true), ["encounter.opened"]);
    assert_eq!(news("A31", STAY, true), ["encounter.opened"]);
    assert_eq!(news("A08", STAY, false), ["encounter.updated"]);
    assert_eq!(news("A08", "PV1||I|||||D1||||||||||||V1", true), ["encounter.updated"], "no place");
    assert_eq!(news("A08", "PV1|||3A||||D1||||||||||||V1", true), ["encounter.updated"], "no class");
}

#[test]
fn what_moves_a_patient_and_is_only_heard_is_known_as_such() {
    let understood = |text: &str| !is_not_understood(&AdtMessage::read(&Message::read(text).unwrap(), &TimeZone::UTC));
    for trigger in ["A21", "A23", "A41", "A50"] {
        assert!(!understood(&adt(trigger, STAY)), "{trigger}");
        assert_eq!(one(trigger, STAY).kind().name, "feed.heard", "{trigger}");
    }
    for trigger in ["A01", "A17", "A20", "A28", "A60", "Z99"] {
        assert!(understood(&adt(trigger, STAY)), "{trigger}");
    }
    assert!(understood("MSH|^~\\&|PAS||||1||ORU^A09|1"));
}

#[test]
fn moving_names_the_new_place_and_the_people_who_came_with_it() {
    let drafts = run(&adt("A02", STAY), &mut Book::default()).unwrap();
    let moved =
        encounter::Moved { encounter: encounter(2), patient: patient(1), presence: Presence::Present, place: ward() };
    assert_eq!(drafts[0].event, moved.into());
    assert!(
        matches!(&drafts[1].event, Event::EncounterUpdated(body) if body.attending == Some(codes(&["D1"])) && body.class.is_none())
    );
    let pending = format!("PV1||I|ED|||{}3A^12^2", "|".repeat(36));
    let expected =
        encounter::Moved { encounter: encounter(2), patient: patient(1), presence: Presence::Expected, place: ward() };
    assert_eq!(one("A15", &pending), expected.into());
    assert_eq!(rejected(&adt("A02", "PV1||I")), Rejection::NoPlace);
}

#[test]
fn leaving_and_undoing() {
    let (encounter, patient) = (encounter(2), patient(1));
    assert_eq!(one("A03", STAY), encounter::Closed { encounter, patient }.into());
    let happened_at = "2026-07-01T07:25:00Z".parse().ok();
    for (trigger, movement) in [("A11", Movement::Admission), ("A12", Movement::Transfer), ("A13", Movement::Discharge)]
    {
        let cancelled = encounter::MovementCancelled { encounter, patient, movement, happened_at };
        assert_eq!(one(trigger, STAY), cancelled.into());
        let draft = run(&adt(trigger, STAY), &mut Book::default()).unwrap().remove(0);
        assert_eq!(draft.occurred_at.unwrap().to_string(), "2026-07-01T07:30:00.000Z", "when it was cancelled");
    }
}

#[test]
fn updates_change_only_what_they_speak_of() {
    let Event::EncounterUpdated(body) = one("A08", "PV1|||||||\"\"||||||||||||V1") else { panic!() };
    assert_eq!((body.attending, body.participants, body.class), (Some(vec![]), None, None));
    assert!(matches!(one("A08", "PV1||"), Event::FeedHeard(_)));
    assert!(matches!(one("A31", "PV1||N"), Event::FeedHeard(_)), "a person update without a visit opens none");
    assert!(matches!(one("A31", STAY), Event::EncounterUpdated(_)));
}

#[test]
fn merges_and_unmerges_name_both_records() {
    let merged = patient::Merged { survivor: patient(1), retired: patient(2) };
    for trigger in ["A34", "A40"] {
        assert_eq!(
            one(trigger, "MRG|99^^^NHS^NH~8^^^GH^MR"),
            merged.clone().into(),
            "the record number of the same sort"
        );
    }
    let unmerged: Event = patient::Unmerged { survivor: patient(1), retired: patient(2) }.into();
    assert_eq!(one("A37", "PID|||8^^^GH^MR"), unmerged);
    assert_eq!(one("A37", "MRG|8^^^GH^MR"), unmerged);
    let two = run(&adt("A40", "MRG|8\rPID|||9\rMRG|10"), &mut Book::default()).unwrap();
    assert_eq!(two.len(), 2);
    let mut full = Book { labels: vec![Label::new("full").unwrap()], ..Book::default() };
    assert_eq!(run(&adt("A40", "MRG|8"), &mut full), Err(Rejection::TooManyMerged.into()));
    assert_eq!(rejected(&adt("A40", "MRG|7^^^GH^MR")), Rejection::MergedWithItself);
    assert_eq!(rejected(&adt("A40", "PV1||I")), Rejection::NoMergedRecord);
    assert_eq!(rejected(&adt("A37", "")), Rejection::NoMergedRecord);
    assert_eq!(rejected(&adt("A40", &"MRG|8\rPID|||9\r".repeat(PATIENTS_MAX))), Rejection::TooManyPatients);
}

#[test]
fn a_visit_without_a_number_is_the_patients_one_unnumbered_visit() {
    let mut book = Book::default();
    let events: Vec<_> = ["A01", "A03"]
        .iter()
        .map(|trigger| run(&adt(trigger, "PV1||I|3A"), &mut book).unwrap().remove(0).event)
        .collect();
    let (Event::EncounterOpened(opened), Event::EncounterClosed(closed)) = (&events[0], &events[1]) else { panic!() };
    assert_eq!(opened.encounter, closed.encounter);
}

#[test]
fn unknown_units_keep_their_code_and_no_place_is_a_place_of_its_own() {
    let unit = |pv1: &str| match one("A01", pv1) {
        Event::EncounterOpened(body) => body.place.unit.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(unit("PV1||I|OtherWard^MainRoom^Bed 1"), "OtherWard");
    assert_eq!(unit("PV1||O|"), UNPLACED);
    assert_eq!(rejected(&adt("A01", &format!("PV1||I|{}", "x".repeat(129)))), Rejection::UnreadablePlace);
}

#[test]
fn a_place_that_reads_like_words_or_tells_who_somebody_is_stands_in_no_entry() {
    let pid = "PID|1||4000161^^^HGH^MR||Quentilla^Zebedee||19560203";
    let opened = |location: &str| {
        let mut book = Book::default();
        let text = format!("MSH|^~\\&|A|B|||1||ADT^A01|1\r{pid}\rPV1||I|{location}||||||||||||||||V-9001");
        let Event::EncounterOpened(body) = run(&text, &mut book).unwrap().remove(0).event else { panic!() };
        (body.place, book.unknown)
    };
    for words in
        ["ZEBEDEE QUENTILLA", "QUENTILLA", "st-zebedee", "4000161", "x-V-9001", "MainRoom Bed", &"x".repeat(21)]
    {
        let (place, unknown) = opened(&format!("{words}^1^2"));
        assert_eq!(place.unit.as_str(), UNREADABLE, "{words}");
        assert_eq!(unknown, [(words.to_owned(), false)]);
    }
    for code in ["OtherWard", "4000162", "Ward-Quentillas", &"x".repeat(20)] {
        let (place, unknown) = opened(&format!("{code}^Quentilla^Bed 1"));
        assert_eq!((place.unit.as_str(), place.room, place.bed.as_deref()), (code, None, Some("Bed 1")));
        assert_eq!(unknown, [(code.to_owned(), true)]);
    }
    // What the charter knows is no name, whatever it looks like.
    let (place, unknown) = opened("WARD-3A");
    assert_eq!((place.unit.as_str(), unknown.len()), ("WARD-3A", 0));
}

#[test]
fn times_that_cannot_be_right_are_not_believed() {
    let occurred = |made: &str, entered: &str, happened: &str| {
        let text = format!("MSH|^~\\&|A|B|||{made}||ADT^A03|1\rEVN||{entered}||||{happened}\rPID|||7\r{STAY}");
        run(&text, &mut Book::default()).unwrap().remove(0).occurred_at.map(|at| at.to_string())
    };
    let entered = Some("2026-07-01T07:30:00.000Z".to_owned());
    assert_eq!(occurred("", "20260701073000", ""), entered);
    assert_eq!(occurred("202607010730", "", ""), entered);
    assert_eq!(occurred("", "20260701073000", "20260701"), entered, "a date says too little");
    assert_eq!(occurred("", "20260701073000", "19991231235959"), entered, "older than the lag");
    assert_eq!(occurred("", "20260701073000", "20260701083000"), entered, "further ahead than the skew");
    assert_eq!(occurred("", "20260701073000", "20260701073500").unwrap(), "2026-07-01T07:35:00.000Z");
    assert_eq!(occurred("1999", "x", ""), None);
}

#[test]
fn vip_comes_and_goes_without_touching_other_labels() {
    let vip = |value: &str| format!("PV1||I|3A|||||||||||||{value}|||V1");
    let labels = |value: &str, known: &[&str]| {
        let mut book =
            Book { labels: known.iter().map(|label| Label::new(label).unwrap()).collect(), ..Book::default() };
        let drafts = run(&adt("A01", &vip(value)), &mut book).unwrap();
        match drafts.last().map(|draft| draft.event.clone()) {
            Some(Event::PatientLabelled(body)) => Some(body.labels.iter().map(ToString::to_string).collect::<Vec<_>>()),
            _ => None,
        }
    };
    assert_eq!(labels("Y", &["psychiatric"]), Some(vec!["psychiatric".to_owned(), "vip".to_owned()]));
    assert_eq!(labels("Y", &["vip"]), None);
    assert_eq!(labels("\"\"", &["vip", "psychiatric"]), Some(vec!["psychiatric".to_owned()]));
    assert_eq!(labels("", &["vip"]), None);
}

#[test]
fn what_changes_nothing_is_heard() {
    let text = "MSH|^~\\&|LAB||||2026||ORU^R01|9|P|2.3\rPID|||7\rOBX|1";
    let Event::FeedHeard(body) = run(text, &mut Book::default()).unwrap().remove(0).event else { panic!() };
    assert_eq!((body.message_type.as_str(), body.sha256.as_str()), ("ORU^R01", "00ff"));
    assert!(matches!(one("A60", ""), Event::FeedHeard(_)));
}

#[test]
fn what_cannot_be_used_is_rejected_for_a_reason() {
    for (text, rejection) in [
        ("MSH|^~\\&|A||||1||ADT^A01||P", Rejection::NoControlId),
        ("MSH|^~\\&|A||||1|||1|P", Rejection::NoType),
        ("MSH|^~\\&|A||||1||ADT|1|P", Rejection::NoTrigger),
        ("MSH|^~\\&|A||||1||ADT^A01|1|P", Rejection::NoPatient),
        ("MSH|^~\\&|A||||1||ADT^A01|1|P\rPID|||^^^GH^MR", Rejection::NoRecordNumber),
        ("MSH|^~\\&|A||||1||ADT^A01|1|P\rPID|||7\u{fffd}", Rejection::UnreadableRecord),
        ("MSH|^~\\&|A||||1||ADT^A01|1|P\rPID|||7\rPV1||I|3A||||||||||||||||\\X00\\1", Rejection::UnreadableVisit),
    ] {
        assert_eq!(rejected(text), rejection, "{text}");
    }
    assert_eq!(
        run("MSH|^~\\&|A||||1||ADT^A03|1|P\rPID|||unknown", &mut Book::default()),
        Err(TranslateError::Directory(())),
        "a directory that fails is no rejection"
    );
}

#[test]
fn only_the_feeds_own_authorities_give_record_numbers() {
    let feed = FeedName::new("adt").unwrap();
    let message = Message::read("MSH|^~\\&|A||||1||ADT^A03|1|P\rPID|||5^^^XX^MR~7^^^GH").unwrap();
    let message = AdtMessage::read(&message, &TimeZone::UTC);
    let with = |authorities: &[SmolStr]| {
        let circumstances = Circumstances { feed: &feed, sha256: "", now: NOW, record_authorities: authorities };
        let mut book = Book::default();
        translate(&message, &circumstances, &mut book).map(|_| book.names.into_keys().next().unwrap())
    };
    assert_eq!(with(&[]), Ok("p5@XX".to_owned()));
    assert_eq!(with(&["GH".into()]), Ok("p7@GH".to_owned()));
    assert_eq!(with(&["ZZ".into()]), Err(Rejection::NoRecordNumber.into()));
}

#[test]
fn no_reason_says_more_than_the_standard_does() {
    for rejection in Rejection::ALL {
        let answer = rejection.acknowledgement();
        assert_eq!(answer.reason, Some(rejection.to_string().as_str()));
        assert!(!rejection.reason().is_empty() && rejection.reason().len() < 120);
    }
}

proptest! {
    #[test]
    fn no_message_breaks_it_and_none_is_dropped(
        trigger in prop::sample::select(vec!["A01", "A02", "A03", "A05", "A08", "A11", "A12", "A13", "A15", "A31", "A34", "A37", "A40", "A99", ""]),
        segments in prop::collection::vec(("(PID|PV1|MRG|EVN|ZZZ)", "[|^~&\\\\\"A-Z0-9 ]{0,60}"), 0..6),
    ) {
        let rest: String = segments.iter().map(|(name, rest)| format!("\r{name}|{rest}")).collect();
        let text = format!("MSH|^~\\&|A||||20260701||ADT^{trigger}|1|P{rest}");
        if let Ok(drafts) = run(&text, &mut Book::default()) {
            prop_assert!(!drafts.is_empty());
            for draft in drafts {
                prop_assert!(draft.tail().is_ok());
            }
        }
    }

    #[test]
    fn no_bytes_break_the_way_from_wire_to_draft(
        head in prop::sample::select(vec![&b""[..], b"MSH|^~\\&|A||||20260701||ADT^A08|1|P|2.3||||||8859/1\r", b"\xef\xbb\xbfMSH#*!\\$#"]),
        bytes in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let wire = [head, &bytes[..]].concat();
        let decoded = crate::hl7::decode(&wire);
        if let Ok(message) = Message::read(&decoded.text) {
            let feed = FeedName::new("adt").unwrap();
            let circumstances = Circumstances { feed: &feed, sha256: "", now: NOW, record_authorities: &[] };
            for draft in translate(&AdtMessage::read(&message, &TimeZone::UTC), &circumstances, &mut Book::default()).into_iter().flatten() {
                prop_assert!(draft.tail().is_ok());
            }
        }
    }

    #[test]
    fn no_name_of_a_patient_reaches_a_draft(trigger in "A[0-4][0-9]", name in "[A-Z]{12}") {
        let text = format!("MSH|^~\\&|A||||20260701||ADT^{trigger}|1|P\rPID|||7||{name}^{name}|||||{name}\rNK1||{name}\rPV1||I|3A||||D1^{name}\rMRG|8||||||{name}");
        for draft in run(&text, &mut Book::default()).into_iter().flatten() {
            prop_assert!(!String::from_utf8(draft.tail().unwrap()).unwrap().contains(&name));
        }
    }
}

fn message(kind: &str, rest: &str) -> String {
    format!("MSH|^~\\&|RIS|GH|HR|GH|20260701073010||{kind}|c1|P|2.5\rPID|||7^^^GH^MR||Doe^Jane\r{rest}")
}

fn all(text: &str) -> Vec<Event> {
    run(text, &mut Book::default()).unwrap().into_iter().map(|draft| draft.event).collect()
}

#[test]
fn orders_and_results_become_what_they_say() {
    let (order, patient) = (OrderPseudonym::from_bytes([2; 16]), patient(1));
    let obr = "OBR|1|P1||CT||||||||||||||||||||RAD";
    let placed = events::order::Placed {
        order,
        patient,
        ordered_by: codes(&["D1"]),
        performers: vec![],
        unit: UnitId::new("RADIOLOGY").ok(),
    };
    for kind in ["ORM^O01", "OMG^O19", "OMI^O23", "OML^O21"] {
        assert_eq!(all(&message(kind, &format!("ORC|NW|P1||||||||||D1\r{obr}"))), [placed.clone().into()], "{kind}");
    }
    let final_result = "ORC|RE|P1||||||20260701\rOBR|1|P1||CT||||||||||||||||||20260701070000|||F|||||||R1";
    let draft = run(&message("ORU^R01", final_result), &mut Book::default()).unwrap().remove(0);
    assert_eq!(draft.occurred_at.unwrap().to_string(), "2026-07-01T07:00:00.000Z");
    let (ordered_by, performers, unit) = (None, Some(codes(&["R1"])), None);
    assert_eq!(draft.event, events::order::Completed { order, patient, ordered_by, performers, unit }.into());
    assert_eq!(all(&message("ORM^O01", "ORC|CA|P1")), [events::order::Cancelled { order, patient }.into()]);
    let several = all(&message("ORM^O01", "ORC|NW|P1\rOBR|1\rORC|NW|P2\rOBR|2"));
    assert_eq!(several.len(), 2);
    assert_eq!(all(&message("ORU^R01", "OBX|1"))[0].kind().name, "feed.heard", "a result of no order");
    assert_eq!(all(&message("ORR^O02", "ORC|OK|P1"))[0].kind().name, "feed.heard", "an answer to an order");
}

#[test]
fn an_order_needs_a_number_and_a_patient_and_there_are_only_so_many() {
    assert_eq!(rejected(&message("ORM^O01", "ORC|NW")), Rejection::NoOrderNumber);
    assert_eq!(rejected(&message("ORM^O01", "ORC|NW|P\u{fffd}")), Rejection::UnreadableOrder);
    assert_eq!(rejected(&message("ORM^O01", &"ORC|NW|P1\r".repeat(65))), Rejection::TooManyOrders);
    assert_eq!(rejected("MSH|^~\\&|A||||1||ORM^O01|1\rORC|NW|P1"), Rejection::NoPatient);
}

#[test]
fn appointments_are_booked_moved_and_withdrawn() {
    use events::appointment::{Booked, Changed, Why, Window, Withdrawn};
    let (appointment, patient) = (AppointmentPseudonym::from_bytes([2; 16]), patient(1));
    let sch = "SCH||B1|||||||||^^^202607020900^202607020930\rAIL|1||3A^1\rAIP|1||D1";
    let (from, until) = ("2026-07-02T09:00:00Z".parse().unwrap(), "2026-07-02T09:30:00Z".parse().unwrap());
    let unit = UnitId::new("WARD-3A").ok();
    let people = codes(&["D1"]);
    let booked = Booked { appointment, patient, from, until, unit: unit.clone(), people: people.clone() };
    assert_eq!(all(&message("SIU^S12", sch)), [booked.into()]);
    let window = Some(Window { from, until });
    let changed = Changed { appointment, patient, window, unit, people: Some(people) };
    for kind in ["SIU^S13", "SIU^S14"] {
        assert_eq!(all(&message(kind, sch)), [changed.clone().into()], "{kind}");
    }
    for (kind, why) in [
        ("SIU^S15", Why::Cancelled),
        ("SIU^S16", Why::Discontinued),
        ("SIU^S17", Why::Deleted),
        ("SIU^S26", Why::NoShow),
    ] {
        assert_eq!(all(&message(kind, "SCH||B1")), [Withdrawn { appointment, patient, why }.into()], "{kind}");
    }
    let status = format!("SCH||B1{}Noshow", "|".repeat(23));
    let why = Why::NoShow;
    assert_eq!(all(&message("SIU^S14", &status)), [Withdrawn { appointment, patient, why }.into()]);
    assert_eq!(all(&message("SIU^S23", sch))[0].kind().name, "feed.heard", "a slot that is blocked");
    assert_eq!(rejected(&message("SIU^S12", "SCH|")), Rejection::NoAppointmentNumber);
    assert_eq!(rejected(&message("SIU^S12", "SCH||B1")), Rejection::NoAppointmentTime);
    let far = "SCH||B1|||||||||^^^209907020900";
    assert_eq!(rejected(&message("SIU^S12", far)), Rejection::FarAppointment);
}

#[test]
fn tracked_patients_are_expected_before_they_arrive_and_keep_their_bed() {
    let moved = |event: Event| match event {
        Event::EncounterMoved(body) => (body.presence, body.place.unit.to_string()),
        other => panic!("{other:?}"),
    };
    let departs = "PV1||I|3A^1^1||||||||RAD||||||||V1";
    assert_eq!(moved(one("A09", departs)), (Presence::Expected, "RADIOLOGY".into()));
    assert_eq!(moved(one("A10", departs)), (Presence::Expected, "RADIOLOGY".into()), "the bed is kept");
    let arrives = "PV1||I|3A^12^2||||||||||||||||V1";
    assert_eq!(moved(one("A10", arrives)), (Presence::Present, "WARD-3A".into()));
    assert_eq!(one("A09", STAY).kind().name, "feed.heard", "nobody says where they go");
    for (trigger, movement) in
        [("A26", Movement::PendingTransfer), ("A33", Movement::PendingTransfer), ("A32", Movement::Transfer)]
    {
        let Event::MovementCancelled(body) = one(trigger, STAY) else { panic!("{trigger}") };
        assert_eq!(body.movement, movement, "{trigger}");
    }
}

#[test]
fn linked_and_renumbered_records_are_one_patient() {
    let two = "PID|||8^^^GH^MR";
    assert_eq!(one("A24", two), patient::Merged { survivor: patient(1), retired: patient(2) }.into());
    assert_eq!(one("A37", two), patient::Unmerged { survivor: patient(1), retired: patient(2) }.into());
    for trigger in ["A47", "A46", "A30"] {
        let renumbered = patient::Merged { survivor: patient(1), retired: patient(2) };
        assert_eq!(one(trigger, "MRG|8^^^GH^MR"), renumbered.into(), "{trigger}");
    }
    let slip = "MSH|^~\\&|A||||1||ADT^A31|1\rPID|||TEMP-HR-0";
    assert_eq!(rejected(slip), Rejection::NeverGiven);
}
