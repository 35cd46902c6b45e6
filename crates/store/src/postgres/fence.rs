//! Who may write, and when: three advisory locks of the server.
//!
//! - Every writing transaction of every node takes the **batch lock** first ([`BATCH`]) and has it until it is over: there is one order.
//! - A node's writing session holds the **fence** of that node's name for as long as it lives. It keeps two processes of one data directory apart, and
//!   once another session has it, nothing the former one began is still under way.
//! - Every node's writing session shares the **house** ([`HOUSE`]); who needs the database for itself takes it alone.

use super::Failed;
use super::connection::Connection;
use std::time::Duration;

/// The lock of every writing transaction: `hr batch` in ASCII.
pub(super) const BATCH: i64 = i64::from_be_bytes(*b"hr batch");
/// The lock that nodes share: `handrail` in ASCII.
const HOUSE: i64 = i64::from_be_bytes(*b"handrail");
/// How long to wait for this node's own former session to end.
const FORMER_MAX: Duration = Duration::from_secs(5);
/// How often to look whether it has.
const FORMER_EVERY: Duration = Duration::from_millis(50);
/// How long a writing transaction may stand still, in milliseconds, before the server ends it and its session: a node that is paused in the middle of one
/// must not hold up all others.
const STANDSTILL_MAX_MS: u32 = 2_000;
/// The oldest server that does what is relied on here.
const VERSION_MIN: i32 = 140_000;

const SETTINGS: &str = "SELECT current_setting('fsync'), current_setting('full_page_writes'), \
    current_setting('synchronous_commit'), current_setting('server_encoding'), \
    current_setting('server_version_num')::integer";
const TAKE: &str = "SELECT pg_try_advisory_lock($1)";
const SHARE: &str = "SELECT pg_try_advisory_lock_shared($1)";
const HOLDER: &str = "SELECT a.pid, a.application_name, coalesce(host(a.client_addr), 'its own machine'), \
    coalesce(a.wait_event = 'SyncRep', false) \
    FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid \
    WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND a.pid <> pg_backend_pid() \
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
    AND (l.classid::bigint << 32) | l.objid::bigint = $1";
const SESSION_END: &str = "SELECT pg_terminate_backend($1)";

/// A test prepares these.
#[cfg(test)]
pub(super) const OWN: &[&str] = &[SETTINGS, TAKE, SHARE, HOLDER, SESSION_END];

/// Who takes the fence.
pub(super) struct Fence {
    /// The node's name, as a lock.
    pub(super) key: i64,
    /// The name of this process's writing sessions. One that holds the fence under it is one this process has lost.
    pub(super) session: String,
    /// How such names begin where they are of the same data directory, while this process has not had the fence yet: a session of that name is a
    /// former process's.
    pub(super) former: Option<String>,
}

impl Fence {
    /// Whether a session of this name is over, as far as this process can know.
    fn is_over(&self, name: &str) -> bool {
        name == self.session || self.former.as_deref().is_some_and(|former| name.starts_with(former))
    }
}

impl Connection {
    /// Takes the fence, having made sure that the server keeps what it commits, and enters the house.
    pub(super) fn fence(&self, fence: &Fence) -> Result<(), Failed> {
        let settings = self.row(SETTINGS, &[])?;
        let setting = |column: usize| settings.try_get::<_, String>(column);
        for (column, name) in [(0, "fsync"), (1, "full_page_writes")] {
            if setting(column)? != "on" {
                return Err(Failed::Unsafe(format!("its `{name}` is {}, and has to be on", setting(column)?)));
            }
        }
        if setting(3)? != "UTF8" {
            return Err(Failed::Unsafe(format!("the database's encoding is {}, and has to be UTF8", setting(3)?)));
        }
        let version: i32 = settings.try_get(4)?;
        if version < VERSION_MIN {
            return Err(Failed::Unsafe(format!("its version is {}, and has to be 14 or later", version / 10_000)));
        }
        // A time-out that struck while a commit waits for its standby would make the server call it done.
        // Whatever is said here is the session's own, so that no reload of the server's configuration weakens it.
        let waits_for = if setting(2)? == "remote_apply" { "remote_apply" } else { "on" };
        self.say(&format!(
            "SET statement_timeout = 0; SET lock_timeout = 0; SET idle_session_timeout = 0; \
            SET idle_in_transaction_session_timeout = {STANDSTILL_MAX_MS}; \
            SET default_transaction_isolation = 'read committed'; SET synchronous_commit = {waits_for}"
        ))?;
        self.take_fence(fence)?;
        if self.row(SHARE, &[&HOUSE])?.try_get(0)? { Ok(()) } else { Err(self.held(HOUSE)?) }
    }

    fn take_fence(&self, fence: &Fence) -> Result<(), Failed> {
        let elapsed = crate::clock::monotonic();
        let mut ended = None;
        loop {
            if self.row(TAKE, &[&fence.key])?.try_get(0)? {
                return Ok(());
            }
            let holders = self.rows(HOLDER, &[&fence.key])?;
            if let Some(holder) = holders.first() {
                let (pid, name): (i32, String) = (holder.try_get(0)?, holder.try_get(1)?);
                // One session is ended, and no other: whoever comes back after that is alive.
                if !fence.is_over(&name) || *ended.get_or_insert(pid) != pid || elapsed() > FORMER_MAX {
                    return Err(Failed::Held(session(holder)?));
                }
                // Ended now, its commit would be called done, and be read by others, without its standby.
                if holder.try_get(3)? {
                    return Err(Failed::Standby);
                }
                self.row(SESSION_END, &[&pid])?;
            }
            std::thread::sleep(FORMER_EVERY);
        }
    }

    /// Has the database for itself from here on, and as much time as it needs; or says who is in it.
    pub(super) fn be_alone(&self) -> Result<(), Failed> {
        if !self.row(TAKE, &[&HOUSE])?.try_get(0)? {
            return Err(self.held(HOUSE)?);
        }
        self.be_patient();
        self.say("SET idle_in_transaction_session_timeout = 0")
    }

    fn held(&self, key: i64) -> Result<Failed, Failed> {
        let holders = self.rows(HOLDER, &[&key])?;
        let by = holders.first().map(session).transpose()?;
        Ok(Failed::Held(by.unwrap_or_else(|| "a session that has just ended".to_owned())))
    }
}

/// A session as an administrator finds it.
fn session(row: &tokio_postgres::Row) -> Result<String, Failed> {
    let (pid, name, from): (i32, String, String) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    Ok(format!("session {pid} (`{name}`) from {from}"))
}
