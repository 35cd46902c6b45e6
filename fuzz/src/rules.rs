//! What a policy author writes: a charter that is refused is refused with a place, and one that loads comes back from its bundle.

use charter::Charter;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

/// The files of the smallest charter there is.
static MINIMAL: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/charter/tests/fixtures/minimal");
    let mut files = BTreeMap::new();
    collect(&root, &root, &mut files);
    files
});

fn collect(root: &Path, dir: &Path, files: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            files.insert(name, std::fs::read_to_string(&path).unwrap());
        }
    }
}

/// The first byte chooses: a bundle as it is, or one file of the smallest charter with the rest as its text.
pub(crate) fn charter(data: &[u8]) {
    let Some((&choice, rest)) = data.split_first() else { return };
    let loaded = match MINIMAL.keys().nth(usize::from(choice)) {
        None => Charter::from_bundle(rest),
        Some(replaced) => {
            let Ok(text) = std::str::from_utf8(rest) else { return };
            let mut files = MINIMAL.clone();
            files.insert(replaced.clone(), text.to_owned());
            Charter::from_files(files)
        }
    };
    match loaded {
        Ok(charter) => {
            let again = Charter::from_bundle(charter.bundle_bytes()).expect("a charter that loaded loads again");
            assert_eq!(again.bundle_bytes(), charter.bundle_bytes(), "a charter has one form");
        }
        Err(findings) => assert!(!findings.is_empty(), "a refusal says why"),
    }
}
