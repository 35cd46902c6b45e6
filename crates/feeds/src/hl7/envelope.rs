//! Batches: many messages in one envelope, `[FHS] { [BHS] { message } [BTS] } [FTS]` (HL7 v2.5.1 section 2.10.3).
//!
//! An envelope's own segments are ASCII in every character set but UTF-16, so it is taken apart as bytes; each message is decoded on its own.

use super::{Charset, Decoded, Delimiters, decode};
use events::Timestamp;
use jiff::tz::TimeZone;
use std::ops::Range;

/// The most messages one envelope may hold.
pub const BATCH_MESSAGES_MAX: usize = 10_000;

/// Why what an envelope holds is not what its sender put in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// BTS-1 says otherwise.
    #[error("a batch says it holds {said} messages and holds {held}")]
    Messages {
        /// BTS-1.
        said: u64,
        /// What came.
        held: u64,
    },
    /// FTS-1 says otherwise.
    #[error("the file says it holds {said} batches and holds {held}")]
    Batches {
        /// FTS-1.
        said: u64,
        /// What came.
        held: u64,
    },
    /// A segment that belongs to no message.
    #[error("a segment stands outside of any message")]
    Stray,
    /// A file or batch began (FHS, BHS) and its trailer (FTS, BTS) did not come.
    #[error("a batch or the file begins and does not end (BTS, FTS): it may have been cut short")]
    Unended,
    /// More than [`BATCH_MESSAGES_MAX`].
    #[error("the envelope holds more than {BATCH_MESSAGES_MAX} messages")]
    TooMany,
}

/// What an envelope holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// Where each message is.
    pub messages: Vec<Range<usize>>,
}

/// What has been seen so far.
#[derive(Default)]
struct Scan {
    envelope: Envelope,
    /// Messages since the last BHS, and batches since the beginning.
    messages: u64,
    batches: u64,
    /// FHS without FTS, BHS without BTS.
    in_file: bool,
    in_batch: bool,
    /// Whether a message may go on.
    in_message: bool,
}

impl Scan {
    fn take(&mut self, line: &[u8], at: Range<usize>) -> Result<(), EnvelopeError> {
        match line.get(..3).unwrap_or_default() {
            b"FHS" => (self.in_file, self.in_message) = (true, false),
            b"BHS" => {
                (self.in_batch, self.in_message) = (true, false);
                self.batches += 1;
                self.messages = 0;
            }
            b"BTS" => {
                // A batch without a header is one all the same.
                self.batches += u64::from(!self.in_batch);
                let (said, held) = (count(line), std::mem::take(&mut self.messages));
                (self.in_batch, self.in_message) = (false, false);
                if let Some(said) = said.filter(|said| *said != held) {
                    return Err(EnvelopeError::Messages { said, held });
                }
            }
            b"FTS" => {
                (self.in_file, self.in_message) = (false, false);
                let held = self.batches.max(u64::from(!self.envelope.messages.is_empty()));
                if let Some(said) = count(line).filter(|said| *said != held) {
                    return Err(EnvelopeError::Batches { said, held });
                }
            }
            b"MSH" => {
                if self.envelope.messages.len() >= BATCH_MESSAGES_MAX {
                    return Err(EnvelopeError::TooMany);
                }
                self.envelope.messages.push(at);
                self.messages += 1;
                self.in_message = true;
            }
            _ => match self.envelope.messages.last_mut().filter(|_| self.in_message) {
                Some(message) => message.end = at.end,
                None => return Err(EnvelopeError::Stray),
            },
        }
        Ok(())
    }
}

impl Envelope {
    /// Takes an envelope apart; `None` when there is none, the usual case: a single message.
    ///
    /// # Errors
    /// When what it holds is not what its sender put in: nothing of it should be used, since what is missing may matter to the rest. A trailer
    /// that did not come is an error only `of_a_file`, which can be cut short where a frame cannot.
    pub fn read(bytes: &[u8], of_a_file: bool) -> Option<Result<Self, EnvelopeError>> {
        let start = bytes.iter().position(|byte| !is_blank(*byte))?;
        let first = bytes.get(start..start + 3)?;
        (first == b"FHS" || first == b"BHS").then(|| Self::scan(bytes, start, of_a_file))
    }

    fn scan(bytes: &[u8], start: usize, of_a_file: bool) -> Result<Self, EnvelopeError> {
        let mut scan = Scan::default();
        let mut at = start;
        for line in bytes.get(start..).unwrap_or_default().split(|byte| matches!(byte, b'\r' | b'\n')) {
            let end = at + line.len();
            if line.iter().any(|byte| !is_blank(*byte)) {
                let begin = at + line.iter().take_while(|byte| is_blank(**byte)).count();
                scan.take(bytes.get(begin..end).unwrap_or_default(), begin..end)?;
            }
            at = end + 1;
        }
        if of_a_file && (scan.in_file || scan.in_batch) {
            return Err(EnvelopeError::Unended);
        }
        Ok(scan.envelope)
    }
}

