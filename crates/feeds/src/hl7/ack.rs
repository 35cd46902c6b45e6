//! Acknowledgements, written the way the sender writes: its delimiters, its character set, its version.

use super::{Charset, Delimiters, Field, Level, Message};
use events::Timestamp;
use jiff::tz::TimeZone;

/// What the sender should do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// AA: it is recorded; send the next.
    Accepted,
    /// AE: it could not be recorded; send it again.
    Failed,
    /// AR: it cannot be used; sending it again unchanged is of no use.
    Refused,
}

impl Outcome {
    /// The code of MSA-1.
    #[must_use]
    pub const fn code(self, level: Level) -> &'static str {
        match (level, self) {
            (Level::Application, Self::Accepted) => "AA",
            (Level::Application, Self::Failed) => "AE",
            (Level::Application, Self::Refused) => "AR",
            (Level::Accept, Self::Accepted) => "CA",
            (Level::Accept, Self::Failed) => "CE",
            (Level::Accept, Self::Refused) => "CR",
        }
    }
}

/// An answer to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acknowledgement<'a> {
    /// What to do now.
    pub outcome: Outcome,
    /// Why, when not accepted.
    pub reason: Option<&'a str>,
    /// The code of HL7 table 0357 that comes nearest, such as 101.
    pub code: Option<u16>,
    /// Where in the message: segment and field.
    pub location: Option<(&'a str, usize)>,
}

impl Acknowledgement<'_> {
    /// Everything is well.
    pub const ACCEPTED: Self = Self { outcome: Outcome::Accepted, reason: None, code: None, location: None };
}

/// Writes the acknowledgement of `to` (of a message whose header could not be read when `None`). `control_id` is its own MSH-10.
#[must_use]
pub fn acknowledge(
    to: Option<&Message<'_>>,
    charset: Charset,
    answer: &Acknowledgement<'_>,
    level: Level,
    control_id: &str,
    now: Timestamp,
    zone: &TimeZone,
) -> Vec<u8> {
    let delimiters = to.map_or_else(Delimiters::default, Message::delimiters);
    let header = to.map(|message| message.segment("MSH"));
    let echo = |number: usize, otherwise: &'static str| {
        let raw = header.map_or("", |header| header.field(number).raw().trim());
        if raw.is_empty() { otherwise } else { raw }
    };
    let Delimiters { field, component, .. } = delimiters;
    let version = echo(12, "2.3");
    let trigger = header.map_or_else(Default::default, |header| header.field(9).component(2));
    let mut kind = "ACK".to_owned();
    if !trigger.is_empty() {
        kind.push(component);
        kind.push_str(&delimiters.escape(&trigger));
        if minor(version) >= 4 {
            kind.push(component);
            kind.push_str("ACK");
        }
    }
    let own_id = delimiters.escape(control_id);
    let written_at = written(now, zone);
    let reason = delimiters.escape(answer.reason.unwrap_or_default());
    let charset_name = header.map_or("", |header| header.field(18).raw());
    let segments = [
        joined(
            field,
            &[
                &format!("MSH{field}{}", delimiters.encoding_characters()),
                echo(5, "HANDRAIL"),
                echo(6, ""),
                echo(3, ""),
                echo(4, ""),
                &written_at,
                "",
                &kind,
                &own_id,
                echo(11, "P"),
                version,
                "",
                "",
                "",
                "",
                "",
                charset_name,
            ],
        ),
        joined(
            field,
            &["MSA", answer.outcome.code(level), header.map_or("", |header| header.field(10).raw()), &reason],
        ),
        error_segment(delimiters, answer, minor(version)),
    ];
    let mut text = String::with_capacity(256);
    for segment in segments.iter().filter(|segment| !segment.is_empty()) {
        text.push_str(segment.trim_end_matches(field));
        text.push('\r');
    }
    charset.encode(&text).into_owned()
}

/// ERR, in the form of the sender's version: from 2.5 on each part has its own field.
fn error_segment(delimiters: Delimiters, answer: &Acknowledgement<'_>, minor: u8) -> String {
    if answer.outcome == Outcome::Accepted {
        return String::new();
    }
    let Delimiters { field, component, subcomponent, .. } = delimiters;
    let code = answer.code.unwrap_or(207).to_string();
    let meaning = meaning(answer.code.unwrap_or(207));
    let (segment, at) =
        answer.location.map_or((String::new(), String::new()), |(s, at)| (s.to_owned(), at.to_string()));
    let sequence = if segment.is_empty() { "" } else { "1" };
    if minor >= 5 {
        let place = joined(component, &[&segment, sequence, &at]);
        let code = joined(component, &[&code, meaning, "HL70357"]);
        let reason = delimiters.escape(answer.reason.unwrap_or_default());
        return joined(field, &["ERR", "", place.trim_end_matches(component), &code, "E", "", "", "", &reason]);
    }
    let code = joined(subcomponent, &[&code, meaning, "HL70357"]);
    joined(field, &["ERR", &joined(component, &[&segment, sequence, &at, &code])])
}

fn meaning(code: u16) -> &'static str {
    match code {
        100 => "Segment sequence error",
        101 => "Required field missing",
        102 => "Data type error",
        103 => "Table value not found",
        200 => "Unsupported message type",
        201 => "Unsupported event code",
        204 => "Unknown key identifier",
        206 => "Application record locked",
        _ => "Application internal error",
    }
}

fn joined(delimiter: char, parts: &[&str]) -> String {
    parts.join(delimiter.encode_utf8(&mut [0; 4]))
}

