//! Which policies certainly do not apply, seen from a few facts that are only yes or no?
//!
//! Most policies begin with such a fact: somebody is on the team, or has broken the glass, or is not. A policy whose conditions are
//! certainly false, and certainly do not err, can be left out: Cedar would pass over it. Conditions are read once into a small tree that
//! has Cedar's own order of evaluation: the right side of `&&` does not count where the left is false, and whatever might err
//! before something false keeps the policy in. What is not understood might be anything, and might err.

use crate::clockwork::{Field, WORDS, Word, names, path};
use crate::truths::{Truth, Truths};
use serde_json::Value;

/// How a condition comes out, as far as facts tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    No,
    Yes,
    /// One or the other, but without an error.
    Either,
    /// Anything, an error too.
    Unknown,
}

/// A condition as far as it is understood.
#[derive(Debug, PartialEq)]
enum Guard {
    Always(Outcome),
    /// Whether a fact of yes or no holds.
    Fact(Truth),
    /// Whether something is in a set: not if it is empty.
    Among(Truth),
    /// Whether a word is there.
    There(Word),
    Not(Box<Self>),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
}

/// All conditions of one policy.
#[derive(Debug)]
pub(crate) struct Guards {
    all: Guard,
}

/// Whether a field is a fact of yes or no by itself.
const fn is_truth(field: Field) -> bool {
    use Field as F;
    matches!(
        field,
        F::ShiftOn
            | F::CareKnown
            | F::CareTeam
            | F::CareAttending
            | F::CareParticipant
            | F::CareUnit
            | F::CareExpecting
            | F::CareOrdered
            | F::CarePerforming
            | F::CareScheduled
            | F::CarePresent
            | F::CareSelf
            | F::CareFamily
            | F::DeviceManaged
            | F::DeviceShared
            | F::LiveBreakGlass
            | F::LiveVouched
            | F::FeedsAdtStale
            | F::FeedsRotaStale
            | F::AssuranceEnough
            | F::Emergency
    )
}

const fn is_set(field: Field) -> bool {
    matches!(field, Field::ShiftUnits | Field::ShiftOnCallUnits | Field::LiveElevations | Field::LiveExceptions)
}

/// Whether a field may be absent while its word is there.
const fn may_be_absent(field: Field) -> bool {
    use Field as F;
    matches!(
        field,
        F::CareLeftMinutes | F::FeedsAdtQuietMinutes | F::FeedsRotaQuietMinutes | F::DeviceUnit | F::SessionPresence
    )
}

fn field(path: &[&str]) -> Option<Field> {
    let (word, name) = match path {
        [word] => (*word, ""),
        [word, name] => (*word, *name),
        _ => return None,
    };
    Field::ALL.iter().find(|(_, w, f)| *w == word && *f == name).map(|(field, ..)| *field)
}

fn word(name: &str) -> Option<Word> {
    Word::ALL.iter().copied().find(|word| WORDS.get(*word as usize) == Some(&name))
}

impl Guards {
    /// Reads a policy in Cedar's JSON form.
    pub(crate) fn of_json(policy: &Value) -> Self {
        let conditions = policy.get("conditions").and_then(Value::as_array);
        let Some(conditions) = conditions else { return Self { all: Guard::Always(Outcome::Unknown) } };
        let read = conditions.iter().map(|condition| {
            let body = condition.get("body").map_or(Guard::Always(Outcome::Unknown), Guard::read);
            match condition.get("kind").and_then(Value::as_str) {
                Some("when") => body,
                Some("unless") => Guard::Not(Box::new(body)),
                _ => Guard::Always(Outcome::Unknown),
            }
        });
        let all = read.reduce(|left, right| Guard::And(Box::new(left), Box::new(right)));
        Self { all: all.unwrap_or(Guard::Always(Outcome::Yes)) }
    }

    /// Whether a policy with these conditions could be left out.
    pub(crate) fn exclude(&self, truths: Truths) -> bool {
        self.all.outcome(truths) == Outcome::No
    }

    /// Whether a policy with these conditions certainly applies.
    pub(crate) fn hold(&self, truths: Truths) -> bool {
        self.all.outcome(truths) == Outcome::Yes
    }

    /// What they look at.
    pub(crate) fn seen(&self) -> Truths {
        let mut seen = Truths::default();
        self.all.see(&mut seen);
        seen
    }
}

impl Guard {
    fn read(expr: &Value) -> Self {
        Self::understood(expr).unwrap_or(Self::Always(Outcome::Unknown))
    }

