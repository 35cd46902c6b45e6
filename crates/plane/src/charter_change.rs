//! How a charter changes: proposed against the one in force, signed by people it lets sign, and applied with the last signature; at once in a
//! store made to look around in.
//!
//! Each step expects to be the first after the last one it saw, so that of two racing signers one sees the other's signature.

use crate::proposals::{Proposal, Proposals};
use crate::{Plane, charter_in_force};
use charter::Charter;
use decision::comparison::ComparisonError;
use decision::scenario::{self, ScenarioError};
use decision::{Comparison, Engine, EngineError};
use events::charter::{Closing, ProposalClosed, Proposed, Signed};
use events::{Actor, CharterDigest, Draft, OperatorId, Seq};
use smol_str::SmolStr;
use std::sync::Arc;
use store::statements::CHARTER_KEEP;
use store::{AppendError, Batch, Value};

/// The longest reason, in characters.
pub const REASON_CHARS_MAX: usize = 500;
/// How often a step is tried again because somebody was faster.
const ROUNDS_MAX: usize = 32;
/// Who signs where one person may: nobody in particular.
const DEVELOPER: &str = "dev-operator";

/// Why a charter does not change. Nothing happened then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// No reason, or too long a one.
    #[error("say why, in at most {REASON_CHARS_MAX} characters")]
    Reason,
    /// It is in force already.
    #[error("this charter is in force already")]
    InForce,
    /// The ledger's origin is fixed for life.
    #[error("the ledger's origin is fixed for life: the charter must keep `{origin}`")]
    Origin {
        /// What it is.
        origin: String,
    },
    /// With it, too few people could sign the next change.
    #[error("with this charter nobody could change it again: {people} may sign and {needed} must")]
    Locked {
        /// How many may.
        people: usize,
        /// How many must.
        needed: usize,
    },
    /// Its own scenarios come out otherwise.
    #[error("{} of its scenarios' questions come out otherwise, the first: {}; `handrail charter test` shows them", .0.len(), .0.first().map_or("", String::as_str))]
    Scenarios(Vec<String>),
    /// A scenario cannot be run.
    #[error("a scenario cannot be run")]
    Scenario(#[from] ScenarioError),
    /// Too many are open.
    #[error("too many proposals are open; withdraw one first")]
    TooMany,
    /// There is no such proposal.
    #[error("there is no proposal {0}")]
    NoSuch(Seq),
    /// It cannot be signed any more.
    #[error("proposal {0} is no longer open")]
    NotOpen(Seq),
    /// The signer saw another charter than the one proposed.
    #[error("what you saw is not what is proposed; look again")]
    NotWhatWasSeen,
    /// Another charter is in force than the one it was proposed against.
    #[error("another charter came into force meanwhile; propose it anew")]
    Overtaken,
    /// The charter in force does not let them sign.
    #[error("the charter in force lets {may} sign; {operator} may not sign")]
    MayNotSign {
        /// Who.
        operator: OperatorId,
        /// Who may, by id.
        may: String,
    },
    /// Nobody signs twice.
    #[error("signed already by {0}; somebody else must sign as well")]
    SignedAlready(OperatorId),
    /// Others were faster, every time.
    #[error("others were faster; look again")]
    Busy,
    /// The charter cannot be read back.
    #[error("the charter cannot be used")]
    Unusable(#[from] crate::OpenError),
    /// The charter cannot be made ready.
    #[error("the charter cannot be made ready")]
    Engine(#[from] EngineError),
    /// It cannot be compared with the one in force.
    #[error("the charter cannot be compared with the one in force")]
    Compare(#[from] ComparisonError),
    /// It could not be recorded.
    #[error("it could not be recorded")]
    Record(#[from] AppendError),
    /// Work was cut off.
    #[error("the work was cut off")]
    CutOff(#[from] tokio::task::JoinError),
}

/// What a step came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Recorded; so many signatures are still missing.
    Missing(usize),
    /// It is in force since this entry.
    Applied(Seq),
}

impl Plane {
    /// Every proposed charter, and who signed it.
    #[must_use]
    pub fn proposals(&self) -> &Proposals {
        &self.inner.folded.proposals
    }

    /// What changes from one charter of this store to another. Kept ready while they are looked at.
    ///
    /// # Errors
    /// When the store does not have both.
    pub async fn comparison(
        &self,
        before: CharterDigest,
        after: CharterDigest,
    ) -> Result<Arc<Comparison>, ChangeError> {
        let ready = self.inner.compared.find(before, after);
        if let Some(ready) = ready {
            return Ok(ready);
        }
        let charter =
            |digest| -> Result<Arc<Charter>, ChangeError> { Ok(Arc::clone(self.engine_of(digest)?.charter())) };
        let (old, new) = (charter(before)?, charter(after)?);
        // Kept by the work itself: whoever asked may be gone by the time it is done, and asks again.
        let plane = self.clone();
        let compared = tokio::task::spawn_blocking(move || {
            Ok::<_, ComparisonError>(plane.inner.compared.keep(Arc::new(Comparison::of(&old, &new)?)))
        });
        Ok(compared.await??)
    }

    /// Proposes a charter: checked, its scenarios run, compared with the one in force. Gives the proposal's number.
    ///
    /// # Errors
    /// When it is not fit to be put into force, or could not be recorded.
    pub async fn propose(&self, charter: Charter, reason: &str, by: Actor) -> Result<Seq, ChangeError> {
        let (charter, compared) = self.fit(charter, reason).await?;
        for _ in 0..ROUNDS_MAX {
            let stream = self.proposals().next_stream();
            let (now, engine) = (self.now(), self.engine());
            if self.proposals().is_full(now) {
                return Err(ChangeError::TooMany);
            }
            if engine.charter().digest() != compared.before {
                return Err(ChangeError::Overtaken);
            }
            let good_until = now + engine.charter().owners().signatories().open;
            let draft = Draft::new(by.clone(), proposed(&compared, reason, good_until));
            let batch = Batch::one(draft).write(CHARTER_KEEP, kept(&charter)).expect(stream, 0);
            match self.record(batch).await {
                Ok(recorded) => return recorded.first().map(|leaf| leaf.seq).ok_or(ChangeError::Busy),
                Err(AppendError::Conflict(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(ChangeError::Busy)
    }

    /// Signs a proposal as an operator who, in this session, saw the charter of this digest; with the last signature it is in force when this
    /// returns.
    ///
    /// # Errors
    /// When they may not, or it cannot be signed any more.
    pub async fn sign(
        &self,
        number: Seq,
        seen: CharterDigest,
        operator: &OperatorId,
        session: &SmolStr,
    ) -> Result<Step, ChangeError> {
        for _ in 0..ROUNDS_MAX {
            let stream = self.proposals().next_stream();
            let proposal = self.open_proposal(number)?;
            if proposal.proposed.digest != seen {
                return Err(ChangeError::NotWhatWasSeen);
            }
            self.may_sign(operator)?;
            if proposal.is_signed_by(operator) {
                return Err(ChangeError::SignedAlready(operator.clone()));
            }
            let needed = self.engine().charter().owners().signatories().signatures;
            let mut signed_by: Vec<OperatorId> = proposal.signers().cloned().collect();
            signed_by.push(operator.clone());
            let by = Actor::operator(operator);
            let signed =
                Signed { proposal: number, digest: seen, operator: operator.clone(), session: Some(session.clone()) };
            let mut batch = Batch::one(Draft::new(by.clone(), signed));
            let missing = needed.saturating_sub(signed_by.len());
            if missing == 0 {
                let charter = self.make_ready(seen).await?;
                let applied = charter_in_force::application(&charter, by, signed_by);
                batch.drafts.extend(applied.drafts);
            }
            match self.record(batch.expect(stream, 0)).await {
                Ok(recorded) if missing == 0 => {
                    return recorded.last().map(|leaf| Step::Applied(leaf.seq)).ok_or(ChangeError::Busy);
                }
                Ok(_) => return Ok(Step::Missing(missing)),
                Err(AppendError::Conflict(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(ChangeError::Busy)
    }

    /// Gives a proposal up. An operator who does must be one who may sign.
    ///
    /// # Errors
    /// When they may not, or it is no longer open.
    pub async fn close_proposal(
        &self,
        number: Seq,
        operator: Option<&OperatorId>,
        reason: &str,
        by: Actor,
    ) -> Result<(), ChangeError> {
        let reason = fit_reason(reason)?;
        for _ in 0..ROUNDS_MAX {
            let stream = self.proposals().next_stream();
            self.open_proposal(number)?;
            let how = match operator {
                Some(operator) => {
                    self.may_sign(operator)?;
                    Closing::Rejected
                }
                None => Closing::Withdrawn,
            };
            let closed = ProposalClosed { proposal: number, how, reason: reason.clone() };
            match self.record(Batch::one(Draft::new(by.clone(), closed)).expect(stream, 0)).await {
                Ok(_) => return Ok(()),
                Err(AppendError::Conflict(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(ChangeError::Busy)
    }

    /// Puts a charter into force at once, if this store is one to look around in; otherwise proposes it.
    ///
    /// # Errors
    /// As [`Self::propose`].
    pub async fn apply_charter(&self, charter: Charter, reason: &str, by: Actor) -> Result<(Seq, Step), ChangeError> {
        if !self.proposals().development() {
            let needed = self.engine().charter().owners().signatories().signatures;
            return self.propose(charter, reason, by).await.map(|number| (number, Step::Missing(needed)));
        }
        let number = self.propose(charter, reason, by.clone()).await?;
        let digest = self.open_proposal(number)?.proposed.digest;
        let charter = self.make_ready(digest).await?;
        let operator = OperatorId::new(DEVELOPER).map_err(|_| ChangeError::Busy)?;
        let signed = Signed { proposal: number, digest, operator: operator.clone(), session: None };
        let mut batch = Batch::one(Draft::new(by.clone(), signed)).expect(self.proposals().next_stream(), 0);
        batch.drafts.extend(charter_in_force::application(&charter, by, vec![operator]).drafts);
        let recorded = self.record(batch).await?;
        recorded.last().map(|leaf| (number, Step::Applied(leaf.seq))).ok_or(ChangeError::Busy)
    }

    /// Everything that must hold of a charter before anybody is asked to sign it.
    async fn fit(&self, charter: Charter, reason: &str) -> Result<(Arc<Charter>, Arc<Comparison>), ChangeError> {
        fit_reason(reason)?;
        let before = Arc::clone(self.engine().charter());
        if charter.digest() == before.digest() {
            return Err(ChangeError::InForce);
        }
        let origin = before.hospital().origin.clone();
        if charter.hospital().origin != origin {
            return Err(ChangeError::Origin { origin });
        }
        let signatories = charter.owners().signatories();
        if !signatories.suffice() && !self.proposals().development() {
            let (people, needed) = (signatories.people.len(), signatories.signatures);
            return Err(ChangeError::Locked { people, needed });
        }
        let (charter, now) = (Arc::new(charter), self.now());
        let (after, ready) = (Arc::clone(&charter), self.inner.compared.find(before.digest(), charter.digest()));
        let compared = tokio::task::spawn_blocking(move || {
            let failed = scenarios(&Engine::new(Arc::clone(&after))?, now)?;
            if !failed.is_empty() {
                return Err(ChangeError::Scenarios(failed));
            }
            ready.map_or_else(|| Ok(Arc::new(Comparison::of(&before, &after)?)), Ok)
        });
        Ok((charter, self.inner.compared.keep(compared.await??)))
    }

    fn open_proposal(&self, number: Seq) -> Result<Proposal, ChangeError> {
        let proposal = self.proposals().find(number).ok_or(ChangeError::NoSuch(number))?;
        if let Some(crate::proposals::Ending::Overtaken(_)) = proposal.ended {
            return Err(ChangeError::Overtaken);
        }
        if !proposal.is_open(self.now()) {
            return Err(ChangeError::NotOpen(number));
        }
        Ok(proposal)
    }

    /// Only people whom the charter in force names sign: what is proposed does not say who may.
    fn may_sign(&self, operator: &OperatorId) -> Result<(), ChangeError> {
        let people = self.engine().charter().owners().signatories().people;
        if people.iter().any(|person| person.as_str() == operator.as_str()) {
            return Ok(());
        }
        let may: Vec<&str> = people.iter().map(events::OwnerId::as_str).collect();
        Err(ChangeError::MayNotSign { operator: operator.clone(), may: may.join(", ") })
    }

    /// Makes the engine of a kept charter and lays it ready for the fold, which puts it in place in the very step that applies it.
    async fn make_ready(&self, digest: CharterDigest) -> Result<Arc<Charter>, ChangeError> {
        let plane = self.clone();
        let engine = tokio::task::spawn_blocking(move || plane.engine_of(digest)).await??;
        let charter = Arc::clone(engine.charter());
        self.inner.folded.lay_ready(engine);
        Ok(charter)
    }
}

fn fit_reason(reason: &str) -> Result<SmolStr, ChangeError> {
    let reason = reason.trim();
    let fits = !reason.is_empty() && reason.chars().count() <= REASON_CHARS_MAX;
    if fits { Ok(reason.into()) } else { Err(ChangeError::Reason) }
}

fn proposed(compared: &Comparison, reason: &str, good_until: events::Timestamp) -> Proposed {
    let text = serde_json::to_vec(compared).unwrap_or_default();
    let sum = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &text);
    let sum: String = sum.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    Proposed {
        digest: compared.after,
        against: compared.before,
        reason: reason.trim().into(),
        wider: compared.wider,
        narrower: compared.narrower,
        comparison_sha256: sum.into(),
        good_until,
    }
}

fn kept(charter: &Charter) -> Vec<Value> {
    vec![Value::Text(charter.digest().to_string()), Value::Bytes(charter.bundle_bytes().to_vec())]
}

/// The questions of a charter's scenarios that come out otherwise.
fn scenarios(engine: &Engine, now: events::Timestamp) -> Result<Vec<String>, ChangeError> {
    let mut failed = Vec::new();
    for (file, scenario) in engine.charter().scenarios() {
        let outcomes = scenario::run(engine, scenario, now)?;
        failed.extend(outcomes.iter().filter(|one| !one.passed()).map(|one| format!("{file}: {}", one.title)));
    }
    Ok(failed)
}
