//! The store from outside: what callers rely on, on both engines.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![expect(clippy::duplicate_mod, reason = "the same tests, once for each engine")]

#[path = "."]
mod sqlite {
    use std::path::Path;
    use store::Address;

    /// Whether the store is a file in its directory.
    const IS_A_FILE: bool = true;

    /// Where a new store is made: in its directory.
    fn place(_: &Path) -> Option<Address> {
        None
    }

    mod clocks;
    mod conditions;
    mod damage;
    mod detail;
    mod directories;
    mod erased;
    mod folding;
    mod group_commit;
    mod rotation;
    mod sealing;
    mod searching;
    mod snapshots;
    mod space;
    mod spool;
    mod ward;
}

#[path = "."]
mod postgres {
    use std::path::Path;
    use store::Address;

    const IS_A_FILE: bool = false;

    /// Where a new store is made: in a database of its own.
    fn place(directory: &Path) -> Option<Address> {
        let new = !store::has_store(directory);
        new.then(|| Address::parse(&cluster::Cluster::shared().database().unwrap()).unwrap())
    }

    mod clocks;
    mod conditions;
    mod detail;
    mod failover;
    mod fenced;
    mod folding;
    mod group_commit;
    mod joining;
    mod load;
    mod moving;
    mod nodes;
    mod rotation;
    mod sealing;
    mod searching;
    mod snapshots;
    mod ward;
}
