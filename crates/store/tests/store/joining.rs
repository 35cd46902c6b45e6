//! How another node comes to a log: with its keys, and with no others.

use super::ward::{Remembered, SetClock, heard};
use cluster::Cluster;
use events::Actor;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use store::{Address, Batch, JoinError, OpenError, Options, Store, join, write_keys};
use tempfile::{TempDir, tempdir};

fn options(address: &str) -> Options {
    Options { address: Some(Address::parse(address).unwrap()), ..SetClock::new().options() }
}

fn open(dir: &Path, address: &str) -> Result<Store, OpenError> {
    Store::open(dir, options(address), Box::new(Remembered::default()))
}

/// A log with something in it, sealed; its first node has stopped.
fn log() -> (String, TempDir) {
    let (address, dir) = (Cluster::shared().database().unwrap(), tempdir().unwrap());
    let store = open(dir.path(), &address).unwrap();
    store.append_blocking(Batch::one(heard("first"))).unwrap();
    drop(store);
    (address, dir)
}

fn written(from: &Path) -> std::path::PathBuf {
    let file = from.join("for-another");
    let _gone = fs::remove_file(&file);
    write_keys(from, &file).unwrap();
    file
}

#[test]
fn a_node_joins_with_the_keys_of_another_and_never_with_keys_of_its_own() {
    let (address, first) = log();
    let other = tempdir().unwrap();
    for _ in 0..2 {
        let refused = open(other.path(), &address);
        assert!(matches!(refused, Err(OpenError::NoKeys { .. })), "{refused:?}");
        assert!(!other.path().join("keys").exists(), "none are left behind that would fit nothing");
    }
    let file = written(first.path());
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(matches!(write_keys(first.path(), &file), Err(JoinError::Io { .. })), "nothing is written over");
    let joined = join(other.path(), &file, None).unwrap();
    assert_ne!(Some(joined.node), store::node_of(first.path()), "a name of its own");
    for name in ["ledger", "directory", "detail", "token"] {
        let key = other.path().join("keys").join(name);
        assert_eq!(fs::read(&key).unwrap(), fs::read(first.path().join("keys").join(name)).unwrap());
        assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    }
    // Both at once, and neither is told again where the database is.
    let open_again = |dir: &Path| Store::open(dir, SetClock::new().options(), Box::new(Remembered::default())).unwrap();
    let (one, two) = (open_again(first.path()), open_again(other.path()));
    two.append_blocking(Batch::one(heard("second"))).unwrap();
    one.append_blocking(Batch::one(heard("third"))).unwrap();
    assert_eq!(one.head().next.0, 3);
    let mut names: Vec<_> = store::nodes_at(other.path()).unwrap().iter().map(|node| node.id).collect();
    let mut both = [joined.node, store::node_of(first.path()).unwrap()];
    names.sort_unstable();
    both.sort_unstable();
    assert_eq!(names, both);
    assert!(!store::forget_node(first.path(), &[1; 16]).unwrap());
}

