//! `[provider.NAME]`: whose word about who somebody is counts, and what is said of one that would count for too much.

use crate::{load, minimal_files};
use charter::Charter;
use charter::name::ProviderName;
use std::fmt::Write;

const SOUND: &str = r#"
[provider.hospital-id]
title = "Hospital sign-in"
claim = "employee_number"
classes = ["staff"]
level = 1

[provider.hospital-id.acr]
mfa = { level = 2 }
phr = { level = 3, phishing_resistant = true }

[provider.hospital-id.groups]
ward-nurses = "nurse"
"#;

fn with(section: &str) -> Result<Charter, String> {
    let mut files = minimal_files();
    files.get_mut("assurance.toml").unwrap().push_str(section);
    load(&files)
}

#[test]
fn the_level_is_that_of_the_context_listed_or_else_that_of_the_provider_alone() {
    let charter = with(SOUND).unwrap();
    let provider = &charter.assurance().provider[&ProviderName::new("hospital-id").unwrap()];
    assert_eq!(provider.level_of(Some("mfa")), Some(2));
    assert_eq!(provider.level_of(Some("phr")), Some(3));
    assert_eq!(provider.level_of(Some("MFA")), Some(1), "compared exactly");
    assert_eq!(provider.level_of(None), Some(1));
    assert_eq!(provider.acr_for(2), ["mfa", "phr"]);
    assert_eq!(provider.acr_for(3), ["phr"]);
    assert_eq!(provider.groups_claim, "groups");
}

#[test]
fn without_a_level_of_its_own_a_provider_counts_by_its_contexts_alone() {
    let charter = with(&SOUND.replace("level = 1\n", "")).unwrap();
    let provider = &charter.assurance().provider[&ProviderName::new("hospital-id").unwrap()];
    assert_eq!(provider.level_of(None), None);
    assert_eq!(provider.level_of(Some("something else")), None);
    assert_eq!(provider.level_of(Some("mfa")), Some(2));
}

#[test]
fn what_is_said_of_a_provider_that_would_count_for_too_much() {
    let slips = [
        ("[provider.hospital-id]", "[provider.\"Hospital ID\"]"),
        ("\"employee_number\"", "\"name\""),
        ("\"employee_number\"", "\"\""),
        ("[\"staff\"]", "[]"),
        ("[\"staff\"]", "[\"staff\", \"agent\", \"staff\"]"),
        ("[\"staff\"]", "[\"employees\"]"),
        ("level = 1\n", "level = 3\n"),
        ("level = 1\n", "level = 0\n"),
        ("{ level = 2 }", "{ level = 4 }"),
        (", phishing_resistant = true", ""),
        ("\"nurse\"", "\"nusre\""),
        ("title = \"Hospital sign-in\"\n", ""),
        ("claim =", "claims ="),
        (SOUND, "[provider.other]\ntitle = \"Other\"\nclaim = \"sub\"\nclasses = [\"vendor\"]\n"),
    ];
    let mut all = String::new();
    for (from, to) in slips {
        assert!(SOUND.contains(from), "{from}");
        let said = with(&SOUND.replacen(from, to, 1)).map_or_else(|said| said, |_| "loads".to_owned());
        writeln!(all, "--- {from:?} -> {to:?}\n{said}").unwrap();
    }
    crate::shows!(all);
}
