//! The files of a charter: which there can be, and how much of them.

use crate::name::SiteId;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The largest file, in bytes.
pub const FILE_BYTES_MAX: usize = 8 * 1024 * 1024;
/// The largest TOML file, in bytes: each mistake in it is one more reading.
pub const TOML_BYTES_MAX: usize = 1024 * 1024;
/// The largest charter, in bytes of its bundle.
pub const BUNDLE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// The most text in all files together, in bytes: what their names take in the bundle is left out.
pub(crate) const TEXT_BYTES_MAX: usize = BUNDLE_BYTES_MAX - FILES_MAX * (FILE_NAME_BYTES_MAX + 32);
/// The most files.
pub const FILES_MAX: usize = 2_048;
/// The longest name of a policy or scenario file, in bytes.
pub const FILE_NAME_BYTES_MAX: usize = 100;

/// The schema.
pub(crate) const SCHEMA: &str = "schema.cedarschema";
/// The TOML files that must be there.
pub(crate) const HOSPITAL: &str = "hospital.toml";
pub(crate) const ENTITIES: &str = "entities.toml";
pub(crate) const WORKFLOWS: &str = "workflows.toml";
pub(crate) const OWNERS: &str = "owners.toml";
pub(crate) const ASSURANCE: &str = "assurance.toml";
pub(crate) const ELEVATION: &str = "elevation.toml";
pub(crate) const EMERGENCY: &str = "emergency.toml";
pub(crate) const SYSTEMS: &str = "systems.toml";

/// Everything that must be there, besides at least one policy file.
pub(crate) const REQUIRED: [&str; 9] =
    [HOSPITAL, SCHEMA, ENTITIES, WORKFLOWS, OWNERS, ASSURANCE, ELEVATION, EMERGENCY, SYSTEMS];

/// The directories of many files: name and ending.
pub(crate) const DIRECTORIES: [(&str, &str); 2] = [(POLICIES, ".cedar"), (SCENARIOS, ".toml")];
pub(crate) const POLICIES: &str = "policies";
pub(crate) const SCENARIOS: &str = "scenarios";

/// The directory of overlays: a directory for each site, which holds TOML files and policies.
pub(crate) const SITES: &str = "sites";

/// The files by path relative to the charter, with `/`. INVARIANT: every path is one that [`is_known_path`] accepts.
pub(crate) type Files = BTreeMap<String, Arc<str>>;

/// Whether a charter can have a file of this path: no other path is ever read, written or bundled.
pub(crate) fn is_known_path(path: &str) -> bool {
    REQUIRED.contains(&path)
        || DIRECTORIES.iter().any(|(directory, ending)| {
            path.strip_prefix(directory)
                .and_then(|rest| rest.strip_prefix('/'))
                .is_some_and(|name| is_plain_name(name) && name.len() > ending.len() && name.ends_with(ending))
        })
        || in_site(path).is_some()
}

/// The site of a path such as `sites/north/overlay.toml`.
pub(crate) fn in_site(path: &str) -> Option<SiteId> {
    let (site, name) = path.strip_prefix(SITES)?.strip_prefix('/')?.split_once('/')?;
    let named = [".toml", ".cedar"].iter().any(|ending| name.len() > ending.len() && name.ends_with(ending));
    (named && is_plain_name(site) && is_plain_name(name)).then(|| SiteId::new(site).ok()).flatten()
}

/// Letters, digits, `-`, `_` and `.`, not first.
pub(crate) fn is_plain_name(name: &str) -> bool {
    !name.starts_with('.')
        && name.len() <= FILE_NAME_BYTES_MAX
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_a_charter_are_known() {
        for known in [
            "hospital.toml",
            "schema.cedarschema",
            "policies/care.cedar",
            "scenarios/ed-1.toml",
            "sites/main/overlay.toml",
            "sites/main/x.cedar",
        ] {
            assert!(is_known_path(known), "{known}");
        }
        for unknown in [
            "",
            "/hospital.toml",
            "./hospital.toml",
            "HOSPITAL.toml",
            "policies/../hospital.toml",
            "policies/.cedar",
            "policies/.x.cedar",
            "policies//x.cedar",
            "policies/a/b.cedar",
            "policies\\x.cedar",
            "policies/x.toml",
            "policies/x\0.cedar",
            "scenarios/é.toml",
            "sites/hospital.toml",
            "sites/main/deeper/x.toml",
            "sites/../x.toml",
            "sites//x.toml",
            "sites/main/.toml",
        ] {
            assert!(!is_known_path(unknown), "{unknown}");
        }
    }
}
