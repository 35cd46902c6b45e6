//! The applier: folds committed leaves, in sequence, before anybody waiting for them is answered.

use crate::live::Register;
use crate::tokens::Tokens;
use events::decision::{Effect, EndCause, EndMode};
use events::{Actor, CharterDigest, Event, Leaf, LeafError, Seq};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use world::World;

/// What the fold produces and the rest of the plane reads.
#[derive(Default)]
pub(crate) struct Folded {
    pub(crate) world: RwLock<World>,
    pub(crate) live: Register,
    pub(crate) tokens: Tokens,
    /// The first leaf that could not be read but bears facts: while there is one, this node must not answer.
    pub(crate) unreadable: Mutex<Option<(Seq, String)>>,
    pub(crate) blind: AtomicBool,
    pub(crate) decisions: AtomicU64,
}

impl Folded {
    /// The charter in force.
    pub(crate) fn charter(&self) -> Option<CharterDigest> {
        self.world.read().unwrap_or_else(PoisonError::into_inner).charter()
    }
}

/// Handed to the store, which calls it on the writer's thread.
pub(crate) struct Fold(pub(crate) Arc<Folded>);

impl store::Apply for Fold {
    fn apply(&mut self, leaves: &[Arc<Leaf>]) {
        for leaf in leaves {
            let mut world = self.0.world.write().unwrap_or_else(PoisonError::into_inner);
            let touched = world.apply(leaf);
            let entering = match &leaf.draft.event {
                Event::DecisionMade(made) if made.live && made.effect == Effect::Permit => {
                    let keys = world.facts(&crate::decide::subject_of(made), leaf.recorded_at).keys;
                    // Whoever asked may be gone before they could be told to ask again: then this is the only look at what moved.
                    let moved = world.changed_since(&keys, made.world_seq) || world.charter() != Some(made.charter);
                    Some((made, keys, moved))
                }
                _ => None,
            };
            drop(world);
            self.0.live.touch(&touched.keys);
            match &leaf.draft.event {
                Event::DecisionMade(made) => {
                    self.0.decisions.fetch_add(1, Ordering::Relaxed);
                    if let Some(old) = made.supersedes {
                        self.0.live.end(old, EndCause::FactsChanged, EndMode::Now);
                    }
                }
                Event::PermitEnded(ended) => self.0.live.end(ended.permit, ended.cause, ended.mode),
                Event::CharterApplied(_) => self.0.live.touch_all(),
                Event::CallerAdded(added) => self.0.tokens.add(added),
                Event::CallerCertificateAdded(added) => self.0.tokens.add_certificate(added),
                Event::CallerRevoked(revoked) => {
                    self.0.tokens.revoke(revoked);
                    self.0.live.revoke(&Actor::caller(&revoked.caller));
                }
                _ => {}
            }
            if let Some((made, keys, moved)) = entering {
                self.0.live.enter(leaf, made, keys);
                if moved {
                    self.0.live.mark(leaf.seq);
                }
                // It was let in before it was ended, and asked for this before it knew.
                if self.0.tokens.is_ended(&leaf.draft.actor) {
                    self.0.live.revoke(&leaf.draft.actor);
                }
            }
        }
    }

    fn unreadable(&mut self, seq: Seq, why: &LeafError) {
        self.0.blind.store(true, Ordering::SeqCst);
        let mut first = self.0.unreadable.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert_with(|| (seq, why.to_string()));
    }
}
