//! Reading evidence is itself evidence: every look at entries is recorded before they are shown.

use crate::trouble::Trouble;
use events::{Actor, Draft, Seq};
use plane::Plane;
use signin::operator::Operator;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use store::Batch;

/// The most sessions whose last list is remembered; beyond, everything is recorded again.
const SESSIONS_MAX: usize = 1_000;

/// What each session saw in a list last, so that a page that loads itself again does not fill the ledger with the same sentence.
#[derive(Clone, Debug, Default)]
pub(crate) struct Readings(Arc<Mutex<HashMap<String, (Seq, Seq)>>>);

impl Readings {
    /// An operator opens one entry. Always recorded.
    pub(crate) async fn opened(&self, plane: &Plane, operator: &Operator, entry: Seq) -> Result<(), Trouble> {
        record(plane, operator, entry, Seq(entry.0.saturating_add(1))).await
    }

    /// An operator sees a list of entries `from` to before `to`. Recorded unless the same session saw the same list last.
    pub(crate) async fn listed(&self, plane: &Plane, operator: &Operator, from: Seq, to: Seq) -> Result<(), Trouble> {
        if self.lock().get(operator.session().as_str()) == Some(&(from, to)) {
            return Ok(());
        }
        record(plane, operator, from, to).await?;
        let mut last = self.lock();
        if last.len() >= SESSIONS_MAX {
            last.clear();
        }
        last.insert(operator.session().to_string(), (from, to));
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, (Seq, Seq)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn record(plane: &Plane, operator: &Operator, from: Seq, to: Seq) -> Result<(), Trouble> {
    let read = ::audit::find::reading(plane, "console", from, to)?;
    plane.record(Batch::one(Draft::new(Actor::operator(operator.id()), read))).await?;
    Ok(())
}
