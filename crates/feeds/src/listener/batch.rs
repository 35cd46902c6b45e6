//! Many messages in one frame: each is committed and acknowledged like any other, and the acknowledgements go back as one batch.

use crate::hl7::Envelope;
use crate::translate::Rejection;
use bytes::Bytes;
use std::collections::VecDeque;

/// A message's place among those that are answered together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// It came in a frame of its own.
    Alone,
    /// It came in a batch.
    OfBatch {
        /// It is the first, and this is the header of the answer.
        opens: Option<Bytes>,
        /// It is the last.
        closes: bool,
    },
}

/// A batch that cannot be used, whole, and its place in an answer of its own.
type Refused = (Rejection, Part);

/// The messages of a frame that holds a batch; `None` when it holds one message.
pub(super) fn parts(frame: &Bytes, head: impl FnOnce() -> Bytes) -> Option<Result<VecDeque<(Bytes, Part)>, Refused>> {
    let envelope = match Envelope::read(frame, false)? {
        Ok(envelope) => envelope,
        Err(error) => return Some(Err((error.into(), Part::OfBatch { opens: Some(head()), closes: true }))),
    };
    let last = envelope.messages.len().saturating_sub(1);
    let mut opens = Some(head());
    let messages = envelope.messages.into_iter().enumerate();
    Some(Ok(messages
        .map(|(at, range)| (frame.slice(range), Part::OfBatch { opens: opens.take(), closes: at == last }))
        .collect()))
}

/// The acknowledgements of a batch, while they come in.
#[derive(Debug, Default)]
pub(super) struct Reply {
    text: Vec<u8>,
    separator: u8,
    answers: usize,
}

impl Reply {
    /// Takes the acknowledgements of the next message; gives the frames that can be sent now.
    pub(super) fn add(&mut self, acks: Vec<Bytes>, part: Part) -> Vec<Bytes> {
        let Part::OfBatch { opens, closes } = part else { return acks };
        if let Some(head) = opens {
            self.separator = head.get(3).copied().unwrap_or(b'|');
            self.text = head.to_vec();
            self.answers = 0;
        }
        for ack in acks {
            self.text.extend_from_slice(&ack);
            self.answers += 1;
        }
        if !closes {
            return Vec::new();
        }
        self.text.extend_from_slice(b"BTS");
        self.text.push(self.separator);
        self.text.extend_from_slice(self.answers.to_string().as_bytes());
        self.text.push(b'\r');
        vec![std::mem::take(&mut self.text).into()]
    }
}
