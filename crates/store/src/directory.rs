//! The data directory: private to its owner, and held by one process at a time.

use rustix::fs::{FlockOperation, flock};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long to wait for whoever has the directory: a process that is ending still has it, and so has one that another thread has just begun, until
/// it is what it will be (a lock is shared with a child between `fork` and `exec`).
const TAKE_MAX: Duration = Duration::from_millis(500);
/// How often to look whether it is free.
const TAKE_EVERY: Duration = Duration::from_millis(10);

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DirectoryError {
    /// Another process has it.
    #[error("`{}` is in use by another process", .0.display())]
    Locked(PathBuf),
    /// It, or something in it, cannot be written.
    #[error("`{}` cannot be written", .path.display())]
    ReadOnly {
        /// What cannot be written.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Anything else.
    #[error("`{}` cannot be used", .path.display())]
    Io {
        /// What cannot be used.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl DirectoryError {
    pub(crate) fn new(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Self::ReadOnly { path, source },
            _ => Self::Io { path, source },
        }
    }
}

/// The directory is ours for as long as this value lives.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// Makes the directory if need be, takes group's and others' rights to it away, and locks it; waits half a second for whoever has it.
pub(crate) fn take(directory: &Path) -> Result<Lock, DirectoryError> {
    let wrong = |source| DirectoryError::new(directory, source);
    DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(wrong)?;
    let metadata = std::fs::metadata(directory).map_err(wrong)?;
    let path = directory.join("lock");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(|source| DirectoryError::new(&path, source))?;
    let elapsed = crate::clock::monotonic();
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => break,
            Err(rustix::io::Errno::WOULDBLOCK) if elapsed() < TAKE_MAX => std::thread::sleep(TAKE_EVERY),
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(DirectoryError::Locked(directory.to_owned())),
            Err(errno) => return Err(DirectoryError::new(&path, errno.into())),
        }
    }
    if metadata.mode() & 0o077 != 0 && holds_only_a_store(directory).map_err(wrong)? {
        // Where the directory is somebody else's, such as a mounted volume's, the files' own modes have to do.
        if let Err(error) = std::fs::set_permissions(directory, PermissionsExt::from_mode(0o700)) {
            tracing::warn!(path = %directory.display(), %error, "others can list the data directory");
        }
    }
    Ok(Lock { _file: file })
}

/// Whether a directory has a store in it, or nothing yet: nobody else's directory is closed to them by a slip of the pen.
fn holds_only_a_store(directory: &Path) -> io::Result<bool> {
    if directory.join(crate::sqlite::FILE_NAME).exists() {
        return Ok(true);
    }
    for entry in std::fs::read_dir(directory)? {
        if entry?.file_name() != "lock" {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Makes an empty file that only its owner may use, unless it is there. What a database puts beside its file has the file's mode.
pub(crate) fn private_file(path: &Path) -> Result<(), DirectoryError> {
    let opened = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path);
    opened.map(drop).map_err(|source| DirectoryError::new(path, source))
}

/// Makes what was done to a directory's list of names durable.
pub(crate) fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}
