//! What can be seen of a data directory from outside: who may use it, its keys, its disk, and who has it open.

use super::Finding;
use super::node::Spooled;
use crate::command::connection::{SOCKET, SocketPath};
use crate::command::output::counted;
use rustix::fs::{Access, FlockOperation, access, flock, statvfs};
use rustix::io::Errno;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Less free space than this, in MiB, and somebody should look.
const FREE_MIB_LOW: u64 = 1024;
/// Less free space than this, in MiB, and the store will soon refuse.
const FREE_MIB_MIN: u64 = 64;
/// The keys of a store, and the bytes each has.
const KEYS: [&str; 4] = ["ledger", "directory", "detail", "token"];
const KEY_BYTES: u64 = 32;

/// Whether a node runs on the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// One does, and its local socket answers.
    Running,
    /// None does.
    None,
}

/// There, ours, private and writable?
pub(super) fn directory(data: &Path) -> Finding {
    let shown = data.display();
    let metadata = match std::fs::metadata(data) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Finding::fail(
                format!("`{shown}` does not exist"),
                format!(
                    "name the node's directory with --data, or begin one: handrail serve --charter DIR --data {shown} --listen ADDR"
                ),
            );
        }
        Err(error) => {
            return Finding::fail(
                format!("`{shown}` cannot be looked at: {error}"),
                "run this as the user the node runs as",
            );
        }
    };
    if !metadata.is_dir() {
        return Finding::fail(format!("`{shown}` is not a directory"), "name the node's data directory with --data");
    }
    let (owner, me) = (metadata.uid(), rustix::process::geteuid().as_raw());
    if owner != me && me != 0 {
        return Finding::fail(
            format!("`{shown}` belongs to user {owner}, and this is user {me}"),
            format!("run this as user {owner}, or give the directory away: chown -R {me} {shown}"),
        );
    }
    let mode = metadata.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Finding::fail(
            format!("others than its owner may use `{shown}` (mode {mode:03o})"),
            format!("chmod 700 {shown}"),
        );
    }
    if mode & 0o300 != 0o300 || access(data, Access::WRITE_OK | Access::EXEC_OK).is_err() {
        return Finding::fail(
            format!("`{shown}` cannot be written (mode {mode:03o})"),
            format!("chmod 700 {shown}, and look whether the disk is mounted read-only"),
        );
    }
    if owner != me {
        return Finding::look(
            format!("`{shown}` belongs to user {owner}, and this is root"),
            "run Handrail's commands as that user, so that no file in it ends up as root's",
        );
    }
    Finding::ok(format!("`{shown}` is its owner's alone and can be written"))
}

/// All there, of the right length, and nobody else's to read?
pub(super) fn keys(data: &Path) -> Finding {
    let folder = data.join("keys");
    if !folder.is_dir() {
        return Finding::fail(
            format!("`{}` is missing beside a store that was made with them", folder.display()),
            "restore keys/ from the backup: new keys would fit nothing in this store",
        );
    }
    for path in std::iter::once(folder.clone()).chain(KEYS.map(|name| folder.join(name))) {
        let shown = path.display();
        let metadata = match std::fs::metadata(&path) {
            Ok(metadata) => metadata,
            Err(error) => {
                return Finding::fail(
                    format!("`{shown}`: {error}"),
                    "restore it from the backup: a new key would fit nothing in this store",
                );
            }
        };
        let mode = metadata.mode() & 0o777;
        if mode & 0o077 != 0 {
            let right = if path == folder { 700 } else { 600 };
            return Finding::fail(
                format!("others than its owner may use `{shown}` (mode {mode:03o})"),
                format!(
                    "chmod {right} {shown}; and if others had accounts on this machine, take the key for known to them"
                ),
            );
        }
        if path != folder && metadata.len() != KEY_BYTES {
            return Finding::fail(
                format!("`{shown}` has {} bytes, not {KEY_BYTES}", metadata.len()),
                "restore it from the backup: a new key would fit nothing in this store",
            );
        }
    }
    Finding::ok(format!("{} keys, readable by their owner alone", KEYS.len()))
}