/// The header of a batch that answers the one that begins here: sender and receiver changed round, its own control id, and that
/// of the batch it answers (BHS-12).
#[must_use]
pub fn answer_head(head: &[u8], own_id: &str, now: Timestamp, zone: &TimeZone) -> Vec<u8> {
    let line = head.split(|byte| matches!(byte, b'\r' | b'\n')).find(|line| line.iter().any(|byte| !is_blank(*byte)));
    let Decoded { text, charset } = decode(line.unwrap_or_default());
    let text = text.trim();
    let delimiters = text.get(3..).and_then(|rest| Delimiters::after(rest).ok()).unwrap_or_default();
    // BHS-1 is the separator itself, so the second field is BHS-3.
    let field = |number: usize| text.split(delimiters.field).nth(number - 1).unwrap_or_default();
    let or = |value: &str, otherwise: &str| if value.is_empty() { otherwise.to_owned() } else { value.to_owned() };
    let fields = [
        "BHS".to_owned(),
        delimiters.encoding_characters(),
        or(field(5), "HANDRAIL"),
        field(6).to_owned(),
        field(3).to_owned(),
        field(4).to_owned(),
        super::ack::written(now, zone),
        String::new(),
        String::new(),
        String::new(),
        delimiters.escape(own_id).into_owned(),
        field(11).to_owned(),
    ];
    let mut said = fields.join(delimiters.field.encode_utf8(&mut [0; 4]));
    said.push('\r');
    Charset::encode(charset, &said).into_owned()
}

/// The first field of a trailer, if it is a number.
fn count(trailer: &[u8]) -> Option<u64> {
    let separator = *trailer.get(3)?;
    let field = trailer.get(4..)?.split(|byte| *byte == separator).next()?;
    std::str::from_utf8(field).ok()?.trim().parse().ok()
}

const fn is_blank(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0 || byte == 0xef || byte == 0xbb || byte == 0xbf
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Result<Vec<&str>, EnvelopeError>> {
        let read = Envelope::read(text.as_bytes(), true)?;
        Some(read.map(|envelope| envelope.messages.into_iter().map(|range| &text[range]).collect()))
    }

    #[test]
    fn messages_are_found_whatever_envelope_they_are_in() {
        for text in [
            "FHS|^~\\&|A\rBHS|^~\\&|A\rMSH|1\rPID|1\rMSH|2\rBTS|2\rFTS|1\r",
            "\u{feff}BHS|^~\\&|A\nMSH|1\nPID|1\n\nMSH|2\nBTS|2\n",
            "BHS|^~\\&|A\r\nMSH|1\r\nPID|1\r\nMSH|2\r\nBTS\r\n",
            "BHS|^~\\&|A\rMSH|1\rPID|1\rBTS|1\rBHS|^~\\&|A\rMSH|2\rBTS|1|the second\r",
            "FHS#^~\\&#A\rMSH|1\rPID|1\rMSH|2\rFTS#1\r",
        ] {
            let found: Vec<String> = read(text)
                .unwrap()
                .unwrap()
                .iter()
                .map(|message| message.replace("\r\n", "\r").replace('\n', "\r"))
                .collect();
            assert_eq!(found, ["MSH|1\rPID|1", "MSH|2"], "{text}");
        }
        assert_eq!(read("BHS|^~\\&|A\rBTS|0\r").unwrap().unwrap(), Vec::<&str>::new());
        for single in ["MSH|^~\\&|A\rPID|1", "", "PID|1\rBHS|1", "\r\n"] {
            assert_eq!(read(single), None, "{single}");
        }
    }

    #[test]
    fn an_envelope_that_does_not_add_up_is_none() {
        for (text, error) in [
            ("BHS|^~\\&\rMSH|1\rBTS|2\r", EnvelopeError::Messages { said: 2, held: 1 }),
            ("BHS|^~\\&\rMSH|1\rBTS|1\rBHS|^~\\&\rMSH|1\rMSH|2\rBTS|1\r", EnvelopeError::Messages { said: 1, held: 2 }),
            ("FHS|^~\\&\rBHS|^~\\&\rMSH|1\rBTS|1\rFTS|2\r", EnvelopeError::Batches { said: 2, held: 1 }),
            ("BHS|^~\\&\rPID|1\rBTS|0\r", EnvelopeError::Stray),
            ("BHS|^~\\&\rMSH|1\rBTS|1\rPID|1\r", EnvelopeError::Stray),
            ("BHS|^~\\&\rMSH|1\r", EnvelopeError::Unended),
            ("FHS|^~\\&\rBHS|^~\\&\rMSH|1\rBTS|1\r", EnvelopeError::Unended),
        ] {
            assert_eq!(read(text), Some(Err(error)), "{text}");
        }
        let many = format!("BHS|^~\\&{}", "\rMSH|1".repeat(BATCH_MESSAGES_MAX + 1));
        assert_eq!(read(&many), Some(Err(EnvelopeError::TooMany)));
        assert!(Envelope::read(b"BHS|^~\\&\rMSH|1\r", false).unwrap().is_ok(), "a frame ends where it ends");
    }

    #[test]
    fn an_answer_names_the_batch_it_answers() {
        let now = Timestamp::from_millis(1_782_884_415_000);
        let text = "BHS#*~\\&#PAS#GH#HR#FAC#20260701##night##B7\rMSH|1\rBTS|1";
        let head = String::from_utf8(answer_head(text.as_bytes(), "H1", now, &TimeZone::UTC)).unwrap();
        assert_eq!(head, "BHS#*~\\&#HR#FAC#PAS#GH#20260701054015+0000####H1#B7\r");
    }
}
