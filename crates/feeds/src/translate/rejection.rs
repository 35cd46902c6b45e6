//! Why a message cannot be used, in words that name no patient.

use crate::hl7::{Acknowledgement, EnvelopeError, HEADER_REASON, MessageError, Outcome};
use crate::mllp::Partial;

macro_rules! rejections {
    ($($variant:ident $code:literal $location:expr, $reason:expr;)*) => {
        /// Why a message cannot be used. Sent again unchanged, it could not be used either.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
        #[non_exhaustive]
        pub enum Rejection {
            $(#[doc = concat!("HL7 table 0357: ", stringify!($code), ".")] #[error("{}", $reason)] $variant,)*
        }

        impl Rejection {
            /// Every rejection.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The reason, for the sender, the log and evidence.
            #[must_use]
            pub const fn reason(self) -> &'static str {
                match self { $(Self::$variant => $reason,)* }
            }

            /// The answer to the sender.
            #[must_use]
            pub const fn acknowledgement(self) -> Acknowledgement<'static> {
                let (code, location): (u16, Option<(&'static str, usize)>) = match self { $(Self::$variant => ($code, $location),)* };
                Acknowledgement { outcome: Outcome::Refused, reason: Some(self.reason()), code: Some(code), location }
            }
        }
    };
}

rejections! {
    Restarted 100 None, Partial::Restarted.reason();
    Ended 100 None, Partial::Ended.reason();
    TooLong 207 None, Partial::TooLong.reason();
    NoHeader 100 Some(("MSH", 0)), HEADER_REASON;
    SeveralMessages 207 None, "the frame holds more than one message";
    Miscounted 207 None, "the batch holds another number of messages than it says";
    TooManyInBatch 207 None, "the batch holds more messages than are read at once";
    StraySegment 100 None, "the batch has a segment outside of any message";
    BadDelimiters 102 Some(("MSH", 2)), "MSH-1 and MSH-2 name no usable delimiters";
    TooManySegments 207 None, "the message has more segments than are read";
    NoFeed 207 Some(("MSH", 3)), "no feed of the charter sends as this application (MSH-3)";
    NotThisSender 207 Some(("MSH", 3)), "the sender's certificate does not let it speak for this feed";
    TooMuch 207 None, "the message says more than one entry of the ledger can hold";
    NoControlId 101 Some(("MSH", 10)), "MSH-10 is empty: the message has no control id";
    NoType 101 Some(("MSH", 9)), "MSH-9 is empty: the message has no type";
    NoTrigger 101 Some(("MSH", 9)), "neither MSH-9 nor EVN-1 names a trigger event";
    NoPatient 101 Some(("PID", 3)), "the message has no PID segment";
    NoRecordNumber 101 Some(("PID", 3)), "PID-3 has no record number of an authority this feed may name";
    UnreadableRecord 102 Some(("PID", 3)), "the record number does not read in the message's character set";
    NeverGiven 204 Some(("PID", 3)), "the record number has the form of a temporary one and was never given out";
    UnreadableVisit 102 Some(("PV1", 19)), "the visit number does not read in the message's character set";
    NoPlace 101 Some(("PV1", 3)), "the message moves a patient and names no place";
    UnreadablePlace 102 Some(("PV1", 3)), "the place is too long or does not read";
    NotASwap 101 Some(("PID", 3)), "the message swaps patients and does not name two";
    NoMergedRecord 101 Some(("MRG", 1)), "the message merges or unmerges and names only one record";
    MergedWithItself 204 Some(("MRG", 1)), "the message merges or unmerges a record with itself";
    TooManyMerged 207 Some(("MRG", 1)), "the record stands for so many others already that the merge must be a mistake";
    TooManyPatients 207 Some(("PID", 3)), "the message merges more records than one message may";
    NoOrderNumber 101 Some(("ORC", 2)), "an order has neither a placer's nor a filler's number";
    UnreadableOrder 102 Some(("ORC", 2)), "an order number does not read in the message's character set";
    TooManyOrders 207 Some(("ORC", 1)), "the message speaks of more orders than one message may";
    NoAppointmentNumber 101 Some(("SCH", 2)), "the appointment has neither a filler's nor a placer's number";
    UnreadableAppointment 102 Some(("SCH", 2)), "the appointment's number does not read in the message's character set";
    NoAppointmentTime 101 Some(("SCH", 11)), "the message books an appointment and names no time";
    FarAppointment 102 Some(("SCH", 11)), "the appointment is further away than one can be";
}

impl From<MessageError> for Rejection {
    fn from(error: MessageError) -> Self {
        match error {
            MessageError::NoHeader => Self::NoHeader,
            MessageError::Delimiters => Self::BadDelimiters,
            MessageError::TooManySegments => Self::TooManySegments,
        }
    }
}

impl From<EnvelopeError> for Rejection {
    fn from(error: EnvelopeError) -> Self {
        match error {
            EnvelopeError::TooMany => Self::TooManyInBatch,
            EnvelopeError::Stray => Self::StraySegment,
            EnvelopeError::Messages { .. } | EnvelopeError::Batches { .. } | EnvelopeError::Unended => Self::Miscounted,
        }
    }
}

impl From<Partial> for Rejection {
    fn from(partial: Partial) -> Self {
        match partial {
            Partial::Restarted => Self::Restarted,
            Partial::Ended => Self::Ended,
            Partial::TooLong => Self::TooLong,
        }
    }
}
