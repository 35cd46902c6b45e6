//! A recorded decision in plain words: short for whoever asked, whole for a privacy officer.
//!
//! The short answer uses only what is about the asker or was sent by them. What the patient's record holds never shows in it, unless a
//! policy's own reason says so to somebody who is connected with the patient.

use crate::accountable::{Accountable, Role};
use crate::engine::Engine;
use crate::judgement::REFUSED;
use crate::unsaid::Unsaid;
use events::decision::{Effect, EndMode, Made, Obligation, Remedy, Values};
use events::{PolicyId, RoleName};
use serde::Serialize;
use serde_json::Value;

/// The answer for whoever asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// One sentence: may they, or not.
    pub headline: String,
    /// Why, at most a few sentences.
    pub reasons: Vec<String>,
    /// What would help, in order.
    pub remedies: Vec<Offer>,
    /// Whom to turn to.
    pub contact: Option<Accountable>,
}

/// The whole explanation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// One sentence: who may or may not do what.
    pub headline: String,
    /// The policies that decided, with their reasons.
    pub reasons: Vec<Reason>,
    /// The policies that could not be evaluated.
    pub errors: Vec<Reason>,
    /// What was true, as label and value.
    pub facts: Vec<Fact>,
    /// What would have helped, in order.
    pub remedies: Vec<Offer>,
    /// What the permit obliged to.
    pub obligations: Vec<Duty>,
    /// Who answers for it.
    pub accountable: Vec<Accountable>,
}

/// A policy and why it is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// The policy.
    pub policy: PolicyId,
    /// Its reason, in the words of its owner.
    pub text: String,
}

/// Something that was true.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fact {
    /// What it is about.
    pub label: &'static str,
    /// What was true.
    pub text: String,
}

/// A remedy in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Offer {
    /// The remedy.
    pub remedy: Remedy,
    /// What to do.
    pub text: String,
}

/// An obligation in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Duty {
    /// The obligation.
    pub obligation: Obligation,
    /// What it asks for.
    pub text: String,
}

impl Engine {
    /// The short answer, for whoever asked.
    #[must_use]
    pub fn answer(&self, made: &Made) -> Answer {
        let may = if made.effect == Effect::Permit { "may" } else { "may not" };
        let mut reasons: Vec<String> = made.policies.iter().map(|policy| self.reason(policy).text).collect();
        if made.effect == Effect::Deny {
            let lacking = self.lacking_role(made);
            if reasons.is_empty() && lacking.is_none() {
                reasons = self.own_reasons(made);
            }
            reasons.extend(lacking);
            reasons.extend(Unsaid::of(made).map(|unsaid| unsaid.sentence()));
            if reasons.is_empty() {
                reasons.push("No policy permits this in these circumstances.".to_owned());
            }
        }
        reasons.extend(other_workflow(made));
        let workflow = made.workflow.as_ref().and_then(|name| self.charter().workflow(name));
        let contact = match workflow {
            Some(workflow) => self.named(Role::Operations, &workflow.owners.operations),
            None => self.named(Role::Help, &self.charter().owners().help_desk),
        };
        Answer { headline: format!("You {may} {}.", self.deed(made)), reasons, remedies: self.offers(made), contact }
    }

    /// The whole explanation. Showing it to somebody is itself a permission, and for the caller to check.
    #[must_use]
    pub fn explain(&self, made: &Made) -> Explanation {
        let may = if made.effect == Effect::Permit { "may" } else { "may not" };
        Explanation {
            headline: format!("{} {may} {}.", made.question.principal.id, self.deed(made)),
            reasons: made.policies.iter().map(|policy| self.reason(policy)).collect(),
            errors: made.errors.iter().map(|policy| self.reason(policy)).collect(),
            facts: facts(made),
            remedies: self.offers(made),
            obligations: made.obligations.iter().map(|duty| self.duty(duty)).collect(),
            accountable: self.accountable(made),
        }
    }

    /// What was asked, as the end of "may …".
    fn deed(&self, made: &Made) -> String {
        let action = &made.question.action;
        let title = self.charter().entities().actions.get(action).map(|action| action.title.clone());
        title.unwrap_or_else(|| format!("do `{action}`"))
    }

