//! One order: what began after something else was over stands behind it in the log.

use super::{Broken, Entry, Seen, What};
use std::collections::BTreeMap;

/// The first and the last entry of a message.
fn messages(log: &[Entry]) -> BTreeMap<&str, (u64, u64)> {
    let mut all: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for entry in log {
        if let Some(message) = &entry.message {
            all.entry(message).or_insert((entry.seq, entry.seq)).1 = entry.seq;
        }
    }
    all
}

/// Walks through the history by time: whatever begins stands behind the last entry of all that was over by then.
pub(super) fn check(seen: &[Seen], log: &[Entry], broken: &mut Vec<Broken>) {
    let messages = messages(log);
    let placed: Vec<_> = seen
        .iter()
        .filter_map(|one| {
            let returned = one.returned?;
            let (first, last) = match &one.what {
                What::Told { id, .. } => *messages.get(id.as_str())?,
                What::Asked { answer, .. } => answer.map(|answer| (answer.entry, answer.entry))?,
                // Its end may stand there since before it was given back.
                What::Released { .. } => return None,
            };
            Some((one.invoked, returned, first, last))
        })
        .collect();
    let (mut by_begin, mut by_end): (Vec<_>, Vec<_>) = (placed.iter().collect(), placed.iter().collect());
    by_begin.sort_by_key(|(invoked, ..)| *invoked);
    by_end.sort_by_key(|(_, returned, ..)| *returned);
    let (mut over, mut furthest) = (by_end.into_iter().peekable(), None);
    for (invoked, _, first, _) in by_begin {
        while let Some((.., last)) = over.next_if(|(_, returned, ..)| returned < invoked) {
            furthest = furthest.max(Some(*last));
        }
        if let Some(later) = furthest.filter(|furthest| furthest >= first) {
            broken.push(Broken::OutOfOrder { earlier: *first, later });
        }
    }
}
