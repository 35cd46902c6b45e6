//! The applier: folds committed leaves, in sequence, before anybody waiting for them is answered.

use crate::erasure::Erasing;
use crate::followed::Followed;
use crate::live::{Entering, Register, silences};
use crate::proposals::Proposals;
use crate::tokens::Tokens;
use crate::{OpenError, charter_in_force};
use arc_swap::ArcSwap;
use decision::Engine;
use events::decision::{Effect, EndCause, EndMode};
use events::{Actor, Bearing, CharterDigest, Draft, Event, Leaf, LeafError, Seq};
use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use store::{ReadError, Reader, Resumable};
use world::canon::{Canon, Reading, Unfit};
use world::{Heard, World};

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
    pub(crate) proposals: Proposals,
    /// The engine in use, once the node is open.
    pub(crate) engine: OnceLock<Arc<ArcSwap<Engine>>>,
    /// Engines of charters that are about to be applied, or why this build has none. Only the first to be recorded is; whoever comes second sees that
    /// and lays ready anew.
    ready: Mutex<HashMap<CharterDigest, Result<Arc<Engine>, String>>>,
    /// Not folded: what is told to those who follow sessions.
    pub(crate) followed: Followed,
    /// Not folded: what is done outside the world when an erasure is.
    pub(crate) erasing: Erasing,
}

/// The most engines that are kept ready from one look at others' entries to the next.
const READY_MAX: usize = 16;

impl Folded {
    /// The charter in force.
    pub(crate) fn charter(&self) -> Option<CharterDigest> {
        self.world.read().unwrap_or_else(PoisonError::into_inner).charter()
    }

    /// Lays an engine ready for the entry that puts its charter into force.
    pub(crate) fn lay_ready(&self, engine: Arc<Engine>) {
        self.ready().insert(engine.charter().digest(), Ok(engine));
    }

    /// Lays the engine ready of a charter that another node put into force: the one in force too, for another may come before it.
    fn read_ready(&self, reader: &Reader<'_>, digest: CharterDigest) -> Result<(), ReadError> {
        if self.ready().contains_key(&digest) {
            return Ok(());
        }
        let in_force = self.engine.get().map(|engine| engine.load_full());
        if let Some(engine) = in_force.filter(|engine| engine.charter().digest() == digest) {
            self.lay_ready(engine);
            return Ok(());
        }
        let engine = match charter_in_force::engine(reader, digest) {
            Err(OpenError::Read(error)) => return Err(error),
            Err(error) => Err(unusable(&error)),
            Ok(engine) => Ok(Arc::new(engine)),
        };
        self.ready().insert(digest, engine);
        Ok(())
    }

    fn ready(&self) -> MutexGuard<'_, HashMap<CharterDigest, Result<Arc<Engine>, String>>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the charter in force keeps everything.
    fn keeps_everything(&self) -> bool {
        self.engine.get().is_some_and(|engine| engine.load().charter().hospital().retention.legal_hold)
    }

