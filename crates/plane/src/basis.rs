//! What deciding a live permit again needs of the entry that recorded it: the question and little else, in a form a tenth of the entry's.

use events::decision::{EndMode, Made, Obligation, Question};
use events::{CharterDigest, Leaf, PrincipalId, RequestId, Seq, Timestamp, WorkflowName};
use world::canon::{Canon, Reading, Unfit};

/// How access can end, in the order of their numbers.
const END_MODES: [EndMode; 3] = [EndMode::Now, EndMode::FinishAction, EndMode::ReadOnly];

/// What a live permit was given for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Basis {
    /// As JSON, for a hundred thousand of them wait in memory, and are read one by one.
    question: Box<str>,
    pub(crate) decided_at: Timestamp,
    pub(crate) charter: CharterDigest,
    pub(crate) world_seq: Seq,
    pub(crate) end_mode: EndMode,
    pub(crate) request: Option<RequestId>,
    pub(crate) on_behalf_of: Option<PrincipalId>,
    pub(crate) workflow: Option<WorkflowName>,
}

impl Basis {
    /// Of a permit as it was recorded.
    pub(crate) fn of(leaf: &Leaf, made: &Made) -> Self {
        let mode = |obligation: &Obligation| match obligation {
            Obligation::EndAccess { mode } => Some(*mode),
            _ => None,
        };
        Self {
            // What was read from JSON or written to it in the entry can be written again; were it not, the permit would end when it is looked at.
            question: serde_json::to_string(&made.question).unwrap_or_default().into_boxed_str(),
            decided_at: made.decided_at,
            charter: made.charter,
            world_seq: made.world_seq,
            end_mode: made.obligations.iter().find_map(mode).unwrap_or(EndMode::Now),
            request: leaf.draft.request.clone(),
            on_behalf_of: leaf.draft.on_behalf_of.clone(),
            workflow: leaf.draft.workflow.clone(),
        }
    }

    /// What was asked.
    pub(crate) fn question(&self) -> Option<Question> {
        serde_json::from_str(&self.question).ok()
    }

    pub(crate) fn write(&self, canon: &mut Canon<'_>) {
        canon.text(&self.question);
        canon.time(self.decided_at);
        canon.bytes(&self.charter.0);
        canon.number(self.world_seq.0);
        canon.number(END_MODES.iter().position(|mode| *mode == self.end_mode).unwrap_or(0) as u64);
        canon.maybe(self.request.as_ref(), |canon, request| canon.text(request.as_str()));
        canon.maybe(self.on_behalf_of.as_ref(), |canon, who| canon.text(who.as_str()));
        canon.maybe(self.workflow.as_ref(), |canon, workflow| canon.text(workflow.as_str()));
    }

    pub(crate) fn read(reading: &mut Reading<'_>) -> Result<Self, Unfit> {
        Ok(Self {
            question: reading.text()?.into(),
            decided_at: reading.time()?,
            charter: CharterDigest(reading.array()?),
            world_seq: Seq(reading.number()?),
            end_mode: reading.one_of(&END_MODES)?,
            request: reading.maybe(Reading::parsed)?,
            on_behalf_of: reading.maybe(Reading::parsed)?,
            workflow: reading.maybe(Reading::parsed)?,
        })
    }
}