    fn understood(expr: &Value) -> Option<Self> {
        if let Some(path) = path(expr) {
            return field(&path).filter(|field| is_truth(*field)).map(|field| Self::Fact(Truth::of(field)));
        }
        if attribute(expr) == Some(("principal", "active")) {
            return Some(Self::Fact(Truth::ACTIVE));
        }
        // Each expression is an object of one operator.
        let (operator, operands) = expr.as_object()?.iter().next()?;
        let side = |name| operands.get(name).map(Self::read).map(Box::new);
        match operator.as_str() {
            "Value" => operands.as_bool().map(|yes| Self::Always(if yes { Outcome::Yes } else { Outcome::No })),
            "!" => Some(Self::Not(side("arg")?)),
            "&&" => Some(Self::And(side("left")?, side("right")?)),
            "||" => Some(Self::Or(side("left")?, side("right")?)),
            "contains" => Self::among(operands, is_literal),
            "containsAny" => Self::among(operands, is_list_of_literals),
            "has" => Self::has(operands),
            "is" if operands.get("in").is_none() => is_variable(operands.get("left")?).then_some(EITHER),
            "in" => (is_variable(operands.get("left")?) && is_entity(operands.get("right")?)).then_some(EITHER),
            _ => None,
        }
    }

    fn among(operands: &Value, fine: fn(&Value) -> bool) -> Option<Self> {
        let set = operands.get("left")?;
        let truth = match (path(set), attribute(set)) {
            (Some(path), _) => Truth::of(field(&path).filter(|field| is_set(*field))?),
            (None, Some(("principal", "labels"))) => Truth::PRINCIPAL_LABELS,
            (None, Some(("resource", "labels"))) => Truth::RESOURCE_LABELS,
            _ => return None,
        };
        fine(operands.get("right")?).then_some(Self::Among(truth))
    }

    /// `context has word`, `context.word has field`, `context has word.field`.
    fn has(operands: &Value) -> Option<Self> {
        let mut path = path(operands.get("left")?)?;
        let extended = path.is_empty();
        path.extend(names(operands.get("attr")?)?);
        match path.as_slice() {
            [name] => Some(Self::There(word(name)?)),
            [name, _] => {
                let absent = Self::Fact(Truth::of(field(&path).filter(|field| may_be_absent(*field))?));
                let there = Self::There(word(name)?);
                Some(if extended { Self::And(Box::new(there), Box::new(absent)) } else { absent })
            }
            _ => None,
        }
    }

    fn outcome(&self, truths: Truths) -> Outcome {
        let of = |known: Option<bool>| match known {
            None => Outcome::Unknown,
            Some(true) => Outcome::Yes,
            Some(false) => Outcome::No,
        };
        match self {
            Self::Always(outcome) => *outcome,
            Self::Fact(truth) => of(truths.holds(*truth)),
            Self::Among(truth) => match of(truths.holds(*truth)) {
                Outcome::Yes => Outcome::Either,
                other => other,
            },
            Self::There(word) => of(truths.is_there(*word)),
            Self::Not(inner) => match inner.outcome(truths) {
                Outcome::No => Outcome::Yes,
                Outcome::Yes => Outcome::No,
                other => other,
            },
            Self::And(left, right) => match left.outcome(truths) {
                Outcome::Yes => right.outcome(truths),
                Outcome::Either => match right.outcome(truths) {
                    Outcome::Yes => Outcome::Either,
                    other => other,
                },
                other => other,
            },
            Self::Or(left, right) => match left.outcome(truths) {
                Outcome::No => right.outcome(truths),
                Outcome::Either => match right.outcome(truths) {
                    Outcome::No => Outcome::Either,
                    other => other,
                },
                other => other,
            },
        }
    }

    fn see(&self, seen: &mut Truths) {
        match self {
            Self::Always(_) => {}
            Self::Fact(truth) | Self::Among(truth) => seen.note(*truth, false),
            Self::There(word) => seen.word(*word, false),
            Self::Not(inner) => inner.see(seen),
            Self::And(left, right) | Self::Or(left, right) => {
                left.see(seen);
                right.see(seen);
            }
        }
    }
}

/// What never errs, whatever it says.
const EITHER: Guard = Guard::Always(Outcome::Either);

/// The variable and the name of `principal.name` and `resource.name`.
fn attribute(expr: &Value) -> Option<(&str, &str)> {
    let access = expr.get(".")?;
    Some((access.get("left")?.get("Var")?.as_str()?, access.get("attr")?.as_str()?))
}

fn is_variable(expr: &Value) -> bool {
    expr.get("Var").is_some_and(|name| name != "context")
}

/// A value that is there without evaluation; extension values are made when they are looked at.
fn is_literal(expr: &Value) -> bool {
    expr.get("Value").is_some_and(|value| value.as_object().is_none_or(|object| object.contains_key("__entity")))
}

fn is_entity(expr: &Value) -> bool {
    expr.get("Value").is_some_and(|value| value.get("__entity").is_some())
}

