//! Messages in a file: found, and moved to another time.

use crate::hl7::{Envelope, EnvelopeError, Message, Moment, Precision, Wanted, decode};
use crate::mllp::{FRAME_BYTES_MAX, Mllp, Received, START};
use bytes::{Bytes, BytesMut};
use events::Timestamp;
use jiff::tz::TimeZone;
use std::time::Duration;
use tokio_util::codec::Decoder;

/// The fields that say when something happened. Dates of birth stay.
const TIMES: [(&[u8], &[usize]); 6] = [
    (b"MSH", &[7]),
    (b"EVN", &[2, 3, 6]),
    (b"PV1", &[44, 45]),
    (b"ORC", &[9]),
    (b"OBR", &[6, 7, 8, 14, 22]),
    (b"OBX", &[14]),
];

/// Finds the messages in a file: MLLP frames if it has any, else everything from one line that begins with `MSH` to the next. Line ends
/// become CR; the envelopes of batch files are left out.
#[must_use]
pub fn split(file: &[u8]) -> Vec<Bytes> {
    if file.contains(&START) {
        return frames(file);
    }
    let mut messages: Vec<Vec<u8>> = Vec::new();
    let file = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
    for line in file.split(|byte| matches!(byte, b'\r' | b'\n')) {
        if line.starts_with(b"MSH") {
            messages.push(Vec::new());
        }
        let envelope = [b"FHS", b"BHS", b"BTS", b"FTS"].iter().any(|name| line.starts_with(*name));
        if let Some(message) = messages.last_mut().filter(|_| !line.is_empty() && !envelope) {
            message.extend_from_slice(line);
            message.push(b'\r');
        }
    }
    messages.into_iter().map(Bytes::from).collect()
}

fn frames(file: &[u8]) -> Vec<Bytes> {
    let mut codec = Mllp::new(FRAME_BYTES_MAX);
    let mut rest = BytesMut::from(file);
    let mut messages = Vec::new();
    while let Ok(Some(received)) = codec.decode_eof(&mut rest) {
        if let Received::Message(message) = received {
            messages.push(message);
        }
    }
    messages
}

/// Whether the envelopes of a file, if it has any, hold what they say they hold: a file that was cut short would lose messages unnoticed.
///
/// # Errors
/// When they do not.
pub fn complete(file: &[u8]) -> Result<(), EnvelopeError> {
    Envelope::read(file, true).unwrap_or_else(|| Ok(Envelope::default())).map(drop)
}

/// Asks for exactly one acknowledgement of a message whose own sender wanted none, two, or only some (MSH-15, MSH-16): whoever replays a
/// file waits for one each.
#[must_use]
pub fn answered_once(message: &Bytes) -> Bytes {
    let decoded = decode(message);
    let Ok(read) = Message::read(&decoded.text) else { return message.clone() };
    if Wanted::of(&read).is_one() {
        return message.clone();
    }
    let Some(separator) = message.get(3).copied() else { return message.clone() };
    let end = message.iter().position(|byte| *byte == b'\r').unwrap_or(message.len());
    let (header, rest) = message.split_at(end);
    // MSH-1 is the separator itself.
    let fields = header.split(|byte| *byte == separator).enumerate();
    let fields: Vec<&[u8]> = fields.map(|(at, field)| if at == 14 || at == 15 { &[][..] } else { field }).collect();
    Bytes::from([&fields.join(&separator)[..], rest].concat())
}

/// Moves all times by the same span, such that the latest message was made at `to`. Each keeps its form; times without a zone are of
/// `zone`. Messages without any time in MSH-7 stay as they are, and so do all when none has one.
#[must_use]
pub fn shift_dates(messages: &[Bytes], to: Timestamp, zone: &TimeZone) -> Vec<Bytes> {
    let latest = messages.iter().filter_map(|message| made_at(message, zone)).max();
    let Some(latest) = latest else { return messages.to_vec() };
    messages.iter().map(|message| shifted(message, latest, to, zone)).collect()
}

fn made_at(message: &[u8], zone: &TimeZone) -> Option<Timestamp> {
    let header = message.split(|byte| *byte == b'\r').find(|line| line.starts_with(b"MSH"))?;
    let separator = *header.get(3)?;
    let field = header.split(|byte| *byte == separator).nth(6)?;
    Moment::read(std::str::from_utf8(field).ok()?, zone).map(|moment| moment.at)
}

fn shifted(message: &Bytes, from: Timestamp, to: Timestamp, zone: &TimeZone) -> Bytes {
    let Some(separator) = message.get(3).copied() else { return message.clone() };
    let lines = message.split(|byte| *byte == b'\r').map(|line| {
        let name = line.get(..3).unwrap_or_default();
        let Some((_, numbers)) = TIMES.iter().find(|(segment, _)| *segment == name) else { return line.to_vec() };
        // MSH-1 is the separator itself.
        let first = usize::from(name == b"MSH");
        let fields = line.split(|byte| *byte == separator).enumerate().map(|(at, field)| {
            let moved = numbers.contains(&(at + first)).then(|| moved(field, from, to, zone)).flatten();
            moved.map_or_else(|| field.to_vec(), String::into_bytes)
        });
        fields.collect::<Vec<_>>().join(&separator)
    });
    Bytes::from(lines.collect::<Vec<_>>().join(&b'\r'))
}

