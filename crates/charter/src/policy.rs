//! `policies/*.cedar`: what may happen. Every policy says who owns it and why it is there.

use crate::cedar_text::{self, POLICY_BYTES_MAX, Statement, statements};
use crate::diagnostic::{Code, Diagnostic, Findings};
use crate::files::in_site;
use crate::name::SiteId;
use crate::nearest::nearest;
use crate::schema::from_cedar;
use crate::source::Source;
use cedar_policy::{Effect, PolicySet, Schema, ValidationMode, Validator};
use events::{OwnerId, PolicyId, WorkflowName};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

/// What is known of one policy besides its Cedar text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Its `@id`, also its id in the Cedar policy set. Unique in the charter.
    pub id: PolicyId,
    /// Its `@owner`: a team or person of `owners.toml`.
    pub owner: OwnerId,
    /// Its `@reason`: why it is there, in words a nurse understands.
    pub reason: String,
    /// Its `@workflow`, if it belongs to one.
    pub workflow: Option<WorkflowName>,
    /// Whether it permits or forbids.
    pub effect: Effect,
    /// The file it stands in, relative to the charter.
    pub file: String,
    /// The line it begins on, from 1.
    pub line: usize,
    /// The site it is for; none: it holds everywhere.
    pub site: Option<SiteId>,
    /// Its `@every_patient`: why it opens every patient's record by role alone, if it does.
    pub every_patient: Option<String>,
}

impl Policy {
    /// Whether it permits rather than forbids.
    #[must_use]
    pub fn permits(&self) -> bool {
        self.effect == Effect::Permit
    }
}

/// The annotations a policy can have. The first three it must have.
pub const ANNOTATIONS: [&str; 5] = ["id", "owner", "reason", "workflow", EVERY_PATIENT];

/// The annotation that says why a permit opens every patient's record by role alone.
pub const EVERY_PATIENT: &str = "every_patient";

/// The most policies of a charter.
pub const POLICIES_MAX: usize = 200_000;

/// How deep policies may reach into entities: `principal.labels` is 1. Decisions build their slice of entities that deep.
pub const ENTITY_DEPTH_MAX: u32 = 3;

/// A policy as read: where it stands, and as much of it as makes sense.
#[derive(Debug)]
pub(crate) struct ReadPolicy {
    pub(crate) source: Arc<Source>,
    statement: Statement,
    pub(crate) cedar: cedar_policy::Policy,
    pub(crate) id: Option<PolicyId>,
    pub(crate) owner: Option<OwnerId>,
    pub(crate) workflow: Option<WorkflowName>,
    pub(crate) site: Option<SiteId>,
    reason: Option<String>,
}

impl ReadPolicy {
    /// Where an annotation's value stands, or the policy where there is none.
    pub(crate) fn annotation(&self, name: &str) -> Range<usize> {
        let found = self.statement.annotations.iter().find(|annotation| annotation.name == name);
        found.map_or_else(|| self.head(), |annotation| annotation.value_span.clone())
    }

    /// A problem with the policy as a whole.
    pub(crate) fn problem(&self, code: Code, message: impl Into<String>) -> Diagnostic {
        Diagnostic::at(code, &self.source, self.head(), message)
    }

    /// Where the policy begins.
    fn head(&self) -> Range<usize> {
        head(&self.source, &self.statement)
    }

    /// Where a text literal stands in the policy, or the policy where it does not.
    pub(crate) fn text_span(&self, text: &str) -> Range<usize> {
        let (start, all) = (self.statement.span.start, self.source.text.get(self.statement.span.clone()));
        let quoted = format!("\"{text}\"");
        let prelude = self.statement.annotations.last().map_or(0, |annotation| annotation.value_span.end - start);
        let found = all.and_then(|all| all.get(prelude..)?.find(&quoted).map(|at| start + prelude + at));
        found.map_or_else(|| self.head(), |at| at..at + quoted.len())
    }

