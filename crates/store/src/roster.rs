//! The nodes of a data directory's database, for whoever looks from outside: no node need run here.

use crate::JoinError;
use crate::database::Connection;
use crate::nodes::Node;
use crate::place::{self, Place};
use crate::postgres::Server;
use crate::reader::Reader;
use std::path::Path;

/// Every node of the database that a data directory names, by name.
///
/// # Errors
/// When the store is a file, or the database cannot be read.
pub fn nodes_at(data: &Path) -> Result<Vec<Node>, JoinError> {
    let connection = Connection::Postgres(server_of(data)?.connect_reading().map_err(crate::StorageError::from)?);
    Ok(Reader { connection: &connection }.nodes()?)
}

/// Forgets a node that has not beaten for [`crate::FORGET_AFTER`]; whether there was one. Should it come back all the same, it stops and has to be started
/// again.
///
/// # Errors
/// When the store is a file, or the database cannot be written.
pub fn forget_node(data: &Path, id: &[u8; 16]) -> Result<bool, JoinError> {
    let connection = Connection::Postgres(server_of(data)?.connect_sweeping().map_err(crate::StorageError::from)?);
    connection.begin()?;
    let forgotten = connection.forget_node(id)?;
    connection.commit_writes()?;
    Ok(forgotten)
}

/// The name of the node of a data directory, if it has one.
#[must_use]
pub fn node_of(data: &Path) -> Option<[u8; 16]> {
    std::fs::read(data.join(place::NODE_FILE_NAME)).ok()?.try_into().ok()
}

fn server_of(data: &Path) -> Result<Server, JoinError> {
    let address = place::remembered(data)?.ok_or_else(|| JoinError::File(data.to_owned()))?;
    match Place::at(data, &address)? {
        Place::Server(server) => Ok(server),
        Place::File(directory) => Err(JoinError::File(directory)),
    }
}
