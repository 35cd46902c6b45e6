//! What the tests append and fold.

use cluster::Cluster;
use events::{Actor, Draft, FeedName, Leaf, LeafError, Seq, Timestamp, feed::Heard};
use std::fs;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use store::{Apply, OpenError, Options, Store};

/// The instant the tests begin at.
pub(crate) const START_MILLIS: i64 = 1_790_000_000_000;

/// A fold that remembers every leaf it was given.
#[derive(Clone, Default)]
pub(crate) struct Remembered(pub(crate) Arc<Mutex<Vec<Arc<Leaf>>>>);

impl Remembered {
    pub(crate) fn leaves(&self) -> Vec<Arc<Leaf>> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

impl Apply for Remembered {
    fn apply(&mut self, leaves: &[Arc<Leaf>]) {
        self.0.lock().unwrap().extend_from_slice(leaves);
    }

    fn unreadable(&mut self, seq: Seq, why: &LeafError) {
        panic!("entry {seq}: {why}");
    }
}

/// A clock the test sets.
#[derive(Clone)]
pub(crate) struct SetClock(Arc<AtomicI64>);

impl SetClock {
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicI64::new(START_MILLIS)))
    }

    pub(crate) fn set(&self, millis: i64) {
        self.0.store(millis, Ordering::SeqCst);
    }

    pub(crate) fn options(&self) -> Options {
        let clock = self.0.clone();
        Options {
            clock_jump_max: None,
            ..Options::new("test.example/log", Arc::new(move || Timestamp::from_millis(clock.load(Ordering::SeqCst))))
        }
    }
}

/// An entry that says `text`.
pub(crate) fn heard(text: &str) -> Draft {
    let feed = FeedName::new("adt").unwrap();
    Draft::new(Actor::feed(&feed), Heard { feed, message_type: "ORU^R01".into(), sha256: text.into() })
}

/// What an entry made by [`heard`] says.
pub(crate) fn text(leaf: &Leaf) -> String {
    match &leaf.draft.event {
        events::Event::FeedHeard(heard) => heard.sha256.to_string(),
        other => panic!("{other:?}"),
    }
}

/// A store in `dir`, and what it folds.
pub(crate) fn open(dir: &Path, options: Options) -> (Store, Remembered) {
    let folded = Remembered::default();
    (open_with(dir, options, folded.clone()).unwrap(), folded)
}

/// A store in `dir` with a fold of the test's own.
pub(crate) fn open_with(dir: &Path, options: Options, fold: impl Apply + 'static) -> Result<Store, OpenError> {
    Store::open(dir, Options { address: super::place(dir), ..options }, Box::new(fold))
}

/// Somebody else at the tables of a store: runs statements.
pub(crate) fn sql(dir: &Path, sql: &str) {
    match store::remembered(dir).unwrap() {
        Some(address) => drop(Cluster::shared().sql_at(address.as_str(), sql).unwrap()),
        None => rusqlite::Connection::open(dir.join("log.sqlite")).unwrap().execute_batch(sql).unwrap(),
    }
}

/// The same: one column of text.
pub(crate) fn column(dir: &Path, sql: &str) -> Vec<String> {
    match store::remembered(dir).unwrap() {
        Some(address) => {
            let said = Cluster::shared().sql_at(address.as_str(), sql).unwrap();
            said.lines().map(str::to_owned).collect()
        }
        None => {
            let connection = rusqlite::Connection::open(dir.join("log.sqlite")).unwrap();
            let mut statement = connection.prepare(sql).unwrap();
            statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
        }
    }
}

/// How a text is written as bytes in SQL.
pub(crate) fn bytes_of(text: &str) -> String {
    let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    if super::IS_A_FILE { format!("x'{hex}'") } else { format!("'\\x{hex}'::bytea") }
}

/// Copies a data directory and its store as they are this moment, open or not, as a crash would leave them; the new copy has no owner yet.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(to).unwrap();
    let database = store::remembered(from).unwrap().map(|address| copy_database(address.as_str()));
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (name, kind) = (entry.file_name(), entry.file_type().unwrap());
        // The index of the write-ahead log is memory shared by running processes: a machine that lost power has none.
        if kind.is_dir() {
            copy(&entry.path(), &to.join(name));
        } else if name != "log.sqlite-shm" {
            let mut bytes = fs::read(entry.path()).unwrap();
            if let Some(database) = database.as_ref().filter(|_| name == "store") {
                bytes = database.clone().into_bytes();
            }
            let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(to.join(name)).unwrap();
            std::io::Write::write_all(&mut file, &bytes).unwrap();
        }
    }
}

/// Everything that is committed in a database, in another one: its address.
fn copy_database(address: &str) -> String {
    let cluster = Cluster::shared();
    let copy = cluster.database().unwrap();
    let name = |address: &str| address.rsplit('/').next().unwrap().to_owned();
    let (from, to) = (name(address), name(&copy));
    cluster.sql("postgres", &format!("DROP DATABASE {to}")).unwrap();
    with_nobody_in(&from, || drop(cluster.sql("postgres", &format!("CREATE DATABASE {to} TEMPLATE {from}")).unwrap()));
    copy
}

/// Does something to a database while nobody is in it: nodes come back by themselves.
pub(crate) fn with_nobody_in(name: &str, work: impl FnOnce()) {
    let cluster = Cluster::shared();
    cluster.sql("postgres", &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false")).unwrap();
    let ended = format!("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'");
    cluster.sql("postgres", &ended).unwrap();
    work();
    // It may have another name by now.
    let _gone = cluster.sql("postgres", &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true"));
}