    /// What another node's entries have to find beside the log before they are folded.
    pub(crate) fn beside(&self, reader: &Reader<'_>, from: Seq, leaves: &[Arc<Leaf>]) -> Result<(), ReadError> {
        // What was laid ready for charters that never came into force is laid ready anew should they.
        let mut ready = self.ready();
        if ready.len() > READY_MAX {
            ready.clear();
        }
        drop(ready);
        let directory = self.erasing.directory.get();
        if let Some(directory) = directory {
            directory.take_in(reader, from)?;
        }
        for leaf in leaves {
            match &leaf.draft.event {
                Event::CharterApplied(applied) => self.read_ready(reader, applied.digest)?,
                Event::PatientErased(erased) => {
                    if let Some(directory) = directory {
                        directory.forget_patients(erased.merged.iter().copied().chain([erased.patient]));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// From this entry on the node judges by this charter. A node that is not given its engine must not answer: it would judge by another.
    fn change_charter(&self, seq: Seq, digest: CharterDigest) {
        let Some(engine) = self.engine.get() else { return };
        // They stay: entries that come right after this one may need others, or this one again.
        let laid_ready = self.ready().get(&digest).cloned();
        match laid_ready {
            Some(Ok(ready)) => engine.store(ready),
            Some(Err(why)) => self.go_blind(seq, why),
            None if engine.load().charter().digest() == digest => {}
            None => self.go_blind(seq, "its charter was not made ready".to_owned()),
        }
    }

    fn go_blind(&self, seq: Seq, why: String) {
        self.blind.store(true, Ordering::SeqCst);
        self.unreadable.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert((seq, why));
    }
}

/// Why this build cannot judge by a charter that another node put into force.
fn unusable(error: &OpenError) -> String {
    let mut why = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(deeper) = source {
        why = format!("{why}: {deeper}");
        source = deeper.source();
    }
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "another node put a charter into force that this build, Handrail {version}, cannot use ({why}); bring this node to the build of the others"
    )
}

/// Handed to the store, which calls it on the writer's thread.
pub(crate) struct Fold(pub(crate) Arc<Folded>);

impl store::Apply for Fold {
    fn apply(&mut self, leaves: &[Arc<Leaf>]) {
        for leaf in leaves {
            if let Event::CharterApplied(applied) = &leaf.draft.event {
                // Before the world says so: whoever judges in between judges by the new one.
                self.0.change_charter(leaf.seq, applied.digest);
            }
            self.0.proposals.apply(leaf);
            let mut world = self.0.world.write().unwrap_or_else(PoisonError::into_inner);
            let touched = world.apply(leaf);
            let entering = match &leaf.draft.event {
                Event::DecisionMade(made) if made.live && made.effect == Effect::Permit => {
                    let facts = world.facts(&crate::decide::subject_of(made), leaf.recorded_at);
                    // A silence it was decided in may have ended before it was recorded.
                    let heard = |feed| match feed {
                        Heard::Adt => facts.feeds.adt,
                        Heard::Rota => facts.feeds.rota,
                    };
                    let spoken = silences(made).any(|feed| heard(feed).is_some_and(|at| at >= made.decided_at));
                    let keys = facts.keys;
                    // Whoever asked may be gone before they could be told to ask again: then this is the only look at what moved.
                    let moved =
                        spoken || world.changed_since(&keys, made.world_seq) || world.charter() != Some(made.charter);
                    Some((made, keys, moved))
                }
                _ => None,
            };
            drop(world);
            self.0.live.touch(&touched.keys);
            if let Some(heard) = touched.heard {
                self.0.live.heard(heard);
            }
            match &leaf.draft.event {
                Event::DecisionMade(made) => {
                    self.0.decisions.fetch_add(1, Ordering::Relaxed);
                    if let Some(old) = made.supersedes {
                        self.0.live.end(old, EndCause::FactsChanged, EndMode::Now);
                    }
                }
                Event::PermitEnded(ended) => self.0.live.end(ended.permit, ended.cause, ended.mode),
                Event::CharterApplied(_) => self.0.live.touch_all(),
                Event::PatientErased(erased) => self.0.erasing.folded(erased),
                Event::CallerAdded(added) => self.0.tokens.add(added),
                Event::CallerCertificateAdded(added) => self.0.tokens.add_certificate(added),
                Event::CallerRevoked(revoked) => {
                    self.0.tokens.revoke(revoked);
                    self.0.live.revoke(&Actor::caller(&revoked.caller));
                }
                _ => {}
            }
            if let Some((made, keys, moved)) = entering {
                self.0.live.enter(Entering::new(leaf, made, keys));
                if moved {
                    self.0.live.mark(leaf.seq);
                }
                // It was let in before it was ended, and asked for this before it knew.
                if self.0.tokens.is_ended(&leaf.draft.actor) {
                    self.0.live.revoke(&leaf.draft.actor);
                }
            }
            // Last: whoever hears of it finds it done.
            self.0.followed.hear(leaf);
        }
    }

    fn beside(&mut self, reader: &Reader<'_>, from: Seq, leaves: &[Arc<Leaf>]) -> Result<(), ReadError> {
        self.0.beside(reader, from, leaves)
    }

    fn stands(&self, draft: &Draft) -> bool {
        // What the spool recorded was answered already.
        if draft.spooled.is_some() {
            return true;
        }
        let world = self.0.world.read().unwrap_or_else(PoisonError::into_inner);
        match &draft.event {
            // Whose caller was ended on another node has not been let in.
            Event::DecisionMade(_) if self.0.tokens.is_ended(&draft.actor) => false,
            Event::DecisionMade(made) => {
                let keys = world.facts(&crate::decide::subject_of(made), made.decided_at).keys;
                world.charter() == Some(made.charter) && !world.changed_since(&keys, made.world_seq)
            }
            Event::SearchAnswered(answered) => world.charter() == Some(answered.charter),
            // Whoever found it to be over first said so.
            Event::PermitEnded(ended) => self.0.live.find(ended.permit).is_some(),
            // The first of an empty log, which nobody signed.
            Event::CharterApplied(applied) if applied.signed_by.is_empty() => world.charter().is_none(),
            Event::PatientMerged(merged) => world.can_merge(merged.survivor, merged.retired),
            Event::PatientErased(erased) => !self.0.keeps_everything() && world.hold_on(erased.patient).is_none(),
            Event::DetailExpired(_) => !self.0.keeps_everything(),
            Event::CallerCertificateAdded(added) => {
                self.0.tokens.certificate(&added.sha256).is_none_or(|known| known.caller == added.caller)
            }
            _ => true,
        }
    }

    fn trouble(&self) -> Option<String> {
        let unreadable = self.0.unreadable.lock().unwrap_or_else(PoisonError::into_inner);
        unreadable.as_ref().map(|(seq, why)| format!("entry {seq} cannot be read by this build: {why}"))
    }

    fn resumable(&mut self) -> Option<&mut dyn Resumable> {
        Some(self)
    }

    fn unreadable(&mut self, seq: Seq, why: &LeafError) {
        self.0.go_blind(seq, why.to_string());
    }
}

/// The version of everything this node folds and of the form a snapshot keeps it in: the world, the live permits, the callers' tokens,
/// the proposed charters. A snapshot of another version is not read. Raise it whenever the same entries fold into something else, or it is written otherwise:
/// `a_changed_fold_has_another_version` says when.
pub const FOLD_VERSION: u32 = 11;

/// What tells the kinds of event this build knows from those of another (FNV-1a): a build that knows fewer must not go on from what one that knows more
/// has folded, since it could not have read those entries itself.
fn kinds() -> u32 {
    let bearings = Event::KINDS.iter().flat_map(|kind| {
        let bears = u8::from(kind.bearing == Bearing::Fact);
        kind.name.bytes().chain(kind.version.to_le_bytes()).chain([bears])
    });
    bearings.fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

impl Resumable for Fold {
    fn version(&self) -> u32 {
        FOLD_VERSION ^ kinds()
    }

    fn fresh(&self) -> Box<dyn store::Apply> {
        Box::new(Self(Arc::default()))
    }

    fn write(&self, to: &mut dyn io::Write) -> io::Result<()> {
        let mut canon = Canon::new(to);
        self.0.world.read().unwrap_or_else(PoisonError::into_inner).write(&mut canon);
        canon.number(self.0.decisions.load(Ordering::Relaxed));
        self.0.tokens.write(&mut canon);
        self.0.live.write(&mut canon);
        self.0.proposals.write(&mut canon);
        canon.finish()
    }

    fn read(&mut self, from: &mut dyn io::Read) -> io::Result<()> {
        self.read_all(&mut Reading::new(from)).map_err(|unfit| match unfit {
            Unfit::Io(error) => error,
            unfit => io::Error::new(io::ErrorKind::InvalidData, unfit),
        })
    }

    fn clear(&mut self) {
        *self.0.world.write().unwrap_or_else(PoisonError::into_inner) = World::new();
        self.0.decisions.store(0, Ordering::Relaxed);
        self.0.tokens.clear();
        self.0.live.clear();
        self.0.proposals.clear();
        self.0.followed.clear();
    }
}

impl Fold {
    fn read_all(&self, reading: &mut Reading<'_>) -> Result<(), Unfit> {
        let world = World::read(reading)?;
        *self.0.world.write().unwrap_or_else(PoisonError::into_inner) = world;
        self.0.decisions.store(reading.number()?, Ordering::Relaxed);
        self.0.tokens.read(reading)?;
        self.0.live.read(reading)?;
        self.0.proposals.reread(reading)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::digest;
    use events::Bearing;
    use store::Apply as _;

    /// What is folded. New lines are added at the end; none ever changes.
    const STREAM: &str = include_str!("../golden/stream.jsonl");
    /// The version these digests were written for, then the beginning of the fold's digest after each line of the stream.
    const DIGESTS: &str = include_str!("../golden/digests");

    fn written(fold: &Fold) -> Vec<u8> {
        let mut bytes = Vec::new();
        fold.write(&mut bytes).unwrap();
        bytes
    }

    fn digest(fold: &Fold) -> String {
        let digest = digest::digest(&digest::SHA256, &written(fold));
        digest.as_ref()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn stream() -> impl Iterator<Item = Arc<Leaf>> {
        STREAM.lines().map(|line| Arc::new(Leaf::parse(line.as_bytes()).unwrap()))
    }

    #[test]
    fn a_changed_fold_has_another_version() {
        let mut fold = Fold(Arc::default());
        let mut found = vec![format!("fold version {FOLD_VERSION}")];
        for leaf in stream() {
            fold.apply(&[leaf]);
            found.push(digest(&fold));
        }
        let known: Vec<&str> = DIGESTS.lines().collect();
        let whole = || found.join("\n");
        assert_eq!(known[0], found[0], "the version was raised: golden/digests must now be\n{}", whole());
        let changed = known.iter().zip(&found).position(|(known, found)| known != found);
        assert_eq!(
            changed,
            None,
            "the fold, or its form, changed: raise FOLD_VERSION; golden/digests must then be\n{}",
            whole()
        );
        assert_eq!(known.len(), found.len(), "the stream has more lines: golden/digests must now be\n{}", whole());
    }

    #[test]
    fn the_golden_stream_has_every_kind_that_is_folded() {
        let kinds: std::collections::HashSet<_> = stream().map(|leaf| leaf.draft.event.kind().name).collect();
        let missing = Event::KINDS.iter().filter(|kind| kind.bearing == Bearing::Fact && !kinds.contains(kind.name));
        assert_eq!(missing.map(|kind| kind.name).collect::<Vec<_>>(), [""; 0], "add a line to golden/stream.jsonl");
    }

    #[test]
    fn a_fold_kept_after_any_entry_goes_on_as_if_it_had_never_been() {
        let leaves: Vec<_> = stream().collect();
        for cut in 0..=leaves.len() {
            let mut fold = Fold(Arc::default());
            fold.apply(&leaves[..cut]);
            let mut again = Fold(Arc::default());
            again.read(&mut written(&fold).as_slice()).unwrap();
            assert_eq!(written(&again), written(&fold), "{cut}");
            fold.apply(&leaves[cut..]);
            again.apply(&leaves[cut..]);
            assert_eq!(written(&again), written(&fold), "{cut}");
        }
    }

    #[test]
    fn a_charter_of_another_node_that_this_build_cannot_use_blinds_it_and_the_words_name_the_build() {
        let (dir, mut fold) = (tempfile::tempdir().unwrap(), Fold(Arc::default()));
        let at = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../charter");
        let engine = Engine::new(Arc::new(charter::Charter::load(&at).unwrap())).unwrap();
        let _set = fold.0.engine.set(Arc::new(ArcSwap::from_pointee(engine)));
        let now = Arc::new(|| events::Timestamp::MIN);
        let store = store::Store::open(dir.path(), store::Options::new("test.example/log", now), Box::new(())).unwrap();
        let applied = stream().find(|leaf| matches!(leaf.draft.event, Event::CharterApplied(_))).unwrap();
        store.read(|reader| fold.beside(reader, applied.seq, std::slice::from_ref(&applied))).unwrap();
        assert!(!fold.0.blind.load(Ordering::SeqCst), "it is not in force yet");
        fold.apply(std::slice::from_ref(&applied));
        let (entry, why) = fold.0.unreadable.lock().unwrap().clone().unwrap();
        assert!(fold.0.blind.load(Ordering::SeqCst));
        assert_eq!(entry, applied.seq);
        for words in ["another node", concat!("Handrail ", env!("CARGO_PKG_VERSION")), "does not hold it"] {
            assert!(why.contains(words), "no {words:?} in: {why}");
        }
    }

    #[test]
    fn bytes_that_are_no_fold_are_refused_and_nothing_stays() {
        let mut fold = Fold(Arc::default());
        let held = |fold: &Fold| !fold.0.live.is_empty() && !fold.0.tokens.callers().is_empty();
        // The stream ends permits and callers again: the moment there is one of each is the one to keep.
        for leaf in stream() {
            fold.apply(&[leaf]);
            if held(&fold) {
                break;
            }
        }
        assert!(held(&fold));
        let (whole, empty) = (written(&fold), written(&Fold(Arc::default())));
        for cut in (0..whole.len()).step_by(7) {
            assert!(fold.read(&mut &whole[..cut]).is_err(), "{cut}");
            fold.clear();
            assert_eq!(written(&fold), empty);
        }
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 0x41;
            // Whatever it is taken for, it is something that can be kept: the store's HMAC says whether it is what was written.
            if fold.read(&mut changed.as_slice()).is_ok() {
                Fold(Arc::default()).read(&mut written(&fold).as_slice()).unwrap();
            }
        }
    }
}
