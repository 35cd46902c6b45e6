//! May this happen? Facts, time and what the caller asserts go to Cedar through the index; on a deny, what would help is found.

mod heads;
mod help;

use crate::actions::{self, Action};
use crate::cedar::{self, Whole};
use crate::circumstances::{self, Asker, AssertedCircumstances, Assurance, By, Circumstances, Found, Live, Session};
use crate::claims::holds_until;
use crate::clockwork::{Field, Uses};
use crate::context::{self, AssertedContext};
use crate::entities::{Party, StaticError, Statics};
use crate::index::{Candidates, IndexError, Narrowed, Placed, PolicyIndex};
use crate::judgement::{Glance, Judgement};
use crate::known_session;
use crate::obligation;
use crate::place;
use crate::refusal::Refusal;
use cedar_policy::{AuthorizationError, Authorizer, Decision, Entities, Policy, PolicySet, Request, Response};
use charter::signing_in::Provisional;
use charter::workflow::{InterruptionCost, Workflow};
use charter::{Charter, Rules};
use events::decision::{Effect, Question, Remedy};
use events::{ActionName, PatientPseudonym, PolicyId, Timestamp, UnitId};
use help::Help;
use std::collections::HashMap;
use std::sync::Arc;
use world::{Facts, Subject};

/// Why a charter cannot be decided by. A charter that was loaded has none of these faults.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// A static entity cannot be used.
    #[error("a static entity cannot be used")]
    Entities(#[from] StaticError),
    /// The schema's actions cannot be read.
    #[error("the schema's actions cannot be read")]
    Actions(#[source] Box<cedar_policy::entities_errors::EntitiesError>),
    /// A policy's id cannot be recorded.
    #[error("policy id `{0}` cannot be recorded")]
    PolicyId(String),
    /// A policy cannot be replaced.
    #[error("a policy cannot be replaced")]
    Replaced(#[from] IndexError),
}

/// Decides by one charter. Cheap to ask from many threads; keeps nothing that an answer depends on.
#[derive(Debug)]
pub struct Engine {
    charter: Arc<Charter>,
    index: PolicyIndex,
    ids: HashMap<cedar_policy::PolicyId, Known>,
    statics: Arc<Statics>,
    actions: Arc<HashMap<ActionName, Action>>,
    authorizer: Authorizer,
}

/// What is needed of a policy after Cedar named it.
#[derive(Debug)]
struct Known {
    id: PolicyId,
    forbids: bool,
}

/// A question made ready to be put to policies.
struct Case<'a> {
    action: &'a Action,
    principal: Party,
    resource: Party,
    /// Whether the patient's labels are left out, as if nothing were known of the patient.
    masked: bool,
    /// Where it is judged.
    unit: Option<UnitId>,
    found: Found,
    asserted: AssertedContext,
    patient: Option<PatientPseudonym>,
}

/// What policies say.
struct Verdict {
    effect: Effect,
    policies: Vec<PolicyId>,
    errors: Vec<PolicyId>,
}

/// What a question is judged by besides itself.
#[derive(Clone, Copy)]
struct Situation<'a> {
    facts: &'a Facts,
    /// Authority held for a while.
    held: &'a Live,
    /// How the asker signed in, where that is known; it then counts in the place of what is asserted.
    session: Option<&'a Session>,
    now: Timestamp,
    /// The rules of the place it is judged at.
    rules: &'a Rules,
}

/// What a case is put to.
struct Gathered {
    candidates: Arc<Candidates>,
    entities: Entities,
}

/// Of what was gathered, the policies that these circumstances do not exclude.
fn narrowed(case: &Case<'_>, to: &Gathered, circumstances: &Circumstances) -> Result<Arc<Narrowed>, Refusal> {
    let truths = case.action.context.truths(circumstances).with_parties(&case.principal, &case.resource);
    to.candidates.narrowed(truths).map_err(|_| Refusal::Unputtable)
}

impl Engine {
    /// Makes a charter ready: indexes its policies, prepares its entities and shapes.
    ///
    /// # Errors
    /// When the charter is not one that passed its own checks.
    pub fn new(charter: Arc<Charter>) -> Result<Self, EngineError> {
        let policies = charter.policy_set().clone();
        Self::with_policies(charter, policies)
    }

