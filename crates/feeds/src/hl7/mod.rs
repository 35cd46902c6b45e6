//! HL7 v2 messages as they really come: any declared or undeclared encoding, any delimiters, any line ends, anything missing.
//!
//! Reading is our own small splitter over the decoded text. The published parser we tried stops at the first line it does not expect
//! (a blank line, a segment without fields, a name of two or four letters) and drops the rest of the message without saying so; a merge
//! whose MRG segment is dropped would be acknowledged and lost. A splitter has nothing to fail at: absent is simply empty.

mod ack;
mod adt;
mod envelope;
mod message;
mod order;
mod schedule;
mod text;
mod time;
mod wanted;

pub use ack::{Acknowledgement, Answer, Outcome, acknowledge};
pub use adt::{AdtMessage, Identifier, Location, PATIENTS_MAX, Patient, Person, Sender, Stated, Visit};
pub use envelope::{BATCH_MESSAGES_MAX, Envelope, EnvelopeError, answer_head};
pub use message::{Delimiters, Field, HEADER_REASON, Message, MessageError, SEGMENTS_MAX, Segment};
pub use order::{ORDERS_MAX, Order, OrderState};
pub use schedule::{APPOINTMENT_LENGTH, Appointment};
pub use text::{Charset, Decoded, decode};
pub use time::{Moment, Precision};
pub use wanted::{Level, Wanted};
