//! Words for the keys of a charter. A key without words is said as it is.

use super::About;
use charter::Charter;
use events::{OwnerId, WorkflowName};
use serde_json::Value;

/// Tables whose entries are things with names of their own: what one of them is called.
const NOUNS: &[(&[&str], &str)] = &[
    (&["roles"], "role"),
    (&["actions"], "action"),
    (&["labels"], "label"),
    (&["entity"], "entity"),
    (&["workflow"], "workflow"),
    (&["teams"], "team"),
    (&["people"], "person"),
    (&["methods"], "way to sign in"),
    (&["entitlements"], "entitlement"),
    (&["reasons"], "reason to break the glass"),
    (&["targets"], "system"),
    (&["vendors"], "supplier"),
    (&["callers"], "calling system"),
    (&["sites"], "site"),
    (&["units"], "unit"),
    (&["overlay"], "local rules of"),
    (&["action"], "action of the schema"),
    (&["type"], "type of the schema"),
    (&["scenario"], "file of scenarios"),
];

/// Words for the keys below them, whatever they are below.
const KEYS: &[(&str, &str)] = &[
    ("access_p95_s_max", "the time from wanting access to having it, for 95 of 100"),
    ("actions", "its actions"),
    ("after_min", "the time after which somebody is told"),
    ("alerts", "who is told at once"),
    ("approval_p95_min_max", "the time an approval takes, for 95 of 100"),
    ("approvals", "who must agree"),
    ("adt_s", "when a silent patient feed is stale"),
    ("low.level", "the level of sign-in that a low risk asks for"),
    ("low.max_age_min", "how long ago people may have signed in where the risk is low"),
    ("moderate.level", "the level of sign-in that a moderate risk asks for"),
    ("moderate.max_age_min", "how long ago people may have signed in where the risk is moderate"),
    ("high.level", "the level of sign-in that a high risk asks for"),
    ("high.max_age_min", "how long ago people may have signed in where the risk is high"),
    ("critical.level", "the level of sign-in that a critical risk asks for"),
    ("critical.max_age_min", "how long ago people may have signed in where the risk is critical"),
    ("assurance.level", "the level people must have signed in at"),
    ("assurance.max_age_min", "how long ago people may have signed in"),
    ("authenticator", "what happens when the asker's way to sign in fails"),
    ("availability", "who answers for it being there"),
    ("bypass_told", "who is told of a bypass"),
    ("clinical_it", "who answers for its clinical systems"),
    ("codes", "what feeds call it"),
    ("contact", "how to reach them"),
    ("control_owner", "Who operates the control"),
    ("cost", "what a delay costs"),
    ("denied_percent_max", "the most denials among 100 requests"),
    ("detail_days", "how long encrypted detail is kept"),
    ("device_trust", "what happens when the device cannot be trusted"),
    ("discharge_s", "how long a unit keeps its claim after a discharge"),
    ("downtime_tolerance_min", "how long care can go on without it"),
    ("duration_max_min", "the longest it can be granted for"),
    ("duration_min", "How long the glass stays broken"),
    ("end", "how access ends when a permit falls"),
    ("escalation", "Who is told when nobody reacts"),
    ("exceptions_granted_by", "who may grant exceptions"),
    ("feed", "what happens when a feed is stale"),
    ("help_desk", "Who helps people who are stuck"),
    ("identity", "who answers for who people are"),
    ("in", "what it belongs to"),
    ("incident_owner", "who owns an incident"),
    ("late_charting_s", "how long late charting is possible"),
    ("lead", "who leads it"),
    ("ledger_days", "how long entries are kept"),
    ("legal_hold", "whether nothing expires"),
    ("may_ask", "who may ask for it"),
    ("may_assert", "what it may assert"),
    ("may_break_glass", "Who may break the glass"),
    ("monitored_by", "who watches it"),
    ("name", "its name"),
    ("narrow", "what is offered instead"),
    ("on_failure", "what happens when a decision cannot be recorded"),
    ("open_h", "how long a proposed charter can be signed"),
    ("operations", "who answers for the work"),
    ("policy_owner", "Who owns the policies"),
    ("prompts_per_shift_max", "the most prompts one person sees in a shift"),
    ("remedies", "what a denied asker may be offered"),
    ("rights", "what it may do"),
    ("risk", "how bad misuse would be"),
    ("rota_s", "when a silent rota is stale"),
    ("separate_from", "what nobody may hold together with it"),
    ("signatures", "how many people sign a change of the charter"),
    ("signed_by", "who may sign a change of the charter"),
    ("store", "what happens when recording fails"),
    ("systems", "the systems it runs through"),
    ("title", "what people call it"),
    ("transfer_s", "how long a unit keeps its claim after a transfer"),
    ("workarounds_per_week_max", "the most workarounds in a week"),
];