    /// That it is the asker's role that is missing: no policy lets anybody of it do this, whatever the circumstances.
    fn lacking_role(&self, made: &Made) -> Option<String> {
        let of = &made.circumstances;
        let roles = roles(made);
        // Who is unknown, or has gone, is told that instead.
        let judged = !of.contains_key(REFUSED) && made.errors.is_empty() && is(of, "asker", "active");
        if !judged || !self.lacks_role(&made.question, &roles) {
            return None;
        }
        let names: Vec<_> = roles.iter().map(|role| role.as_str().replace('_', " ")).collect();
        let deed = self.deed(made);
        Some(match names.as_slice() {
            [] => format!("You have no role here that may {deed}."),
            [role] => format!("Your role ({role}) may not {deed}."),
            _ => format!("Your roles ({}) may not {deed}.", names.join(", ")),
        })
    }

    /// Why nothing permitted, from what is about the asker alone.
    fn own_reasons(&self, made: &Made) -> Vec<String> {
        let of = &made.circumstances;
        if let Some(refused) = of.get(REFUSED).and_then(Value::as_str) {
            return vec![format!("The question could not be judged: {refused}.")];
        }
        if !made.errors.is_empty() {
            return vec![
                "A policy that forbids could not be evaluated, so the answer is no. Its owner can see which."
                    .to_owned(),
            ];
        }
        let mut reasons: Vec<String> = Vec::new();
        let mut say = |text: String| reasons.push(text);
        if of.get("asker").is_none() {
            say("You are not registered here.".to_owned());
        } else if !is(of, "asker", "active") {
            say("Your registration has ended.".to_owned());
        }
        if of.contains_key("care") && !CONNECTIONS.iter().any(|f| is(of, "care", f)) {
            say("Nothing on record connects you with this patient's care now.".to_owned());
        }
        let works = is(of, "shift", "on") || !list(at(of, "shift", "on_call_units")).is_empty();
        // Away from patients, a shift is worth a word only where the rules look at it.
        if !works && (of.contains_key("care") || self.rests_on_shift(&made.question, &roles(made))) {
            say("You are not on shift.".to_owned());
        }
        match at(of, "session", "level").and_then(Value::as_i64) {
            None => say("Nobody says how you signed in.".to_owned()),
            Some(level) if level < 2 => say(format!("You signed in at level {level}.")),
            Some(_) => {}
        }
        if at(of, "device", "posture").and_then(Value::as_str) == Some("failed") {
            say("This device failed its last check.".to_owned());
        }
        reasons
    }

    fn reason(&self, policy: &PolicyId) -> Reason {
        let known = self.charter().policy(policy).map(|known| known.reason.clone());
        Reason {
            policy: policy.clone(),
            text: known.unwrap_or_else(|| format!("Policy {policy} of an earlier charter decided.")),
        }
    }

    fn offers(&self, made: &Made) -> Vec<Offer> {
        made.remedies.iter().map(|remedy| Offer { remedy: remedy.clone(), text: self.offer(remedy) }).collect()
    }

    fn offer(&self, remedy: &Remedy) -> String {
        let charter = self.charter();
        match remedy {
            Remedy::Narrow { action } => {
                let title = charter.entities().actions.get(action).map(|action| action.title.as_str());
                format!("You may {} instead.", title.unwrap_or(action.as_str()))
            }
            Remedy::StepUp { level } => format!("Sign in again, at level {level}."),
            Remedy::Vouch => "Ask a signed-in colleague to vouch for you.".to_owned(),
            Remedy::Elevation { entitlement } => {
                let title = charter.elevation().entitlements.get(entitlement).map(|known| known.title.as_str());
                format!("Ask for the entitlement “{}”.", title.unwrap_or(entitlement.as_str()))
            }
            Remedy::BreakGlass => format!(
                "In an emergency, break the glass: it opens for {}, others are alerted, and it is reviewed.",
                charter.emergency().duration_min
            ),
            Remedy::HelpDesk { owner } => match self.named(Role::Help, owner) {
                Some(desk) => format!("Call {}: {}.", desk.name, desk.contact),
                None => "Call the help desk.".to_owned(),
            },
        }
    }

