//! One node over one server: nobody beside it, and whatever becomes of connections and server, every answer stands in the log once.

use super::load::{at, holds_together, open_at, under_load, until};
use super::ward::{Remembered, SetClock, heard, open, open_with, with_nobody_in};
use cluster::{Cluster, Cut, Wire, at_ports};
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::Ordering;
use std::time::Duration;
use store::{AppendError, Batch, Condition, OpenError, Options, Store};

#[test]
fn a_directory_without_its_keys_is_no_node_of_it() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let address = Cluster::shared().database().unwrap();
    let (store, _) = open_at(one.path(), &address);
    store.append_blocking(Batch::one(heard("first"))).unwrap();
    store.seal_blocking().unwrap();
    // Nobody signs under another's name.
    let refused = Store::open(other.path(), at(&address), Box::new(()));
    assert!(matches!(refused, Err(OpenError::NoKeys { .. })), "{refused:?}");
    store.append_blocking(Batch::one(heard("second"))).unwrap();
}

#[test]
fn a_directory_with_a_store_of_its_own_does_not_begin_another_at_a_server() {
    let dir = tempfile::tempdir().unwrap();
    drop(Store::open(dir.path(), SetClock::new().options(), Box::new(())).unwrap());
    let address = Cluster::shared().database().unwrap();
    let refused = Store::open(dir.path(), at(&address), Box::new(()));
    assert!(matches!(refused, Err(OpenError::Elsewhere { .. })), "{refused:?}");
}

#[test]
fn a_database_that_was_lost_or_is_an_older_copy_does_not_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let address = Cluster::shared().database().unwrap();
    let (store, _) = open_at(dir.path(), &address);
    store.append_blocking(Batch::one(heard("a"))).unwrap();
    store.close();
    let empty = Cluster::shared().database().unwrap();
    let refused = Store::open(dir.path(), at(&empty), Box::new(()));
    assert!(matches!(refused, Err(OpenError::Lost(_))), "{refused:?}");
    super::ward::sql(dir.path(), "DELETE FROM entry; DELETE FROM tile; DELETE FROM checkpoint");
    let refused = open_with(dir.path(), SetClock::new().options(), ());
    assert!(matches!(refused, Err(OpenError::Recovery(_))), "{refused:?}");
}

#[test]
fn sessions_that_are_killed_cost_nobody_an_answer() {
    let dir = tempfile::tempdir().unwrap();
    let (store, folded) = open(dir.path(), SetClock::new().options());
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let answered = under_load(&store, |answered| {
        for round in 1..=10 {
            until("no answers", || answered.load(Ordering::SeqCst) > round * 20);
            super::ward::sql(dir.path(), kill);
        }
        let before = answered.load(Ordering::SeqCst);
        until("no answers after the last", || answered.load(Ordering::SeqCst) > before + 20);
    });
    assert_eq!(store.health().condition, Condition::Ready);
    holds_together(dir.path(), store, &folded, &answered);
}

#[test]
fn a_server_that_crashes_and_comes_back_is_found_again_by_itself() {
    let cluster = Cluster::start(&[], |_| Ok(())).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (store, folded) = open_at(dir.path(), &cluster.database().unwrap());
    let answered = under_load(&store, |answered| {
        until("no answers", || answered.load(Ordering::SeqCst) > 50);
        cluster.stop().unwrap();
        until("it is not noticed", || matches!(store.health().condition, Condition::Failed { .. }));
        let read = store.read(|reader| reader.next());
        assert!(read.is_err(), "nothing is made up: {read:?}");
        cluster.start_again().unwrap();
        let before = answered.load(Ordering::SeqCst);
        until("no answers after it is back", || answered.load(Ordering::SeqCst) > before + 50);
    });
    until("it is not ready", || store.health().condition == Condition::Ready);
    assert!(store.read(|reader| reader.next()).unwrap().0 >= answered.len() as u64);
    holds_together(dir.path(), store, &folded, &answered);
}

#[test]
fn with_nobody_asking_it_becomes_ready_again_all_the_same() {
    let cluster = Cluster::start(&[], |_| Ok(())).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open_at(dir.path(), &cluster.database().unwrap());
    store.append_blocking(Batch::one(heard("before"))).unwrap();
    cluster.stop().unwrap();
    let failed = store.append_blocking(Batch::one(heard("meanwhile")));
    assert!(matches!(failed, Err(AppendError::Storage(_))), "{failed:?}");
    cluster.start_again().unwrap();
    until("it is not ready", || store.health().condition == Condition::Ready);
}

