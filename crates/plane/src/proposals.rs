//! Proposed charters and who signed them: a fold of the log. No table says that somebody signed.

use events::charter::{Applied, Closing, ProposalClosed, Proposed, Signed};
use events::{Actor, CharterDigest, Event, Leaf, OperatorId, Seq, Timestamp};
use smol_str::SmolStr;
use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};
use world::canon::{Canon, Reading, Unfit};

/// The most proposals that can be open at once.
pub const PROPOSALS_OPEN_MAX: usize = 16;
/// The most proposals remembered that came to their end; older ones stand in the log.
pub const PROPOSALS_ENDED_MAX: usize = 50;

/// One proposed charter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// Its number: the entry that proposed it.
    pub number: Seq,
    /// Who proposed it.
    pub by: SmolStr,
    /// When.
    pub proposed_at: Timestamp,
    /// What was proposed.
    pub proposed: Proposed,
    /// Who signed it, in order, each once.
    pub signed: Vec<Signature>,
    /// How it ended, as far as the log says; it also ends when its time is over.
    pub ended: Option<Ending>,
}

/// One person's signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Who.
    pub operator: OperatorId,
    /// The entry that says so, with the session they signed in.
    pub entry: Seq,
}

/// How a proposal ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It is in force since this entry.
    Applied(Seq),
    /// Another charter came into force with this entry.
    Overtaken(Seq),
    /// Somebody took it back.
    Withdrawn(SmolStr),
    /// Somebody who may sign turned it down.
    Rejected(SmolStr),
}

impl Proposal {
    /// Whether it can be signed now.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.ended.is_none() && now < self.proposed.good_until
    }

    /// Whether this person has signed.
    #[must_use]
    pub fn is_signed_by(&self, operator: &OperatorId) -> bool {
        self.signed.iter().any(|one| one.operator == *operator)
    }

    /// Who signed, in order.
    pub fn signers(&self) -> impl Iterator<Item = &OperatorId> {
        self.signed.iter().map(|one| &one.operator)
    }

    fn write(&self, canon: &mut Canon<'_>) {
        let Proposed { digest, against, reason, wider, narrower, comparison_sha256, good_until } = &self.proposed;
        canon.number(self.number.0);
        canon.text(&self.by);
        canon.time(self.proposed_at);
        canon.bytes(&digest.0);
        canon.bytes(&against.0);
        canon.text(reason);
        canon.number(*wider);
        canon.number(*narrower);
        canon.text(comparison_sha256);
        canon.time(*good_until);
        canon.count(self.signed.len());
        for signature in &self.signed {
            canon.text(signature.operator.as_str());
            canon.number(signature.entry.0);
        }
        canon.maybe(self.ended.as_ref(), |canon, ended| match ended {
            Ending::Applied(entry) => {
                canon.number(0);
                canon.number(entry.0);
            }
            Ending::Overtaken(entry) => {
                canon.number(1);
                canon.number(entry.0);
            }
            Ending::Withdrawn(why) => canon.kind_and_text(2, why),
            Ending::Rejected(why) => canon.kind_and_text(3, why),
        });
    }

    fn read(reading: &mut Reading<'_>) -> Result<Self, Unfit> {
        Ok(Self {
            number: Seq(reading.number()?),
            by: reading.text()?.into(),
            proposed_at: reading.time()?,
            proposed: Proposed {
                digest: CharterDigest(reading.array()?),
                against: CharterDigest(reading.array()?),
                reason: reading.text()?.into(),
                wider: reading.number()?,
                narrower: reading.number()?,
                comparison_sha256: reading.text()?.into(),
                good_until: reading.time()?,
            },
            signed: reading
                .list(|reading| Ok(Signature { operator: reading.parsed()?, entry: Seq(reading.number()?) }))?,
            ended: reading.maybe(Ending::read)?,
        })
    }
}

