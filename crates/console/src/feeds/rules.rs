//! Whether a feed is well. Pure.

use crate::tally::{Counts, Heard};
use charter::Charter;
use charter::systems::{Feed, FeedKind};
use events::{FeedName, OwnerId, Timestamp};
use std::collections::BTreeMap;
use std::time::Duration;

/// How a feed is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    /// Heard within its time.
    Heard,
    /// Heard once; nothing says how often it should be.
    HeardOnce,
    /// Silent for longer than the charter lets it.
    Silent(Duration),
    /// The charter names it and it was never heard.
    Never,
}

/// One feed.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) name: FeedName,
    /// What the charter says it tells us; nothing for a feed the charter does not name.
    pub(crate) kind: Option<FeedKind>,
    /// Who answers for it.
    pub(crate) owner: Option<OwnerId>,
    pub(crate) heard: Heard,
    pub(crate) health: Health,
}

/// Every feed, those of the charter first.
pub(crate) fn rows(charter: &Charter, counts: &Counts, now: Timestamp) -> Vec<Row> {
    let named = &charter.systems().feeds;
    let mut of_kind: BTreeMap<FeedKind, usize> = BTreeMap::new();
    for feed in named.values() {
        *of_kind.entry(feed.kind).or_default() += 1;
    }
    let mut rows: Vec<Row> = named
        .iter()
        .map(|(name, feed)| {
            let mut heard = counts.by_feed.get(name).cloned().unwrap_or_default();
            // Facts that do not say which feed they came from are this one's only if no other could have sent them.
            if of_kind.get(&feed.kind) == Some(&1)
                && let Some(unnamed) = counts.by_kind.get(&feed.kind)
            {
                add(&mut heard, unnamed);
            }
            row(name, Some(feed), heard, limit(charter, feed.kind), now)
        })
        .collect();
    let unknown = counts.by_feed.iter().filter(|(name, _)| !named.contains_key(*name));
    rows.extend(unknown.map(|(name, heard)| row(name, None, heard.clone(), None, now)));
    rows
}

fn row(name: &FeedName, feed: Option<&Feed>, heard: Heard, limit: Option<Duration>, now: Timestamp) -> Row {
    Row {
        name: name.clone(),
        kind: feed.map(|feed| feed.kind),
        owner: feed.map(|feed| feed.owner.clone()),
        health: health(heard.last, limit, now),
        heard,
    }
}

fn add(to: &mut Heard, more: &Heard) {
    to.last = to.last.max(more.last);
    to.messages += more.messages;
    to.entries += more.entries;
    to.rejected += more.rejected;
}

fn limit(charter: &Charter, kind: FeedKind) -> Option<Duration> {
    let staleness = &charter.hospital().staleness;
    match kind {
        FeedKind::Adt => Some(staleness.adt_s.duration()),
        FeedKind::Rota => Some(staleness.rota_s.duration()),
        FeedKind::People | FeedKind::Devices | FeedKind::Teams => None,
    }
}

fn health(last: Option<Timestamp>, limit: Option<Duration>, now: Timestamp) -> Health {
    match (last, limit) {
        (None, _) => Health::Never,
        (Some(_), None) => Health::HeardOnce,
        (Some(last), Some(limit)) if now.since(last) >= limit => Health::Silent(now.since(last)),
        (Some(_), Some(_)) => Health::Heard,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feed_is_silent_exactly_when_policies_would_call_it_stale() {
        let heard = Timestamp::from_millis(1_000_000);
        let limit = Some(Duration::from_secs(60));
        assert_eq!(health(Some(heard), limit, heard + Duration::from_millis(59_999)), Health::Heard);
        assert_eq!(
            health(Some(heard), limit, heard + Duration::from_secs(60)),
            Health::Silent(Duration::from_secs(60))
        );
        assert_eq!(health(Some(heard), None, Timestamp::MAX), Health::HeardOnce);
        assert_eq!(health(None, limit, heard), Health::Never);
    }
}
