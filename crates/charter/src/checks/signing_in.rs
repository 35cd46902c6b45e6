//! `assurance.toml`: what is about signing in itself, each value within its limits.

use super::Check;
use crate::assurance::{Assurance, SessionLimit, VOUCHING_REASONS_MAX};
use crate::diagnostic::Code;
use crate::document::{Step, at};
use crate::length::Minutes;
use crate::names::Noun;
use crate::signing_in::{AUTHENTICATORS_MAX, Attestation, AuthenticatorRules, Maker, Throttle};
use crate::vocabulary::Vocabulary;
use events::principal::IdentityClass;
use events::signin::Cause;
use events::{ActionName, OwnerId, RoleName};

/// The longest invitation, in hours.
const INVITATION_H_MAX: u32 = 336;
/// The oldest a sign-in may be where a class has to prove itself anew each time.
const CLASS_AGE_MIN_MAX: u32 = 720;
/// The longest warning.
const WARN_MIN_MAX: u32 = 10;
/// The longest grace after a hand-over.
const GRACE_MIN_MAX: u32 = 60;
/// The longest somebody is let in provisionally.
const PROVISIONAL_MIN_MAX: u32 = 60;
/// The latest review of that, in hours.
const REVIEW_H_MAX: u32 = 72;
/// The longest a temporary pass is good for.
const PASS_MIN_MAX: u32 = 240;
/// The longest a request for a way back in may be open before it is an incident.
const OPEN_MIN_MAX: u32 = 1_440;

pub(super) fn all(check: &mut Check<'_, '_, Assurance>, vocabulary: Option<&Vocabulary>) {
    let assurance = &check.doc.value;
    for (index, limit) in assurance.session.iter().enumerate() {
        warning(check, index, limit);
    }
    for (class, rules) in &assurance.authenticators {
        authenticators(check, *class, rules);
    }
    makers(check);
    within(check, at!["hand_over", "grace_min"], assurance.hand_over.grace_min.get(), (1, GRACE_MIN_MAX));
    vouching(check, vocabulary);
    provisional(check, vocabulary);
    recovery(check);
    causes(check);
    let throttle = &assurance.throttle;
    for (key, count, limits) in [
        ("address_per_min", throttle.address_per_min, Throttle::ADDRESS),
        ("device_per_min", throttle.device_per_min, Throttle::DEVICE),
        ("identity_per_min", throttle.identity_per_min, Throttle::IDENTITY),
    ] {
        within(check, at!["throttle", key], count, limits);
    }
}

/// A warning comes while there is still time.
pub(super) fn warning<T>(check: &mut Check<'_, '_, T>, index: usize, limit: &SessionLimit) {
    let Some(warn) = limit.warn_before_min else { return };
    let path = at!["session", index, "warn_before_min"];
    let most = WARN_MIN_MAX.min(limit.idle_min.min(limit.overall_min).get().saturating_sub(1));
    if warn.get() > most {
        let message = format!("{} minutes before the end is too early for a warning here", warn.get());
        let help = format!("write at most {most}: less than `idle_min` and `overall_min`, and {WARN_MIN_MAX} or less");
        check.say(Code::Value, path, message, &help);
    }
}