/// Room to record in?
pub(super) fn space(data: &Path) -> Finding {
    // A directory that does not exist yet will lie on its parent's disk.
    let there = data.ancestors().find(|path| path.exists()).unwrap_or(Path::new("."));
    let free_mib = match statvfs(there) {
        Ok(disk) => disk.f_bavail.saturating_mul(disk.f_frsize) / (1024 * 1024),
        Err(error) => return Finding::look(format!("free space is not known: {error}"), "look with df"),
    };
    let used_mib = std::fs::metadata(data.join("log.sqlite")).map_or(0, |file| file.len() / (1024 * 1024));
    let found = format!("{free_mib} MiB free; the store has {used_mib} MiB");
    if free_mib < FREE_MIB_MIN {
        return Finding::fail(found, "make room now: when the disk is full, Handrail refuses what it cannot record");
    }
    if free_mib < FREE_MIB_LOW {
        return Finding::look(found, "make room, or move the data directory to a larger disk while no node runs");
    }
    Finding::ok(found)
}

/// Somewhere to record while the store cannot be written?
pub(super) fn spool(data: &Path, at: Option<&Path>, waiting: Option<&Spooled>) -> Finding {
    if let Some(Spooled { waiting, trouble: Some(why) }) = waiting {
        return Finding::fail(
            format!("{} in the spool cannot come into the log: {why}", counted(*waiting, "record")),
            "make room if the store is full or read-only; a record that this version cannot read needs the version that wrote it",
        );
    }
    let Some(at) = at else { return Finding::skipped("the configuration has none (`spool.size_bytes = 0`)") };
    let shown = at.display();
    let (Ok(spool), Ok(store)) = (std::fs::metadata(at), std::fs::metadata(data)) else {
        return Finding::skipped("a node makes it when it starts");
    };
    let names = std::fs::read_dir(at).into_iter().flatten().flatten().map(|entry| entry.file_name());
    if let Some(aside) = names.into_iter().find(|name| name.to_string_lossy().starts_with("records.damaged-")) {
        return Finding::look(
            format!("`{shown}` was found damaged; what did not verify is kept as `{}`", aside.display()),
            "find out whether the machine crashed then; if not, somebody changed it: keep the file as evidence, then move it away",
        );
    }
    if spool.dev() == store.dev() {
        return Finding::look(
            format!("`{shown}` is on the store's own disk"),
            "name a directory on another disk with `spool.path`, so that one disk's failure does not take both",
        );
    }
    Finding::ok(format!("`{shown}` is there, on a disk of its own"))
}

/// Who has the directory?
pub(super) fn process(data: &Path) -> (Finding, Node) {
    let socket = data.join(SOCKET);
    let answers = SocketPath::of(data).and_then(|path| std::os::unix::net::UnixStream::connect(path.as_path()));
    if answers.is_ok() {
        return (Finding::ok("a node runs and its local socket answers"), Node::Running);
    }
    let path = data.join("lock");
    let file = match std::fs::File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return (Finding::ok("no node runs here"), Node::None),
        Err(error) => {
            let found = format!("`{}`: {error}", path.display());
            return (Finding::fail(found, "run this as the user the node runs as"), Node::None);
        }
    };
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        // The lock goes with the file, when this returns.
        Ok(()) if socket.exists() => {
            (Finding::ok("no node runs here; the last one left its socket behind, which is harmless"), Node::None)
        }
        Ok(()) => (Finding::ok("no node runs here"), Node::None),
        Err(Errno::WOULDBLOCK) => (
            Finding::fail(
                "a process has the store open, but its local socket does not answer",
                format!(
                    "wait if a command is at work or a node is starting; else find it (fuser {}) and end it",
                    path.display()
                ),
            ),
            Node::None,
        ),
        Err(errno) => (
            Finding::look(
                format!("the lock cannot be tried: {errno}"),
                "use a local disk: some network file systems have no locks",
            ),
            Node::None,
        ),
    }
}
