//! What do policies look at, and at which minutes could the passing of time alone change what they see?
//!
//! Read once from each policy's conditions. A counter of minutes compared with a number matters at that number only; used in any other way
//! it matters every minute. Whatever is not understood counts as looked at: policies are then given more than they need, and the answer
//! is asked again too early, never too late.

use cedar_policy::Policy;
use serde_json::Value;
use std::collections::BTreeSet;

macro_rules! fields {
    ($($variant:ident $word:literal $field:literal;)*) => {
        /// One thing policies can look at, as `word.field` of the vocabulary.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[expect(missing_docs, reason = "each is the dotted word in `Field::ALL`")]
        pub enum Field {
            $($variant,)*
        }

        impl Field {
            /// Every field the decision offers, with its words. One that is a word by itself has no second.
            pub const ALL: &[(Self, &'static str, &'static str)] = &[$((Self::$variant, $word, $field),)*];
        }
    };
}

fields! {
    ShiftOn "shift" "on";
    ShiftUnits "shift" "units";
    ShiftOnCallUnits "shift" "on_call_units";
    CareKnown "care" "known";
    CareTeam "care" "team";
    CareAttending "care" "attending";
    CareParticipant "care" "participant";
    CareUnit "care" "unit";
    CareExpecting "care" "expecting";
    CareOrdered "care" "ordered";
    CarePerforming "care" "performing";
    CareScheduled "care" "scheduled";
    CareLeftMinutes "care" "left_minutes";
    CarePresent "care" "present";
    CareSelf "care" "self";
    CareFamily "care" "family";
    SessionLevel "session" "level";
    SessionAgeMinutes "session" "age_minutes";
    SessionMethod "session" "method";
    SessionPresence "session" "presence";
    SessionBound "session" "bound";
    DeviceId "device" "id";
    DeviceKind "device" "kind";
    DeviceManaged "device" "managed";
    DeviceShared "device" "shared";
    DevicePosture "device" "posture";
    DeviceUnit "device" "unit";
    LiveBreakGlass "live" "break_glass";
    LiveVouched "live" "vouched";
    LiveElevations "live" "elevations";
    LiveExceptions "live" "exceptions";
    FeedsAdtStale "feeds" "adt_stale";
    FeedsRotaStale "feeds" "rota_stale";
    FeedsAdtQuietMinutes "feeds" "adt_quiet_minutes";
    FeedsRotaQuietMinutes "feeds" "rota_quiet_minutes";
    AssuranceRequired "assurance" "required";
    AssuranceEnough "assurance" "enough";
    Emergency "emergency" "";
    Purpose "purpose" "";
}

impl Field {
    pub(crate) const fn bit(self) -> u64 {
        1 << self as u64
    }
}

/// A count of minutes that grows by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counter {
    /// Since the session was last proved.
    SessionAge,
    /// Since the last claim on the patient ended.
    Left,
    /// Since the patient feed was heard.
    AdtQuiet,
    /// Since the rota was heard.
    RotaQuiet,
}

impl Counter {
    const ALL: [(Self, Field); 4] = [
        (Self::SessionAge, Field::SessionAgeMinutes),
        (Self::Left, Field::CareLeftMinutes),
        (Self::AdtQuiet, Field::FeedsAdtQuietMinutes),
        (Self::RotaQuiet, Field::FeedsRotaQuietMinutes),
    ];

    fn of(path: &[&str]) -> Option<Self> {
        let [word, field] = path else { return None };
        let found = Field::ALL.iter().find(|(_, w, f)| w == word && f == field)?;
        Self::ALL.iter().find(|(_, field)| *field == found.0).map(|(counter, _)| *counter)
    }
}

/// The words of the vocabulary, in the order of [`Word`].
pub const WORDS: [&str; 9] =
    ["shift", "care", "session", "device", "live", "feeds", "emergency", "purpose", "assurance"];

/// A word of the vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the word of the same name in `WORDS`")]
pub enum Word {
    Shift,
    Care,
    Session,
    Device,
    Live,
    Feeds,
    Emergency,
    Purpose,
    Assurance,
}

impl Word {
    /// Every word.
    pub const ALL: [Self; WORDS.len()] = [
        Self::Shift,
        Self::Care,
        Self::Session,
        Self::Device,
        Self::Live,
        Self::Feeds,
        Self::Emergency,
        Self::Purpose,
        Self::Assurance,
    ];

    pub(crate) const fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// What some policies look at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uses {
    /// The words that must be there, by their place in [`WORDS`].
    words: u16,
    fields: u64,
    every_minute: [bool; 4],
    at: [BTreeSet<i64>; 4],
}