    /// The entities it names: type and id.
    pub(crate) fn entities(&self) -> Vec<(String, String)> {
        let named = self.cedar.entity_literals();
        let mut named: Vec<_> =
            named.iter().map(|uid| (uid.type_name().to_string(), uid.id().unescaped().to_owned())).collect();
        named.sort();
        named.dedup();
        named
    }

    /// The policy, once everything it must have is there.
    pub(crate) fn finish(&self) -> Option<Policy> {
        Some(Policy {
            id: self.id.clone()?,
            owner: self.owner.clone()?,
            reason: self.reason.clone()?,
            workflow: self.workflow.clone(),
            effect: self.cedar.effect(),
            file: self.source.path.clone(),
            line: self.source.position(self.statement.span.start).line,
            site: self.site.clone(),
            every_patient: self.cedar.annotation(EVERY_PATIENT).map(str::to_owned),
        })
    }
}

fn head(source: &Source, statement: &Statement) -> Range<usize> {
    let text = source.text.get(statement.span.clone()).unwrap_or_default();
    let line = text.find('\n').unwrap_or(text.len());
    statement.span.start..statement.span.start + line
}

/// Reads the policies of a file.
pub(crate) fn read(source: &Arc<Source>, findings: &mut Findings, policies: &mut Vec<ReadPolicy>) {
    for statement in statements(&source.text) {
        let text = source.text.get(statement.span.clone()).unwrap_or_default();
        let refused = |message: String| Diagnostic::at(Code::PolicySyntax, source, head(source, &statement), message);
        if text.len() > POLICY_BYTES_MAX {
            findings.push(
                refused(format!("one policy has more than {POLICY_BYTES_MAX} bytes")).with_help("is a `;` missing?"),
            );
            continue;
        }
        if policies.len() == POLICIES_MAX {
            findings.push(refused(format!("this is more than the {POLICIES_MAX} policies a charter can have")));
            return;
        }
        if let Err(too_much) = cedar_text::check(text) {
            let span = too_much.span();
            let span = statement.span.start + span.start..statement.span.start + span.end;
            findings.push(
                Diagnostic::at(Code::PolicySyntax, source, span, too_much.to_string()).with_help("split the policy"),
            );
            continue;
        }
        match cedar_policy::Policy::parse(None, text) {
            Ok(cedar) => policies.push(annotated(source, statement, cedar, findings)),
            Err(errors) => {
                for error in errors.iter() {
                    findings.push(from_cedar(Code::PolicySyntax, source, statement.span.start, error));
                }
            }
        }
    }
}

/// Takes the annotations apart.
fn annotated(
    source: &Arc<Source>,
    statement: Statement,
    cedar: cedar_policy::Policy,
    findings: &mut Findings,
) -> ReadPolicy {
    let mut read = ReadPolicy {
        source: Arc::clone(source),
        statement,
        cedar,
        id: None,
        owner: None,
        workflow: None,
        site: in_site(&source.path),
        reason: None,
    };
    for annotation in &read.statement.annotations {
        if !ANNOTATIONS.contains(&annotation.name.as_str()) {
            let help = nearest(&annotation.name, ANNOTATIONS).map_or_else(
                || "a policy has @id, @owner, @reason and perhaps @workflow or @every_patient".to_owned(),
                |near| format!("did you mean `@{near}`?"),
            );
            let message = format!("unknown annotation `@{}`", annotation.name);
            let span = annotation.name_span.clone();
            findings.push(Diagnostic::at(Code::Annotation, source, span, message).with_help(help));
        }
    }
    let examples = [("id", "ed-reads-chart"), ("owner", "nursing"), ("reason", "Why it is there, in plain words.")];
    for (name, example) in examples {
        if read.cedar.annotation(name).is_none_or(|value| value.trim().is_empty()) {
            let message = format!("this policy has no `@{name}`");
            let help = format!("add `@{name}(\"{example}\")` before it");
            findings.push(Diagnostic::at(Code::Annotation, source, read.head(), message).with_help(help));
        }
    }
    if read.cedar.annotation(EVERY_PATIENT).is_some_and(|why| why.trim().is_empty()) {
        let message = format!("`@{EVERY_PATIENT}` does not say why");
        let help = "write why the policy must reach every patient, in plain words, or take the annotation out";
        findings
            .push(Diagnostic::at(Code::Annotation, source, read.annotation(EVERY_PATIENT), message).with_help(help));
    }
    read.reason = read.cedar.annotation("reason").map(str::to_owned).filter(|reason| !reason.trim().is_empty());
    read.id = name(&read, "id", PolicyId::new, findings);
    read.owner = name(&read, "owner", OwnerId::new, findings);
    read.workflow = name(&read, "workflow", WorkflowName::new, findings);
    read
}

