//! The charter itself: everything the hospital has decided, validated, immutable, quick to look things up in.

use crate::assurance::Assurance;
use crate::bundle;
use crate::checks;
use crate::diagnostic::{Code, Diagnostic, Findings};
use crate::directory;
use crate::elevation::Elevation;
use crate::emergency::Emergency;
use crate::entities::{Risk, StaticEntities};
use crate::files::{FILE_BYTES_MAX, FILES_MAX, Files, TEXT_BYTES_MAX, is_known_path};
use crate::hospital::{Hospital, Unit};
use crate::lints;
use crate::name::SiteId;
use crate::overlay::{self, Overlay, Rules};
use crate::owners::{Owner, Owners};
use crate::parts::Parts;
use crate::policy::{self, Policy};
use crate::scenario::Scenario;
use crate::signing_in::usual_title;
use crate::static_entities;
use crate::systems::{Caller, DEFAULT_CALLER, Systems};
use crate::vocabulary::Vocabulary;
use crate::workflow::Workflow;
use cedar_policy::{Entities, PolicySet, Schema};
use events::principal::IdentityClass;
use events::signin::Cause;
use events::{ActionName, CallerName, CharterDigest, OwnerId, PolicyId, UnitId, WorkflowName};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// What the hospital has decided. Only made from files without a single error; never changed afterwards.
pub struct Charter {
    bundle: Vec<u8>,
    digest: CharterDigest,
    hospital: Hospital,
    entities: StaticEntities,
    workflows: Vec<Workflow>,
    owners: Owners,
    assurance: Assurance,
    elevation: Elevation,
    emergency: Emergency,
    systems: Systems,
    default_caller: Caller,
    scenarios: Vec<(String, Scenario)>,
    policies: BTreeMap<PolicyId, Policy>,
    schema: Schema,
    vocabulary: Vocabulary,
    policy_set: PolicySet,
    static_entities: Entities,
    entity_depth: u32,
    warnings: Vec<Diagnostic>,
    overlays: Vec<(SiteId, Overlay)>,
    has_overlays: bool,
    rules: Rules,
    local_rules: BTreeMap<UnitId, Arc<Rules>>,
    by_code: HashMap<String, UnitId>,
    by_action: HashMap<ActionName, Vec<usize>>,
    by_name: HashMap<WorkflowName, usize>,
}

impl Charter {
    /// Reads a charter's directory.
    ///
    /// # Errors
    /// Everything that is wrong with it, by file, line and column; warnings are among it.
    pub fn load(dir: &Path) -> Result<Self, Vec<Diagnostic>> {
        let mut findings = Findings::default();
        let files = directory::read(dir, &mut findings);
        Self::build(&files, findings)
    }

    /// Reads the canonical bytes of a charter, as [`Self::bundle_bytes`] gives them. The charter is the identical one.
    ///
    /// # Errors
    /// As [`Self::load`], and if the bytes are not a bundle in canonical form.
    pub fn from_bundle(bytes: &[u8]) -> Result<Self, Vec<Diagnostic>> {
        match bundle::read(bytes) {
            Ok(files) => Self::build(&files, Findings::default()),
            Err(error) => Err(vec![Diagnostic::of_file(Code::Bundle, "bundle", error.to_string())]),
        }
    }

