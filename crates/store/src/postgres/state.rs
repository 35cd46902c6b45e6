//! What an administrator would ask the server about itself.

use super::Failed;
use super::connection::Connection;

/// A server, as it is just now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Database {
    /// Where it is: host, port, and the database's name.
    pub place: String,
    /// Its version.
    pub version: String,
    /// The standbys that a commit waits for, as the server's configuration names them; empty where it waits for none.
    pub standbys: String,
}

const STATE: &str = "SELECT current_setting('server_version'), current_setting('synchronous_standby_names')";

/// A test prepares these.
#[cfg(test)]
pub(super) const OWN: &[&str] = &[STATE];

impl Connection {
    /// How the server is.
    pub(crate) fn state(&self) -> Result<Database, Failed> {
        let row = self.row(STATE, &[])?;
        let place = self.server().address().place().to_owned();
        Ok(Database { place, version: row.try_get(0)?, standbys: row.try_get(1)? })
    }
}
