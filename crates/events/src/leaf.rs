//! What is written: an event with who, when, where and for whom, as one line of JSON that never changes again.
//!
//! A leaf starts with `{"v":1,"seq":N,"recorded_at":"…",`, which only the writer that commits it knows; the rest is made ready before, by
//! [`Draft::tail`], outside the writer.

use crate::{
    Actor, Bearing, DetailCommitment, DeviceId, Event, FeedName, PatientPseudonym, PrincipalId, Purpose, RequestId,
    Seq, Timestamp, UnitId, WorkflowName,
};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use smol_str::SmolStr;

/// The version of the leaf's own form.
pub const LEAF_VERSION: u16 = 1;
/// The longest leaf, in bytes. A longer one is refused before it reaches the writer.
pub const LEAF_BYTES_MAX: usize = 16 * 1024;
/// Room kept for what [`Leaf::bytes`] puts in front of a tail.
const HEAD_BYTES_MAX: usize = 96;

/// Why a leaf cannot be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LeafError {
    /// The leaf would exceed [`LEAF_BYTES_MAX`].
    #[error("a leaf has at most {LEAF_BYTES_MAX} bytes, this would have {bytes}")]
    TooLong {
        /// What it would have had.
        bytes: usize,
    },
    /// Not JSON of a leaf's form.
    #[error("not a leaf")]
    Form(#[source] serde_json::Error),
    /// A body not of its kind's form.
    #[error("the body is not of kind `{kind}`")]
    Body {
        /// The kind it claims.
        kind: &'static str,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// A leaf form newer than this build.
    #[error("leaf version {version} is not known to this build")]
    UnknownVersion {
        /// Its version.
        version: u16,
    },
    /// A kind or version newer than this build. When `bearing` says fact, the node must not answer.
    #[error("kind `{kind}` version {version} is not known to this build")]
    UnknownKind {
        /// Its kind.
        kind: String,
        /// Its version.
        version: u16,
    },
}

/// Which message of which feed an event came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The feed.
    pub feed: FeedName,
    /// The sender's own number for the message (MSH-10), cut to 64 characters.
    pub message: SmolStr,
}

/// Where an entry was recorded first, while the log could not take it: the spool, a log of its own that is folded into this one later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spooled {
    /// The spool's own name.
    pub origin: SmolStr,
    /// Its place in the spool, from 0.
    pub index: u64,
    /// SHA-256 of its record there, hexadecimal: what was written before the answer left.
    pub sha256: SmolStr,
}

/// An event and its circumstances, ready to be recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// When it happened, where that is not when it is recorded.
    pub occurred_at: Option<Timestamp>,
    /// Who caused the entry.
    pub actor: Actor,
    /// Whose access or act it was, where the actor asks for somebody else.
    pub on_behalf_of: Option<PrincipalId>,
    /// The workflow it belongs to.
    pub workflow: Option<WorkflowName>,
    /// The device it happened at.
    pub device: Option<DeviceId>,
    /// The place it happened in.
    pub place: Option<UnitId>,
    /// Why, in the field's purposes of use.
    pub purpose: Option<Purpose>,
    /// The request it answers.
    pub request: Option<RequestId>,
    /// The feed message it came from.
    pub source: Option<Source>,
    /// What it says of detail beside the log, if it has any. The store fills this in for a batch that brings detail along.
    pub detail: Option<DetailCommitment>,
    /// Where it was first recorded, if that was the spool.
    pub spooled: Option<Spooled>,
    /// What happened.
    pub event: Event,
}

impl Draft {
    /// A draft with nothing but its actor and event.
    #[must_use]
    pub fn new(actor: Actor, event: impl Into<Event>) -> Self {
        Self {
            occurred_at: None,
            actor,
            on_behalf_of: None,
            workflow: None,
            device: None,
            place: None,
            purpose: None,
            request: None,
            source: None,
            detail: None,
            spooled: None,
            event: event.into(),
        }
    }

