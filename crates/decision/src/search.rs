//! Who or what would be permitted? A walk over candidates, a bounded piece at a time, each decided like any other question.
//!
//! Where candidates come from is not for this file to say: the caller of [`Walk::page`] hands them over in one order, and a page says how
//! far it came.

use crate::engine::Engine;
use events::decision::{Asserted, Question};
use events::search::Sought;
use events::{ActionName, EntityRef, PrincipalId, RoleName, Timestamp, TypeName};
use smol_str::SmolStr;
use world::{Facts, Subject};

/// The most candidates one page looks at.
pub const CANDIDATES_MAX: usize = 10_000;
/// The most results on one page.
pub const RESULTS_MAX: usize = 256;
/// The most bytes the ids of one page may have, so that the page fits its leaf.
pub const RESULT_BYTES_MAX: usize = 6 * 1024;

/// What is looked for.
#[derive(Clone, Debug)]
pub enum Walk {
    /// Who may: the question's principal is left open.
    Subjects(Question),
    /// What or whom it may be done to: the question's resource is left open.
    Resources(Question),
    /// What may be done: the question's action is left open.
    Actions {
        /// The question.
        asked: Question,
        /// The same for each action that could be, with what may be asserted of that action.
        each: Vec<Question>,
    },
}

/// One page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// What was found, in the order of the candidates.
    pub found: Vec<SmolStr>,
    /// How many candidates were looked at.
    pub looked_at: usize,
}

impl Walk {
    /// What is sought.
    #[must_use]
    pub const fn sought(&self) -> Sought {
        match self {
            Self::Subjects(_) => Sought::Subject,
            Self::Resources(_) => Sought::Resource,
            Self::Actions { .. } => Sought::Action,
        }
    }

    /// What was asked, with [`events::search::ANYTHING`] for what is sought.
    #[must_use]
    pub const fn asked(&self) -> &Question {
        match self {
            Self::Subjects(asked) | Self::Resources(asked) | Self::Actions { asked, .. } => asked,
        }
    }

    /// The question about one candidate.
    fn about(&self, candidate: &str) -> Option<Question> {
        if let Self::Actions { each, .. } = self {
            return each.iter().find(|question| question.action.as_str() == candidate).cloned();
        }
        let mut question = self.asked().clone();
        let open = if self.sought() == Sought::Subject { &mut question.principal } else { &mut question.resource };
        open.id = PrincipalId::new(candidate).ok()?;
        Some(question)
    }

    fn finds(&self, engine: &Engine, question: &Question, facts: &Facts, now: Timestamp) -> bool {
        let roles = facts.principal.as_ref().map_or(&[][..], |known| &known.roles);
        // Most of a large house has no role that any policy gives the action to: they need not be decided.
        if self.sought() == Sought::Subject && engine.lacks_role(question, roles) {
            return false;
        }
        let glance = engine.glance(question, facts, now);
        glance.permits && (self.sought() != Sought::Resource || glance.related)
    }

    /// Looks at candidates in order until the page is full, `enough` says so, or there are no more. Of patients only those are found with
    /// whom something connects the asker: whoever may read every chart is not told of everybody in the house.
    pub fn page<'a>(
        &self,
        engine: &Engine,
        candidates: impl IntoIterator<Item = &'a str>,
        limit: usize,
        now: Timestamp,
        mut facts: impl FnMut(&Subject) -> Facts,
        mut enough: impl FnMut() -> bool,
    ) -> Page {
        let mut page = Page::default();
        let mut bytes = 0;
        for candidate in candidates {
            let full = page.found.len() >= limit.min(RESULTS_MAX) || page.looked_at >= CANDIDATES_MAX;
            // At least one is looked at, so that every page gets further.
            if full || (page.looked_at > 0 && enough()) {
                break;
            }
            if let Some(question) = self.about(candidate) {
                let facts = facts(&engine.subject(&question));
                if self.finds(engine, &question, &facts, now) {
                    bytes += candidate.len();
                    if bytes > RESULT_BYTES_MAX && !page.found.is_empty() {
                        break;
                    }
                    page.found.push(candidate.into());
                }
            }
            page.looked_at += 1;
        }
        page
    }
}

/// The actions that subjects of one type can do to resources of another, by the schema.
#[must_use]
pub fn actions(engine: &Engine, subject: &TypeName, resource: &TypeName) -> Vec<ActionName> {
    let actions = &engine.charter().vocabulary().actions;
    let fits =
        actions.iter().filter(|(_, shape)| shape.principals.contains(subject) && shape.resources.contains(resource));
    fits.map(|(name, _)| name.clone()).collect()
}

/// Of [`actions`], those that some policy gives somebody of these roles: what they do here at all, whatever the circumstances.
#[must_use]
pub fn actions_of(engine: &Engine, asker: &EntityRef, roles: &[RoleName], resource: &TypeName) -> Vec<ActionName> {
    let given = |action: &ActionName| {
        let question = Question {
            principal: asker.clone(),
            action: action.clone(),
            resource: EntityRef { kind: resource.clone(), id: asker.id.clone() },
            workflow: None,
            session: None,
            asserted: Asserted::default(),
        };
        !engine.lacks_role(&question, roles)
    };
    actions(engine, &asker.kind, resource).into_iter().filter(given).collect()
}