    /// The same with other policies than the charter's own: to see what a changed, a missing or a hundred thousand policies would do.
    /// Nobody has validated them, so what they permit binds nobody.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_policies(charter: Arc<Charter>, policies: PolicySet) -> Result<Self, EngineError> {
        let local = charter.policies().values().filter_map(|policy| {
            let units = charter.units_of(policy.site.as_ref()?);
            Some((cedar_policy::PolicyId::new(policy.id.as_str()), units))
        });
        let index = PolicyIndex::local(policies, local.collect());
        let statics = Arc::new(Statics::new(charter.vocabulary(), charter.entities())?);
        let actions = Arc::new(actions::of(&charter).map_err(EngineError::Actions)?);
        Ok(Self { charter, ids: known(&index)?, index, statics, actions, authorizer: Authorizer::new() })
    }

    /// The same engine without one policy, or with another in its place. Everything else is shared. As with [`Self::with_policies`],
    /// nobody has validated the other policy.
    ///
    /// # Errors
    /// When the charter has no such policy.
    pub fn with_policy(&self, id: &PolicyId, other: Option<Policy>) -> Result<Self, EngineError> {
        self.with_index(self.index.replacing(&cedar_policy::PolicyId::new(id.as_str()), other)?)
    }

    /// The same engine with a policy of one site holding everywhere.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_policy_everywhere(&self, id: &PolicyId) -> Result<Self, EngineError> {
        self.with_index(self.index.everywhere(&cedar_policy::PolicyId::new(id.as_str())))
    }

    fn with_index(&self, index: PolicyIndex) -> Result<Self, EngineError> {
        Ok(Self {
            charter: Arc::clone(&self.charter),
            ids: known(&index)?,
            index,
            statics: Arc::clone(&self.statics),
            actions: Arc::clone(&self.actions),
            authorizer: Authorizer::new(),
        })
    }

    /// The charter it decides by.
    #[must_use]
    pub const fn charter(&self) -> &Arc<Charter> {
        &self.charter
    }

    /// Whose facts a question needs.
    #[must_use]
    pub fn subject(&self, question: &Question) -> Subject {
        let device = question.asserted.context.get("device");
        Subject {
            principal: question.principal.id.clone(),
            patient: self.patient(question).ok().flatten(),
            device: device.and_then(|device| context::device(device).ok()),
            session: question.session.clone(),
        }
    }

    /// Answers a question by these facts at this time.
    #[must_use]
    pub fn decide(&self, question: &Question, facts: &Facts, now: Timestamp) -> Judgement {
        self.decide_holding(question, facts, &Live::default(), now)
    }

    /// Answers as if the asker held this authority for a while: to see what it would open. Nobody gets anything by it.
    #[must_use]
    pub fn decide_holding(&self, question: &Question, facts: &Facts, held: &Live, now: Timestamp) -> Judgement {
        self.decide_in(question, facts, held, None, now)
    }

    /// The same in a session that is known, and not asserted.
    pub(crate) fn decide_in(
        &self,
        question: &Question,
        facts: &Facts,
        held: &Live,
        session: Option<&Session>,
        now: Timestamp,
    ) -> Judgement {
        let unit = self.place(question, facts, false, now);
        let situation = Situation { facts, held, session, now, rules: self.charter.rules_at(unit.as_ref()) };
        let workflow = self.workflow(question, situation);
        let judged = self
            .case(question, situation, unit, false)
            .and_then(|case| self.judge(question, case, workflow, situation));
        judged.unwrap_or_else(|refused| Judgement {
            effect: Effect::Deny,
            workflow: workflow.map(|workflow| workflow.name.clone()),
            policies: Vec::new(),
            errors: Vec::new(),
            remedies: vec![Remedy::HelpDesk { owner: self.charter.owners().help_desk.clone() }],
            unsaid: None,
            obligations: Vec::new(),
            circumstances: None,
            refused: Some(refused),
            holds_until: None,
            patient: self.patient(question).ok().flatten(),
        })
    }

    fn judge(
        &self,
        question: &Question,
        case: Case<'_>,
        workflow: Option<&Workflow>,
        situation: Situation<'_>,
    ) -> Result<Judgement, Refusal> {
        let gathered = self.gather(&case)?;
        let verdict = self.put(&case, &gathered, &case.found.circumstances)?;
        let moved_at = self.moved_at(question, &case, situation);
        let holds_until = self.holds_until(&case, &gathered.candidates.uses, situation);
        let holds_until = holds_until.into_iter().chain(moved_at).min();
        if verdict.effect == Effect::Permit {
            return Ok(self.permit(case, verdict, workflow, holds_until));
        }
        // Where nothing connects the asker with the patient, the answer is worked out as if nothing were known of the patient, so that it
        // does not tell a known from an unknown one, or a labelled from an unlabelled one.
        if case.patient.is_some() && !case.found.circumstances.related() {
            // The rules of where the patient is would tell where that is.
            let unit = self.place(question, situation.facts, true, situation.now);
            let situation = Situation { rules: self.charter.rules_at(unit.as_ref()), ..situation };
            let workflow = self.workflow(question, situation);
            let masked = self.case(question, situation, unit, true)?;
            let gathered = self.gather(&masked)?;
            let verdict = self.put(&masked, &gathered, &masked.found.circumstances)?;
            // Where a label alone denies, that must be said.
            if verdict.effect == Effect::Deny {
                let help = self.help(question, &masked, &gathered, workflow, situation);
                return Ok(deny(masked, verdict, help, workflow, holds_until));
            }
        }
        let help = self.help(question, &case, &gathered, workflow, situation);
        Ok(deny(case, verdict, help, workflow, holds_until))
    }

    /// Whether a question is permitted, without what a deny would be told; and whether anything connects the asker with the patient it is
    /// about.
    #[must_use]
    pub fn glance(&self, question: &Question, facts: &Facts, now: Timestamp) -> Glance {
        let unit = self.place(question, facts, false, now);
        let rules = self.charter.rules_at(unit.as_ref());
        let situation = Situation { facts, held: &Live::default(), session: None, now, rules };
        let seen = self.case(question, situation, unit, false).and_then(|case| {
            let gathered = self.gather(&case)?;
            Ok(Glance {
                permits: self.permits(&case, &gathered, &case.found.circumstances),
                related: case.patient.is_none() || case.found.circumstances.related(),
            })
        });
        seen.unwrap_or_default()
    }

    /// The unit whose rules count; none where all units have the same.
    fn place(&self, question: &Question, facts: &Facts, hidden: bool, now: Timestamp) -> Option<UnitId> {
        if !self.charter.has_overlays() {
            return None;
        }
        let hidden = hidden || !self.charter.systems().is_patient(question.resource.kind.as_str());
        place::of(question, facts, hidden, now)
    }

    /// When time alone first brings other rules to bear.
    fn moved_at(&self, question: &Question, case: &Case<'_>, situation: Situation<'_>) -> Option<Timestamp> {
        if !self.charter.has_overlays() {
            return None;
        }
        let site = |unit: Option<&UnitId>| unit.and_then(|unit| self.charter.unit(unit)).map(|unit| &unit.site);
        let differs = |at: &Timestamp| {
            let unit = self.place(question, situation.facts, case.masked, *at);
            !std::ptr::eq(self.charter.rules_at(unit.as_ref()), situation.rules)
                || site(unit.as_ref()) != site(case.unit.as_ref())
        };
        place::changes(situation.facts, case.masked, situation.now).into_iter().find(differs)
    }

    fn workflow<'a>(&'a self, question: &Question, situation: Situation<'a>) -> Option<&'a Workflow> {
        self.charter.workflow_by(situation.rules, question.workflow.as_ref(), &question.action)
    }

    fn patient(&self, question: &Question) -> Result<Option<PatientPseudonym>, Refusal> {
        if !self.charter.systems().is_patient(question.resource.kind.as_str()) {
            return Ok(None);
        }
        question.resource.id.as_str().parse().map(Some).map_err(|_| Refusal::NotAPseudonym)
    }

    /// Makes a question ready, or says why it does not fit the charter.
    fn case(
        &self,
        question: &Question,
        situation: Situation<'_>,
        unit: Option<UnitId>,
        masked: bool,
    ) -> Result<Case<'_>, Refusal> {
        let facts = situation.facts;
        let (principal, resource) = (&question.principal, &question.resource);
        let action =
            self.actions.get(&question.action).ok_or_else(|| Refusal::UnknownAction(question.action.clone()))?;
        let (principal_kind, resource_kind) = (self.statics.kind(&principal.kind)?, self.statics.kind(&resource.kind)?);
        if !action.principals.contains(&principal.kind) {
            return Err(Refusal::NotForPrincipal { action: action.name.clone(), kind: principal.kind.clone() });
        }
        if !action.resources.contains(&resource.kind) {
            return Err(Refusal::NotForResource { action: action.name.clone(), kind: resource.kind.clone() });
        }
        let asked = self.patient(question)?;
        let (mut known, asserted) = action.context.asserted(&question.asserted)?;
        known.session = situation.session.cloned().or(known.session);
        let found = self.circumstances(question, asked, situation, unit.as_ref(), known);
        let canonical = facts.patient.as_ref().filter(|_| asked.is_some()).map(|patient| patient.canonical);
        let patient = canonical.or(asked);
        let id = patient.map_or_else(|| resource.id.as_str().to_owned(), |patient| patient.to_string());
        let labels =
            facts.patient.as_ref().filter(|_| asked.is_some() && !masked).map_or(&[][..], |p| p.labels.as_slice());
        Ok(Case {
            action,
            principal: self.statics.principal(
                principal_kind,
                principal.id.as_str(),
                facts.principal.as_ref(),
                &question.asserted.subject,
            )?,
            resource: self.statics.resource(resource_kind, &id, labels, &question.asserted.resource)?,
            masked,
            unit,
            found,
            asserted,
            patient,
        })
    }

    fn circumstances(
        &self,
        question: &Question,
        patient: Option<PatientPseudonym>,
        situation: Situation<'_>,
        unit: Option<&UnitId>,
        mut asserted: AssertedCircumstances,
    ) -> Found {
        let asker = Asker { principal: &question.principal.id, patient };
        let Situation { facts, held, now, rules, .. } = situation;
        if question.session.is_some() {
            asserted.session = known_session::seen(facts, asserted.device.as_ref(), rules, now);
        }
        let class = facts.principal.as_ref().map(|known| known.class);
        let mut assurance = Assurance::of(rules, self.charter.risk(&question.action), unit, class);
        if question.session.is_some() && known_session::is_claimed(facts) {
            // Who they are is only claimed: it counts as a sign-in for what the charter lists, in an emergency, and for nothing else.
            let workflow = self.charter.workflow_by(rules, question.workflow.as_ref(), &question.action);
            let cost = workflow.map_or(InterruptionCost::Routine, |workflow| workflow.cost);
            let open = Provisional::is_open(known_session::in_emergency(facts, now), cost);
            if open && self.charter.provisional_covers(&question.action) {
                assurance = assurance.map(Assurance::of_a_claim);
            } else {
                asserted.session = None;
            }
        }
        // A colleague's word is good for what the charter says, and for nothing else.
        let given = held.vouched || facts.vouched_until.is_some_and(|until| now < until);
        let vouched = given && self.charter.vouching_covers(&question.action);
        let live = &Live { vouched, ..held.clone() };
        let by = By { rules, live, assurance };
        circumstances::find(asker, facts, asserted, &by, now)
    }

    /// Gathers what a case is put to: the policies that can bear on it and the entities they can look at. The same under every change of
    /// circumstances.
    fn gather(&self, case: &Case<'_>) -> Result<Gathered, Refusal> {
        let (principal, action, resource) = (&case.principal, case.action, &case.resource);
        let candidates = self
            .index
            .candidates_at(
                case.unit.as_ref(),
                Placed { uid: &principal.uid, ancestors: &principal.ancestors },
                Placed { uid: &action.uid, ancestors: &action.ancestors },
                Placed { uid: &resource.uid, ancestors: &resource.ancestors },
            )
            .map_err(|_| Refusal::Unputtable)?;
        let named =
            candidates.literals.iter().chain(&principal.names).chain(&resource.names).chain(&case.asserted.names);
        let mut entities = self.statics.reached(named, [&principal.uid, &resource.uid]);
        entities.push(Whole::of(principal)?);
        if principal.uid != resource.uid {
            entities.push(Whole::of(resource)?);
        }
        entities.push(action.entity.clone());
        Ok(Gathered { candidates, entities: cedar::entities(entities)? })
    }

    /// Puts a case to what was gathered for it.
    fn put(&self, case: &Case<'_>, to: &Gathered, circumstances: &Circumstances) -> Result<Verdict, Refusal> {
        self.put_to(case, to, &*narrowed(case, to, circumstances)?, circumstances)
    }

    /// Whether a case would be permitted; who cannot be permitted need not be put to policies at all.
    fn permits(&self, case: &Case<'_>, to: &Gathered, circumstances: &Circumstances) -> bool {
        narrowed(case, to, circumstances).is_ok_and(|narrowed| {
            !narrowed.denies
                && self.put_to(case, to, &narrowed, circumstances).is_ok_and(|verdict| verdict.effect == Effect::Permit)
        })
    }

    fn put_to(
        &self,
        case: &Case<'_>,
        to: &Gathered,
        narrowed: &Narrowed,
        circumstances: &Circumstances,
    ) -> Result<Verdict, Refusal> {
        let request = self.request(case, &narrowed.uses, circumstances)?;
        let response = self.authorizer.is_authorized(&request, &narrowed.set, &to.entities);
        Ok(self.verdict(&response))
    }

    /// The request as Cedar wants it, checked against the schema: action and types by [`Self::case`], the context by its plan.
    fn request(&self, case: &Case<'_>, uses: &Uses, circumstances: &Circumstances) -> Result<Request, Refusal> {
        let (action, plan) = (case.action, &case.action.context);
        if !plan.is_complete(circumstances, &case.asserted) {
            return Err(Refusal::Circumstances { action: action.name.clone() });
        }
        let make = |uses: &Uses, schema| {
            let context = plan.context(circumstances, &case.asserted, uses)?;
            let (principal, resource) = (case.principal.uid.clone(), case.resource.uid.clone());
            Request::new(principal, action.uid.clone(), resource, context, schema).map_err(|_| Refusal::Unputtable)
        };
        if cfg!(debug_assertions) {
            make(&Uses::everything(), Some(self.charter.schema()))?;
        }
        make(uses, None)
    }

    /// Cedar skips a policy that errs, a `forbid` too. Here a `forbid` that errs denies.
    fn verdict(&self, response: &Response) -> Verdict {
        let reasons: Vec<&Known> = response.diagnostics().reason().filter_map(|id| self.ids.get(id)).collect();
        let erring: Vec<&Known> = response
            .diagnostics()
            .errors()
            .filter_map(|error| match error {
                AuthorizationError::PolicyEvaluationError(error) => self.ids.get(error.policy_id()),
            })
            .collect();
        let allowed = response.decision() == Decision::Allow;
        let permitted = allowed && !erring.iter().any(|policy| policy.forbids);
        let sorted = |of: &[&Known]| {
            let mut ids: Vec<PolicyId> = of.iter().map(|known| known.id.clone()).collect();
            ids.sort_unstable();
            ids
        };
        Verdict {
            effect: if permitted { Effect::Permit } else { Effect::Deny },
            // What would have permitted did not decide when an erring `forbid` did.
            policies: if allowed && !permitted { Vec::new() } else { sorted(&reasons) },
            errors: sorted(&erring),
        }
    }

    fn holds_until(&self, case: &Case<'_>, uses: &Uses, situation: Situation<'_>) -> Option<Timestamp> {
        let Situation { facts, now, rules, .. } = situation;
        let Found { circumstances, claims } = &case.found;
        let found = holds_until(circumstances, claims, facts, &rules.staleness, uses, now);
        found.into_iter().chain(known_session::edges(facts, rules).filter(|at| *at > now)).min()
    }

    fn permit(
        &self,
        case: Case<'_>,
        verdict: Verdict,
        workflow: Option<&Workflow>,
        holds_until: Option<Timestamp>,
    ) -> Judgement {
        let circumstances = case.found.circumstances;
        let emergency = circumstances.emergency && self.rests_on_emergency(&verdict.policies);
        Judgement {
            effect: Effect::Permit,
            workflow: workflow.map(|workflow| workflow.name.clone()),
            policies: verdict.policies,
            errors: verdict.errors,
            remedies: Vec::new(),
            unsaid: None,
            obligations: obligation::of_permit(workflow, &circumstances, emergency, holds_until),
            circumstances: Some(circumstances),
            refused: None,
            holds_until,
            patient: case.patient,
        }
    }

    /// Whether every policy that permitted looks at whether there is an emergency.
    fn rests_on_emergency(&self, policies: &[PolicyId]) -> bool {
        policies.iter().all(|id| {
            let policy = self.index.policy(&cedar_policy::PolicyId::new(id.as_str()));
            policy.is_some_and(|policy| Uses::of(policy).looks_at(Field::Emergency))
        })
    }
}

fn deny(
    case: Case<'_>,
    verdict: Verdict,
    help: Help,
    workflow: Option<&Workflow>,
    holds_until: Option<Timestamp>,
) -> Judgement {
    Judgement {
        effect: Effect::Deny,
        workflow: workflow.map(|workflow| workflow.name.clone()),
        policies: verdict.policies,
        errors: verdict.errors,
        remedies: help.remedies,
        unsaid: help.unsaid,
        obligations: Vec::new(),
        circumstances: Some(case.found.circumstances),
        refused: None,
        holds_until,
        patient: case.patient,
    }
}

/// Every policy of an index, as leaves name it.
fn known(index: &PolicyIndex) -> Result<HashMap<cedar_policy::PolicyId, Known>, EngineError> {
    let mut ids = HashMap::with_capacity(index.len());
    for policy in index.all().policies() {
        let text = policy.id().to_string();
        let id = PolicyId::new(&text).map_err(|_| EngineError::PolicyId(text))?;
        ids.insert(policy.id().clone(), Known { id, forbids: policy.effect() == cedar_policy::Effect::Forbid });
    }
    Ok(ids)
}
