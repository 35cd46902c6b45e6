//! The configuration and the key: files that nobody but their owner may read or change, or they are not used.

use crate::trouble::Trouble;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The longest file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 256 * 1024;
/// The longest somebody is waited for, in seconds: a login ends within a minute, whatever happens.
const WAIT_S_MAX: u32 = 50;

const fn wait_usual() -> u32 {
    WAIT_S_MAX
}

/// `workstation.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// Where people reach Handrail.
    pub(crate) url: String,
    /// Which workstation this is.
    pub(crate) device: String,
    /// The file its key is in.
    pub(crate) key: PathBuf,
    /// The authorities that may vouch for the address, in PEM; absent: the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ca: Option<PathBuf>,
    /// How long a touch is waited for, in seconds.
    #[serde(default = "wait_usual")]
    pub(crate) wait_s: u32,
}

impl Config {
    /// A new one, to be written.
    pub(crate) fn new(url: String, device: String, key: PathBuf, ca: Option<PathBuf>) -> Self {
        Self { url, device, key, ca, wait_s: wait_usual() }
    }

    pub(crate) fn read(path: &Path) -> Result<Self, Trouble> {
        let wrong = |why: String| Trouble::Config { path: path.to_owned(), why };
        let bytes = read_private(path)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| wrong("this is no text".to_owned()))?;
        // Only the first line of a complaint: it is one for people, and quotes nothing of the file.
        let config: Self = toml::from_str(text).map_err(|error| wrong(error.message().to_owned()))?;
        if config.wait_s == 0 || config.wait_s > WAIT_S_MAX {
            return Err(wrong(format!("wait_s is 1 to {WAIT_S_MAX}")));
        }
        Ok(config)
    }

    pub(crate) fn text(&self) -> Result<String, Trouble> {
        toml::to_string(self).map_err(|_| Trouble::Address(self.url.clone()))
    }
}

fn failed(path: &Path) -> impl FnOnce(std::io::Error) -> Trouble {
    move |source| Trouble::File { path: path.to_owned(), source }
}

/// A file of whoever runs this, if nobody else may read or change it.
pub(crate) fn read_private(path: &Path) -> Result<Zeroizing<Vec<u8>>, Trouble> {
    let file = File::open(path).map_err(failed(path))?;
    let facts = file.metadata().map_err(failed(path))?;
    if !facts.is_file() || facts.uid() != rustix::process::geteuid().as_raw() {
        return Err(Trouble::Foreign(path.to_owned()));
    }
    if facts.mode() & 0o077 != 0 {
        return Err(Trouble::Open(path.to_owned()));
    }
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(FILE_BYTES_MAX).read_to_end(&mut bytes).map_err(failed(path))?;
    Ok(bytes)
}

/// A file that anybody may read.
pub(crate) fn read_public(path: &Path) -> Result<Vec<u8>, Trouble> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed(path))?;
    file.take(FILE_BYTES_MAX).read_to_end(&mut bytes).map_err(failed(path))?;
    Ok(bytes)
}

/// Where a file is written until it is whole.
pub(crate) fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    PathBuf::from(name)
}

/// Writes a file that only its owner may read, beside where it will be; [`put`] puts it there.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), Trouble> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::DirBuilder::new().recursive(true).mode(0o755).create(folder).map_err(failed(folder))?;
    }
    let new = beside(path);
    match std::fs::remove_file(&new) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(&new)(error)),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new).map_err(failed(&new))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed(&new))
}

/// Puts a file that was written beside its place there.
pub(crate) fn put(path: &Path) -> Result<(), Trouble> {
    std::fs::rename(beside(path), path).map_err(failed(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_file_that_others_may_read_or_change_is_not_used() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep").join("workstation.key");
        write_private(&path, b"secret").unwrap();
        put(&path).unwrap();
        assert_eq!(read_private(&path).unwrap().as_slice(), b"secret");
        for mode in [0o640, 0o604, 0o620, 0o602, 0o666] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            assert!(matches!(read_private(&path), Err(Trouble::Open(_))), "{mode:o}");
        }
        assert!(matches!(read_private(dir.path()), Err(Trouble::Foreign(_))));
        assert!(matches!(read_private(&dir.path().join("gone")), Err(Trouble::File { .. })));
    }

    #[test]
    fn a_configuration_says_what_is_wrong_with_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("workstation.toml");
        let read = |text: &str| {
            write_private(&path, text.as_bytes()).unwrap();
            put(&path).unwrap();
            Config::read(&path)
        };
        let own = Config::new("https://h.example".into(), "ws-1".into(), "/etc/handrail/workstation.key".into(), None);
        assert_eq!(read(&own.text().unwrap()).unwrap(), own);
        let with = |line: &str| read(&format!("url = \"u\"\ndevice = \"d\"\nkey = \"k\"\n{line}\n"));
        assert_eq!(with("wait_s = 5").unwrap().wait_s, 5);
        for wrong in ["wait_s = 0", "wait_s = 51", "wait = 3", "wait_s = -1"] {
            assert!(matches!(with(wrong), Err(Trouble::Config { .. })), "{wrong}");
        }
    }
}
