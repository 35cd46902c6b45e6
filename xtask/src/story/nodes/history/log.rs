//! The log as the history is held against: leaves, read for what the checker has to know of them.

use crate::step::Outcome;
use serde_json::Value;

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) seq: u64,
    pub(crate) kind: String,
    /// The id of what somebody told, if it came from that.
    pub(crate) message: Option<String>,
    pub(crate) said: Said,
}

/// What it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// A ground holds from here on, or does not.
    Fact {
        ground: String,
        holds: bool,
    },
    Decision(Decision),
    /// A permit ends here.
    Ended(u64),
    /// Nothing that matters here.
    Other,
}

/// A decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decision {
    pub(crate) request: Option<String>,
    pub(crate) about: String,
    pub(crate) permit: bool,
    pub(crate) live: bool,
    pub(crate) supersedes: Option<u64>,
    pub(crate) grounds: Vec<String>,
}

impl Entry {
    /// The permit that ends here.
    pub(crate) fn ends(&self) -> Option<u64> {
        match self.said {
            Said::Ended(permit) => Some(permit),
            _ => None,
        }
    }
}

/// Reads a leaf.
pub(crate) fn read(line: &str) -> Outcome<Entry> {
    let leaf: Value = serde_json::from_str(line)?;
    let text = |at: &str| leaf.pointer(at).and_then(Value::as_str).map(str::to_owned);
    let number = |at: &str| leaf.pointer(at).and_then(Value::as_u64);
    let kind = text("/kind").ok_or("a leaf has no kind")?;
    let fact = |of: &str, at: &str, holds: bool| {
        text(at).map_or(Said::Other, |name| Said::Fact { ground: format!("{of} {name}"), holds })
    };
    let said = match kind.as_str() {
        "encounter.opened" => fact("patient", "/body/patient", true),
        "encounter.closed" => fact("patient", "/body/patient", false),
        "device.posture_reported" => fact("device", "/body/device", text("/body/posture").as_deref() != Some("failed")),
        "decision.made" => {
            let device = text("/body/question/asserted/context/device");
            let who = [text("/body/question/principal/id"), text("/body/question/action"), device.clone()];
            Said::Decision(Decision {
                request: text("/request"),
                about: who.into_iter().flatten().collect::<Vec<_>>().join(" "),
                permit: text("/body/effect").as_deref() == Some("permit"),
                live: leaf.pointer("/body/live") == Some(&Value::Bool(true)),
                supersedes: number("/body/supersedes"),
                grounds: [("device", device), ("patient", text("/body/question/resource/id"))]
                    .into_iter()
                    .filter_map(|(of, name)| Some(format!("{of} {}", name?)))
                    .collect(),
            })
        }
        "permit.ended" => Said::Ended(number("/body/permit").ok_or("an end names no permit")?),
        _ => Said::Other,
    };
    // What comes by a feed of messages has its id beside it; a finding about a device has it among its words.
    let message = text("/source/message").or_else(|| text("/body/reason").filter(|_| kind.starts_with("device.")));
    Ok(Entry { seq: number("/seq").ok_or("a leaf has no number")?, kind, message, said })
}
