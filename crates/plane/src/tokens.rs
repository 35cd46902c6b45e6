//! Live tokens of calling systems: a fold of the log like the world. A row slipped into a table makes nobody a caller.

use events::CallerName;
use events::caller::{Added, Revoked};
use smol_str::SmolStr;
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

/// One live token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Whose.
    pub caller: CallerName,
    /// SHA-256 of its secret, hexadecimal.
    pub sha256: SmolStr,
}

/// Every live token, by its public id.
#[derive(Debug, Default)]
pub struct Tokens {
    by_id: RwLock<HashMap<SmolStr, Token>>,
}

impl Tokens {
    /// A live token.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<Token> {
        self.by_id.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// Every caller that has a live token, each once, in order.
    #[must_use]
    pub fn callers(&self) -> Vec<CallerName> {
        let by_id = self.by_id.read().unwrap_or_else(PoisonError::into_inner);
        let mut names: Vec<_> = by_id.values().map(|token| token.caller.clone()).collect();
        names.sort();
        names.dedup();
        names
    }

    pub(crate) fn add(&self, added: &Added) {
        let token = Token { caller: added.caller.clone(), sha256: added.sha256.clone() };
        self.by_id.write().unwrap_or_else(PoisonError::into_inner).insert(added.token.clone(), token);
    }

    pub(crate) fn revoke(&self, revoked: &Revoked) {
        let mut by_id = self.by_id.write().unwrap_or_else(PoisonError::into_inner);
        by_id.retain(|_, token| token.caller != revoked.caller);
    }
}
