//! The table of nodes: what each says of itself, by the server's clock.

use super::{Connection, Failed};
use crate::nodes::{Beat, FORGET_AFTER, Node};
use crate::statement::{Raw, Row};
use crate::{ReadError, StorageError};
use std::time::Duration;
use tokio_postgres::types::ToSql;

/// `id, process, version, fold, entries, sealed, skew_ms, condition` → the server's clock.
const NODE_BEAT: &str = "INSERT INTO node \
    (id, last_group, process, version, fold, entries, sealed, skew_ms, condition, beat_at) \
    VALUES ($1, 0, $2, $3, $4, $5, $6, $7, $8, (extract(epoch FROM clock_timestamp()) * 1000)::bigint) \
    ON CONFLICT (id) DO UPDATE SET process = excluded.process, version = excluded.version, fold = excluded.fold, \
    entries = excluded.entries, sealed = excluded.sealed, skew_ms = excluded.skew_ms, condition = excluded.condition, \
    beat_at = excluded.beat_at RETURNING beat_at";
/// → all, with how many milliseconds ago each beat by the server's clock.
const NODE_ALL: &str = "SELECT id, process, version, fold, entries, sealed, skew_ms, condition, beat_at, \
    (extract(epoch FROM clock_timestamp()) * 1000)::bigint - beat_at FROM node ORDER BY id";
/// `id, milliseconds`: one that beat since then stays.
const NODE_FORGET: &str = "DELETE FROM node WHERE id = $1 AND \
    beat_at <= (extract(epoch FROM clock_timestamp()) * 1000)::bigint - $2 RETURNING id";

/// For a test, which prepares them.
#[cfg(test)]
pub(super) const OWN: &[&str] = &[NODE_BEAT, NODE_ALL, NODE_FORGET];

impl Connection {
    /// Notes how this node is; the server's clock.
    pub(crate) fn beat(&self, beat: &Beat) -> Result<i64, Failed> {
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let Beat { process, version, fold, entries, sealed, skew_ms, condition } = beat;
        let node = self.server().node();
        let values: [&(dyn ToSql + Sync); 8] = [
            &node.as_slice(),
            process,
            version,
            &i64::from(*fold),
            &number(*entries),
            &number(*sealed),
            skew_ms,
            condition,
        ];
        Ok(self.row(NODE_BEAT, &values)?.try_get(0)?)
    }

    /// Forgets a node that has been silent for long; whether there was one.
    pub(crate) fn forget_node(&self, id: &[u8; 16]) -> Result<bool, Failed> {
        let silent = i64::try_from(FORGET_AFTER.as_millis()).unwrap_or(i64::MAX);
        Ok(!self.rows(NODE_FORGET, &[&id.as_slice(), &silent])?.is_empty())
    }

    /// Every node there is a row of.
    pub(crate) fn nodes(&self) -> Result<Vec<Node>, ReadError> {
        let rows = self.rows(NODE_ALL, &[]).map_err(StorageError::from)?;
        rows.iter().map(|row| node_of(&Row(Raw::Postgres(row)))).collect()
    }
}

fn node_of(row: &Row<'_>) -> Result<Node, ReadError> {
    let count = |column| row.int(column).map(|number| u64::try_from(number).unwrap_or(0));
    let beat = (row.int(8)? > 0).then(|| count(9)).transpose()?;
    Ok(Node {
        id: row.array(0)?,
        process: row.text(1)?,
        version: row.text(2)?,
        fold: u32::try_from(row.int(3)?).unwrap_or(0),
        entries: count(4)?,
        sealed: count(5)?,
        skew_ms: row.int(6)?,
        condition: row.text(7)?,
        beat: beat.map(Duration::from_millis),
    })
}