impl Ending {
    fn read(reading: &mut Reading<'_>) -> Result<Self, Unfit> {
        Ok(match reading.number()? {
            0 => Self::Applied(Seq(reading.number()?)),
            1 => Self::Overtaken(Seq(reading.number()?)),
            2 => Self::Withdrawn(reading.text()?.into()),
            3 => Self::Rejected(reading.text()?.into()),
            _ => return Err(Unfit::Form("ending")),
        })
    }
}

/// Every proposal, and whether this store is one to look around in.
#[derive(Debug, Default)]
pub struct Proposals(RwLock<Known>);

/// What the fold knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Known {
    by_number: BTreeMap<Seq, Proposal>,
    /// The last entry that proposed, signed, closed or applied a charter.
    last: Option<Seq>,
    development: bool,
}

impl Proposals {
    /// One by its number.
    #[must_use]
    pub fn find(&self, number: Seq) -> Option<Proposal> {
        self.read(|known| known.by_number.get(&number).cloned())
    }

    /// All that are remembered, the newest first.
    #[must_use]
    pub fn all(&self) -> Vec<Proposal> {
        self.read(|known| known.by_number.values().rev().cloned().collect())
    }

    /// Whether the log begins with the entry that makes this a store to look around in.
    #[must_use]
    pub fn development(&self) -> bool {
        self.read(|known| known.development)
    }

    /// The stream that the next change must be the first of: of two that saw the same state, one is recorded.
    pub(crate) fn next_stream(&self) -> String {
        self.read(|known| known.last.map_or_else(|| "charter/first".to_owned(), |last| format!("charter/after/{last}")))
    }

    /// Whether one more would be too many.
    pub(crate) fn is_full(&self, now: Timestamp) -> bool {
        self.read(|known| known.open(now) >= PROPOSALS_OPEN_MAX)
    }

