//! What can be said by the heads of policies alone: whom they cover, for what.

use super::Engine;
use crate::clockwork::Word;
use crate::index::{Placed, PolicyIndex};
use events::RoleName;
use events::decision::Question;

impl Engine {
    /// Whether no permit for what was asked covers somebody of these roles, whatever it is about. False where that cannot be said.
    pub(crate) fn lacks_role(&self, question: &Question, roles: &[RoleName]) -> bool {
        self.scoped(question, roles, |principal, action| !self.index.has_permit(principal, action)).unwrap_or(false)
    }

    /// Whether some of these policies covers what was asked by somebody of these roles, whatever it is about. True where that cannot be
    /// said.
    pub(crate) fn covers(&self, policies: &PolicyIndex, question: &Question, roles: &[RoleName]) -> bool {
        self.scoped(question, roles, |principal, action| policies.has_any(principal, action)).unwrap_or(true)
    }

    /// Looks at who asks for what as the heads of policies do.
    fn scoped<T>(
        &self,
        question: &Question,
        roles: &[RoleName],
        look: impl FnOnce(Placed<'_>, Placed<'_>) -> T,
    ) -> Option<T> {
        let kind = self.statics.kind(&question.principal.kind).ok();
        let (kind, action) = kind.zip(self.actions.get(&question.action))?;
        let uid = kind.uid(question.principal.id.as_str());
        let principal = Placed { uid: &uid, ancestors: &self.statics.above(&uid, roles) };
        Some(look(principal, Placed { uid: &action.uid, ancestors: &action.ancestors }))
    }

    /// Whether a policy that can bear on what was asked looks at the asker's shifts.
    pub(crate) fn rests_on_shift(&self, question: &Question, roles: &[RoleName]) -> bool {
        let kinds = (self.statics.kind(&question.principal.kind), self.statics.kind(&question.resource.kind));
        let ((Ok(principal), Ok(resource)), Some(action)) = (kinds, self.actions.get(&question.action)) else {
            return false;
        };
        let (who, what) = (principal.uid(question.principal.id.as_str()), resource.uid(question.resource.id.as_str()));
        let candidates = self.index.candidates(
            Placed { uid: &who, ancestors: &self.statics.above(&who, roles) },
            Placed { uid: &action.uid, ancestors: &action.ancestors },
            Placed { uid: &what, ancestors: &self.statics.above(&what, &[]) },
        );
        candidates.is_ok_and(|found| found.uses.looks_at_word(Word::Shift))
    }
}
