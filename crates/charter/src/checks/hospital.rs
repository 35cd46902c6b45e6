//! `hospital.toml`.

use super::Check;
use crate::diagnostic::Code;
use crate::document::at;
use crate::hospital::Hospital;
use crate::names::Noun;
use std::collections::BTreeMap;

pub(super) fn check(check: &mut Check<'_, '_, Hospital>) {
    let hospital = &check.doc.value;
    check.words(at!["name"], &hospital.name);
    let zone_like = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '-' | '+');
    if hospital.time_zone.is_empty() || !hospital.time_zone.chars().all(zone_like) {
        let help = "write an IANA time zone such as `Europe/Berlin`";
        check.say(Code::Value, at!["time_zone"], format!("`{}` is not a time zone", hospital.time_zone), help);
    }
    let origin_like = |c: char| c.is_ascii_graphic() && c != '+';
    if hospital.origin.is_empty() || hospital.origin.contains("://") || !hospital.origin.chars().all(origin_like) {
        let help =
            "write a host and path without scheme, such as `hospital.example/handrail`; it names the ledger for life";
        check.say(Code::Value, at!["origin"], format!("`{}` is not a ledger origin", hospital.origin), help);
    }
    if hospital.sites.is_empty() {
        check.say(Code::Value, at!["sites"], "the hospital has no site", "add a table such as `[sites.main]`");
    }
    if hospital.units.is_empty() {
        check.say(Code::Value, at!["units"], "the hospital has no unit", "add a table such as `[units.ED]`");
    }
    let mut codes: BTreeMap<&str, &str> = hospital.units.keys().map(|unit| (unit.as_str(), unit.as_str())).collect();
    for (id, unit) in &hospital.units {
        let id = id.as_str();
        check.words(at!["units", id, "name"], &unit.name);
        check.refers(Noun::Site, at!["units", id, "site"], unit.site.as_str());
        for (index, code) in unit.codes.iter().enumerate() {
            let path = at!["units", id, "codes", index];
            check.words(path, code);
            match codes.insert(code, id) {
                Some(other) if other != id => {
                    let message = format!("`{code}` is also a code of the unit `{other}`");
                    check.say(
                        Code::Duplicate,
                        path,
                        message,
                        "give each unit codes of its own, as the feeds send them",
                    );
                }
                _ => {}
            }
        }
    }
    for (id, site) in &hospital.sites {
        check.words(at!["sites", id.as_str(), "name"], &site.name);
    }
}
