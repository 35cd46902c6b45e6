//! What can be wrong with a history.

use std::fmt;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// There is nothing to hold it against.
    NoLog,
    /// An entry is not at its place in a node's log.
    Gap { node: usize, at: usize },
    /// A node tells another log than the first does.
    Differs { node: usize, at: usize },
    /// An answer that is not in the log as it was given.
    LostAnswer(u64),
    /// A message that was acknowledged and is not in the log.
    LostMessage(String),
    /// A permit that was given back and has no end.
    LostRelease(u64),
    /// Something that began after something else was over stands before it.
    OutOfOrder { earlier: u64, later: u64 },
    /// An entry that two questions were answered with.
    AnsweredTwice(u64),
    /// A permit with two ends.
    EndedTwice(u64),
    /// A message whose facts are there twice.
    MessageTwice(String),
    /// A question that was decided again by an entry that supersedes none of those before.
    DecidedTwice { before: u64, again: u64 },
    /// A permit that was asked for after its ground's withdrawal had been acknowledged.
    WithdrawnWhenAsked { entry: u64, ground: String },
    /// A permit whose ground was not in force at its place in the log.
    WithdrawnWhenRecorded { entry: u64, ground: String },
    /// A permit that was to stay true, whose ground was withdrawn, and that did not end.
    NotEnded { permit: u64, ground: String, withdrawn: u64 },
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoLog => write!(f, "there is no log"),
            Self::Gap { node, at } => write!(f, "node {node}: what stands at place {at} of the log is another entry"),
            Self::Differs { node, at } => write!(f, "node {node} tells another entry {at} than the first node"),
            Self::LostAnswer(entry) => write!(f, "answer {entry} is not in the log as it was given"),
            Self::LostMessage(id) => write!(f, "message {id} was acknowledged and is not in the log"),
            Self::LostRelease(permit) => write!(f, "permit {permit} was given back and has no end"),
            Self::OutOfOrder { earlier, later } => {
                write!(f, "what became entry {later} was over before what became entry {earlier} began")
            }
            Self::AnsweredTwice(entry) => write!(f, "two questions were answered with entry {entry}"),
            Self::EndedTwice(permit) => write!(f, "permit {permit} ends twice"),
            Self::MessageTwice(id) => write!(f, "the facts of message {id} are there twice"),
            Self::DecidedTwice { before, again } => {
                write!(f, "entry {again} decides the question of {before} once more")
            }
            Self::WithdrawnWhenAsked { entry, ground } => {
                write!(f, "permit {entry} was asked for after the withdrawal of {ground} had been acknowledged")
            }
            Self::WithdrawnWhenRecorded { entry, ground } => {
                write!(f, "permit {entry} rests on {ground}, which was not in force at its place in the log")
            }
            Self::NotEnded { permit, ground, withdrawn } => {
                write!(f, "permit {permit} rests on {ground}, withdrawn by entry {withdrawn}, and did not end")
            }
        }
    }
}