/// A number within its limits.
fn within(check: &mut Check<'_, '_, Assurance>, path: &[Step<'_>], count: u32, (least, most): (u32, u32)) {
    if !(least..=most).contains(&count) {
        check.say(Code::Value, path, format!("{count} is not within its limits"), &format!("write {least} to {most}"));
    }
}

/// Actions or groups of actions.
fn actions(
    check: &mut Check<'_, '_, Assurance>,
    path: &[Step<'_>],
    names: &[ActionName],
    vocabulary: Option<&Vocabulary>,
) {
    let groups = vocabulary.map(|vocabulary| &vocabulary.groups);
    for (index, name) in names.iter().enumerate() {
        let path = [path, &[Step::Index(index)]].concat();
        if !groups.is_some_and(|groups| groups.contains_key(name)) {
            check.refers(Noun::Action, &path, name.as_str());
        }
        if names.iter().take(index).any(|before| before == name) {
            check.say(Code::Duplicate, &path, format!("`{name}` is listed twice"), "keep it once");
        }
    }
}

fn authenticators(check: &mut Check<'_, '_, Assurance>, class: IdentityClass, rules: &AuthenticatorRules) {
    let at = |key: &'static str| [Step::Key("authenticators"), Step::Key(class.as_str()), Step::Key(key)];
    if !matches!(class, IdentityClass::Staff | IdentityClass::Vendor | IdentityClass::Patient) {
        let message = format!("`{}` does not sign in at a screen", class.as_str());
        let help = "write `staff`, `vendor` or `patient`; systems have tokens and certificates";
        check.say_key(Code::Value, at!["authenticators", class.as_str()], message, help);
    }
    check.refer(Noun::Method, &at("methods"), rules.methods.iter().map(|name| name.as_str()));
    for (index, name) in rules.methods.iter().enumerate() {
        let weak = check.doc.value.methods.get(name).is_some_and(|method| !method.phishing_resistant);
        if weak {
            let path = [at("methods").as_slice(), &[Step::Index(index)]].concat();
            let message = format!("`{name}` does not withstand phishing, so nobody registers it");
            check.say(Code::Value, &path, message, "name methods with `phishing_resistant = true`");
        }
    }
    if rules.attestation == Attestation::None && !rules.aaguids.is_empty() {
        let message = "without attestation anything can say it is of these makes";
        check.say(Code::Value, &at("attestation"), message, "write `required`, or leave `aaguids` out");
    }
    for (make, title) in &rules.aaguids {
        check.words(&[at("aaguids").as_slice(), &[Step::Key(make.as_str())]].concat(), title);
    }
    within(check, &at("most"), rules.most.into(), (1, AUTHENTICATORS_MAX.into()));
    within(check, &at("advised"), rules.advised.into(), (1, AUTHENTICATORS_MAX.into()));
    check.level(&at("proofing_level"), rules.proofing_level, 3);
    within(check, &at("invitation_h"), rules.invitation_h.get(), (1, INVITATION_H_MAX));
    check.refer(Noun::Owner, &at("invited_by"), rules.invited_by.iter().map(OwnerId::as_str));
    check.refer(Noun::Role, &at("inviting_roles"), rules.inviting_roles.iter().map(RoleName::as_str));
    if let Some(age) = rules.max_age_min {
        within(check, &at("max_age_min"), age.get(), (1, CLASS_AGE_MIN_MAX));
        if check.doc.value.required.is_none() {
            let message = "this counts only beside what is required by risk";
            check.say(Code::Coverage, &at("max_age_min"), message, "add `[required]`, or leave it out");
        }
    }
}

fn makers(check: &mut Check<'_, '_, Assurance>) {
    for (name, maker) in &check.doc.value.makers {
        let name = name.as_str();
        check.words(at!["makers", name, "title"], &maker.title);
        check.some(at!["makers", name, "roots"], &maker.roots, "write the maker's root certificate in PEM");
        for (index, root) in maker.roots.iter().enumerate() {
            if !Maker::is_pem(root) {
                let message = "this is not one certificate in PEM".to_owned();
                let help =
                    "write it from `-----BEGIN CERTIFICATE-----` to `-----END CERTIFICATE-----`, one in each text";
                check.say(Code::Value, at!["makers", name, "roots", index], message, help);
            }
        }
    }
}

fn vouching(check: &mut Check<'_, '_, Assurance>, vocabulary: Option<&Vocabulary>) {
    let vouching = &check.doc.value.vouching;
    actions(check, at!["vouching", "actions"], &vouching.actions, vocabulary);
    let count = u32::try_from(vouching.reasons.len()).unwrap_or(u32::MAX);
    if count == 0 || vouching.reasons.len() > VOUCHING_REASONS_MAX {
        let message = format!("{count} reasons are not a short list to choose from");
        let help = format!("write 1 to {VOUCHING_REASONS_MAX}, such as `reasons.broken = {{ title = \"…\" }}`");
        check.say(Code::Value, at!["vouching", "reasons"], message, &help);
    }
    for (id, reason) in &vouching.reasons {
        check.words(at!["vouching", "reasons", id.as_str(), "title"], &reason.title);
    }
}

fn provisional(check: &mut Check<'_, '_, Assurance>, vocabulary: Option<&Vocabulary>) {
    let Some(rule) = &check.doc.value.provisional else { return };
    check.some(at!["provisional", "roles"], &rule.roles, "name a role of entities.toml");
    check.refer(Noun::Role, at!["provisional", "roles"], rule.roles.iter().map(RoleName::as_str));
    check.refer(Noun::Unit, at!["provisional", "units"], rule.units.iter().map(events::UnitId::as_str));
    within(check, at!["provisional", "duration_min"], rule.duration_min.get(), (1, PROVISIONAL_MIN_MAX));
    check.some(at!["provisional", "actions"], &rule.actions, "name an action or a group of actions");
    actions(check, at!["provisional", "actions"], &rule.actions, vocabulary);
    check.refers(Noun::Owner, at!["provisional", "review", "by"], rule.review.by.as_str());
    within(check, at!["provisional", "review", "due_h"], rule.review.due_h.get(), (1, REVIEW_H_MAX));
}

fn recovery(check: &mut Check<'_, '_, Assurance>) {
    for (name, path) in &check.doc.value.recovery {
        let name = name.as_str();
        check.refer(Noun::Owner, at!["recovery", name, "approvers"], path.approvers.iter().map(OwnerId::as_str));
        let roles = path.approving_roles.iter().map(RoleName::as_str);
        check.refer(Noun::Role, at!["recovery", name, "approving_roles"], roles);
        within(check, at!["recovery", name, "pass_min"], path.pass_min.get(), (1, PASS_MIN_MAX));
        within(check, at!["recovery", name, "available_percent"], path.available_percent.into(), (50, 100));
        if let Some(open) = path.max_open_min.map(Minutes::get) {
            let limits = (path.within_min.get().min(OPEN_MIN_MAX), OPEN_MIN_MAX);
            within(check, at!["recovery", name, "max_open_min"], open, limits);
        }
    }
}

/// None, or all: what nobody answers for is what nobody looks at.
fn causes(check: &mut Check<'_, '_, Assurance>) {
    let causes = &check.doc.value.causes;
    for (cause, rule) in causes {
        check.words(at!["causes", cause.as_str(), "title"], &rule.title);
        check.refers(Noun::Owner, at!["causes", cause.as_str(), "owner"], rule.owner.as_str());
    }
    for cause in Cause::ALL {
        if !causes.is_empty() && !causes.contains_key(&cause) {
            let message = format!("nobody answers for sign-ins that fail because of `{}`", cause.as_str());
            let help = format!("add `[causes.{}]` with a title and an owner", cause.as_str());
            check.say_key(Code::Coverage, at!["causes"], message, &help);
        }
    }
}