impl Uses {
    /// What one policy's conditions look at.
    #[must_use]
    pub fn of(policy: &Policy) -> Self {
        policy.to_json().map_or_else(|_| Self::everything(), |json| Self::of_json(&json))
    }

    /// The same of a policy in Cedar's JSON form.
    pub(crate) fn of_json(policy: &Value) -> Self {
        let Some(conditions) = policy.get("conditions").and_then(Value::as_array) else { return Self::everything() };
        let mut uses = Self::default();
        conditions.iter().filter_map(|condition| condition.get("body")).for_each(|body| uses.visit(body));
        uses
    }

    /// As if everything were looked at, in every way.
    #[must_use]
    pub fn everything() -> Self {
        Self { words: u16::MAX, fields: u64::MAX, every_minute: [true; 4], at: Default::default() }
    }

    /// Adds what others look at.
    pub fn merge(&mut self, other: &Self) {
        self.words |= other.words;
        self.fields |= other.fields;
        for (mine, theirs) in self.every_minute.iter_mut().zip(other.every_minute) {
            *mine |= theirs;
        }
        for (mine, theirs) in self.at.iter_mut().zip(&other.at) {
            mine.extend(theirs);
        }
    }

    /// Whether any of them looks at a word, if only at whether it is there.
    #[must_use]
    pub const fn looks_at_word(&self, word: Word) -> bool {
        self.words & word.bit() != 0
    }

    /// Whether any of them looks at a field.
    #[must_use]
    pub const fn looks_at(&self, field: Field) -> bool {
        self.fields & field.bit() != 0
    }

    /// The minutes from `reached` to the next count at which a comparison could come out differently; absent when none could.
    #[must_use]
    pub fn next_count(&self, counter: Counter, reached: i64) -> Option<i64> {
        let place = counter as usize;
        if self.every_minute.get(place).copied().unwrap_or(true) {
            return Some(reached.saturating_add(1));
        }
        // A comparison with N can change when the count becomes N and when it becomes N + 1.
        let at = self.at.get(place)?;
        if at.contains(&reached) {
            return Some(reached.saturating_add(1));
        }
        at.range(reached.saturating_add(1)..).next().copied()
    }

    /// A word must be there to be found.
    fn there(&mut self, word: &str) {
        if let Some(place) = WORDS.iter().position(|known| *known == word) {
            self.words |= 1 << place;
        }
    }

    /// The value at a path is used in a way nothing is known about.
    fn whole(&mut self, path: &[&str]) {
        let Some(word) = path.first() else { return *self = Self::everything() };
        self.there(word);
        let field = path.get(1);
        for (found, w, f) in Field::ALL {
            if w == word && (field.is_none() || f.is_empty() || field == Some(f)) {
                self.fields |= found.bit();
            }
        }
        for (counter, found) in Counter::ALL {
            if Field::ALL.iter().any(|(f, w, name)| *f == found && w == word && field.is_none_or(|field| field == name))
                && let Some(every) = self.every_minute.get_mut(counter as usize)
            {
                *every = true;
            }
        }
    }

    /// The value at a path is compared with a number, or asked whether it is there.
    fn at(&mut self, path: &[&str], number: Option<i64>) {
        let Some(counter) = Counter::of(path) else { return self.whole(path) };
        if let Some((_, field)) = Counter::ALL.iter().find(|(c, _)| *c == counter) {
            self.fields |= field.bit();
        }
        path.first().into_iter().for_each(|word| self.there(word));
        if let (Some(number), Some(at)) = (number, self.at.get_mut(counter as usize)) {
            at.insert(number);
        }
    }