    /// The leaf's bytes from `kind` to the closing brace, without the opening one.
    ///
    /// # Errors
    /// When the leaf would be longer than [`LEAF_BYTES_MAX`].
    pub fn tail(&self) -> Result<Vec<u8>, LeafError> {
        let kind = self.event.kind();
        let tail = TailOut {
            kind: kind.name,
            kv: kind.version,
            bearing: match kind.bearing {
                Bearing::Fact => "fact",
                Bearing::Record => "record",
            },
            occurred_at: self.occurred_at,
            actor: &self.actor,
            on_behalf_of: self.on_behalf_of.as_ref(),
            patient: self.event.patient(),
            workflow: self.workflow.as_ref(),
            device: self.device.as_ref(),
            place: self.place.as_ref(),
            purpose: self.purpose.as_ref(),
            request: self.request.as_ref(),
            source: self.source.as_ref(),
            detail: self.detail,
            spooled: self.spooled.as_ref(),
            body: Body(&self.event),
        };
        let mut bytes = Vec::with_capacity(1024);
        serde_json::to_writer(&mut bytes, &tail).map_err(LeafError::Form)?;
        bytes.remove(0);
        if bytes.len() + HEAD_BYTES_MAX > LEAF_BYTES_MAX {
            return Err(LeafError::TooLong { bytes: bytes.len() + HEAD_BYTES_MAX });
        }
        Ok(bytes)
    }
}

/// A recorded event: a draft that has its place in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Leaf {
    /// Its position in the log.
    pub seq: Seq,
    /// When it was committed: never before an earlier leaf's.
    pub recorded_at: Timestamp,
    /// What was recorded.
    pub draft: Draft,
}

impl Leaf {
    /// When it happened: as the source said, or when it was recorded.
    #[must_use]
    pub fn occurred_at(&self) -> Timestamp {
        self.draft.occurred_at.unwrap_or(self.recorded_at)
    }

    /// Puts the head that only the committing writer knows in front of a [`Draft::tail`].
    #[must_use]
    pub fn bytes(seq: Seq, recorded_at: Timestamp, tail: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEAD_BYTES_MAX + tail.len());
        bytes.extend_from_slice(
            format!("{{\"v\":{LEAF_VERSION},\"seq\":{seq},\"recorded_at\":\"{recorded_at}\",").as_bytes(),
        );
        bytes.extend_from_slice(tail);
        bytes
    }

    /// Reads a leaf as it was written.
    ///
    /// # Errors
    /// When the bytes are not a leaf of a form, kind and version known here.
    pub fn parse(bytes: &[u8]) -> Result<Self, LeafError> {
        let leaf: LeafIn<'_> = serde_json::from_slice(bytes).map_err(LeafError::Form)?;
        if leaf.v != LEAF_VERSION {
            return Err(LeafError::UnknownVersion { version: leaf.v });
        }
        let event = Event::decode(&leaf.kind, leaf.kv, leaf.body)?;
        Ok(Self {
            seq: leaf.seq,
            recorded_at: leaf.recorded_at,
            draft: Draft {
                occurred_at: leaf.occurred_at,
                actor: leaf.actor,
                on_behalf_of: leaf.on_behalf_of,
                workflow: leaf.workflow,
                device: leaf.device,
                place: leaf.place,
                purpose: leaf.purpose,
                request: leaf.request,
                source: leaf.source,
                detail: leaf.detail,
                spooled: leaf.spooled,
                event,
            },
        })
    }

    /// Whether unreadable bytes bear facts, so that whoever cannot read them must not answer. Says yes when in doubt.
    #[must_use]
    pub fn may_bear_facts(bytes: &[u8]) -> bool {
        #[derive(Deserialize)]
        struct Peek<'a> {
            bearing: &'a str,
        }
        serde_json::from_slice::<Peek<'_>>(bytes).map_or(true, |peek| peek.bearing != "record")
    }
}

#[derive(Serialize)]
struct TailOut<'a> {
    kind: &'static str,
    kv: u16,
    bearing: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    occurred_at: Option<Timestamp>,
    actor: &'a Actor,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_behalf_of: Option<&'a PrincipalId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patient: Option<PatientPseudonym>,
    #[serde(skip_serializing_if = "Option::is_none")]
    workflow: Option<&'a WorkflowName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<&'a DeviceId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<&'a UnitId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purpose: Option<&'a Purpose>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<&'a RequestId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'a Source>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<DetailCommitment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    spooled: Option<&'a Spooled>,
    body: Body<'a>,
}

struct Body<'a>(&'a Event);

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize_body(serializer)
    }
}

#[derive(Deserialize)]
struct LeafIn<'a> {
    v: u16,
    seq: Seq,
    recorded_at: Timestamp,
    #[serde(borrow)]
    kind: std::borrow::Cow<'a, str>,
    kv: u16,
    occurred_at: Option<Timestamp>,
    actor: Actor,
    on_behalf_of: Option<PrincipalId>,
    workflow: Option<WorkflowName>,
    device: Option<DeviceId>,
    place: Option<UnitId>,
    purpose: Option<Purpose>,
    request: Option<RequestId>,
    source: Option<Source>,
    detail: Option<DetailCommitment>,
    spooled: Option<Spooled>,
    #[serde(borrow)]
    body: &'a RawValue,
}
