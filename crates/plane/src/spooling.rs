//! Answering while the log cannot be written: a short permit, recorded in the spool, where the workflow says so and nowhere else.

use crate::{DecideError, Plane};
use charter::Charter;
use charter::workflow::FallbackMode;
use events::decision::{Effect, Made, Obligation};
use events::{Draft, Event, Leaf};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use store::{AppendError, Damage, Recorded, Spool, SpoolError};
use tokio_util::sync::CancellationToken;

/// How long a permit holds that only the spool has recorded.
pub const SPOOLED_PERMIT_MAX: Duration = Duration::from_secs(5 * 60);
/// How often the node tries to fold what waits in the spool.
const FOLD_EVERY: Duration = Duration::from_secs(1);

/// Where a node keeps its spool.
#[derive(Clone, Debug)]
pub struct SpoolAt {
    /// Its directory: better on another disk than the log's.
    pub path: PathBuf,
    /// The size of its file, in bytes.
    pub bytes: u64,
}

/// Whether a decision may be recorded in the spool when the log cannot take it: a permit that nobody watches, in a workflow whose fallback for
/// the store is `temporary`.
#[must_use]
pub fn may_be_spooled(made: &Made, charter: &Charter) -> bool {
    let workflow = made.workflow.as_ref().and_then(|name| charter.workflow(name));
    made.effect == Effect::Permit
        && !made.live
        && workflow.is_some_and(|workflow| workflow.fallback.store == FallbackMode::Temporary)
}

/// Makes a permit as short as one may be that only the spool has recorded.
pub fn shorten(made: &mut Made) {
    let until = made.decided_at + SPOOLED_PERMIT_MAX;
    made.holds_until = Some(made.holds_until.map_or(until, |before| before.min(until)));
    made.obligations.retain(|obligation| !matches!(obligation, Obligation::AskAgain { at } if *at >= until));
    if !made.obligations.iter().any(|obligation| matches!(obligation, Obligation::AskAgain { .. })) {
        made.obligations.push(Obligation::AskAgain { at: until });
    }
}

/// Whether a failure is one of the store that keeps everything from being recorded, rather than of this entry.
pub(crate) const fn store_failed(error: &AppendError) -> bool {
    matches!(error, AppendError::Full | AppendError::ReadOnly | AppendError::Storage(_))
}

impl Plane {
    /// The draft that goes to the spool should the log not take this one; nothing where it may not.
    pub(crate) fn for_the_spool(&self, draft: &Draft) -> Option<Draft> {
        self.inner.spool.as_ref()?;
        let Event::DecisionMade(made) = &draft.event else { return None };
        if !may_be_spooled(made, self.inner.engine.load().charter()) {
            return None;
        }
        let mut short = (**made).clone();
        shorten(&mut short);
        Some(Draft { event: Box::new(short).into(), detail: None, ..draft.clone() })
    }

    /// Records a draft in the spool, because the log failed with `why`.
    pub(crate) async fn spool(&self, draft: Draft, why: AppendError) -> Result<Recorded<Arc<Leaf>>, DecideError> {
        let Some(spool) = self.inner.spool.clone() else { return Err(why.into()) };
        let now = self.now();
        match tokio::task::spawn_blocking(move || spool.append(draft, now)).await {
            Ok(Ok(recorded)) => Ok(recorded),
            Ok(Err(error)) => {
                tracing::error!(%error, "neither the log nor the spool can be written");
                Err(why.into())
            }
            Err(_) => Err(why.into()),
        }
    }

    /// The spool, where the node has one.
    #[must_use]
    pub fn spool_state(&self) -> Option<&Spool> {
        self.inner.spool.as_ref()
    }

    /// Folds what waits in the spool into the log; how many entries.
    ///
    /// # Errors
    /// When the log cannot take them yet.
    pub async fn fold_spool(&self) -> Result<u64, AppendError> {
        match &self.inner.spool {
            Some(spool) if spool.waiting() > 0 => spool.fold_into(self.store()).await,
            _ => Ok(0),
        }
    }

    /// Folds the spool whenever the log can be written again, until `stop`. Exactly one such task runs a node.
    pub async fn keep_spool_folded(&self, stop: CancellationToken) {
        let mut said = None;
        while !stop.is_cancelled() {
            match self.fold_spool().await {
                Ok(0) => {}
                Ok(folded) => tracing::info!(folded, "what was recorded in the spool is in the log"),
                Err(error) => {
                    let trouble = self.spool_state().and_then(Spool::trouble);
                    // Once, until it is something else.
                    if trouble != said {
                        tracing::warn!(%error, why = trouble.as_deref(), "what waits in the spool cannot be folded into the log");
                        said = trouble;
                    }
                }
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(FOLD_EVERY) => {}
            }
        }
    }
}

/// Opens a spool beside a store.
pub(crate) fn open(at: &SpoolAt, store: &store::Store) -> Result<(Spool, Option<Damage>), SpoolError> {
    let path: &Path = &at.path;
    let (spool, damage) = Spool::open(path, at.bytes, store)?;
    if let Some(damage) = &damage {
        tracing::error!(%damage, "the spool was found damaged");
    }
    Ok((spool, damage))
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::decision::Values;
    use events::{CharterDigest, EntityRef, PrincipalId, Seq, Timestamp, TypeName};

    fn made() -> Made {
        let entity = || EntityRef { kind: TypeName::new("Person").unwrap(), id: PrincipalId::new("n").unwrap() };
        Made {
            question: events::decision::Question {
                session: None,
                principal: entity(),
                action: events::ActionName::new("a").unwrap(),
                resource: entity(),
                workflow: None,
                asserted: events::decision::Asserted::default(),
            },
            patient: None,
            effect: Effect::Permit,
            workflow: None,
            policies: Vec::new(),
            errors: Vec::new(),
            remedies: Vec::new(),
            obligations: Vec::new(),
            circumstances: Values::new(),
            holds_until: None,
            world_seq: Seq(0),
            charter: CharterDigest([0; 32]),
            decided_at: Timestamp::from_millis(0),
            supersedes: None,
            live: false,
        }
    }

    #[test]
    fn a_spooled_permit_is_short_and_says_when_to_ask_again() {
        let limit = Timestamp::from_millis(0) + SPOOLED_PERMIT_MAX;
        let mut plain = made();
        shorten(&mut plain);
        assert_eq!(plain.holds_until, Some(limit));
        assert_eq!(plain.obligations, [Obligation::AskAgain { at: limit }]);
        let soon = Timestamp::from_millis(60_000);
        let mut shorter =
            Made { holds_until: Some(soon), obligations: vec![Obligation::AskAgain { at: soon }], ..made() };
        shorten(&mut shorter);
        assert_eq!(
            (shorter.holds_until, &shorter.obligations[..]),
            (Some(soon), &[Obligation::AskAgain { at: soon }][..])
        );
        let mut again = plain.clone();
        shorten(&mut again);
        assert_eq!(again, plain, "shortened twice is shortened once");
    }
}
