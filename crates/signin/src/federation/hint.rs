//! The last ID token of whoever signed in by a provider: the hint with which their session there ends too, without being asked once more.

use charter::name::ProviderName;
use events::{PrincipalId, Timestamp};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use zeroize::Zeroizing;

/// The most people of whom one is kept. For those without, the provider asks whether they mean to sign out, which does no harm.
const HINTS_MAX: usize = 20_000;
/// How long one is kept.
const HINT_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

type Of = (ProviderName, PrincipalId);

struct Hint {
    token: Zeroizing<String>,
    kept_at: Timestamp,
}

/// In the memory of this node only.
#[derive(Default)]
pub(super) struct Hints(Mutex<HashMap<Of, Hint>>);

impl Hints {
    pub(super) fn keep(&self, of: Of, token: Zeroizing<String>, now: Timestamp) {
        let mut all = self.all();
        if all.len() >= HINTS_MAX {
            all.retain(|_, hint| now.since(hint.kept_at) < HINT_LIFETIME);
        }
        if all.len() < HINTS_MAX || all.contains_key(&of) {
            all.insert(of, Hint { token, kept_at: now });
        }
    }

    pub(super) fn take(&self, of: &Of, now: Timestamp) -> Option<Zeroizing<String>> {
        let hint = self.all().remove(of)?;
        (now.since(hint.kept_at) < HINT_LIFETIME).then_some(hint.token)
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Of, Hint>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
