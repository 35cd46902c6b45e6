//! The data directory: private, held by one process, and never half-made.

use super::ward::{SetClock, heard, open};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use store::{Batch, KeysError, OpenError, RecoveryError, Store};

fn try_open(dir: &Path) -> Result<Store, OpenError> {
    Store::open(dir, SetClock::new().options(), Box::new(()))
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o777
}

#[test]
fn a_second_open_is_refused_until_the_first_is_closed() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path(), SetClock::new().options());
    let refused = try_open(dir.path());
    assert!(matches!(&refused, Err(OpenError::Locked(path)) if path == dir.path()), "{refused:?}");
    let clone = store.clone();
    drop(store);
    assert!(matches!(try_open(dir.path()), Err(OpenError::Locked(_))));
    clone.append_blocking(Batch::one(heard("still open"))).unwrap();
    clone.close();
    drop(try_open(dir.path()).unwrap());
}

#[test]
fn everything_is_made_for_its_owner_alone() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("not/there/yet");
    let (store, _) = open(&data, SetClock::new().options());
    store.append_blocking(Batch::one(heard("a"))).unwrap();
    assert_eq!((mode(&data), mode(&data.join("keys"))), (0o700, 0o700));
    for file in ["log.sqlite", "log.sqlite-wal", "lock", "keys/ledger", "keys/directory", "keys/detail", "keys/token"] {
        assert_eq!(mode(&data.join(file)), 0o600, "{file}");
    }
    let keys = store.keys();
    let ledger: [u8; 32] = fs::read(data.join("keys/ledger")).unwrap().try_into().unwrap();
    let all = [&ledger, keys.directory.bytes(), keys.detail.bytes(), keys.token.bytes()].map(|key| *key);
    for (place, key) in all.iter().enumerate() {
        assert!(*key != [0; 32] && !all[..place].contains(key));
    }
    drop(store);
    let (again, _) = open(&data, SetClock::new().options());
    assert_eq!(again.keys().token.bytes(), &all[3]);
    assert!(!format!("{:?}", again.keys()).contains(&all[3][0].to_string()));
}

#[test]
fn a_store_that_was_lost_or_replaced_by_an_older_copy_does_not_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let entry = |what: &str| {
        let (store, _) = open(&data, SetClock::new().options());
        store.append_blocking(Batch::one(heard(what))).unwrap();
        store.close();
    };
    let copy = |from: &Path, to: &Path| fs::copy(from.join("log.sqlite"), to.join("log.sqlite")).unwrap();
    entry("first");
    copy(&data, dir.path());
    let clock = SetClock::new();
    let (store, _) = open(&data, clock.options());
    store.append_blocking(Batch::one(heard("second"))).unwrap();
    store.close();
    let kept = fs::read_to_string(data.join("last-checkpoint")).unwrap();
    assert_eq!(kept.lines().nth(1), Some("2"), "{kept}");
    let newest = fs::read(data.join("log.sqlite")).unwrap();

    copy(dir.path(), &data);
    let refused = try_open(&data);
    let older = RecoveryError::Older { sealed: 1, kept: 2 };
    assert!(
        matches!(&refused, Err(OpenError::Recovery(found)) if found.to_string() == older.to_string()),
        "{refused:?}"
    );

    fs::remove_file(data.join("log.sqlite")).unwrap();
    let refused = try_open(&data);
    assert!(matches!(&refused, Err(OpenError::Lost(path)) if *path == data), "{refused:?}");
    assert!(!data.join("log.sqlite").exists(), "nothing was begun");

    // A log of the same length with another entry in it, signed with the same key.
    fs::rename(data.join("last-checkpoint"), dir.path().join("kept")).unwrap();
    entry("first");
    entry("another second");
    fs::rename(dir.path().join("kept"), data.join("last-checkpoint")).unwrap();
    let refused = try_open(&data);
    assert!(matches!(&refused, Err(OpenError::Recovery(RecoveryError::Forked { size: 2 }))), "{refused:?}");

    fs::write(data.join("log.sqlite"), newest).unwrap();
    drop(try_open(&data).unwrap());
}

#[test]
fn a_directory_that_was_open_to_others_is_closed_to_them() {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    drop(try_open(dir.path()).unwrap());
    assert_eq!(mode(dir.path()), 0o700);
    // But not one that holds something else as well.
    let shared = tempfile::tempdir().unwrap();
    fs::set_permissions(shared.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(shared.path().join("letter"), "dear").unwrap();
    drop(try_open(shared.path()).unwrap());
    assert_eq!(mode(shared.path()), 0o755);
}

#[test]
fn keys_that_are_missing_exposed_or_cut_are_never_replaced() {
    let dir = tempfile::tempdir().unwrap();
    drop(try_open(dir.path()).unwrap());
    let key = dir.path().join("keys/detail");
    let whole = fs::read(&key).unwrap();

    fs::write(&key, &whole[..31]).unwrap();
    assert!(matches!(try_open(dir.path()), Err(OpenError::Keys(KeysError::Length(path))) if path == key));
    fs::remove_file(&key).unwrap();
    assert!(matches!(try_open(dir.path()), Err(OpenError::Keys(KeysError::Missing(path))) if path == key));
    fs::write(&key, &whole).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(try_open(dir.path()), Err(OpenError::Keys(KeysError::Exposed { mode: 0o640, .. }))));
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    drop(try_open(dir.path()).unwrap());
}

#[test]
fn keys_that_were_being_made_at_a_crash_are_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let unfinished = dir.path().join("keys.unfinished");
    fs::create_dir(&unfinished).unwrap();
    fs::write(unfinished.join("ledger"), b"half").unwrap();
    let (store, _) = open(dir.path(), SetClock::new().options());
    assert!(!unfinished.exists());
    assert_ne!(store.keys().token.bytes(), &[0; 32]);
}

/// Permissions do not bind root, so under root this test runs itself once more as somebody else.
#[test]
fn a_read_only_directory_is_refused_clearly() {
    const NAME: &str = "sqlite::directories::a_read_only_directory_is_refused_clearly";
    const NOBODY: u32 = 65_534;
    let marker = Path::new("read-only");
    if marker.is_dir() {
        // The run as somebody else: its working directory is the test's.
        for inside in ["read-only", "read-only/new", "read-only-store"] {
            let refused = try_open(Path::new(inside));
            assert!(matches!(refused, Err(OpenError::ReadOnly(_))), "{inside}: {refused:?}");
            assert!(refused.unwrap_err().to_string().ends_with("cannot be written"));
        }
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("tests");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    drop(try_open(&dir.path().join("read-only-store")).unwrap());
    fs::create_dir(dir.path().join("read-only")).unwrap();
    let mut command = std::process::Command::new(&program);
    command.args(["--exact", NAME]).current_dir(dir.path());
    if fs::metadata(dir.path()).unwrap().uid() == 0 {
        command.uid(NOBODY);
        std::os::unix::fs::chown(dir.path().join("read-only-store"), Some(NOBODY), None).unwrap();
    }
    for (path, mode) in [("", 0o755), ("tests", 0o755), ("read-only", 0o555), ("read-only-store", 0o500)] {
        fs::set_permissions(dir.path().join(path), fs::Permissions::from_mode(mode)).unwrap();
    }
    let ran = command.output().unwrap();
    for path in ["read-only", "read-only-store"] {
        fs::set_permissions(dir.path().join(path), fs::Permissions::from_mode(0o700)).unwrap();
    }
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success() && said.contains("1 passed"), "{said}");
}