    pub(crate) fn apply(&self, leaf: &Leaf) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        match &leaf.draft.event {
            Event::MadeForDevelopment(_) => {
                known.development |= leaf.seq == Seq(0);
                return;
            }
            Event::CharterProposed(proposed) => known.propose(leaf, proposed),
            Event::CharterSigned(signed) => known.sign(leaf.seq, signed),
            Event::ProposalClosed(closed) => known.close(closed),
            Event::CharterApplied(applied) => known.applied(leaf.seq, applied),
            _ => return,
        }
        known.last = Some(leaf.seq);
        known.forget();
    }

    pub(crate) fn write(&self, canon: &mut Canon<'_>) {
        self.read(|known| known.write(canon));
    }

    /// Reads what [`Self::write`] wrote, in the place of what there is.
    pub(crate) fn reread(&self, reading: &mut Reading<'_>) -> Result<(), Unfit> {
        let known = Known::read(reading)?;
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = known;
        Ok(())
    }

    pub(crate) fn clear(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Known::default();
    }

    fn read<T>(&self, look: impl FnOnce(&Known) -> T) -> T {
        look(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Known {
    fn write(&self, canon: &mut Canon<'_>) {
        canon.flag(self.development);
        canon.maybe(self.last, |canon, last| canon.number(last.0));
        canon.count(self.by_number.len());
        self.by_number.values().for_each(|proposal| proposal.write(canon));
    }

    fn read(reading: &mut Reading<'_>) -> Result<Self, Unfit> {
        let development = reading.flag()?;
        let last = reading.maybe(Reading::number)?.map(Seq);
        let all = reading.list(Proposal::read)?;
        let by_number = all.into_iter().map(|proposal| (proposal.number, proposal)).collect();
        Ok(Self { by_number, last, development })
    }

    fn propose(&mut self, leaf: &Leaf, proposed: &Proposed) {
        let proposal = Proposal {
            number: leaf.seq,
            by: told(&leaf.draft.actor),
            proposed_at: leaf.recorded_at,
            proposed: proposed.clone(),
            signed: Vec::new(),
            ended: None,
        };
        self.by_number.insert(leaf.seq, proposal);
    }

    fn sign(&mut self, entry: Seq, signed: &Signed) {
        let open = self.by_number.get_mut(&signed.proposal).filter(|proposal| proposal.ended.is_none());
        if let Some(proposal) = open.filter(|proposal| !proposal.is_signed_by(&signed.operator)) {
            proposal.signed.push(Signature { operator: signed.operator.clone(), entry });
        }
    }

    fn close(&mut self, closed: &ProposalClosed) {
        if let Some(proposal) = self.by_number.get_mut(&closed.proposal).filter(|proposal| proposal.ended.is_none()) {
            proposal.ended = Some(match closed.how {
                Closing::Withdrawn => Ending::Withdrawn(closed.reason.clone()),
                Closing::Rejected => Ending::Rejected(closed.reason.clone()),
            });
        }
    }

    /// Another charter is in force: what was proposed against the one before can not follow it any more.
    fn applied(&mut self, entry: Seq, applied: &Applied) {
        for proposal in self.by_number.values_mut().filter(|proposal| proposal.ended.is_none()) {
            let this = proposal.proposed.digest == applied.digest && proposal.signers().eq(&applied.signed_by);
            proposal.ended = Some(if this { Ending::Applied(entry) } else { Ending::Overtaken(entry) });
        }
    }

    fn forget(&mut self) {
        let ended = self.by_number.values().filter(|proposal| proposal.ended.is_some()).count();
        for _ in PROPOSALS_ENDED_MAX..ended {
            let oldest =
                self.by_number.values().find(|proposal| proposal.ended.is_some()).map(|proposal| proposal.number);
            oldest.and_then(|number| self.by_number.remove(&number));
        }
    }

    /// How many can be signed now.
    fn open(&self, now: Timestamp) -> usize {
        self.by_number.values().filter(|proposal| proposal.is_open(now)).count()
    }
}

fn told(actor: &Actor) -> SmolStr {
    actor.to_string().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::Draft;
    use events::charter::MadeForDevelopment;

    fn kept_and_read(proposals: &Proposals) -> Proposals {
        let mut bytes = Vec::new();
        let mut canon = Canon::new(&mut bytes);
        proposals.write(&mut canon);
        canon.finish().unwrap();
        let again = Proposals::default();
        again.reread(&mut Reading::new(&mut bytes.as_slice())).unwrap();
        again
    }

    #[test]
    fn only_the_very_first_entry_makes_a_store_to_look_around_in_and_a_snapshot_keeps_that() {
        let made = |seq| Leaf {
            seq: Seq(seq),
            recorded_at: Timestamp::from_millis(0),
            draft: Draft::new(Actor::handrail("dev"), MadeForDevelopment { by: "dev".into() }),
        };
        let (first, later) = (Proposals::default(), Proposals::default());
        first.apply(&made(0));
        later.apply(&made(1));
        assert!(first.development() && kept_and_read(&first).development());
        assert!(!later.development() && !kept_and_read(&later).development());
    }

    #[test]
    fn a_snapshot_keeps_every_proposal_with_its_signatures_and_its_end() {
        let proposals = Proposals::default();
        for line in include_str!("../golden/stream.jsonl").lines() {
            proposals.apply(&Leaf::parse(line.as_bytes()).unwrap());
        }
        let endings: Vec<_> =
            proposals.all().into_iter().map(|one| (one.number.0, one.signed.len(), one.ended)).collect();
        let expected = [
            (72, 1, None),
            (68, 0, Some(Ending::Withdrawn("A slip.".into()))),
            (67, 0, Some(Ending::Overtaken(Seq(71)))),
            (65, 0, Some(Ending::Rejected("Too wide.".into()))),
            (62, 2, Some(Ending::Applied(Seq(71)))),
        ];
        assert_eq!(endings, expected);
        let again = kept_and_read(&proposals);
        assert_eq!(again.all(), proposals.all());
        assert_eq!(again.next_stream(), proposals.next_stream(), "the next step follows the same last one");
    }
}
