//! `handrail backup` and `handrail restore`: a copy to go on from, and going on from it.

use super::connection::Connection;
use super::failure::Failure;
use super::output::{Output, counted, note};
use crate::cli::{Backup, Restore};
use crate::server::local::told;
use events::Actor;
use plane::{Clock as _, SystemClock};
use serde_json::json;

/// The longest reason, in characters.
const REASON_CHARS_MAX: usize = 500;

/// Copies the store, then records that somebody did.
pub(crate) async fn back_up(args: Backup, out: Output) -> Result<(), Failure> {
    let data = args.data.data;
    // Before the copy: a store that cannot be opened or reached is said first.
    let connection = Connection::open(&data, None)?;
    let (from, into, keys) = (data.clone(), args.dir.clone(), args.with_keys);
    let copied = tokio::task::spawn_blocking(move || store::back_up(&from, &into, keys, SystemClock.now())).await?;
    let copy = copied.map_err(|error| Failure::local(told(&error)))?;
    let made = json!({ "entries": copy.entries, "root": copy.root.to_string(), "keys": copy.keys });
    connection.post::<()>("/ledger/backups", &made).await?;
    connection.close();
    if !copy.keys {
        let kept = data.join("keys");
        note(&format!(
            "without the keys in {} this backup cannot be restored: keep a copy of them elsewhere",
            kept.display()
        ));
    }
    out.data(&json!({ "directory": args.dir, "origin": copy.origin, "backup": made }), || {
        format!(
            "backed up: {} of `{}`, root {}, in {}",
            counted(copy.entries, "entry"),
            copy.origin,
            copy.root,
            args.dir.display()
        )
    })
}

/// Makes a store of a backup and says what has to be done again.
pub(crate) async fn restore(args: Restore, out: Output) -> Result<(), Failure> {
    let (into, keys) = (args.data.data, args.keys.unwrap_or_else(|| args.backup.clone()));
    if store::has_store(&into) {
        let shown = into.display();
        return Err(Failure::local(format!(
            "`{shown}` has a store: a backup is restored into a new directory, and the old one kept as evidence"
        )));
    }
    if args.reason.trim().is_empty() || args.reason.chars().count() > REASON_CHARS_MAX {
        return Err(Failure::local(format!("give a reason of at most {REASON_CHARS_MAX} characters")));
    }
    let user = rustix::process::getuid().as_raw();
    let actor = Actor::local(&format!("uid {user}")).map_err(|error| Failure::local(error.to_string()))?;
    let declared = store::Declaration { actor, reason: args.reason, now: SystemClock.now() };
    let shown = into.display().to_string();
    let (from, target) = (args.backup, into.clone());
    let done = tokio::task::spawn_blocking(move || store::restore(&from, &keys, &target, declared)).await?;
    let restored = done.map_err(|error| Failure::local(told(&error)))?;
    let since = restored.last_recorded_at.map_or_else(String::new, |at| at.to_string());
    note(&format!(
        "What was recorded after {since} is not in this store. Before it answers anybody, do again what was done since:\n  \
         - callers revoked:                    handrail caller list --data {shown}\n  \
         - operators revoked:                  handrail operator list --data {shown}\n  \
         - patients erased, holds placed:      handrail patient --help\n  \
         - charters applied:                   handrail charter --help\n  \
         - messages of feeds:                  have the interface engine send them again from then on\n\
         Give auditors and witnesses the new key; the old one's last checkpoint still shows what was lost."
    ));
    if let Some(key) = &restored.signed_by {
        note(&format!(
            "The ledger's key was rotated after this backup was made. Its checkpoint is signed with the key in its `log.vkey`; compare with the key you hold of \
             that time:\n  {key}"
        ));
    }
    let value = json!({
        "signed_by": restored.signed_by,
        "from_origin": restored.from_origin,
        "origin": restored.to_origin,
        "key": restored.key,
        "entry": restored.entry,
        "last_recorded_at": restored.last_recorded_at,
    });
    out.data(&value, || {
        format!(
            "restored: {} of `{}`\nfrom entry {} on the log is `{}`\nits key: {}",
            counted(restored.entry.0, "entry"),
            restored.from_origin,
            restored.entry,
            restored.to_origin,
            restored.key
        )
    })
}
