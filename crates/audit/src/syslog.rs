//! Entries as RFC 5424 messages, for whatever already collects a hospital's logs.
//!
//! Facility 13 (log audit). Everything a machine looks for is structured data under `handrail@32473`; the message is one sentence. IHE ATNA
//! receivers that want the whole event take [`crate::fhir`]. In a stream, messages are framed by counting octets (RFC 6587 section 3.4.1,
//! as RFC 5425 demands over TLS), so that no line break in a name begins a message.

use crate::tell::Teller;
use events::Leaf;
use events::decision::Effect;
use ledger::Hash;
use std::fmt::Write as _;

/// Log audit, of RFC 5424 section 6.2.1.
const FACILITY: u8 = 13;
/// Whose structured data it is. 32473 is the number IANA keeps for examples: Handrail has none of its own.
const SD_ID: &str = "handrail@32473";
/// The longest host name, in bytes.
const HOST_BYTES_MAX: usize = 255;
/// The longest message id, in bytes.
const MSGID_BYTES_MAX: usize = 32;

/// How grave (RFC 5424 section 6.2.1).
#[derive(Clone, Copy)]
enum Severity {
    Warning = 4,
    Notice = 5,
    Informational = 6,
}

/// An entry as one message, without its frame. `host` is the node's name.
pub fn message(teller: &mut Teller<'_>, leaf: &Leaf, hash: &Hash, host: &str) -> String {
    let access = teller.access(leaf);
    let draft = &leaf.draft;
    let severity = match &access {
        Some(access) if access.emergency.is_some() => Severity::Notice,
        Some(access) if access.effect == Effect::Deny => Severity::Warning,
        _ => Severity::Informational,
    };
    let kind = draft.event.kind().name;
    let mut data = vec![
        ("entry", leaf.seq.to_string()),
        ("leafHash", hash.to_string()),
        ("origin", teller.plane().store().verifying_key().origin().to_string()),
        ("actor", draft.actor.to_string()),
    ];
    let mut add = |name, value: Option<String>| data.extend(value.map(|value| (name, value)));
    add("patient", draft.event.patient().map(|patient| patient.to_string()));
    add("unit", draft.place.as_ref().map(ToString::to_string));
    add("device", draft.device.as_ref().map(ToString::to_string));
    add("purpose", draft.purpose.as_ref().map(ToString::to_string));
    add("request", draft.request.as_ref().map(ToString::to_string));
    let sentence = match &access {
        Some(access) => {
            let permitted = access.effect == Effect::Permit;
            add("who", Some(access.who.to_string()));
            add("answer", Some(if permitted { "permit" } else { "deny" }.to_owned()));
            add("emergency", access.emergency.map(|kind| kind.words().to_owned()));
            let policies: Vec<_> = access.policies.iter().map(ToString::to_string).collect();
            add("policies", (!policies.is_empty()).then(|| policies.join(" ")));
            format!("{} {} {}", access.who, if permitted { "may" } else { "may not" }, access.did)
        }
        None => format!("{kind}, caused by {}", draft.actor),
    };
    let priority = FACILITY * 8 + severity as u8;
    let (host, msgid) = (token(host, HOST_BYTES_MAX), token(kind, MSGID_BYTES_MAX));
    let mut text = format!("<{priority}>1 {} {host} handrail - {msgid} [{SD_ID}", leaf.recorded_at);
    for (name, value) in data {
        let _ = write!(text, " {name}=\"{}\"", escaped(&value));
    }
    // The mark says that what follows is UTF-8 (section 6.4).
    let _ = write!(text, "] \u{feff}{}", one_line(&sentence));
    text
}

/// A message in its frame.
#[must_use]
pub fn framed(message: &str) -> Vec<u8> {
    format!("{} {message}", message.len()).into_bytes()
}

/// Visible ASCII without blanks, cut to length; a dash when nothing is left.
fn token(text: &str, bytes_max: usize) -> String {
    let visible: String = text.chars().filter(char::is_ascii_graphic).take(bytes_max).collect();
    if visible.is_empty() { "-".to_owned() } else { visible }
}

/// A value of structured data (section 6.3.3): quotes, backslashes and closing brackets escaped, control characters made blanks.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '"' | '\\' | ']' => {
                out.push('\\');
                out.push(char);
            }
            char if char.is_control() => out.push(' '),
            char => out.push(char),
        }
    }
    out
}

/// Without control characters, so that it stays one line wherever it is printed.
fn one_line(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_leave_its_quotes() {
        assert_eq!(escaped("a\"] [x y=\"z\\"), "a\\\"\\] [x y=\\\"z\\\\");
        assert_eq!(escaped("a\nb\u{0}c\u{85}d"), "a b c d");
        assert_eq!(escaped("Süd"), "Süd");
    }

    #[test]
    fn header_fields_are_visible_ascii_of_bounded_length() {
        assert_eq!(token("node 1\n<13>", HOST_BYTES_MAX), "node1<13>");
        assert_eq!(token("", HOST_BYTES_MAX), "-");
        assert_eq!(token(&"k".repeat(90), MSGID_BYTES_MAX).len(), 32);
    }

    #[test]
    fn a_frame_counts_octets_and_not_characters() {
        assert_eq!(framed("é"), "2 é".as_bytes());
    }
}
