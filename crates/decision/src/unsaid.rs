//! What went unsaid? Some actions take yes-or-no properties that only the caller can assert, such as `witnessed`. When a question was denied
//! and saying yes to them would have permitted it, whoever asked is told so. Nothing else about the question is changed for the trial, except
//! a fresh sign-in where the workflow offers one, so the trial tells of the patient what a remedy tells and no more.

use events::decision::{Made, Values};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use smol_str::SmolStr;

/// The word under which a leaf keeps it.
pub const UNSAID: &str = "unsaid";
/// The most properties of one action that are tried.
pub const PROPERTIES_MAX: usize = 4;

/// What the caller did not say, and would have turned a deny into a permit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsaid {
    /// The properties of the action, all of them true, in alphabetical order.
    pub properties: Vec<SmolStr>,
    /// The level of the fresh sign-in that it takes besides; absent when it takes none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_up: Option<u8>,
}

impl Unsaid {
    /// What a recorded decision keeps of it.
    #[must_use]
    pub fn of(made: &Made) -> Option<Self> {
        made.circumstances.get(UNSAID).and_then(|kept| Self::deserialize(kept).ok())
    }

    /// As a leaf keeps it.
    #[must_use]
    pub fn value(&self) -> Value {
        let properties = self.properties.iter().map(|name| Value::from(name.as_str())).collect();
        let mut kept = serde_json::Map::from_iter([("properties".to_owned(), Value::Array(properties))]);
        kept.extend(self.step_up.map(|level| ("step_up".to_owned(), Value::from(level))));
        Value::Object(kept)
    }

    /// In words, for whoever asked.
    #[must_use]
    pub fn sentence(&self) -> String {
        let words: Vec<_> = self.properties.iter().map(|name| name.replace('_', " ")).collect();
        let sign_in =
            self.step_up.map(|level| format!(", after signing in again at level {level}")).unwrap_or_default();
        format!("It would be permitted with: {}{sign_in}.", words.join(", "))
    }
}

/// The properties to say yes to, the fewest first: each by itself, then all together.
pub(crate) fn sets(open: &[SmolStr]) -> Vec<Vec<SmolStr>> {
    let mut sets: Vec<_> = open.iter().map(|name| vec![name.clone()]).collect();
    if open.len() > 1 {
        sets.push(open.to_vec());
    }
    sets
}

/// What was asserted of an action, and yes to these besides.
pub(crate) fn saying(asserted: &Values, yes: &[SmolStr]) -> Values {
    let yes = yes.iter().map(|name| (name.to_string(), Value::Bool(true)));
    asserted.clone().into_iter().chain(yes).collect()
}
