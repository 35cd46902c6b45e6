//! Comparisons of charters kept ready, because working one out takes a moment and a page is looked at more than once.

use decision::Comparison;
use events::CharterDigest;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// How many are kept.
const KEPT_MAX: usize = 16;

/// The last ones.
#[derive(Debug, Default)]
pub(crate) struct Compared(Mutex<VecDeque<Arc<Comparison>>>);

impl Compared {
    pub(crate) fn find(&self, before: CharterDigest, after: CharterDigest) -> Option<Arc<Comparison>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|one| one.before == before && one.after == after).cloned()
    }

    pub(crate) fn keep(&self, compared: Arc<Comparison>) -> Arc<Comparison> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|one| !Arc::ptr_eq(one, &compared));
        kept.truncate(KEPT_MAX - 1);
        kept.push_front(Arc::clone(&compared));
        compared
    }
}
