//! What an interface engine sends: MLLP frames and the HL7 messages in them.

use bytes::BytesMut;
use events::Timestamp;
use feeds::hl7::{Acknowledgement, AdtMessage, Answer, Envelope, Level, Message, acknowledge, answer_head, decode};
use feeds::mllp::{Mllp, Partial, Received};
use jiff::tz::TimeZone;
use tokio_util::codec::Decoder as _;

const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);
/// Small, so that the limit is met.
const FRAME_BYTES_MAX: usize = 512;

/// Frames: however the bytes are cut on the way, the same messages come out.
pub(crate) fn mllp(data: &[u8]) {
    let whole = received(data, data.len().max(1));
    for step in [1, 7] {
        let (pieces, piecewise) = received(data, step);
        assert_eq!(pieces, whole.0, "what comes out depends on how it was cut");
        assert_eq!(piecewise, whole.1, "and so does how it ended");
    }
}

fn received(data: &[u8], step: usize) -> (Vec<Received>, bool) {
    let mut codec = Mllp::new(FRAME_BYTES_MAX);
    let (mut buffer, mut out) = (BytesMut::new(), Vec::new());
    for piece in data.chunks(step) {
        buffer.extend_from_slice(piece);
        loop {
            match codec.decode(&mut buffer) {
                Ok(Some(received)) => out.push(head_of(received)),
                Ok(None) => break,
                Err(_) => return (out, false),
            }
        }
    }
    (out, true)
}

/// Of a message that is too long, what had come by then is kept: at least as much as may come.
fn head_of(received: Received) -> Received {
    match received {
        Received::Partial { bytes, why: Partial::TooLong } => {
            assert!(bytes.len() >= FRAME_BYTES_MAX, "less was kept than may come");
            Received::Partial { bytes: bytes.slice(..FRAME_BYTES_MAX), why: Partial::TooLong }
        }
        other => other,
    }
}

/// Messages: every field of every segment can be asked for, and the acknowledgement is itself a message that names what it answers.
pub(crate) fn hl7(data: &[u8]) {
    let decoded = decode(data);
    let read = Message::read(&decoded.text);
    if let Ok(message) = &read {
        let delimiters = message.delimiters();
        for segment in message.segments().take(64) {
            for number in 0..24 {
                let field = segment.field(number);
                for repetition in field.repetitions().take(4) {
                    let text = repetition.component(1);
                    // Control characters are left out of what is written.
                    let kept: String = text.chars().filter(|letter| !letter.is_control()).collect();
                    assert_eq!(delimiters.unescape(&delimiters.escape(&text)), kept, "escaping keeps the text");
                    let _ = repetition.subcomponent(2, 2);
                }
            }
        }
        let _ = AdtMessage::read(message, &TimeZone::UTC);
    }
    if let Some(Ok(envelope)) = Envelope::read(data, false) {
        let inside = |range: std::ops::Range<usize>| data.get(range).is_some_and(|bytes| bytes.starts_with(b"MSH"));
        assert!(envelope.messages.iter().cloned().all(inside), "a batch holds messages");
        let _ = answer_head(data, "A1", NOW, &TimeZone::UTC);
    }
    let yes = &Acknowledgement::ACCEPTED;
    let said = acknowledge(read.as_ref().ok(), decoded.charset, yes, Level::Accept, "A1", NOW, &TimeZone::UTC);
    let said = decode(&said);
    let answer = Message::read(&said.text).expect("an acknowledgement is a message");
    assert!(Answer::read(&answer).is_some(), "an acknowledgement can be read as one");
}
