//! `[provider.NAME]` of `assurance.toml`: what somebody else's word may be worth at most.

use super::Check;
use crate::assurance::Assurance;
use crate::diagnostic::Code;
use crate::document::at;
use crate::name::ProviderName;
use crate::names::Noun;
use crate::provider::Provider;
use events::principal::IdentityClass;

/// Claims of OpenID Connect that say something of a person without saying which: people share them, or change them themselves.
const NAMES_NOBODY: [&str; 12] = [
    "name",
    "given_name",
    "family_name",
    "middle_name",
    "nickname",
    "profile",
    "picture",
    "website",
    "gender",
    "birthdate",
    "address",
    "phone_number",
];

pub(super) fn all(check: &mut Check<'_, '_, Assurance>) {
    for (name, provider) in &check.doc.value.provider {
        one(check, name, provider);
    }
}

fn one(check: &mut Check<'_, '_, Assurance>, name: &ProviderName, provider: &Provider) {
    let id = name.as_str();
    if !is_of_a_path(id) {
        let message = format!("`{id}` cannot stand in an address");
        let help =
            "write it in small letters, digits and hyphens, such as `hospital-id`: it is part of `/federation/NAME`";
        check.say_key(Code::Value, at!["provider", id], message, help);
    }
    check.words(at!["provider", id, "title"], &provider.title);
    check.words(at!["provider", id, "claim"], &provider.claim);
    check.words(at!["provider", id, "groups_claim"], &provider.groups_claim);
    if NAMES_NOBODY.contains(&provider.claim.as_str()) {
        let message = format!("`{}` does not say who somebody is", provider.claim);
        let help = "name a claim that the provider verified and gives to one person only: a number of the staff register, `email`, or `sub`";
        check.say(Code::Value, at!["provider", id, "claim"], message, help);
    }
    let classes = at!["provider", id, "classes"];
    check.some(classes, &provider.classes, "name a class of identity, such as `staff`");
    for (index, class) in provider.classes.iter().enumerate() {
        let path = at!["provider", id, "classes", index];
        if !matches!(class, IdentityClass::Staff | IdentityClass::Vendor | IdentityClass::Patient) {
            let message = format!("`{}` does not sign in at a screen", class.as_str());
            check.say(
                Code::Value,
                path,
                message,
                "write `staff`, `vendor` or `patient`; systems have tokens and certificates",
            );
        } else if provider.classes.iter().take(index).any(|before| before == class) {
            check.say(Code::Duplicate, path, format!("`{}` is listed twice", class.as_str()), "keep it once");
        }
    }
    worth(check, name.as_str(), provider);
    for (group, role) in &provider.groups {
        check.refers(Noun::Role, at!["provider", id, "groups", group.as_str()], role.as_str());
    }
}

/// What its word is worth at most.
fn worth(check: &mut Check<'_, '_, Assurance>, id: &str, provider: &Provider) {
    if let Some(level) = provider.level {
        let path = at!["provider", id, "level"];
        if level == 3 {
            let message = "a sign-in that does not say how it was made cannot give level 3";
            let help = "list the `acr` that withstands phishing, with `level = 3`, and write 1 or 2 here";
            check.say(Code::Value, path, message, help);
        } else {
            check.level(path, level, 2);
        }
    }
    if provider.level.is_none() && provider.acr.is_empty() {
        let message = "nobody can sign in by this provider: nothing says what that is worth";
        check.say_key(
            Code::Coverage,
            at!["provider", id],
            message,
            "add `level`, or a table `acr` with what it is worth by context",
        );
    }
    for (acr, listed) in &provider.acr {
        let acr = acr.as_str();
        check.level(at!["provider", id, "acr", acr, "level"], listed.level, 3);
        if listed.level == 3 && !listed.phishing_resistant {
            let message = "a context that does not withstand phishing cannot give level 3";
            let help = "SP 800-63B-4 asks for it at level 3: lower the level, or say `phishing_resistant = true` where it is so";
            check.say(Code::Value, at!["provider", id, "acr", acr, "level"], message, help);
        }
    }
}

/// Whether a name can be part of a path as it is.
fn is_of_a_path(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 64
        && !name.starts_with('-')
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}
