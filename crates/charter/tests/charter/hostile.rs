//! What nobody would write by mistake: huge, deep, twisted or outside.

use crate::{load, minimal, minimal_files, said};
use charter::{Charter, FILE_BYTES_MAX, TOML_BYTES_MAX};
use proptest::prelude::*;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// A copy of the smallest charter.
fn copy() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in minimal_files() {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    dir
}

fn refused(dir: &Path) -> String {
    said(&Charter::load(dir).err().unwrap_or_default())
}

#[test]
fn deep_nesting_is_refused_not_followed() {
    let many = 100_000;
    let cases = [
        ("hospital.toml", format!("name = {}{}\n", "[".repeat(many), "]".repeat(many))),
        ("hospital.toml", format!("name = {}1{}\n", "{a=".repeat(many), "}".repeat(many))),
        ("hospital.toml", format!("{}a = 1\n", "a.".repeat(many))),
        ("hospital.toml", format!("[{}a]\n", "a.".repeat(many))),
        ("policies/care.cedar", format!("permit (principal, action, resource) when {{ {} }};", "(".repeat(many))),
        ("policies/care.cedar", format!("permit (principal, action, resource) when {{ {} }};", "((1 > (".repeat(999))),
        (
            "policies/care.cedar",
            format!("permit (principal, action, resource) when {{ {} }};", "if true then ".repeat(999)),
        ),
        ("policies/care.cedar", format!("permit (principal, action, resource) when {{ {}true }};", "!".repeat(30_000))),
        (
            "policies/care.cedar",
            format!("permit (principal, action, resource) when {{ {}1 == 1 }};", "-".repeat(30_000)),
        ),
        (
            "policies/care.cedar",
            format!("permit (principal, action, resource) when {{ principal{} }};", ".a".repeat(15_000)),
        ),
        ("schema.cedarschema", format!("entity A {{ a: {}Long{} }};", "Set<".repeat(many), ">".repeat(many))),
        ("schema.cedarschema", format!("entity A {}", "{ a: ".repeat(many))),
    ];
    for (path, text) in cases {
        let mut files = minimal_files();
        files.insert(path.to_owned(), text);
        assert!(load(&files).is_err(), "{path}");
    }
}

#[test]
fn long_chains_are_read_without_harm() {
    for (repeated, last) in [("principal.active && ", "true"), ("1 + ", "1 == 2"), ("context.emergency || ", "false")] {
        let mut files = minimal_files();
        let text = format!("{}{last}", repeated.repeat(1_200));
        let policy = format!(
            "@id(\"x\") @owner(\"nursing\") @reason(\"r\")\nforbid (principal is Person, action, resource) when {{ {text} }};"
        );
        files.insert("policies/long.cedar".to_owned(), policy);
        assert_eq!(load(&files).map(|charter| charter.policies().len()), Ok(4), "{repeated}");
    }
}

#[test]
fn files_that_are_too_large_or_not_text_are_refused() {
    let dir = copy();
    fs::write(dir.path().join("hospital.toml"), vec![b'#'; FILE_BYTES_MAX + 1]).unwrap();
    fs::write(dir.path().join("owners.toml"), b"# fine\n# \xe4 is Latin-1\n").unwrap();
    let all = refused(dir.path());
    assert!(all.contains("hospital.toml: error: the file has more than 8388608 bytes"), "{all}");
    assert!(all.contains("owners.toml:2:3: error: the file is not UTF-8 from here on"), "{all}");
}

#[test]
fn what_does_not_belong_to_a_charter_is_refused() {
    let dir = copy();
    fs::create_dir_all(dir.path().join("sites/north/deeper")).unwrap();
    fs::create_dir_all(dir.path().join("sites/north side")).unwrap();
    fs::write(dir.path().join("sites/open.cedar"), "").unwrap();
    fs::create_dir_all(dir.path().join("policies/deeper")).unwrap();
    fs::write(dir.path().join("workflow.toml"), "").unwrap();
    fs::write(dir.path().join("policies/care.cedar~"), "").unwrap();
    fs::write(dir.path().join("policies/mine.txt"), "").unwrap();
    fs::write(dir.path().join("README.md"), "about").unwrap();
    fs::write(dir.path().join(".gitignore"), "*~").unwrap();
    fs::remove_file(dir.path().join("elevation.toml")).unwrap();
    crate::shows!(refused(dir.path()));
}

