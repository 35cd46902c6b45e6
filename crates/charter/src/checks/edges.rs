//! `systems.toml`.

use super::Check;
use crate::diagnostic::Code;
use crate::document::at;
use crate::names::Noun;
use crate::nearest::suggest;
use crate::parts::Parts;
use crate::systems::{Assertable, Caller, CallerRight, DEFAULT_CALLER, Systems};
use crate::vocabulary::{self, Shape, Vocabulary};
use events::{TypeName, UnitId};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn systems(check: &mut Check<'_, '_, Systems>, parts: &Parts<'_>) {
    let systems = &check.doc.value;
    check.some(at!["patient_types"], &systems.patient_types, "name the schema's type for patients, such as `Patient`");
    check.refer(Noun::Type, at!["patient_types"], systems.patient_types.iter().map(TypeName::as_str));
    for (called, of) in &systems.types {
        check.refers(Noun::Type, at!["types", called.as_str()], of.as_str());
    }
    for (name, target) in &systems.targets {
        let name = name.as_str();
        check.words(at!["targets", name, "title"], &target.title);
        check.refers(Noun::Owner, at!["targets", name, "owner"], target.owner.as_str());
        if let Some(vendor) = &target.vendor {
            check.refers(Noun::Vendor, at!["targets", name, "vendor"], vendor.as_str());
        }
    }
    for (name, vendor) in &systems.vendors {
        check.words(at!["vendors", name.as_str(), "name"], &vendor.name);
        let owner = vendor.handoff_owner.as_str();
        check.refers(Noun::Owner, at!["vendors", name.as_str(), "handoff_owner"], owner);
    }
    let mut senders = BTreeMap::new();
    for (name, feed) in &systems.feeds {
        check.refers(Noun::Owner, at!["feeds", name.as_str(), "owner"], feed.owner.as_str());
        for (index, sender) in feed.applications.iter().enumerate() {
            if let Some(other) = senders.insert(sender.as_str(), name) {
                let message = format!("`{sender}` is also listed for the feed `{other}`");
                let path = at!["feeds", name.as_str(), "applications", index];
                check.say(Code::Duplicate, path, message, "a sender is one feed: keep it once");
            }
        }
    }
    callers(check, parts.schema.as_ref().map(|(_, vocabulary)| vocabulary));
}

fn callers(check: &mut Check<'_, '_, Systems>, vocabulary: Option<&Vocabulary>) {
    let callers = &check.doc.value.callers;
    if !callers.contains_key(DEFAULT_CALLER) {
        let help = "add `[callers.default]`; with `may = []` it lets nobody in who is not named";
        check.say(Code::MissingKey, at!["callers"], "nothing says what callers may that are not named", help);
    }
    for (name, caller) in callers {
        let name = name.as_str();
        check.words(at!["callers", name, "title"], &caller.title);
        check.refers(Noun::Owner, at!["callers", name, "owner"], caller.owner.as_str());
        if caller.rate_per_s == 0 {
            let message = "a rate of 0 lets nothing through";
            check.say(Code::Value, at!["callers", name, "rate_per_s"], message, "write at least 1, or `may = []`");
        }
        followed(check, name, caller, vocabulary);
        let Some(vocabulary) = vocabulary else { continue };
        for (index, assertable) in caller.asserts.iter().enumerate() {
            if let Some((message, help)) = unknown(assertable, vocabulary) {
                check.say(Code::Reference, at!["callers", name, "asserts", index], message, &help);
            }
        }
    }
}

/// What a caller is told of sessions that it follows.
fn followed(check: &mut Check<'_, '_, Systems>, name: &str, caller: &Caller, vocabulary: Option<&Vocabulary>) {
    let Some(follows) = &caller.follows else { return };
    if !caller.may(CallerRight::Follow) {
        let message = format!("`{name}` may not `follow`, so it is told nothing of this");
        check.say_key(
            Code::Reference,
            at!["callers", name, "follows"],
            message,
            "add `follow` to `may`, or take this out",
        );
    }
    check.refer(Noun::Unit, at!["callers", name, "follows", "units"], follows.units.iter().map(UnitId::as_str));
    if let Some(action) = &follows.patient {
        let path = at!["callers", name, "follows", "patient"];
        check.refers(Noun::Action, path, action.as_str());
        let patients = &check.doc.value.patient_types;
        let shape = vocabulary.and_then(|vocabulary| vocabulary.actions.get(action));
        if shape.is_some_and(|shape| !patients.iter().any(|of| shape.resources.contains(of))) {
            let message = format!("`{action}` is nothing that is done to patients");
            check.say(Code::Reference, path, message, "name an action of patients, such as the one that opens a chart");
        }
    }
    for (index, origin) in follows.origins.iter().enumerate() {
        if !is_origin(origin) {
            let message = format!("`{origin}` is no origin as browsers write it");
            let help = "write scheme and host, and the port where it is not the usual one: `https://pharmacy.example`";
            check.say(Code::Value, at!["callers", name, "follows", "origins", index], message, help);
        }
    }
}

/// Whether this is an origin as browsers write it (RFC 6454): in small letters, without a path.
fn is_origin(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let written = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-:[]".contains(&byte);
    host.is_some_and(|host| !host.is_empty() && host.bytes().all(written))
}

/// What to say of something the schema does not know.
fn unknown(assertable: &Assertable, vocabulary: &Vocabulary) -> Option<(String, String)> {
    let help = |name: &str, known: BTreeSet<&str>, home: &str| {
        let known = suggest(name, known.iter().copied());
        known.unwrap_or_else(|| format!("declare it in {home} of the schema, or take it out"))
    };
    match assertable {
        Assertable::Everything => None,
        Assertable::Context(name) => {
            let known: BTreeSet<&str> = vocabulary
                .actions
                .values()
                .flat_map(|action| action.context.keys().map(|name| name.as_str()))
                .filter(|name| !vocabulary::is_own(name))
                .collect();
            if vocabulary::is_own(name) {
                let help = format!("take it out: callers may assert {}", vocabulary::ASSERTED.join(", "));
                return Some((format!("`{assertable}` is what Handrail knows itself, nobody asserts it"), help));
            }
            let message = format!("no action of the schema has `{name}` in its context");
            (!known.contains(name.as_str())).then(|| (message, help(name, known, "the context of an action")))
        }
        Assertable::Action(name) => {
            let known: BTreeSet<&str> = vocabulary
                .actions
                .values()
                .filter_map(|action| match &action.context.get(vocabulary::REQUEST)?.shape {
                    Shape::Record(attributes) => Some(attributes.keys().map(|name| name.as_str())),
                    _ => None,
                })
                .flatten()
                .collect();
            let message = format!("no action of the schema has `{name}` in its `context.request`");
            (!known.contains(name.as_str())).then(|| (message, help(name, known, "`context.request` of an action")))
        }
        Assertable::Attribute(of, name) => match vocabulary.types.get(of) {
            None => {
                let known = vocabulary.types.keys().map(TypeName::as_str).collect();
                Some((format!("the schema has no entity type `{of}`"), help(of.as_str(), known, "an entity type")))
            }
            Some(shape) => {
                let known: BTreeSet<&str> = shape.attributes.keys().map(|name| name.as_str()).collect();
                let message = format!("the schema's type `{of}` has no attribute `{name}`");
                (!known.contains(name.as_str())).then(|| (message, help(name, known, "the type")))
            }
        },
    }
}