    fn visit(&mut self, expr: &Value) {
        if let Some(path) = path(expr) {
            return self.whole(&path);
        }
        match expr {
            Value::Object(object) => {
                for (operator, operands) in object {
                    if !self.visit_operator(operator, operands) {
                        self.visit(operands);
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.visit(item)),
            _ => {}
        }
    }

    /// Whether the operator was one of those understood more finely.
    fn visit_operator(&mut self, operator: &str, operands: &Value) -> bool {
        match operator {
            // A literal's insides are not expressions.
            "Value" => true,
            // Here the keys are names, not operators.
            "Record" => {
                operands.as_object().into_iter().flatten().for_each(|(_, value)| self.visit(value));
                true
            }
            "has" => self.visit_has(operands),
            "<" | "<=" | ">" | ">=" | "==" | "!=" => {
                let (Some(left), Some(right)) = (operands.get("left"), operands.get("right")) else { return false };
                let compared = match (path(left), number(right), number(left), path(right)) {
                    (Some(path), Some(number), _, _) | (_, _, Some(number), Some(path)) => Some((path, number)),
                    _ => None,
                };
                compared.is_some_and(|(path, number)| {
                    self.at(&path, Some(number));
                    true
                })
            }
            _ => false,
        }
    }

    /// `left has attr`, or `left has attr.attr…`. Whether it was understood.
    fn visit_has(&mut self, operands: &Value) -> bool {
        let (Some(mut path), Some(names)) = (operands.get("left").and_then(path), operands.get("attr").and_then(names))
        else {
            return false;
        };
        path.extend(names);
        // Whether a counter runs is a matter of time. Whether a word is there at all is not, but it must be there to be found.
        match (Counter::of(&path), path.as_slice()) {
            (Some(_), _) => self.at(&path, None),
            (None, [word]) => self.there(word),
            (None, _) => self.whole(&path),
        }
        true
    }
}

pub(crate) fn names(attr: &Value) -> Option<Vec<&str>> {
    match attr {
        Value::String(name) => Some(vec![name]),
        Value::Array(names) => names.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

fn number(expr: &Value) -> Option<i64> {
    expr.get("Value")?.as_i64()
}

/// The words of `context.word.field…`, outermost first; empty for the context itself.
pub(crate) fn path(expr: &Value) -> Option<Vec<&str>> {
    if expr.get("Var").and_then(Value::as_str) == Some("context") {
        return Some(Vec::new());
    }
    let access = expr.get(".")?;
    let mut words = path(access.get("left")?)?;
    words.push(access.get("attr")?.as_str()?);
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uses(condition: &str) -> Uses {
        let text = format!("permit(principal, action, resource) when {{ {condition} }};");
        Uses::of(&Policy::parse(None, text).unwrap())
    }

    #[test]
    fn a_policy_that_looks_at_nothing_timed_never_changes_by_time() {
        let none = uses("principal.active && resource.labels.contains(\"vip\") && context has care");
        assert!(Field::ALL.iter().all(|(field, ..)| !none.looks_at(*field)));
        assert!(none.looks_at_word(Word::Care) && !none.looks_at_word(Word::Shift), "only whether `care` is there");
        assert_eq!(none.next_count(Counter::SessionAge, 0), None);
    }

    #[test]
    fn a_comparison_matters_at_its_number_and_just_after() {
        let fifteen = uses("context has session && context.session.age_minutes <= 15");
        assert!(fifteen.looks_at(Field::SessionAgeMinutes));
        assert!(!fifteen.looks_at(Field::CareTeam));
        assert_eq!(fifteen.next_count(Counter::SessionAge, 3), Some(15));
        assert_eq!(fifteen.next_count(Counter::SessionAge, 15), Some(16));
        assert_eq!(fifteen.next_count(Counter::SessionAge, 16), None);
        assert_eq!(fifteen.next_count(Counter::Left, 3), None);
        assert_eq!(uses("15 > context.session.age_minutes").next_count(Counter::SessionAge, 3), Some(15));
    }

    #[test]
    fn a_counter_used_otherwise_matters_every_minute() {
        for condition in [
            "context.session.age_minutes + 1 < 15",
            "context.session == context.session",
            "context == context",
            "[context.session.age_minutes].contains(3)",
            "context.session.age_minutes < resource.limit",
        ] {
            assert_eq!(uses(condition).next_count(Counter::SessionAge, 3), Some(4), "{condition}");
        }
    }

    #[test]
    fn words_and_fields_are_told_apart() {
        let team = uses("context.care.team || context.emergency");
        assert!(team.looks_at(Field::CareTeam) && team.looks_at(Field::Emergency));
        assert!(!team.looks_at(Field::CareUnit) && !team.looks_at(Field::ShiftOn));
        let shift = uses("context.shift.units.contains(\"ED\")");
        assert!(shift.looks_at(Field::ShiftUnits) && !shift.looks_at(Field::ShiftOn));
        let whole = uses("if context.care == context.care then true else false");
        assert!(whole.looks_at(Field::CareUnit) && whole.looks_at(Field::CareLeftMinutes));
        for condition in [
            "context.care has left_minutes",
            "context has care.left_minutes",
            "{ \"has\": 1, \"Value\": context.care.left_minutes, \"Record\": 2 } == resource",
        ] {
            assert!(uses(condition).looks_at(Field::CareLeftMinutes), "{condition}");
            assert!(!uses(condition).looks_at(Field::ShiftOn), "{condition}");
        }
    }
}