    /// Reads a charter from texts in memory, by path relative to the charter.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn from_files<P: Into<String>, T: AsRef<str>>(
        texts: impl IntoIterator<Item = (P, T)>,
    ) -> Result<Self, Vec<Diagnostic>> {
        let mut findings = Findings::default();
        let mut files = Files::new();
        let mut bytes = 0_usize;
        for (path, text) in texts {
            let (path, text) = (path.into(), text.as_ref());
            bytes = bytes.saturating_add(text.len());
            let problem = if !is_known_path(&path) {
                "a charter has no file of this name"
            } else if text.len() > FILE_BYTES_MAX {
                "this file is too large"
            } else if files.len() == FILES_MAX || bytes > TEXT_BYTES_MAX {
                "with this file the charter is too large"
            } else {
                files.insert(path, text.into());
                continue;
            };
            findings.push(Diagnostic::of_file(Code::File, &path, problem));
        }
        Self::build(&files, findings)
    }

    fn build(files: &Files, mut findings: Findings) -> Result<Self, Vec<Diagnostic>> {
        let parts = Parts::read(files, &mut findings);
        checks::all(&parts, &mut findings);
        let policy_set = policy::collect(&parts.policies, &mut findings);
        let mut judged = None;
        if let Some(schema) = &parts.schema {
            let depth = policy::validate(&policy_set, &parts.policies, schema.0.clone(), &mut findings);
            let entities = parts.entities.as_ref().and_then(|doc| static_entities::build(doc, schema, &mut findings));
            judged = entities.map(|entities| (depth, entities));
        }
        if findings.errors() > 0 {
            return Err(findings.into_list());
        }
        let bundle = bundle::write(files);
        let warnings = findings.into_list();
        // INVARIANT: without an error every part is there.
        let whole = judged.and_then(|judged| Self::assemble(parts, policy_set, judged, bundle));
        let incomplete = || vec![Diagnostic::of_file(Code::File, ".", "the charter is incomplete")];
        whole.map(|charter| Self { warnings, ..charter }).ok_or_else(incomplete)
    }

    fn assemble(
        parts: Parts<'_>,
        policy_set: PolicySet,
        (entity_depth, static_entities): (u32, Entities),
        bundle: Vec<u8>,
    ) -> Option<Self> {
        let (schema, vocabulary) = parts.schema?;
        let (hospital, systems) = (parts.hospital?.value, parts.systems?.value);
        let workflows = parts.workflows?.value.workflow;
        let overlays: Vec<(SiteId, Overlay)> =
            parts.overlays.into_iter().map(|(site, doc)| (site, doc.value)).collect();
        let assurance = parts.assurance?.value;
        let rules = Rules::of(&hospital, &assurance, &workflows);
        let policies = parts.policies.iter().map(|read| read.finish().map(|policy| (policy.id.clone(), policy)));
        let mut by_code: HashMap<String, UnitId> = HashMap::new();
        for (id, unit) in &hospital.units {
            by_code.extend(unit.codes.iter().map(|code| (code.clone(), id.clone())));
            by_code.insert(id.as_str().to_owned(), id.clone());
        }
        let mut by_action: HashMap<ActionName, Vec<usize>> = HashMap::new();
        for (index, workflow) in workflows.iter().enumerate() {
            for action in &workflow.actions {
                by_action.entry(action.clone()).or_default().push(index);
            }
        }
        Some(Self {
            digest: bundle::digest(&bundle),
            bundle,
            by_name: workflows.iter().enumerate().map(|(index, workflow)| (workflow.name.clone(), index)).collect(),
            by_code,
            by_action,
            default_caller: systems.callers.get(DEFAULT_CALLER)?.clone(),
            policies: policies.collect::<Option<_>>()?,
            scenarios: parts.scenarios.into_iter().map(|doc| (doc.source.path.clone(), doc.value)).collect(),
            entities: parts.entities?.value,
            owners: parts.owners?.value,
            assurance,
            local_rules: overlay::lay(&rules, &hospital, &overlays),
            has_overlays: !overlays.is_empty() || parts.policies.iter().any(|read| read.site.is_some()),
            overlays,
            rules,
            elevation: parts.elevation?.value,
            emergency: parts.emergency?.value,
            hospital,
            systems,
            workflows,
            schema,
            vocabulary,
            policy_set,
            static_entities,
            entity_depth,
            warnings: Vec::new(),
        })
    }

    /// The canonical bytes: the same files always give the same bytes, comments included.
    #[must_use]
    pub fn bundle_bytes(&self) -> &[u8] {
        &self.bundle
    }

    /// The SHA-256 of [`Self::bundle_bytes`]: the charter's name for all time.
    #[must_use]
    pub const fn digest(&self) -> CharterDigest {
        self.digest
    }

    /// Whether everything but policies and scenarios is the same, text for text.
    #[must_use]
    pub fn differs_in_policies_only(&self, other: &Self) -> bool {
        let rest = |bytes| {
            let mut files = bundle::read(bytes).ok()?;
            files.retain(|path, _| !path.ends_with(".cedar") && !path.starts_with("scenarios/"));
            Some(files)
        };
        rest(&self.bundle).is_some_and(|own| rest(&other.bundle) == Some(own))
    }

    /// What somebody should look at although the charter loads.
    #[must_use]
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// `hospital.toml`.
    #[must_use]
    pub const fn hospital(&self) -> &Hospital {
        &self.hospital
    }

    /// A unit by its id.
    #[must_use]
    pub fn unit(&self, id: &UnitId) -> Option<&Unit> {
        self.hospital.units.get(id)
    }

    /// The unit that a feed calls by this code (HL7 PV1-3.1), compared exactly. A unit's id is always one of its codes.
    #[must_use]
    pub fn unit_by_code(&self, code: &str) -> Option<&UnitId> {
        self.by_code.get(code)
    }

    /// `entities.toml`: roles, risks and labels as people read them.
    #[must_use]
    pub const fn entities(&self) -> &StaticEntities {
        &self.entities
    }

    /// How bad misuse of an action would be. Actions the schema does not know are as bad as can be.
    #[must_use]
    pub fn risk(&self, action: &ActionName) -> Risk {
        self.entities.actions.get(action).map_or(Risk::Critical, |action| action.risk)
    }

    /// Workflows in the order of the file.
    #[must_use]
    pub fn workflows(&self) -> &[Workflow] {
        &self.workflows
    }

    /// A workflow by name.
    #[must_use]
    pub fn workflow(&self, name: &WorkflowName) -> Option<&Workflow> {
        self.workflows.get(*self.by_name.get(name)?)
    }

    /// The workflow a request is judged in: the one it names if that has the action, else the first in the file that has it. `None` only for
    /// actions the schema does not know.
    #[must_use]
    pub fn workflow_for(&self, named: Option<&WorkflowName>, action: &ActionName) -> Option<&Workflow> {
        self.workflows.get(self.place_of(named, action)?)
    }

    /// The same by the rules of one place.
    #[must_use]
    pub fn workflow_by<'a>(
        &self,
        rules: &'a Rules,
        named: Option<&WorkflowName>,
        action: &ActionName,
    ) -> Option<&'a Workflow> {
        rules.workflows.get(self.place_of(named, action)?)
    }

    fn place_of(&self, named: Option<&WorkflowName>, action: &ActionName) -> Option<usize> {
        let having = self.by_action.get(action)?;
        let named = named.and_then(|name| self.by_name.get(name)).filter(|index| having.contains(index));
        named.or(having.first()).copied()
    }

    /// What loads but is most likely not meant. Worked out anew each time: nobody who decides needs it.
    #[must_use]
    pub fn lints(&self) -> Vec<Diagnostic> {
        let Ok(files) = bundle::read(&self.bundle) else { return Vec::new() };
        // What loading says of the parts has been said: see `warnings`.
        let parts = Parts::read(&files, &mut Findings::default());
        let mut findings = Findings::default();
        lints::all(&parts, &mut findings);
        findings.into_list()
    }

    /// Everything that somebody should look at although the charter loads, the lints among it: what `charter check` says.
    #[must_use]
    pub fn remarks(&self) -> Vec<Diagnostic> {
        [self.warnings(), &self.lints()].concat()
    }

    /// Overlays by site, in the order of their files.
    #[must_use]
    pub fn overlays(&self) -> &[(SiteId, Overlay)] {
        &self.overlays
    }

    /// The rules at a unit: the hospital's, with the overlays of the unit laid over them.
    #[must_use]
    pub fn rules_at(&self, unit: Option<&UnitId>) -> &Rules {
        unit.and_then(|unit| self.local_rules.get(unit)).map_or(&self.rules, |rules| rules)
    }

    /// Whether it matters where a question is judged: a site has overlays or policies of its own.
    #[must_use]
    pub const fn has_overlays(&self) -> bool {
        self.has_overlays
    }

    /// Units that are not judged by the hospital's rules alone, in groups that are judged alike. A unit is in one group.
    #[must_use]
    pub fn units_with_own_rules(&self) -> Vec<Vec<UnitId>> {
        let mut groups: Vec<(&SiteId, &Rules, Vec<UnitId>)> = Vec::new();
        for (id, unit) in &self.hospital.units {
            let rules = self.rules_at(Some(id));
            let forbidden = self.policies.values().any(|policy| policy.site.as_ref() == Some(&unit.site));
            if std::ptr::eq(rules, &raw const self.rules) && !forbidden {
                continue;
            }
            match groups.iter_mut().find(|(site, others, _)| **site == unit.site && std::ptr::eq(*others, rules)) {
                Some((_, _, units)) => units.push(id.clone()),
                None => groups.push((&unit.site, rules, vec![id.clone()])),
            }
        }
        groups.into_iter().map(|(_, _, units)| units).collect()
    }

    /// The units of a site.
    #[must_use]
    pub fn units_of(&self, site: &SiteId) -> BTreeSet<UnitId> {
        self.hospital.units.iter().filter(|(_, unit)| unit.site == *site).map(|(id, _)| id.clone()).collect()
    }

    /// `owners.toml`.
    #[must_use]
    pub const fn owners(&self) -> &Owners {
        &self.owners
    }

    /// A team or person by id.
    #[must_use]
    pub fn owner(&self, id: &OwnerId) -> Option<Owner<'_>> {
        self.owners.find(id)
    }

    /// Who answers for identities of a class.
    #[must_use]
    pub fn identity_owner(&self, class: IdentityClass) -> Option<&OwnerId> {
        self.owners.identity_class.get(&class)
    }

    /// Who accepts the clinical risk of an action.
    #[must_use]
    pub fn risk_owner(&self, action: &ActionName) -> &OwnerId {
        self.owners.risk_owner.of(self.risk(action))
    }

    /// `assurance.toml`.
    #[must_use]
    pub const fn assurance(&self) -> &Assurance {
        &self.assurance
    }

    /// Who may invite people of a class, besides the roles in [`AuthenticatorRules::inviting_roles`].
    ///
    /// [`AuthenticatorRules::inviting_roles`]: crate::signing_in::AuthenticatorRules::inviting_roles
    #[must_use]
    pub fn inviters(&self, class: IdentityClass) -> Vec<&OwnerId> {
        let named = self.assurance.authenticators.get(&class).map(|rules| rules.invited_by.as_slice());
        let named: Vec<&OwnerId> = named.unwrap_or_default().iter().collect();
        if named.is_empty() { self.identity_owner(class).into_iter().collect() } else { named }
    }

    /// Who answers when signing in fails because of this, and what people call it.
    #[must_use]
    pub fn answers_for(&self, cause: Cause) -> (&OwnerId, &str) {
        if let Some(rule) = self.assurance.causes.get(&cause) {
            return (&rule.owner, &rule.title);
        }
        let owner = match cause {
            Cause::Policy => &self.owners.policy_owner,
            Cause::Reader | Cause::DeviceTrust | Cause::Network => &self.owners.control_owner,
            Cause::Authenticator | Cause::User | Cause::Federation => {
                self.identity_owner(IdentityClass::Staff).unwrap_or(&self.owners.help_desk)
            }
        };
        (owner, usual_title(cause))
    }

    /// Whether a colleague's word is good for an action.
    #[must_use]
    pub fn vouching_covers(&self, action: &ActionName) -> bool {
        let actions = &self.assurance.vouching.actions;
        actions.is_empty() || self.vocabulary.is_among(action, actions)
    }

    /// Whether somebody who is let in provisionally may do this, as far as that is concerned.
    #[must_use]
    pub fn provisional_covers(&self, action: &ActionName) -> bool {
        self.assurance.provisional.as_ref().is_some_and(|rule| self.vocabulary.is_among(action, &rule.actions))
    }

    /// `elevation.toml`.
    #[must_use]
    pub const fn elevation(&self) -> &Elevation {
        &self.elevation
    }

    /// `emergency.toml`.
    #[must_use]
    pub const fn emergency(&self) -> &Emergency {
        &self.emergency
    }

    /// `systems.toml`.
    #[must_use]
    pub const fn systems(&self) -> &Systems {
        &self.systems
    }

    /// What a caller may do and assert: its own entry, or that of callers not named.
    #[must_use]
    pub fn caller(&self, name: &CallerName) -> &Caller {
        self.systems.callers.get(name).unwrap_or(&self.default_caller)
    }

    /// Scenarios by the path of their file.
    #[must_use]
    pub fn scenarios(&self) -> &[(String, Scenario)] {
        &self.scenarios
    }

    /// Policies by id.
    #[must_use]
    pub const fn policies(&self) -> &BTreeMap<PolicyId, Policy> {
        &self.policies
    }

    /// A policy by id.
    #[must_use]
    pub fn policy(&self, id: &PolicyId) -> Option<&Policy> {
        self.policies.get(id)
    }

    /// All policies as Cedar knows them, each under its `@id`; strictly validated, no templates.
    #[must_use]
    pub const fn policy_set(&self) -> &PolicySet {
        &self.policy_set
    }

    /// The schema as Cedar knows it.
    #[must_use]
    pub const fn schema(&self) -> &Schema {
        &self.schema
    }

    /// What the schema declares of actions and types.
    #[must_use]
    pub const fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// The entities of `entities.toml` as Cedar knows them, roles among them, ancestors resolved. Actions are not among them.
    #[must_use]
    pub const fn static_entities(&self) -> &Entities {
        &self.static_entities
    }

    /// How deep the policies reach into entities: a slice for a request needs no entity further away. At most
    /// [`policy::ENTITY_DEPTH_MAX`].
    #[must_use]
    pub const fn entity_depth(&self) -> u32 {
        self.entity_depth
    }
}

impl fmt::Debug for Charter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Charter")
            .field("hospital", &self.hospital.name)
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}

/// Charters are shared between threads.
const _: fn() = || {
    const fn shared<T: Send + Sync>() {}
    shared::<Arc<Charter>>();
};