#[test]
fn a_directory_that_is_none_is_said_to_be_none() {
    let dir = copy();
    assert!(refused(&dir.path().join("hospital.toml")).contains("is not a directory"));
    assert!(refused(&dir.path().join("nowhere")).contains("cannot open"));
    let empty = tempfile::tempdir().unwrap();
    assert!(refused(empty.path()).contains("hospital.toml: error: this file is missing"));
}

#[cfg(unix)]
#[test]
fn links_may_not_lead_out_of_the_charter() {
    use std::os::unix::fs::symlink;
    let (dir, outside) = (copy(), tempfile::tempdir().unwrap());
    let inside = dir.path().join(".data");
    fs::create_dir(&inside).unwrap();
    fs::rename(dir.path().join("owners.toml"), inside.join("owners.toml")).unwrap();
    symlink(".data/owners.toml", dir.path().join("owners.toml")).unwrap();
    assert_eq!(refused(dir.path()), "", "a link within is fine");

    fs::write(outside.path().join("extra.cedar"), "").unwrap();
    symlink(outside.path().join("extra.cedar"), dir.path().join("policies/extra.cedar")).unwrap();
    symlink("nowhere", dir.path().join("policies/broken.cedar")).unwrap();
    symlink("loop.cedar", dir.path().join("policies/loop.cedar")).unwrap();
    fs::remove_dir_all(dir.path().join("scenarios")).unwrap();
    symlink(outside.path(), dir.path().join("scenarios")).unwrap();
    let all = refused(dir.path());
    assert!(all.contains("policies/extra.cedar: error: this link leads out of the charter"), "{all}");
    assert!(all.contains("policies/broken.cedar: error: cannot be found"), "{all}");
    assert!(all.contains("policies/loop.cedar: error: cannot be found"), "{all}");
    assert!(all.contains("scenarios: error: this link leads out of the charter"), "{all}");
}

#[test]
fn a_bundle_is_canonical_or_refused() {
    let charter = Charter::load(&minimal()).unwrap();
    let bytes = charter.bundle_bytes().to_vec();
    for cut in [0, 1, 18, 19, 20, 40, bytes.len() - 1] {
        assert!(Charter::from_bundle(bytes.get(..cut).unwrap()).is_err(), "{cut}");
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(Charter::from_bundle(&longer).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is done to a bundle's bytes, it is refused, or it is the canonical form of what it says.
    #[test]
    fn changed_bundles_are_refused_or_canonical(at in 0_usize..12_000, with in any::<u8>(), insert in any::<bool>()) {
        let mut bytes = Charter::load(&minimal()).unwrap().bundle_bytes().to_vec();
        let at = at % bytes.len();
        if insert {
            bytes.insert(at, with);
        } else if let Some(byte) = bytes.get_mut(at) {
            *byte = with;
        }
        if let Ok(charter) = Charter::from_bundle(&bytes) {
            prop_assert_eq!(charter.bundle_bytes(), &bytes[..]);
        }
    }

    /// No text in any file makes it panic.
    #[test]
    fn any_text_is_read_or_refused(
        path in prop::sample::select(minimal_files().into_keys().collect::<Vec<_>>()),
        at in any::<prop::sample::Index>(),
        text in "[-a-zA-Z0-9_\\[\\]{}()\"'=.,;:@#\n ü]{0,40}",
    ) {
        let mut files = minimal_files();
        let file = files.get_mut(&path).unwrap();
        let places: Vec<usize> = file.char_indices().map(|(at, _)| at).collect();
        file.insert_str(*at.get(&places), &text);
        if let Err(all) = load(&files) {
            prop_assert!(!all.is_empty());
        }
    }
}

#[test]
fn a_file_full_of_mistakes_names_the_first_of_them() {
    let mut files = minimal_files();
    files.insert("scenarios/big.toml".to_owned(), "[[person]]\nid = 3\n".repeat(2_000));
    let all = load(&files).err().unwrap_or_default();
    assert_eq!(all.matches("scenarios/big.toml:").count(), 50, "{all}");
    files.insert("scenarios/big.toml".to_owned(), "#".repeat(TOML_BYTES_MAX + 1));
    assert!(
        load(&files).err().unwrap_or_default().contains("scenarios/big.toml: error: the file has more than 1048576")
    );
}