fn minor(version: &str) -> u8 {
    version.split('.').nth(1).and_then(|minor| minor.get(..1)?.parse().ok()).unwrap_or(3)
}

pub(super) fn written(now: Timestamp, zone: &TimeZone) -> String {
    jiff::Timestamp::from_millisecond(now.as_millis())
        .map(|now| now.to_zoned(zone.clone()).strftime("%Y%m%d%H%M%S%z").to_string())
        .unwrap_or_default()
}

/// What an acknowledgement says, for whoever sent the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What to do now.
    pub outcome: Outcome,
    /// The message it answers (MSA-2).
    pub control_id: String,
    /// Why, if it says.
    pub reason: String,
}

impl Answer {
    /// Reads an acknowledgement; `None` when the message is none. Enhanced-mode codes (CA, CE, CR) mean the same as the others.
    #[must_use]
    pub fn read(message: &Message<'_>) -> Option<Self> {
        let segment = message.segment("MSA");
        let text = |field: Field<'_>| field.component(1).into_owned();
        let outcome = match text(segment.field(1)).as_str() {
            "AA" | "CA" => Outcome::Accepted,
            "AE" | "CE" => Outcome::Failed,
            "AR" | "CR" => Outcome::Refused,
            _ => return None,
        };
        Some(Self { outcome, control_id: text(segment.field(2)), reason: text(segment.field(3)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hl7::decode;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp::from_millis(1_782_884_415_000);
    const MISSING: Acknowledgement<'_> = Acknowledgement {
        outcome: Outcome::Refused,
        reason: Some("no record number | in PID-3"),
        code: Some(101),
        location: Some(("PID", 3)),
    };

    fn answered(bytes: &[u8], answer: &Acknowledgement<'_>) -> String {
        let decoded = decode(bytes);
        let message = Message::read(&decoded.text).ok();
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let ack = acknowledge(message.as_ref(), decoded.charset, answer, Level::Application, "H1", NOW, &zone);
        decode(&ack).text.replace('\r', "\n")
    }

    #[test]
    fn answers_in_the_senders_own_form() {
        let text = answered(
            b"MSH|^~\\&|PAS|GH|HR|FAC|20260701||ADT^A01|c\\T\\1|T|2.3|||AL||44|ASCII",
            &Acknowledgement::ACCEPTED,
        );
        assert_eq!(text, "MSH|^~\\&|HR|FAC|PAS|GH|20260701074015+0200||ACK^A01|H1|T|2.3||||||ASCII\nMSA|AA|c\\T\\1\n");
        let text = answered(b"MSH#*!\\$#PAS#GH###2026##ADT*A02#77#P#2.5.1", &MISSING);
        assert_eq!(
            text,
            "MSH#*!\\$#HANDRAIL##PAS#GH#20260701074015+0200##ACK*A02*ACK#H1#P#2.5.1\nMSA#AR#77#no record number | in PID-3\n\
             ERR##PID*1*3#101*Required field missing*HL70357#E####no record number | in PID-3\n"
        );
        let text = answered(b"MSH|^~\\&|PAS||||||ADT^A02|77|P|2.3", &MISSING);
        assert!(
            text.ends_with(
                "MSA|AR|77|no record number \\F\\ in PID-3\nERR|PID^1^3^101&Required field missing&HL70357\n"
            ),
            "{text}"
        );
    }

    #[test]
    fn what_has_no_header_is_answered_all_the_same() {
        let text = answered(b"hello", &MISSING);
        assert!(text.starts_with("MSH|^~\\&|HANDRAIL||||"), "{text}");
        assert!(text.contains("\nMSA|AR||no record number"), "{text}");
    }

    proptest! {
        #[test]
        fn an_answer_reads_back_in_any_delimiters_and_character_set(
            letters in Just(vec!['|', '^', '~', '\\', '&', '#', '$', '!', '*', '%']).prop_shuffle(),
            id in "[A-Za-z0-9äöüß|^&]{1,20}",
            version in prop::sample::select(vec!["2.1", "2.3", "2.3.1", "2.5", "2.8.2", ""]),
            charset in prop::sample::select(vec!["8859/1", "UNICODE UTF-8", "8859/15", ""]),
        ) {
            let delimiters = Delimiters {
                field: letters[0], component: letters[1], repetition: letters[2], escape: letters[3], subcomponent: letters[4],
            };
            let f = delimiters.field;
            let escaped = delimiters.escape(&id);
            let text = format!(
                "MSH{f}{}{f}PAS{f}{f}{f}{f}{f}{f}ADT{c}A01{f}{escaped}{f}P{f}{version}{f}{f}{f}{f}{f}{f}{charset}",
                delimiters.encoding_characters(), c = delimiters.component,
            );
            let bytes = Charset::named(charset).unwrap_or_default().encode(&text).into_owned();
            let decoded = decode(&bytes);
            let message = Message::read(&decoded.text).unwrap();
            let ack = acknowledge(Some(&message), decoded.charset, &MISSING, Level::Application, "H|1", NOW, &TimeZone::UTC);
            let back = decode(&ack);
            let ack = Message::read(&back.text).unwrap();
            prop_assert_eq!(ack.delimiters(), delimiters);
            prop_assert_eq!(ack.segment("MSH").field(10).component(1), "H|1");
            let answer = Answer::read(&ack).unwrap();
            prop_assert_eq!(answer.control_id, id);
            prop_assert_eq!(answer.reason, MISSING.reason.unwrap());
            prop_assert_eq!(answer.outcome, Outcome::Refused);
        }
    }
}
