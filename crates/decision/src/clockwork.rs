//! What do policies look at, and at which minutes could the passing of time alone change what they see?
//!
//! Read once from each policy's conditions. A counter of minutes compared with a number matters at that number only; used in any other way
//! it matters every minute. Whatever is not understood counts as looked at: the answer is then asked again too early, never too late.

use cedar_policy::Policy;
use serde_json::Value;
use std::collections::BTreeSet;

/// One thing policies can look at, as `word.field` of the vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the dotted word in `Field::ALL`")]
pub enum Field {
    ShiftOn,
    ShiftUnits,
    ShiftOnCallUnits,
    CareKnown,
    CareTeam,
    CareAttending,
    CareParticipant,
    CareUnit,
    CareExpecting,
    CareLeftMinutes,
    CarePresent,
    CareSelf,
    CareFamily,
    SessionAgeMinutes,
    DevicePosture,
    FeedsAdtStale,
    FeedsRotaStale,
    FeedsAdtQuietMinutes,
    FeedsRotaQuietMinutes,
    Emergency,
}

impl Field {
    /// Every field that time alone can change, with its words.
    pub const ALL: [(Self, &'static str, &'static str); 20] = [
        (Self::ShiftOn, "shift", "on"),
        (Self::ShiftUnits, "shift", "units"),
        (Self::ShiftOnCallUnits, "shift", "on_call_units"),
        (Self::CareKnown, "care", "known"),
        (Self::CareTeam, "care", "team"),
        (Self::CareAttending, "care", "attending"),
        (Self::CareParticipant, "care", "participant"),
        (Self::CareUnit, "care", "unit"),
        (Self::CareExpecting, "care", "expecting"),
        (Self::CareLeftMinutes, "care", "left_minutes"),
        (Self::CarePresent, "care", "present"),
        (Self::CareSelf, "care", "self"),
        (Self::CareFamily, "care", "family"),
        (Self::SessionAgeMinutes, "session", "age_minutes"),
        (Self::DevicePosture, "device", "posture"),
        (Self::FeedsAdtStale, "feeds", "adt_stale"),
        (Self::FeedsRotaStale, "feeds", "rota_stale"),
        (Self::FeedsAdtQuietMinutes, "feeds", "adt_quiet_minutes"),
        (Self::FeedsRotaQuietMinutes, "feeds", "rota_quiet_minutes"),
        (Self::Emergency, "emergency", ""),
    ];

    const fn bit(self) -> u32 {
        1 << self as u32
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

/// What some policies look at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uses {
    fields: u32,
    every_minute: [bool; 4],
    at: [BTreeSet<i64>; 4],
}

impl Uses {
    /// What one policy's conditions look at.
    #[must_use]
    pub fn of(policy: &Policy) -> Self {
        let mut uses = Self::default();
        match policy.to_json() {
            Ok(json) => match json.get("conditions").and_then(Value::as_array) {
                Some(conditions) => conditions.iter().filter_map(|c| c.get("body")).for_each(|body| uses.visit(body)),
                None => uses.everything(),
            },
            Err(_) => uses.everything(),
        }
        uses
    }

    /// Adds what others look at.
    pub fn merge(&mut self, other: &Self) {
        self.fields |= other.fields;
        for (mine, theirs) in self.every_minute.iter_mut().zip(other.every_minute) {
            *mine |= theirs;
        }
        for (mine, theirs) in self.at.iter_mut().zip(&other.at) {
            mine.extend(theirs);
        }
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

    fn everything(&mut self) {
        self.fields = u32::MAX;
        self.every_minute = [true; 4];
    }

    /// The value at a path is used in a way nothing is known about.
    fn whole(&mut self, path: &[&str]) {
        let Some(word) = path.first() else { return self.everything() };
        let field = path.get(1);
        for (found, w, f) in Field::ALL {
            if w == *word && (field.is_none() || f.is_empty() || field == Some(&f)) {
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
            "has" => {
                let (Some(mut path), Some(field)) =
                    (operands.get("left").and_then(path), operands.get("attr").and_then(Value::as_str))
                else {
                    return false;
                };
                // Whether a word is there at all is not a matter of time; whether a counter runs is.
                path.push(field);
                if Counter::of(&path).is_some() {
                    self.at(&path, None);
                }
                true
            }
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
}

fn number(expr: &Value) -> Option<i64> {
    expr.get("Value")?.as_i64()
}

/// The words of `context.word.field…`, outermost first; empty for the context itself.
fn path(expr: &Value) -> Option<Vec<&str>> {
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
        assert_eq!(none, Uses::default());
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
        assert!(uses("context.care has left_minutes").looks_at(Field::CareLeftMinutes));
    }
}
