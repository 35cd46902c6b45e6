//! Whether the schema leaves what decisions offer as it is.

use crate::cedar_text::tokens;
use crate::diagnostic::{Code, Diagnostic, Findings};
use crate::parts::Parts;
use crate::source::Source;
use crate::vocabulary::{self, ASSURANCE, ActionShape, CARE, PRINCIPAL_TYPES, REQUEST, ROLE, Shape, TypeShape};
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

pub(super) fn check(parts: &Parts<'_>, findings: &mut Findings) {
    let (Some((_, known)), Some(source)) = (&parts.schema, &parts.schema_source) else { return };
    let required = parts.assurance.as_ref().is_some_and(|doc| doc.value.required.is_some());
    let mut offered = Offered { source, findings, said: BTreeSet::new(), required };
    let patients = parts.systems.as_ref().map(|doc| doc.value.patient_types.as_slice()).unwrap_or_default();
    for (name, action) in &known.actions {
        let about_patients = action.resources.iter().all(|resource| patients.contains(resource));
        offered.context(name.as_str(), action, about_patients);
    }
    for (name, shape) in &known.types {
        let principal = PRINCIPAL_TYPES.contains(&name.as_str());
        if principal || patients.contains(name) {
            offered.entity(name.as_str(), shape, !principal);
        }
        if principal && !shape.member_of.contains(ROLE) {
            let message = format!("`{name}` does not belong to roles");
            offered.say(
                "entity",
                name.as_str(),
                name.as_str(),
                message,
                &format!("declare `entity {name} in [{ROLE}]`"),
            );
        }
    }
    if !known.types.contains_key(ROLE) {
        let message = format!("the schema has no entity type `{ROLE}`");
        offered.say("entity", ROLE, ROLE, message, &format!("declare `entity {ROLE} in [{ROLE}];`"));
    } else if known.types.get(ROLE).is_some_and(|role| role.attributes.values().any(|attribute| attribute.required)) {
        let message = format!("`{ROLE}` has attributes that nobody fills");
        offered.say("entity", ROLE, ROLE, message, &format!("declare `entity {ROLE} in [{ROLE}];`"));
    }
}

struct Offered<'a> {
    source: &'a Arc<Source>,
    findings: &'a mut Findings,
    /// What was said already: one declaration may be shared by many actions.
    said: BTreeSet<(usize, String)>,
    /// `assurance.toml` says what is required by risk, so `assurance` is always there.
    required: bool,
}

impl Offered<'_> {
    fn say(&mut self, keyword: &str, of: &str, name: &str, message: String, help: &str) {
        let span = declared(self.source, keyword, of, name);
        if self.said.insert((span.start, message.clone())) {
            self.findings.push(Diagnostic::at(Code::Vocabulary, self.source, span, message).with_help(help));
        }
    }

    /// `about_patients`: the action is done to patients only, so `care` is always there.
    fn context(&mut self, action: &str, shape: &ActionShape, about_patients: bool) {
        for (name, attribute) in &shape.context {
            let mark = if attribute.required { "" } else { "?" };
            if let Some(mut offer) = vocabulary::offered(name) {
                offer.required |= about_patients && name == CARE || self.required && name == ASSURANCE;
                let help = format!(
                    "declare `{name}{}: {}`, or leave it out",
                    if offer.required { "" } else { "?" },
                    offer.shape
                );
                if !vocabulary::declares(&attribute.shape, &offer.shape) {
                    let message = format!("`context.{name}` is not the shape that decisions offer");
                    self.say("action", action, name, message, &help);
                } else if attribute.required && !offer.required {
                    let message = format!("`context.{name}` is not always known");
                    self.say("action", action, name, message, &help);
                }
            } else if name == REQUEST {
                let Shape::Record(properties) = &attribute.shape else {
                    let help = "declare `request?: { name?: Type }` with the properties callers may assert";
                    self.say("action", action, name, format!("`context.{name}` must be a record"), help);
                    continue;
                };
                let missing = properties.iter().find(|(_, property)| property.required).map(|(name, _)| name.as_str());
                if attribute.required || missing.is_some() {
                    let name = missing.unwrap_or(name);
                    let message = format!("`{name}` is there only if a caller asserts it");
                    self.say(
                        "action",
                        action,
                        name,
                        message,
                        &format!("declare `{name}?`, and let policies ask `has {name}`"),
                    );
                }
            } else if attribute.required {
                let message = format!("`context.{name}{mark}` is there only if a caller asserts it");
                self.say(
                    "action",
                    action,
                    name,
                    message,
                    &format!("declare `{name}?`, and let policies ask `has {name}`"),
                );
            }
        }
    }

    fn entity(&mut self, of: &str, shape: &TypeShape, patient: bool) {
        for (name, attribute) in &shape.attributes {
            match vocabulary::given(name, patient) {
                Some(given) if given != attribute.shape => {
                    let message = format!("`{of}.{name}` is not the shape that the world gives");
                    self.say("entity", of, name, message, &format!("declare `{name}: {given}`, or leave it out"));
                }
                None if attribute.required => {
                    let message = format!("`{of}.{name}` is there only if a caller asserts it");
                    self.say(
                        "entity",
                        of,
                        name,
                        message,
                        &format!("declare `{name}?`, and let policies ask `has {name}`"),
                    );
                }
                _ => {}
            }
        }
    }
}

/// Where a name stands: in the declaration of `of` if it is there, else the first time anywhere (a common type), else the beginning.
fn declared(source: &Source, keyword: &str, of: &str, name: &str) -> Range<usize> {
    let unquoted = |text: &'_ str| -> bool { text.trim_matches('"') == name };
    let (mut declaration, mut here, mut anywhere) = (false, false, None);
    for token in tokens(&source.text) {
        match token.text {
            text if text == keyword => (declaration, here) = (true, false),
            ";" => (declaration, here) = (false, false),
            text if declaration && text.trim_matches('"') == of => {
                here = true;
                if of == name {
                    return token.span;
                }
            }
            text if unquoted(text) => {
                if here {
                    return token.span;
                }
                anywhere.get_or_insert(token.span);
            }
            _ => {}
        }
    }
    anywhere.unwrap_or(0..0)
}
