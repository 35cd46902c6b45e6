//! How a command ends when it does not end well.

use crate::server::local::told;

/// A message for standard error and the exit code that goes with it.
#[derive(Debug)]
pub(crate) struct Failure {
    /// 1 usage or local, 2 remote, 3 denied, 4 verification failed.
    pub(crate) code: u8,
    /// What happened, and where possible what to do.
    pub(crate) message: String,
}

impl Failure {
    /// The exit code of what does not verify.
    pub(crate) const UNVERIFIED: u8 = 4;

    /// Wrong use, or trouble on this machine.
    pub(crate) fn local(message: impl Into<String>) -> Self {
        Self { code: 1, message: message.into() }
    }

    /// Trouble with a running node.
    pub(crate) fn remote(message: impl Into<String>) -> Self {
        Self { code: 2, message: message.into() }
    }

    /// Access was denied; the explanation is on standard output.
    pub(crate) const fn denied() -> Self {
        Self { code: 3, message: String::new() }
    }

    /// Something does not verify.
    pub(crate) fn unverified(message: impl Into<String>) -> Self {
        Self { code: Self::UNVERIFIED, message: message.into() }
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::local(told(&error))
    }
}
