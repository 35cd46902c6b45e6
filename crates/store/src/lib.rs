//! Where is it kept? One SQLite file or one PostgreSQL database, one writer that commits many callers' batches at once, and proof that it did.
//!
//! - [`Store::append`] takes a [`Batch`] and answers with [`Recorded`] leaves once they are on disk **and** applied.
//! - [`Store::read`] lends a [`Reader`]: leaves, and the registered [`statements`] of other rooms.
//! - [`Search`] finds entries by what they are about, in a second file that can always be made anew.
//! - A start reads the newest good snapshot of the fold ([`Resumable`]) and only what came after it.
//! - The writer seals what it committed into the Merkle tree within a second; [`Store::verify`] recomputes all of it.
//!
//! Callers never see a database's own types. Which of the two it is, is a matter of [`database`] and below: the same statements run on both.

#[cfg(all(feature = "sabotage_unsynced", not(debug_assertions)))]
compile_error!("a build without the sync is for one test only and never for release");

mod background;
mod backup;
mod batch;
mod clock;
mod commit;
mod database;
mod detail;
mod directory;
mod join;
mod keys;
mod migrations;
mod nodes;
mod open;
mod others;
mod place;
mod postgres;
mod queue;
mod reader;
mod recorded;
mod recovery;
mod restore;
mod retained;
mod rotation;
mod seal;
mod snapshot;
mod spool;
mod sqlite;
mod statement;
mod status;
mod store;
mod transfer;
mod verify;
mod wal;
mod writer;

pub mod sealed;
pub mod search;
pub mod statements;

pub use backup::{BackedUp, BackupError, back_up};
pub use batch::{AppendError, BATCH_DRAFTS_MAX, Batch, Claim, Expect, Untold, Write};
pub use database::StorageError;
pub use detail::{DETAIL_BYTES_MAX, Detail, DetailError, DetailSort, Details, Kept};
pub use directory::DirectoryError;
pub use join::{JoinError, Joined, join, write_keys};
pub use keys::{Key, Keys, KeysError};
pub use migrations::MigrationError;
pub use nodes::{BEATS_WITHIN, FORGET_AFTER, Node, forget_node, name_of, node_of, nodes_at};
pub use open::OpenError;
pub use place::{has_store, remembered};
pub use postgres::{Address, AddressError, Database};
pub use reader::{ReadError, Reader};
pub use recorded::Recorded;
pub use recovery::RecoveryError;
pub use restore::{Declaration, RestoreError, Restored, restore};
pub use rotation::Rotation;
pub use search::Search;
pub use snapshot::Resumable;
pub use spool::{Damage, SPOOL_BYTES_DEFAULT, SPOOL_BYTES_MAX, SPOOL_BYTES_MIN, Spool, SpoolError};
pub use statement::{Row, Statement, Value};
pub use status::{CUT_OFF_AFTER, Condition, Head, Health};
pub use store::{Apply, Elapsed, Now, Options, SNAPSHOT_ENTRIES, Store};
pub use transfer::{MoveError, Moved, move_store};
pub use verify::{Verified, VerifyError};