fn is_list_of_literals(expr: &Value) -> bool {
    expr.get("Set").and_then(Value::as_array).is_some_and(|items| items.iter().all(is_literal))
}

#[cfg(test)]
mod tests {
    use super::*;
    use cedar_policy::Policy;

    fn guards(conditions: &str) -> Guards {
        let policy = Policy::parse(None, format!("permit(principal, action, resource) {conditions};")).unwrap();
        Guards::of_json(&policy.to_json().unwrap())
    }

    /// A nurse on shift, not on the team, who has nothing for a while; nobody said how she signed in.
    fn nurse() -> Truths {
        let mut truths = Truths::default();
        for word in [Word::Care, Word::Shift, Word::Live] {
            truths.word(word, true);
        }
        truths.word(Word::Session, false);
        for field in [Field::CareTeam, Field::LiveBreakGlass, Field::LiveElevations, Field::CareLeftMinutes] {
            truths.note(Truth::of(field), false);
        }
        for field in [Field::CareUnit, Field::ShiftUnits, Field::ShiftOn] {
            truths.note(Truth::of(field), true);
        }
        truths.note(Truth::ACTIVE, true);
        truths.note(Truth::RESOURCE_LABELS, false);
        truths
    }

    #[test]
    fn what_is_certainly_false_is_left_out() {
        for conditions in [
            "when { context.care.team }",
            "when { context.care.team || context.live.break_glass }",
            "when { context.care.unit && context.care.team }",
            "when { context.care.unit } when { context.live.break_glass }",
            "unless { context.care.unit }",
            "unless { context.care.team || context.shift.on }",
            "when { context has session && context.session.level >= 2 }",
            "when { context.live.elevations.contains(\"cover\") }",
            "when { context.live.elevations.containsAny([\"cover\", \"other\"]) }",
            "when { context.care has left_minutes && context.care.left_minutes < 60 }",
            "when { context has care.left_minutes && context.care.left_minutes < 60 }",
            "when { principal is Person && context.care.team }",
            "when { action in Action::\"reading\" && context.care.team && context.session.level == 1 }",
            "when { context.shift.units.contains(\"ED\") && context.care.team }",
            "when { principal.active && context.care.team }",
            "unless { principal.active }",
            "when { resource.labels.contains(\"vip\") || resource.labels.containsAny([\"staff\", \"family\"]) }",
        ] {
            assert!(guards(conditions).exclude(nurse()), "{conditions}");
            assert!(!guards(conditions).exclude(Truths::default()), "nothing is known: {conditions}");
        }
    }

    #[test]
    fn what_is_false_whatever_holds_is_left_out_always() {
        assert!(guards("when { false && context.session.level == 1 }").exclude(Truths::default()));
    }

    #[test]
    fn what_may_hold_or_may_err_stays() {
        for conditions in [
            "",
            "when { context.care.unit }",
            "when { context.shift.units.contains(\"ED\") }",
            "when { context.care.team || principal.wanted }",
            "when { principal.wanted && context.care.team }",
            "when { principal.labels.contains(\"vip\") }",
            "when { resource.active }",
            "when { principal.active.labels.contains(\"vip\") }",
            "when { context.session.level == 1 && context.care.team }",
            "when { context.session.level == 1 } when { context.care.team }",
            "unless { context.care.team }",
            "unless { context has session && context.session.level >= 2 }",
            "when { context.live.elevations.contains(principal.wanted) }",
            "when { context.live.elevations.containsAny([principal.wanted]) }",
            "when { context.live.elevations.contains(\"cover\") == false }",
            "when { if context.care.team then true else true }",
            "when { context.request.scanned && context.care.team }",
            "when { principal in principal.teams && context.care.team }",
            "when { principal in \"x\" && context.care.team }",
            "when { context.care has team && context.care.unit }",
        ] {
            assert!(!guards(conditions).exclude(nurse()), "{conditions}");
        }
    }

    #[test]
    fn what_certainly_holds_is_known_to() {
        for conditions in ["", "when { true }", "when { context.care.unit } unless { context.care.team }"] {
            assert!(guards(conditions).hold(nurse()), "{conditions}");
        }
        for conditions in ["when { context.care.team }", "when { context.emergency }", "when { principal is Person }"] {
            assert!(!guards(conditions).hold(nurse()), "{conditions}");
        }
    }

    #[test]
    fn of_what_nobody_looks_at_nothing_is_kept() {
        let seen = guards("when { context.care.team && context has session }").seen();
        let mut other = nurse();
        other.note(Truth::of(Field::CareUnit), false);
        other.word(Word::Purpose, true);
        assert_eq!(nurse().seen_by(seen), other.seen_by(seen));
        other.note(Truth::of(Field::CareTeam), true);
        assert_ne!(nurse().seen_by(seen), other.seen_by(seen));
    }
}