    fn duty(&self, duty: &Obligation) -> Duty {
        let text = match duty {
            Obligation::AskAgain { at } => format!("Ask again at {at} or before."),
            Obligation::EndAccess { mode } => match mode {
                EndMode::Now => "When it ends, end the access at once.".to_owned(),
                EndMode::FinishAction => "When it ends, let the action in hand be finished.".to_owned(),
                EndMode::ReadOnly => "When it ends, reading may go on.".to_owned(),
            },
            Obligation::Notify { owner } => {
                let name = self.named(Role::Help, owner).map_or_else(|| owner.to_string(), |named| named.name);
                format!("Tell {name} that it was used.")
            }
            Obligation::MarkEmergency => "Show on every screen that this is emergency access.".to_owned(),
        };
        Duty { obligation: duty.clone(), text }
    }
}

/// What connects somebody with a patient's care now, besides expecting them.
const CONNECTIONS: [&str; 7] = ["team", "attending", "participant", "unit", "ordered", "performing", "scheduled"];

fn at<'a>(values: &'a Values, word: &str, field: &str) -> Option<&'a Value> {
    values.get(word)?.get(field)
}

fn is(values: &Values, word: &str, field: &str) -> bool {
    at(values, word, field).and_then(Value::as_bool).unwrap_or(false)
}

