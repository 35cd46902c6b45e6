//! Who owns the server's files, and where its programs are.

use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// The server does not run as root; then it runs as `nobody`.
const NOBODY: u32 = 65_534;

/// A program run as the server's owner in its directory, with nothing of this process's environment.
pub(crate) fn as_owner(home: &Path, program: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(home).env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C.UTF-8");
    if rustix::process::getuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

/// Runs it to its end.
pub(crate) fn done(command: &mut Command) -> io::Result<()> {
    let made = command.output()?;
    if made.status.success() {
        return Ok(());
    }
    let program = command.get_program().to_string_lossy().into_owned();
    Err(io::Error::other(format!("{program}: {}", String::from_utf8_lossy(&made.stderr))))
}

/// Where Debian puts the server's programs; the newest version's.
pub(crate) fn programs() -> io::Result<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|versions| versions.filter_map(|version| Some(version.ok()?.path().join("bin"))).collect())
        .unwrap_or_default();
    found.retain(|bin| bin.join("initdb").exists());
    found.sort();
    found.pop().ok_or_else(|| {
        io::Error::other("PostgreSQL is not installed: apt-get install postgresql, as `cargo xtask test` does")
    })
}

/// A new directory for the server's owner alone, with a path short enough for a socket in it.
pub(crate) fn home() -> io::Result<PathBuf> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        let home = std::env::temp_dir().join(format!("pg-{}-{number}", std::process::id()));
        match std::fs::create_dir(&home) {
            Ok(()) => {
                // Its owner removes it; whoever tests looks in through the socket.
                std::fs::set_permissions(&home, std::fs::Permissions::from_mode(0o755))?;
                give_away(&home)?;
                return Ok(home);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}

/// What root made for the server becomes its owner's.
pub(crate) fn give_away(path: &Path) -> io::Result<()> {
    if !rustix::process::getuid().is_root() {
        return Ok(());
    }
    if std::fs::symlink_metadata(path)?.uid() != NOBODY {
        std::os::unix::fs::lchown(path, Some(NOBODY), Some(NOBODY))?;
    }
    if path.is_dir() {
        for entry in std::fs::read_dir(path)? {
            give_away(&entry?.path())?;
        }
    }
    Ok(())
}
