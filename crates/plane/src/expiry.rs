//! Detail that is older than the charter keeps it goes, but for patients under a hold.

use crate::privacy::STREAM;
use crate::{Plane, PrivacyError};
use events::ledger::DetailExpired;
use events::{Actor, Draft, PatientPseudonym, Seq, Timestamp};
use std::collections::BTreeSet;
use std::time::Duration;
use store::statements::{DETAIL_DROP, DETAIL_EXPIRY_SET, DETAIL_NEXT};
use store::{AppendError, Batch};
use tokio_util::sync::CancellationToken;

/// How many pieces of detail expire in one commit.
const EXPIRED_AT_ONCE: u32 = 500;
/// How often in a row the same pieces are looked at again because something was told of a patient of theirs meanwhile.
const ROUNDS_MAX: usize = 16;
/// How often the node looks for detail that has expired.
const EXPIRY_EVERY: Duration = Duration::from_secs(3600);

/// Pieces of detail that are old enough, in the order of their entries.
struct Old {
    last: Seq,
    /// How many of them go, and what makes them go.
    going: u64,
    batch: Batch,
}

impl Plane {
    /// Destroys detail that is older than the charter in force keeps it, but for patients under a hold; how many pieces.
    ///
    /// # Errors
    /// When it cannot be recorded; what was recorded stays destroyed.
    pub async fn expire_detail(&self) -> Result<u64, PrivacyError> {
        let retention = self.engine().charter().hospital().retention;
        if retention.legal_hold {
            return Ok(0);
        }
        let until = self.now() - retention.detail_days.duration();
        let (mut after, mut expired, mut rounds) = (Seq(0), 0, 0);
        // Entry 0 applies a charter and has no detail; everything after it is looked at once.
        loop {
            let plane = self.clone();
            let looking = tokio::task::spawn_blocking(move || plane.old_detail(until, after));
            let Some(Old { last, going, batch }) = looking.await.map_err(|_| PrivacyError::Stopped)?? else { break };
            if going > 0 {
                match self.record(batch).await {
                    Ok(_) => expired += going,
                    Err(AppendError::Conflict(_) | AppendError::Stale) if rounds < ROUNDS_MAX => {
                        rounds += 1;
                        continue;
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            (after, rounds) = (last, 0);
        }
        if expired > 0 {
            // Should somebody be reading for long, the store goes on trying.
            let _scrubbed = self.store().scrub().await;
        }
        Ok(expired)
    }

    /// The next pieces that are old enough. Detail is kept in the order it came in, so the first that is too young is the last that is read.
    fn old_detail(&self, until: Timestamp, after: Seq) -> Result<Option<Old>, PrivacyError> {
        let since = self.store().head().next;
        let version = self.store().read(|reader| reader.stream_version(STREAM))?;
        let mut next = self.store().read(|reader| {
            reader.query(DETAIL_NEXT, &[after.into(), EXPIRED_AT_ONCE.into()], |row| {
                let patient = if row.int(2)? == 0 { None } else { Some(row.array::<16>(3)?) };
                Ok((row.int(0)?, row.time(1)?, patient.map(PatientPseudonym::from_bytes)))
            })
        })?;
        let young = next.iter().position(|(_, at, _)| *at > until).unwrap_or(next.len());
        next.truncate(young);
        let Some((last, ..)) = next.last() else { return Ok(None) };
        let last = Seq(u64::try_from(*last).unwrap_or(u64::MAX));
        self.world(|world| {
            next.retain(|(_, _, patient)| patient.is_none_or(|patient| world.hold_on(patient).is_none()))
        });
        let details = next.len() as u64;
        let patients: BTreeSet<_> = next.iter().filter_map(|(_, _, patient)| *patient).collect();
        let draft = Draft::new(Actor::handrail("retention"), DetailExpired { until, details });
        let mut batch = Batch::one(draft).expect(STREAM, version).write(DETAIL_EXPIRY_SET, [until.into()]);
        batch = batch.untold(since, patients.into_iter().collect());
        for (seq, ..) in next {
            batch = batch.write(DETAIL_DROP, [seq.into()]);
        }
        Ok(Some(Old { last, going: details, batch }))
    }

    /// Lets detail expire as time goes by, until `stop`. Exactly one such task runs a node.
    pub async fn keep_retention(&self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.expire_detail().await {
                tracing::warn!(%error, "detail that is older than the charter keeps it could not be destroyed");
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(EXPIRY_EVERY) => {}
            }
        }
    }
}
