//! Everything that can go wrong, in one line for a person at a locked screen or a terminal.

use std::path::PathBuf;

/// Why the answer is no.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    #[error("{0}")]
    No(String),
    #[error("Handrail cannot be reached from this machine. Use your password, and tell clinical IT if it goes on.")]
    Unreachable,
    #[error("Handrail gave an answer that cannot be used. Use your password, and tell clinical IT.")]
    Unreadable,
    #[error("Handrail did not answer in time. Use your password, and tell clinical IT if it goes on.")]
    TooLong,
    #[error("Handrail answers `auth` lines of PAM only; take it out of the others.")]
    NotAuth,
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("{}: others may read or change it. Only its owner may: chown root, chmod 600.", .0.display())]
    Open(PathBuf),
    #[error("{}: it is not a file of this user's; run as root, which it belongs to.", .0.display())]
    Foreign(PathBuf),
    #[error("{}: {why}", path.display())]
    Config { path: PathBuf, why: String },
    #[error("{}: this is no key of ours. Enrol this machine again.", .0.display())]
    Key(PathBuf),
    #[error("{}: there is no certificate in it.", .0.display())]
    Certificates(PathBuf),
    #[error("`{0}` is no address that can be used: https://, or http:// to this machine itself, and no path.")]
    Address(String),
    #[error("Handrail there calls itself {told}. Enrol with --url {told}; the code is still good.")]
    OtherAddress { told: String },
    #[error("this machine's source of randomness does not work")]
    Randomness,
}