#[test]
fn keys_of_another_log_are_found_out_before_anything_is_written() {
    let ((address, first), (_, foreign)) = (log(), log());
    let stranger = tempdir().unwrap();
    assert!(matches!(
        join(stranger.path(), &written(foreign.path()), Some(Address::parse(&address).unwrap())),
        Err(JoinError::Unfit { which: "ledger", .. })
    ));
    assert!(!stranger.path().join("keys").exists());
    // A directory that has them already.
    let opened = open(foreign.path(), &address);
    assert!(matches!(opened, Err(OpenError::OtherKeys { which: "ledger", .. })), "{opened:?}");
    // And for each key alone, in the file and in the directory.
    let file = written(first.path());
    for which in ["directory", "detail", "token"] {
        let (text, other) = (fs::read_to_string(&file).unwrap(), tempdir().unwrap());
        let line = text.lines().find(|line| line.starts_with(which)).unwrap();
        let changed = other.path().join("changed");
        let mut digits = line.to_owned();
        let last = if digits.pop() == Some('0') { '1' } else { '0' };
        fs::write(&changed, text.replace(line, &format!("{digits}{last}"))).unwrap();
        fs::set_permissions(&changed, PermissionsExt::from_mode(0o600)).unwrap();
        let refused = join(&other.path().join("data"), &changed, None);
        assert!(matches!(refused, Err(JoinError::Unfit { which: found, .. }) if found == which), "{refused:?}");

        join(&other.path().join("data"), &file, None).unwrap();
        fs::write(other.path().join("data/keys").join(which), [7; 32]).unwrap();
        let opened = open(&other.path().join("data"), &address);
        assert!(matches!(opened, Err(OpenError::OtherKeys { which: found, .. }) if found == which), "{opened:?}");
        let again = join(&other.path().join("data"), &file, None);
        assert!(matches!(again, Err(JoinError::Other { which: found, .. }) if found == which), "{again:?}");
    }
}

#[test]
fn a_file_of_keys_is_refused_that_others_may_read_or_that_is_none() {
    let (_, first) = log();
    let (file, other) = (written(first.path()), tempdir().unwrap());
    fs::set_permissions(&file, PermissionsExt::from_mode(0o640)).unwrap();
    assert!(matches!(join(other.path(), &file, None), Err(JoinError::Exposed { mode: 0o640, .. })));
    fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    let text = fs::read_to_string(&file).unwrap();
    for broken in
        [String::new(), text.replace("token ", "token z"), format!("{text}token 00\n"), text.replace("origin", "o")]
    {
        fs::write(&file, broken).unwrap();
        assert!(matches!(join(other.path(), &file, None), Err(JoinError::Form(_))));
    }
    assert!(!other.path().join("keys").exists());
    // A store in a file has one node.
    let alone = tempdir().unwrap();
    drop(Store::open(alone.path(), SetClock::new().options(), Box::new(())).unwrap());
    assert!(matches!(write_keys(alone.path(), &alone.path().join("k")), Err(JoinError::File(_))));
}

#[test]
fn a_ledger_key_that_was_changed_is_brought_to_a_node_that_had_the_old_one() {
    let (address, first) = log();
    let other = tempdir().unwrap();
    join(other.path(), &written(first.path()), None).unwrap();
    drop(open(other.path(), &address).unwrap());
    let one = open(first.path(), &address).unwrap();
    one.rotate_key_blocking(Actor::handrail("test")).unwrap();
    one.append_blocking(Batch::one(heard("after"))).unwrap();
    one.seal_blocking().unwrap();
    let old = open(other.path(), &address);
    assert!(matches!(old, Err(OpenError::OtherKeys { which: "ledger", .. })), "{old:?}");
    join(other.path(), &written(first.path()), None).unwrap();
    let other = open(other.path(), &address).unwrap();
    assert_eq!(other.verifying_key(), one.verifying_key());
    assert_eq!(other.head().next, one.head().next);
}

#[test]
fn of_two_that_begin_a_log_at_once_with_keys_of_their_own_one_gives_way_and_keeps_none() {
    for _ in 0..4 {
        let address = Cluster::shared().database().unwrap();
        let dirs = [tempdir().unwrap(), tempdir().unwrap()];
        let opened = std::thread::scope(|scope| {
            let both = dirs.each_ref().map(|dir| scope.spawn(|| open(dir.path(), &address)));
            both.map(|one| one.join().unwrap())
        });
        for (dir, opened) in dirs.iter().zip(&opened) {
            match opened {
                Ok(_) => assert!(dir.path().join("keys").exists()),
                Err(OpenError::NoKeys { .. } | OpenError::OtherKeys { .. }) => {
                    assert!(!dir.path().join("keys").exists());
                }
                Err(error) => panic!("{error:?}"),
            }
        }
        assert_eq!(opened.iter().filter(|opened| opened.is_ok()).count(), 1);
    }
}