/// What the entries of a table are called, if they are things with names of their own.
pub(super) fn noun(path: &[String]) -> Option<&'static str> {
    let found = NOUNS.iter().find(|(table, _)| table.iter().eq(path.iter()));
    found.map(|(_, noun)| *noun)
}

/// A thing by what people call it and its name in the charter.
pub(super) fn title(about: About, key: &str, value: &Value) -> String {
    let title = ["title", "name"].iter().find_map(|field| value.get(field)?.as_str());
    match title.filter(|title| *title != key) {
        Some(title) => format!("“{title}” ({key})"),
        None if about == About::Schema || about == About::Entities => key.to_owned(),
        None => format!("“{key}”"),
    }
}

/// What a leaf is, with what it belongs to.
pub(super) fn phrase(about: About, path: &[String], charter: &Charter) -> String {
    let (table, rest) = match path.split_first() {
        Some((table, rest)) if noun(std::slice::from_ref(table)).is_some() => (Some(table), rest),
        _ => (None, path),
    };
    let Some((name, fields)) = table.and_then(|_| rest.split_first()) else {
        return match words(path) {
            Some(words) => capital(words),
            None => format!("{about}: `{}`", path.join(".")),
        };
    };
    let noun = capital(noun(path.get(..1).unwrap_or_default()).unwrap_or_default());
    let what = words(fields).map_or_else(|| format!("`{}`", fields.join(".")), str::to_owned);
    if let (About::Sites, [part, workflow, ..]) = (about, fields)
        && part == "workflow"
    {
        return format!("{noun} “{name}”: in {}, {what}", thing(About::Workflows, workflow, charter));
    }
    format!("{noun} {}: {what}", thing(about, name, charter))
}

fn thing(about: About, name: &str, charter: &Charter) -> String {
    let workflow = (about == About::Workflows)
        .then(|| WorkflowName::new(name).ok().and_then(|name| charter.workflow(&name)).map(|known| known.title.clone()))
        .flatten();
    workflow.map_or_else(|| format!("“{name}”"), |title| format!("“{title}”"))
}

/// Words for a key, or for its last two parts.
fn words(path: &[String]) -> Option<&'static str> {
    let last = path.last()?;
    let two = path.len().checked_sub(2).and_then(|from| path.get(from..)).map(|two| two.join("."));
    let find = |key: &str| KEYS.iter().find(|(known, _)| *known == key).map(|(_, words)| *words);
    two.and_then(|two| find(&two)).or_else(|| find(last))
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A value in words: lengths with their unit, owners by name.
pub(super) fn value(path: &[String], value: &Value, charter: &Charter) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(number) => {
            let last = path.last().map_or("", String::as_str).trim_end_matches("_max");
            let units = [("_min", "minutes"), ("_s", "seconds"), ("_h", "hours"), ("_days", "days"), ("percent", "%")];
            let unit = units.iter().find(|(suffix, _)| last.ends_with(suffix)).map(|(_, unit)| *unit);
            unit.map_or_else(|| number.to_string(), |unit| format!("{number} {unit}"))
        }
        Value::String(text) => {
            let owner = OwnerId::new(text).ok().and_then(|id| charter.owner(&id).map(|owner| owner.name().to_owned()));
            owner.unwrap_or_else(|| text.replace('_', " "))
        }
        Value::Array(all) if all.is_empty() => "nobody and nothing".to_owned(),
        Value::Array(all) => all.iter().map(|one| self::value(path, one, charter)).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => {
            let all = fields.iter().filter(|(_, field)| !field.is_null());
            let all = all.map(|(key, field)| {
                let inner = [key.clone()];
                format!("{} {}", key.replace('_', " "), self::value(&inner, field, charter))
            });
            all.collect::<Vec<_>>().join(", ")
        }
    }
}