/// Whether a store that is open has stopped for good: whatever is appended is refused, it is not ready and does not become so, and seals nothing.
fn has_stopped(store: &Store, folded: &Remembered, why: &str, address: &str) {
    let before = (folded.len(), checkpoints(address));
    for _ in 0..3 {
        let refused = store.append_blocking(Batch::one(heard("after")));
        assert!(matches!(refused, Err(AppendError::Storage(_))), "{refused:?}");
        let condition = store.health().condition;
        assert!(matches!(&condition, Condition::Failed { why: told } if told.contains(why)), "{condition:?}");
        assert!(store.seal_blocking().is_err());
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!((folded.len(), checkpoints(address)), before, "nothing is folded or sealed");
}

/// Ends every session of a database.
fn end_sessions(address: &str) {
    let name = address.rsplit('/').next().unwrap();
    let ended = format!("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'");
    Cluster::shared().sql("postgres", &ended).unwrap();
}

fn checkpoints(address: &str) -> Vec<String> {
    let said = Cluster::shared().sql_at(address, "SELECT size FROM checkpoint ORDER BY size").unwrap();
    said.lines().map(str::to_owned).collect()
}

#[test]
fn a_running_node_does_not_go_on_with_a_database_that_lacks_what_it_recorded() {
    let older = "an older copy";
    for (why, alter) in [
        ("lacks entry 4", "DELETE FROM entry WHERE seq >= 3"),
        ("entry 4 is not", "UPDATE entry SET leaf = (SELECT leaf FROM entry WHERE seq = 3) WHERE seq = 4"),
        ("last commit is not this node's", "UPDATE node SET last_group = last_group - 1"),
        ("sealed up to 0", "DELETE FROM checkpoint"),
        ("last commit is not this node's", older),
    ] {
        let (cluster, dir) = (Cluster::shared(), tempfile::tempdir().unwrap());
        let address = cluster.database().unwrap();
        let name = address.rsplit('/').next().unwrap();
        let (store, folded) = open_at(dir.path(), &address);
        for number in 0..5 {
            if number == 3 && alter == older {
                store.seal_blocking().unwrap();
                let copy = format!("CREATE DATABASE {name}_older TEMPLATE {name}");
                with_nobody_in(name, || drop(cluster.sql("postgres", &copy).unwrap()));
            }
            store.append_blocking(Batch::one(heard(&number.to_string()))).unwrap();
        }
        store.seal_blocking().unwrap();
        if alter == older {
            with_nobody_in(name, || {
                cluster.sql("postgres", &format!("ALTER DATABASE {name} RENAME TO {name}_lost")).unwrap();
                cluster.sql("postgres", &format!("ALTER DATABASE {name}_older RENAME TO {name}")).unwrap();
            });
        } else {
            cluster.sql_at(&address, alter).unwrap();
            end_sessions(&address);
        }
        has_stopped(&store, &folded, why, &address);
        store.close();
        assert!(matches!(store.health().condition, Condition::Failed { .. }));
    }
}

#[test]
fn of_two_processes_with_one_data_directory_the_former_stops_for_good() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let address = Cluster::shared().database().unwrap();
    let (former, folded) = open_at(dir.path(), &address);
    former.append_blocking(Batch::one(heard("former"))).unwrap();
    former.seal_blocking().unwrap();
    let copied = std::process::Command::new("cp").arg("-a").arg(dir.path().join(".")).arg(other.path()).status();
    assert!(copied.unwrap().success());
    let (latter, _) = open_at(other.path(), &address);
    latter.append_blocking(Batch::one(heard("latter"))).unwrap();
    latter.seal_blocking().unwrap();
    // It does not take the database back while the other is there.
    assert!(former.append_blocking(Batch::one(heard("former again"))).is_err());
    let condition = former.health().condition;
    assert!(
        matches!(&condition, Condition::Failed { why } if why.starts_with("another session is in the way")),
        "{condition:?}"
    );
    latter.append_blocking(Batch::one(heard("latter again"))).unwrap();
    latter.seal_blocking().unwrap();
    latter.close();
    // Nor when it is gone.
    let stopped = |condition: &Condition| matches!(condition, Condition::Failed { why } if why.contains("last commit"));
    until("it tries again", || stopped(&former.health().condition));
    has_stopped(&former, &folded, "last commit is not this node's", &address);
}

