//! What order and result messages say: which orders, in what state, by whom and for whom to do (HL7 v2 chapters 4 and 7).

use super::adt::{Person, Stated, code, people};
use super::{Field, Message, Moment, Segment};
use events::order::ORDER_PEOPLE_MAX;
use jiff::tz::TimeZone;
use smol_str::SmolStr;

/// The most orders one message may speak of.
pub const ORDERS_MAX: usize = 64;

/// What a message says of the state of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderState {
    /// It was placed.
    Placed,
    /// It is open, and something about it changed or was found.
    Changed,
    /// It is done.
    Completed,
    /// It will not be done.
    Cancelled,
}

/// One order of a message: an ORC with the OBR that follows it, or either alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Its number: the placer's (ORC-2, OBR-2), or the filler's (ORC-3, OBR-3) where there is none.
    pub number: SmolStr,
    /// Whether the number is the placer's.
    pub by_placer: bool,
    /// What became of it.
    pub state: OrderState,
    /// When: for results OBR-22, else ORC-9.
    pub at: Option<Moment>,
    /// ORC-12, or OBR-16.
    pub ordered_by: Stated<Vec<Person>>,
    /// OBR-32, -33 and -34.
    pub performers: Stated<Vec<Person>>,
    /// What could name the unit that performs it, best first: the diagnostic section (OBR-24), the filler (ORC-3.2, OBR-3.2), the system the
    /// service is coded in (OBR-4.3).
    pub places: Vec<SmolStr>,
}

/// Whether a type of message is about orders.
pub(super) fn is_about_orders(kind: &str) -> bool {
    matches!(kind, "ORM" | "OMG" | "OMI" | "OML" | "ORU" | "OUL")
}

/// The orders of a message, at most [`ORDERS_MAX`] and one more.
pub(super) fn orders(message: &Message<'_>, kind: &str, zone: &TimeZone) -> Vec<Order> {
    let results = matches!(kind, "ORU" | "OUL");
    let nothing = message.segment("\u{0}");
    let mut groups: Vec<(Segment<'_>, Segment<'_>)> = Vec::new();
    for segment in message.segments() {
        match (segment.name(), groups.last_mut()) {
            ("ORC", _) => groups.push((segment, nothing)),
            ("OBR", Some((_, detail))) if !detail.exists() => *detail = segment,
            ("OBR", _) => groups.push((nothing, segment)),
            _ => {}
        }
        if groups.len() > ORDERS_MAX {
            break;
        }
    }
    groups.iter().filter_map(|(common, detail)| order(common, detail, results, zone)).collect()
}

fn order(common: &Segment<'_>, detail: &Segment<'_>, results: bool, zone: &TimeZone) -> Option<Order> {
    let first = |number: usize| {
        [common.field(number), detail.field(number)]
            .iter()
            .map(|field| SmolStr::new(field.component(1).trim()))
            .find(|number| !number.is_empty())
    };
    let placer = first(2);
    let by_placer = placer.is_some();
    let number = placer.or_else(|| first(3)).unwrap_or_default();
    let moment = |field: Field<'_>| Moment::read(&field.component(1), zone);
    let (made, found) = (moment(common.field(9)), moment(detail.field(22)));
    let mut performers = people(&[detail.field(32), detail.field(33), detail.field(34)]);
    let mut ordered_by = match people(&[common.field(12)]) {
        Stated::Absent => people(&[detail.field(16)]),
        said => said,
    };
    for said in [&mut performers, &mut ordered_by] {
        if let Stated::Is(people) = said {
            people.truncate(ORDER_PEOPLE_MAX);
        }
    }
    let named = [
        detail.field(24).component(1),
        common.field(3).component(2),
        detail.field(3).component(2),
        detail.field(4).component(3),
    ];
    let places = named.iter().map(|name| SmolStr::new(name.trim())).filter(|name| !name.is_empty()).collect();
    Some(Order {
        number,
        by_placer,
        state: state(common, detail, results),
        at: if results { found.or(made) } else { made },
        ordered_by,
        performers,
        places,
    })
}