fn list(value: Option<&Value>) -> Vec<&str> {
    value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

/// The asker's roles, as the decision knew them.
fn roles(made: &Made) -> Vec<RoleName> {
    list(at(&made.circumstances, "asker", "roles")).into_iter().filter_map(|role| RoleName::new(role).ok()).collect()
}

/// That the workflow the question named does not count, if it does not.
fn other_workflow(made: &Made) -> Option<String> {
    let named = made.question.workflow.as_ref().filter(|named| made.workflow.as_ref() != Some(*named))?;
    let judged = made.workflow.as_ref().map(|workflow| format!("; judged as `{workflow}`")).unwrap_or_default();
    Some(format!("The workflow `{named}` is not known for this action{judged}."))
}

/// What was true, in the order a privacy officer asks.
fn facts(made: &Made) -> Vec<Fact> {
    let of = &made.circumstances;
    let mut facts = Vec::new();
    let mut say = |label, text: String| facts.push(Fact { label, text });
    if let Some(refused) = of.get(REFUSED).and_then(Value::as_str) {
        say("Refused", refused.to_owned());
        return facts;
    }
    match of.get("asker") {
        Some(asker) => {
            let class = asker.get("class").and_then(Value::as_str).unwrap_or("unknown").replace('_', " ");
            let roles = list(asker.get("roles")).join(", ");
            let state = if is(of, "asker", "active") { "" } else { ", registration ended" };
            say("Asker", if roles.is_empty() { format!("{class}{state}") } else { format!("{class}: {roles}{state}") });
        }
        None => say("Asker", "not registered".to_owned()),
    }
    say("Shift", shift(of));
    if of.contains_key("care") {
        say("Connection with the patient", care(of));
    }
    let labels = list(of.get("labels"));
    if !labels.is_empty() {
        say("Labels on the record", labels.join(", "));
    }
    say("Session", session(of));
    if let Some(required) = sign_in_missing(of) {
        say("Sign-in asked for", required);
    }
    if let Some(site) = of.get("site").and_then(Value::as_str) {
        say("Rules", format!("those of the site {site}"));
    }
    say("Device", device(of));
    if let Some(purpose) = of.get("purpose").and_then(Value::as_str) {
        say("Purpose, as sent", purpose.to_owned());
    }
    say("Authority held for a while", live(of));
    say("Feeds", feeds(of));
    if of.get("emergency").and_then(Value::as_bool).unwrap_or(false) {
        say("Emergency", "declared in the asker's unit or the device's".to_owned());
    }
    facts
}

fn shift(of: &Values) -> String {
    let present = list(at(of, "shift", "units"));
    let on_call = list(at(of, "shift", "on_call_units"));
    match (present.is_empty(), on_call.is_empty()) {
        (true, true) => "not on shift".to_owned(),
        (false, true) => format!("on shift in {}", present.join(", ")),
        (true, false) => format!("on call for {}", on_call.join(", ")),
        (false, false) => format!("on shift in {}, on call for {}", present.join(", "), on_call.join(", ")),
    }
}

fn care(of: &Values) -> String {
    let mut found: Vec<String> = [
        ("self", "is the patient"),
        ("family", "shares a family label"),
        ("team", "on the treatment team"),
        ("attending", "attending"),
        ("participant", "participant of an encounter"),
        ("unit", "works where the patient is, or was within the grace"),
        ("expecting", "works in a unit that expects the patient"),
        ("ordered", "ordered something that is open, or was done within the grace"),
        ("performing", "performs an order that is open, or was done within the grace"),
        ("scheduled", "is to see the patient about this time"),
    ]
    .into_iter()
    .filter(|(field, _)| is(of, "care", field))
    .map(|(_, text)| text.to_owned())
    .collect();
    if let Some(minutes) = at(of, "care", "left_minutes").and_then(Value::as_i64) {
        found.push(format!("the last claim ended {minutes} minutes before"));
    }
    if !found.is_empty() {
        return found.join("; ");
    }
    if is(of, "care", "known") { "an earlier one only".to_owned() } else { "none known".to_owned() }
}

/// What the risk of the action asks for here, where the sign-in is not enough for it.
fn sign_in_missing(of: &Values) -> Option<String> {
    let assurance = of.get("assurance")?;
    let required =
        assurance.get("required")?.as_i64().filter(|_| assurance.get("enough") == Some(&Value::Bool(false)))?;
    Some(format!("level {required} or higher, and not too long ago: this one is not enough"))
}

fn session(of: &Values) -> String {
    let number = |field| at(of, "session", field).and_then(Value::as_i64);
    let (Some(level), Some(age)) = (number("level"), number("age_minutes")) else {
        return "nobody says how they signed in".to_owned();
    };
    let method = at(of, "session", "method").and_then(Value::as_str).unwrap_or("unknown");
    let Some(presence) = at(of, "session", "presence").and_then(Value::as_str) else {
        return format!("level {level} by {method}, {age} minutes before, as sent");
    };
    let presence = match presence {
        "locked" => "screen locked",
        "elsewhere" => "gone on at another workstation",
        _ => "at the screen",
    };
    let bound = if is(of, "session", "bound") { "" } else { ", workstation not proved by a key" };
    format!("level {level} by {method}, {age} minutes before, {presence}{bound}")
}

fn device(of: &Values) -> String {
    let word = |field| at(of, "device", field).and_then(Value::as_str);
    let Some(id) = word("id") else { return "none known".to_owned() };
    let managed = if is(of, "device", "managed") { "managed" } else { "not managed" };
    let shared = if is(of, "device", "shared") { ", shared" } else { "" };
    let place = word("unit").map(|unit| format!(", in {unit}")).unwrap_or_default();
    let (kind, posture) = (word("kind").unwrap_or("device"), word("posture").unwrap_or("unknown"));
    format!("{id}: {kind}, {managed}{shared}{place}, posture {posture}")
}

fn live(of: &Values) -> String {
    let mut held = Vec::new();
    if is(of, "live", "break_glass") {
        held.push("glass broken".to_owned());
    }
    if is(of, "live", "vouched") {
        held.push("a colleague vouches".to_owned());
    }
    held.extend(list(at(of, "live", "elevations")).into_iter().map(|name| format!("entitlement {name}")));
    held.extend(list(at(of, "live", "exceptions")).into_iter().map(|name| format!("exception {name}")));
    if held.is_empty() { "none".to_owned() } else { held.join("; ") }
}

fn feeds(of: &Values) -> String {
    let feed = |name: &str, stale, quiet| {
        let heard = at(of, "feeds", quiet).and_then(Value::as_i64);
        let heard = heard.map_or_else(|| "never heard".to_owned(), |minutes| format!("heard {minutes} minutes before"));
        format!("{name} {heard}{}", if is(of, "feeds", stale) { ", stale" } else { "" })
    };
    let adt = feed("patients", "adt_stale", "adt_quiet_minutes");
    format!("{adt}; {}", feed("rota", "rota_stale", "rota_quiet_minutes"))
}
