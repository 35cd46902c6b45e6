//! What is kept while somebody is at their provider's: a form that goes on when they come back.
//!
//! And the last ID token of whoever signed in by a provider: the hint with which their session there ends too, without being asked once more.

use super::attempt::ATTEMPT_LIFETIME;
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

/// The most forms that are kept at once, each of one person.
const FORMS_MAX: usize = 200;

/// Sealed forms of people who prove at their provider's, now, who they are. In the memory of this node only: whoever comes back to another one finds their
/// session proved, and presses once more.
#[derive(Default)]
pub(super) struct Forms(Mutex<HashMap<PrincipalId, (String, Timestamp)>>);

impl Forms {
    pub(super) fn keep(&self, of: &PrincipalId, sealed: Option<&str>, now: Timestamp) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(sealed) = sealed else {
            all.remove(of);
            return;
        };
        if all.len() >= FORMS_MAX {
            all.retain(|_, (_, at)| now.since(*at) < ATTEMPT_LIFETIME);
        }
        if all.len() < FORMS_MAX || all.contains_key(of) {
            all.insert(of.clone(), (sealed.to_owned(), now));
        }
    }

    pub(super) fn take(&self, of: &PrincipalId, now: Timestamp) -> Option<String> {
        let (sealed, at) = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(of)?;
        (now.since(at) < ATTEMPT_LIFETIME).then_some(sealed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_goes_on_once_in_time_for_its_owner_and_not_after_they_thought_better_of_it() {
        let now = Timestamp::from_millis(1_795_000_000_000);
        let (forms, who, other) =
            (Forms::default(), PrincipalId::new("nadia").unwrap(), PrincipalId::new("omar").unwrap());
        forms.keep(&who, Some("first"), now);
        forms.keep(&who, Some("second"), now);
        assert_eq!(forms.take(&other, now), None);
        assert_eq!(forms.take(&who, now).as_deref(), Some("second"));
        assert_eq!(forms.take(&who, now), None, "once");
        forms.keep(&who, Some("third"), now);
        assert_eq!(forms.take(&who, now + ATTEMPT_LIFETIME), None, "too late");
        forms.keep(&who, Some("fourth"), now);
        forms.keep(&who, None, now);
        assert_eq!(forms.take(&who, now), None, "they went to prove something else");
    }
}