/// The name an annotation gives.
fn name<N>(
    read: &ReadPolicy,
    annotation: &str,
    new: impl Fn(&str) -> Result<N, events::IdError>,
    findings: &mut Findings,
) -> Option<N> {
    let value = read.cedar.annotation(annotation).filter(|value| !value.trim().is_empty())?;
    match new(value) {
        Ok(name) => Some(name),
        Err(error) => {
            let span = read.annotation(annotation);
            findings.push(Diagnostic::at(Code::Annotation, &read.source, span, format!("`@{annotation}`: {error}")));
            None
        }
    }
}

/// The set of all policies, each under its `@id`; says which ids come twice.
pub(crate) fn collect(policies: &[ReadPolicy], findings: &mut Findings) -> PolicySet {
    let mut first: BTreeMap<&PolicyId, &ReadPolicy> = BTreeMap::new();
    let mut set = PolicySet::new();
    for read in policies {
        let Some(id) = &read.id else { continue };
        if let Some(other) = first.get(id) {
            let line = other.source.position(other.statement.span.start).line;
            let message = format!("there is already a policy with the `@id` `{id}`");
            let help = format!("give it another id; the first is {}:{line}", other.source.path);
            let span = read.annotation("id");
            findings.push(Diagnostic::at(Code::Duplicate, &read.source, span, message).with_help(help));
            continue;
        }
        first.insert(id, read);
        if let Err(error) = set.add(read.cedar.new_id(cedar_policy::PolicyId::new(id.as_str()))) {
            findings.push(Diagnostic::at(Code::PolicyValidation, &read.source, read.head(), error.to_string()));
        }
    }
    set
}

/// Validates strictly; gives how deep policies reach into entities.
pub(crate) fn validate(set: &PolicySet, policies: &[ReadPolicy], schema: Schema, findings: &mut Findings) -> u32 {
    let by_id: BTreeMap<&str, &ReadPolicy> =
        policies.iter().rev().filter_map(|read| Some((read.id.as_ref()?.as_str(), read))).collect();
    let validator = Validator::new(schema);
    let mut depth = 1;
    let result = loop {
        let result = validator.validate_with_level(set, ValidationMode::Strict, depth);
        let too_deep = result
            .validation_errors()
            .any(|error| matches!(error, cedar_policy::ValidationError::EntityDerefLevelViolation(_)));
        if !too_deep || depth == ENTITY_DEPTH_MAX {
            break result;
        }
        depth += 1;
    };
    let mut said_of = BTreeSet::new();
    for error in result.validation_errors() {
        if let Some(read) = by_id.get::<str>(error.policy_id().as_ref()) {
            said_of.insert(error.policy_id());
            findings.push(judged(read, error));
        }
    }
    // One warning is enough, and none where an error says why.
    for warning in result.validation_warnings() {
        if let Some(read) =
            by_id.get::<str>(warning.policy_id().as_ref()).filter(|_| said_of.insert(warning.policy_id()))
        {
            let problem = judged(read, warning).with_help("it never decides anything: correct it or take it out");
            findings.push(problem.into_warning());
        }
    }
    depth
}

/// What the validator says of a policy.
fn judged(read: &ReadPolicy, said: &dyn miette::Diagnostic) -> Diagnostic {
    let placed = from_cedar(Code::PolicyValidation, &read.source, read.statement.span.start, said);
    if said.labels().is_some() {
        return placed;
    }
    let help = placed.help().map(str::to_owned);
    Diagnostic::at(Code::PolicyValidation, &read.source, read.head(), placed.message()).with_help_if(help)
}
