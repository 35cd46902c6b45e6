//! Which acknowledgements a sender asks for: MSH-15 and MSH-16 (HL7 v2.5.1 section 2.9, table 0155).

use super::{Message, Outcome};

/// What an acknowledgement is about. By the time Handrail answers it knows both, so they never disagree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// That the message is in safe storage: CA, CE, CR.
    Accept,
    /// What became of it: AA, AE, AR.
    Application,
}

/// When the sender wants an acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Always,
    Never,
    OnError,
    OnSuccess,
}

impl When {
    /// An empty field of a sender that uses the other one asks for nothing; a code nobody knows is better answered than not.
    fn read(code: &str) -> Self {
        match code {
            "" | "NE" => Self::Never,
            "ER" => Self::OnError,
            "SU" => Self::OnSuccess,
            _ => Self::Always,
        }
    }

    fn is_now(self, outcome: Outcome) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::OnError => outcome != Outcome::Accepted,
            Self::OnSuccess => outcome == Outcome::Accepted,
        }
    }
}

/// The acknowledgements a sender asks for. Neither field given: original mode, one application acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    accept: When,
    application: When,
}

impl Wanted {
    /// What senders want that do not say, or cannot be understood.
    pub const ORIGINAL: Self = Self { accept: When::Never, application: When::Always };

    /// What this message's sender wants.
    #[must_use]
    pub fn of(message: &Message<'_>) -> Self {
        let header = message.segment("MSH");
        let (accept, application) = (header.field(15).component(1), header.field(16).component(1));
        match (accept.trim(), application.trim()) {
            ("", "") => Self::ORIGINAL,
            (accept, application) => Self { accept: When::read(accept), application: When::read(application) },
        }
    }

    /// The acknowledgements to send, in their order; there may be none.
    pub fn levels(self, outcome: Outcome) -> impl Iterator<Item = Level> {
        let accept = self.accept.is_now(outcome).then_some(Level::Accept);
        accept.into_iter().chain(self.application.is_now(outcome).then_some(Level::Application))
    }

    /// Whether exactly one comes, whatever the outcome.
    #[must_use]
    pub fn is_one(self) -> bool {
        matches!((self.accept, self.application), (When::Always, When::Never) | (When::Never, When::Always))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_gets_the_acknowledgements_it_asks_for() {
        use Level::{Accept, Application};
        for (accept, application, accepted, refused) in [
            ("", "", vec![Application], vec![Application]),
            ("AL", "", vec![Accept], vec![Accept]),
            ("AL", "NE", vec![Accept], vec![Accept]),
            ("NE", "AL", vec![Application], vec![Application]),
            ("", "AL", vec![Application], vec![Application]),
            ("AL", "AL", vec![Accept, Application], vec![Accept, Application]),
            ("AL", "ER", vec![Accept], vec![Accept, Application]),
            ("SU", "ER", vec![Accept], vec![Application]),
            ("ER", "SU", vec![Application], vec![Accept]),
            ("NE", "NE", vec![], vec![]),
            ("whatever", "", vec![Accept], vec![Accept]),
        ] {
            let text = format!("MSH|^~\\&|PAS|GH|||||ADT^A01|1|P|2.5|||{accept}|{application}");
            let wanted = Wanted::of(&Message::read(&text).unwrap());
            assert_eq!(wanted.levels(Outcome::Accepted).collect::<Vec<_>>(), accepted, "{accept} {application}");
            assert_eq!(wanted.levels(Outcome::Refused).collect::<Vec<_>>(), refused, "{accept} {application}");
            assert_eq!(wanted.levels(Outcome::Failed).collect::<Vec<_>>(), refused, "{accept} {application}");
        }
    }
}