#[test]
fn a_commit_whose_answer_is_lost_is_answered_all_the_same_and_once() {
    let cluster = Cluster::shared();
    let (wire, dir) = (Wire::to(cluster.port()).unwrap(), tempfile::tempdir().unwrap());
    let address = at_ports(&cluster.database().unwrap(), &[wire.port()]);
    let options = Options { seal_after: Duration::from_secs(3600), ..at(&address) };
    let folded = Remembered::default();
    let store = Store::open(dir.path(), options, Box::new(folded.clone())).unwrap();
    let mut said = BTreeSet::new();
    for (round, cut) in [Cut::After, Cut::Before, Cut::After, Cut::After, Cut::Before].into_iter().enumerate() {
        wire.cut_at_commit(cut);
        let words = format!("cut {cut:?} in round {round}");
        // A claim and a stream with it: sent once more, they would be refused had the first been kept.
        let batch =
            Batch::one(heard(&words)).claim("jti", &words, events::Timestamp::MAX).expect("stream", round as u64);
        let recorded = store.append_blocking(batch).unwrap();
        assert_eq!((wire.commits_cut(), recorded[0].seq.0), (2 * round + 1, round as u64));
        assert_eq!(folded.len(), round + 1);
        said.insert(words);
        // Writes alone have no entry to be told by.
        wire.cut_at_commit(cut);
        let only = Batch::default().claim("code", round.to_string(), events::Timestamp::MAX);
        store.append_blocking(only.clone()).unwrap();
        assert!(matches!(store.append_blocking(only), Err(AppendError::Taken("code"))));
        assert_eq!(wire.commits_cut(), 2 * round + 2);
    }
    assert_eq!(store.health().condition, Condition::Ready);
    holds_together(dir.path(), store, &folded, &said);
}

#[test]
fn a_server_that_would_lose_what_it_commits_is_refused() {
    let cluster = Cluster::start(&[("fsync", "off")], |_| Ok(())).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let refused = Store::open(dir.path(), at(&cluster.database().unwrap()), Box::new(()));
    let said = format!("{:?}", refused.unwrap_err());
    assert!(said.contains("fsync"), "{said}");
    // But one that only waits for no disk by default is told to.
    let lazy = Cluster::shared().database().unwrap();
    let name = lazy.rsplit('/').next().unwrap();
    Cluster::shared().sql("postgres", &format!("ALTER DATABASE {name} SET synchronous_commit = off")).unwrap();
    drop(open_at(dir.path(), &lazy));
}

/// A certificate for `name`, by an authority of its own: the authority's, the server's, and its key.
fn certificates(name: &str) -> [String; 3] {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    let (root_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let mut root = CertificateParams::new(Vec::new()).unwrap();
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = root.self_signed(&root_key).unwrap();
    let issuer = Issuer::new(root, root_key);
    let server = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    [authority.pem(), server.pem(), key.serialize_pem()]
}

#[test]
fn the_servers_certificate_and_name_are_checked_and_the_password_comes_from_a_file() {
    let [authority, certificate, key] = certificates("localhost");
    let settings = [("ssl", "on"), ("ssl_cert_file", "server.crt"), ("ssl_key_file", "server.key")];
    let cluster = Cluster::start(&settings, |data| {
        std::fs::write(data.join("server.crt"), certificate)?;
        std::fs::write(data.join("server.key"), key)?;
        std::fs::set_permissions(data.join("server.key"), std::fs::Permissions::from_mode(0o600))
    })
    .unwrap();
    cluster.sql("postgres", "CREATE ROLE locked LOGIN SUPERUSER PASSWORD 'a s3cret'").unwrap();
    let database = cluster.database().unwrap();
    let name = database.rsplit('/').next().unwrap();
    let files = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = files.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path.display().to_string()
    };
    let (roots, others) = (file("ca.pem", &authority), file("other.pem", &certificates("localhost")[0]));
    let (right, wrong) = (file("right", "*:*:*:locked:a s3cret\n"), file("wrong", "*:*:*:locked:another s3cret\n"));
    let try_open = |host: &str, roots: &str, passes: &str| {
        let dir = tempfile::tempdir().unwrap();
        let address = format!(
            "postgres://locked@{host}:{}/{name}?sslmode=verify-full&sslrootcert={roots}&passfile={passes}",
            cluster.port()
        );
        let store = Store::open(dir.path(), at(&address), Box::new(()))?;
        store.append_blocking(Batch::one(heard("over TLS"))).unwrap();
        Ok::<_, OpenError>((dir, store))
    };
    for (host, roots, passes, why) in [
        ("localhost", &others, &right, "certificate"),
        // Its certificate is for another name.
        ("127.0.0.1", &roots, &right, "certificate"),
        ("localhost", &roots, &wrong, "28P01"),
    ] {
        let refused = try_open(host, roots, passes).unwrap_err();
        let said = format!("{refused}: {:?}", std::error::Error::source(&refused).map(ToString::to_string));
        assert!(said.contains(why) && !said.contains("s3cret"), "{host} {why}: {said}");
    }
    let (dir, _store) = try_open("localhost", &roots, &right).unwrap();
    let secured = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'locked'";
    assert_eq!(cluster.sql(name, secured).unwrap(), "t");
    assert!(!std::fs::read_to_string(dir.path().join("store")).unwrap().contains("s3cret"));
}