/// What order control (table 0119), order status (0038) and result status (0123) come to.
fn state(common: &Segment<'_>, detail: &Segment<'_>, results: bool) -> OrderState {
    let control = code(&common.field(1).component(1));
    let status = code(&common.field(5).component(1));
    let result = code(&detail.field(25).component(1));
    let called_off = matches!(control.as_str(), "CA" | "OC" | "CR" | "DC" | "OD" | "DR" | "UA" | "OE")
        || matches!(status.as_str(), "CA" | "DC" | "RP")
        || result == "X";
    let done = match result.as_str() {
        "F" | "C" => true,
        // Where a result has a status, it says more than the order's.
        "" => status == "CM",
        _ => status == "CM" && !results,
    };
    if called_off {
        OrderState::Cancelled
    } else if done {
        OrderState::Completed
    } else if !results && matches!(control.as_str(), "" | "NW" | "RO" | "CH") {
        OrderState::Placed
    } else {
        OrderState::Changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: &str, text: &str) -> Vec<Order> {
        orders(&Message::read(&format!("MSH|^~\\&|A\r{text}")).unwrap(), kind, &TimeZone::UTC)
    }

    fn codes(codes: &[&str]) -> Stated<Vec<Person>> {
        Stated::Is(codes.iter().map(|code| Person::new(code).unwrap()).collect())
    }

    #[test]
    fn an_order_says_who_ordered_what_of_whom() {
        let text = "ORC|NW|P1^EHR|F1^RIS||||||20260701073000|||D1^Doe~D2\r\
                    OBR|1|P1||CT^CT head^L||||||||||||D9||||||||RAD||||||||R1&Ray|R2|T1^Tec";
        let [order] = &read("ORM", text)[..] else { panic!() };
        assert_eq!((order.number.as_str(), order.by_placer, order.state), ("P1", true, OrderState::Placed));
        assert_eq!(order.ordered_by, codes(&["D1", "D2"]));
        assert_eq!(order.performers, codes(&["R1", "R2", "T1"]));
        assert_eq!(order.places, ["RAD", "RIS", "L"]);
        assert_eq!(order.at.unwrap().at.to_string(), "2026-07-01T07:30:00.000Z");
    }

    #[test]
    fn states_follow_from_control_status_and_result() {
        use OrderState::{Cancelled, Changed, Completed, Placed};
        for (kind, control, status, result, expected) in [
            ("ORM", "NW", "", "", Placed),
            ("OMG", "", "", "", Placed),
            ("OMI", "XO", "IP", "", Changed),
            ("ORM", "SC", "CM", "", Completed),
            ("ORM", "CA", "", "", Cancelled),
            ("ORM", "DC", "", "", Cancelled),
            ("ORM", "SC", "CA", "", Cancelled),
            ("ORU", "RE", "CM", "F", Completed),
            ("ORU", "", "", "F", Completed),
            ("ORU", "RE", "", "C", Completed),
            ("ORU", "RE", "IP", "P", Changed),
            ("ORU", "RE", "CM", "P", Changed),
            ("ORU", "RE", "CM", "", Completed),
            ("ORU", "RE", "", "X", Cancelled),
            ("ORU", "", "", "", Changed),
        ] {
            let obr = format!("OBR|1|P1||{}{result}", "|".repeat(21));
            let text = format!("ORC|{control}|P1|||{status}\r{obr}");
            assert_eq!(read(kind, &text)[0].state, expected, "{kind} {control} {status} {result}");
        }
    }

    #[test]
    fn several_orders_of_one_message_are_told_apart() {
        let text = "ORC|NW|P1\rOBR|1\rNTE|1\rORC|NW|P2\rORC|CA|P3\rOBR|1|P3\rOBR|2||F4\r";
        let found = read("ORM", text);
        let seen: Vec<_> = found.iter().map(|order| (order.number.as_str(), order.by_placer)).collect();
        assert_eq!(seen, [("P1", true), ("P2", true), ("P3", true), ("F4", false)]);
        assert_eq!(read("ORU", "OBX|1").len(), 0);
        assert_eq!(read("ORM", &"ORC|NW|P1\r".repeat(1_000)).len(), ORDERS_MAX + 1);
    }
}
