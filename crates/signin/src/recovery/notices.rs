//! What was asked for and done in somebody's name, told to that somebody.

use super::store::CONSOLE;
use crate::point::PointOfCare;
use events::{PrincipalId, Timestamp};
use std::time::Duration;
use store::statements::RECOVERY_OF_PERSON;
use store::{ReadError, Row};

/// How far back a person is told on their own page.
pub const TOLD_FOR: Duration = Duration::from_secs(30 * 24 * 3_600);
/// For how long they are told on the page they see first.
pub const TOLD_FIRST_FOR: Duration = Duration::from_secs(3 * 24 * 3_600);

/// A way back in that was asked for in somebody's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// When.
    pub asked_at: Timestamp,
    /// What people call the path.
    pub path: String,
    /// Who stood for them; nobody at the server's console.
    pub voucher: Option<PrincipalId>,
    /// What came of it.
    pub came_of_it: &'static str,
}

/// What was asked for in somebody's name within this time, the newest first.
///
/// # Errors
/// When the store cannot be read.
pub fn notices(point: &PointOfCare, who: &PrincipalId, within: Duration) -> Result<Vec<Notice>, ReadError> {
    let (engine, now) = (point.plane().engine(), point.plane().now());
    let paths = &engine.charter().assurance().recovery;
    let of_person = [who.as_str().into(), (now - within).into()];
    let read = |row: &Row<'_>| {
        let (path, voucher, answered, slip) = (row.text(0)?, row.text(1)?, row.int(3)? != 0, row.text(4)?);
        let (session, key, due) = (row.text(5)?, row.int(6)? != 0, row.time(7)?);
        let came_of_it = if key {
            "A pass was used, and a new key registered."
        } else if !session.is_empty() {
            "A pass was used."
        } else if !slip.is_empty() {
            "A pass was given, and not used."
        } else if answered {
            "No pass was given."
        } else if due <= now {
            "Nobody answered."
        } else {
            "It waits for an answer."
        };
        let title = paths.iter().find(|(name, _)| name.as_str() == path).map(|(_, path)| path.title.clone());
        let at_console = path == CONSOLE;
        let path = title.unwrap_or_else(|| if at_console { "At the server’s console".to_owned() } else { path });
        let voucher = voucher.parse().ok().filter(|_| !at_console);
        Ok(Notice { asked_at: row.time(2)?, path, voucher, came_of_it })
    };
    point.plane().store().read(|reader| reader.query(RECOVERY_OF_PERSON, &of_person, read))
}