/// A time moved by `to - from`, written as precisely as it was, in the zone it was in.
fn moved(field: &[u8], from: Timestamp, to: Timestamp, zone: &TimeZone) -> Option<String> {
    let text = std::str::from_utf8(field).ok()?;
    let moment = Moment::read(text, zone)?;
    let at = if to >= from { moment.at + to.since(from) } else { moment.at - from.since(to) };
    let at = jiff::Timestamp::from_millisecond(at.as_millis()).ok()?.to_zoned(zone.clone());
    let form = match moment.precision {
        Precision::Year => "%Y",
        Precision::Month => "%Y%m",
        Precision::Day => "%Y%m%d",
        Precision::Hour => "%Y%m%d%H",
        Precision::Minute => "%Y%m%d%H%M",
        Precision::Second => "%Y%m%d%H%M%S",
    };
    let mut moved = at.strftime(form).to_string();
    if text.contains('.') {
        moved.push_str(&at.strftime("%.3f").to_string());
    }
    let zoned = text.contains(['+', 'Z']) || text.rfind('-').is_some_and(|at| at > 9);
    if zoned && moment.precision >= Precision::Hour {
        moved.push_str(&at.strftime("%z").to_string());
    }
    Some(moved)
}

/// The span by which [`shift_dates`] would move messages, for whoever wants to say so.
#[must_use]
pub fn age(messages: &[Bytes], now: Timestamp, zone: &TimeZone) -> Option<Duration> {
    messages.iter().filter_map(|message| made_at(message, zone)).max().map(|latest| now.since(latest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_messages_however_they_are_separated() {
        let expected: Vec<&[u8]> = vec![b"MSH|1\rPID|1\r", b"MSH|2\r"];
        for file in [
            &b"MSH|1\rPID|1\r\nMSH|2\r"[..],
            b"MSH|1\nPID|1\n\n\nMSH|2\n",
            b"\xef\xbb\xbfMSH|1\r\nPID|1\r\nMSH|2",
            b"FHS|x\rBHS|x\rMSH|1\rPID|1\rMSH|2\rBTS|2\rFTS|1\r",
            b"# a comment\nMSH|1\nPID|1\nMSH|2\n",
        ] {
            assert_eq!(split(file), expected, "{}", String::from_utf8_lossy(file));
        }
        assert_eq!(split(b"\x0bMSH|1\x1c\r\x0bMSH|2\x1c\r"), [&b"MSH|1"[..], b"MSH|2"]);
        assert!(split(b"nothing here").is_empty());
    }

    #[test]
    fn a_file_that_was_cut_short_is_noticed() {
        assert_eq!(complete(b"BHS|^~\\&\rMSH|1\rMSH|2\rBTS|2\r"), Ok(()));
        assert_eq!(complete(b"MSH|1\rMSH|2\r"), Ok(()));
        assert_eq!(complete(b"BHS|^~\\&\rMSH|1\rMS"), Err(EnvelopeError::Unended));
        assert_eq!(complete(b"BHS|^~\\&\rMSH|1\rBTS|2\r"), Err(EnvelopeError::Messages { said: 2, held: 1 }));
    }

    #[test]
    fn a_replayed_message_asks_for_one_answer() {
        let asked = |accept: &str, application: &str| {
            let text = format!("MSH|^~\\&|A||||||ADT^A01|1|P|2.5|||{accept}|{application}|44\rPID|1");
            String::from_utf8(answered_once(&Bytes::from(text)).to_vec()).unwrap()
        };
        for (accept, application) in [("AL", "AL"), ("NE", "NE"), ("ER", "SU")] {
            assert_eq!(asked(accept, application), "MSH|^~\\&|A||||||ADT^A01|1|P|2.5|||||44\rPID|1");
        }
        assert_eq!(asked("AL", ""), "MSH|^~\\&|A||||||ADT^A01|1|P|2.5|||AL||44\rPID|1");
    }

    #[test]
    fn moves_every_time_by_the_same_span_and_nothing_else() {
        let zone = TimeZone::get("Europe/London").unwrap();
        let messages = split(
            b"MSH|^~\\&|A||||20200501140643||ADT^A01|1\rEVN|A01|20200501140643||||20200501\rPID|1||7||||19890118\r\
              MSH|^~\\&|A||||202005021406||ADT^A02|2\rEVN||20200502140643.250+0100||||\rPV1|1||20200501",
        );
        let to = "2026-11-22T13:06:00Z".parse().unwrap();
        let shifted = shift_dates(&messages, to, &zone);
        let text = |at: usize| String::from_utf8(shifted[at].to_vec()).unwrap();
        assert_eq!(
            text(0),
            "MSH|^~\\&|A||||20261121130643||ADT^A01|1\rEVN|A01|20261121130643||||20261120\rPID|1||7||||19890118\r"
        );
        assert_eq!(
            text(1),
            "MSH|^~\\&|A||||202611221306||ADT^A02|2\rEVN||20261122130643.250+0000||||\rPV1|1||20200501\r"
        );
        assert_eq!(age(&messages, to, &zone).unwrap().as_secs() / 86_400, 2_395);
    }

    #[test]
    fn what_has_no_time_stays_as_it_is() {
        let messages = vec![Bytes::from_static(b"MSH|^~\\&|A"), Bytes::from_static(b"x")];
        assert_eq!(shift_dates(&messages, Timestamp::MAX, &TimeZone::UTC), messages);
    }
}
