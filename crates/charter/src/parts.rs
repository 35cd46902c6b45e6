//! The parts of a charter as read from its files, each there as far as it could be made sense of.

use crate::assurance::Assurance;
use crate::diagnostic::{Code, Diagnostic, Findings};
use crate::document::Document;
use crate::elevation::Elevation;
use crate::emergency::Emergency;
use crate::entities::StaticEntities;
use crate::files::{self, Files};
use crate::hospital::Hospital;
use crate::name::SiteId;
use crate::names::{Names, Noun};
use crate::overlay::Overlay;
use crate::owners::Owners;
use crate::policy::{self, ReadPolicy};
use crate::scenario::Scenario;
use crate::schema;
use crate::source::Source;
use crate::systems::Systems;
use crate::vocabulary::Vocabulary;
use crate::workflow::WorkflowsFile;
use cedar_policy::Schema;
use events::{OwnerId, TypeName};
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// What could be read.
#[derive(Debug)]
pub(crate) struct Parts<'t> {
    pub(crate) hospital: Option<Document<'t, Hospital>>,
    pub(crate) entities: Option<Document<'t, StaticEntities>>,
    pub(crate) workflows: Option<Document<'t, WorkflowsFile>>,
    pub(crate) owners: Option<Document<'t, Owners>>,
    pub(crate) assurance: Option<Document<'t, Assurance>>,
    pub(crate) elevation: Option<Document<'t, Elevation>>,
    pub(crate) emergency: Option<Document<'t, Emergency>>,
    pub(crate) systems: Option<Document<'t, Systems>>,
    pub(crate) scenarios: Vec<Document<'t, Scenario>>,
    pub(crate) overlays: Vec<(SiteId, Document<'t, Overlay>)>,
    pub(crate) schema_source: Option<Arc<Source>>,
    pub(crate) schema: Option<(Schema, Vocabulary)>,
    pub(crate) policies: Vec<ReadPolicy>,
    /// Whether every policy could be read and has a name.
    policies_named: bool,
}

/// Each file as it could be; what is missing in a real one is taken from here while the rest of it is read.
mod example {
    pub(super) const HOSPITAL: &str = include_str!("example/hospital.toml");
    pub(super) const ENTITIES: &str = include_str!("example/entities.toml");
    pub(super) const WORKFLOWS: &str = include_str!("example/workflows.toml");
    pub(super) const OWNERS: &str = include_str!("example/owners.toml");
    pub(super) const ASSURANCE: &str = include_str!("example/assurance.toml");
    pub(super) const ELEVATION: &str = include_str!("example/elevation.toml");
    pub(super) const EMERGENCY: &str = include_str!("example/emergency.toml");
    pub(super) const SYSTEMS: &str = include_str!("example/systems.toml");
    pub(super) const OVERLAY: &str = include_str!("example/overlay.toml");
    pub(super) const SCENARIO: &str = include_str!("example/scenario.toml");
}

impl<'t> Parts<'t> {
    /// Reads everything.
    pub(crate) fn read(files: &'t Files, findings: &mut Findings) -> Self {
        for path in files::REQUIRED {
            if !files.contains_key(path) {
                let problem = Diagnostic::of_file(Code::File, path, "this file is missing");
                findings.push(problem.with_help("every charter has it, even if there is little to say in it"));
            }
        }
        let mut reader = Reader { files, findings };
        Self {
            hospital: reader.document(files::HOSPITAL, example::HOSPITAL),
            entities: reader.document(files::ENTITIES, example::ENTITIES),
            workflows: reader.document(files::WORKFLOWS, example::WORKFLOWS),
            owners: reader.document(files::OWNERS, example::OWNERS),
            assurance: reader.document(files::ASSURANCE, example::ASSURANCE),
            elevation: reader.document(files::ELEVATION, example::ELEVATION),
            emergency: reader.document(files::EMERGENCY, example::EMERGENCY),
            systems: reader.document(files::SYSTEMS, example::SYSTEMS),
            scenarios: reader.scenarios(),
            overlays: reader.overlays(),
            ..reader.rules()
        }
    }

    const fn empty() -> Self {
        Self {
            hospital: None,
            entities: None,
            workflows: None,
            owners: None,
            assurance: None,
            elevation: None,
            emergency: None,
            systems: None,
            scenarios: Vec::new(),
            overlays: Vec::new(),
            schema_source: None,
            schema: None,
            policies: Vec::new(),
            policies_named: false,
        }
    }

    /// Every name the parts give.
    pub(crate) fn names(&self) -> Names<'_> {
        let mut names = Names::new();
        if let Some(doc) = &self.hospital {
            names.give(Noun::Unit, doc.value.units.keys().map(|id| id.as_str()));
            names.give(Noun::Site, doc.value.sites.keys().map(|id| id.as_str()));
        }
        if let Some(doc) = &self.entities {
            names.give(Noun::Role, doc.value.roles.keys().map(|id| id.as_str()));
        }
        if let Some(doc) = &self.workflows {
            names.give(Noun::Workflow, doc.value.workflow.iter().map(|workflow| workflow.name.as_str()));
        }
        if let Some(doc) = &self.owners {
            names.give(Noun::Owner, doc.value.ids().map(OwnerId::as_str));
            names.give(Noun::Person, doc.value.people.keys().map(OwnerId::as_str));
        }
        if let Some(doc) = &self.assurance {
            names.give(Noun::Method, doc.value.methods.keys().map(|id| id.as_str()));
        }
        if let Some(doc) = &self.elevation {
            names.give(Noun::Entitlement, doc.value.entitlements.keys().map(|id| id.as_str()));
        }
        if let Some(doc) = &self.systems {
            names.give(Noun::Target, doc.value.targets.keys().map(|id| id.as_str()));
            names.give(Noun::Vendor, doc.value.vendors.keys().map(|id| id.as_str()));
        }
        if let Some((_, vocabulary)) = &self.schema {
            names.give(Noun::Action, vocabulary.actions.keys().map(|id| id.as_str()));
            names.give(Noun::Type, vocabulary.types.keys().map(TypeName::as_str));
        }
        if self.policies_named {
            names.give(Noun::Policy, self.policies.iter().filter_map(|read| Some(read.id.as_ref()?.as_str())));
        }
        names
    }
}

struct Reader<'r, 't> {
    files: &'t Files,
    findings: &'r mut Findings,
}

impl<'t> Reader<'_, 't> {
    fn document<T: DeserializeOwned>(&mut self, path: &str, example: &'static str) -> Option<Document<'t, T>> {
        Document::read(path, self.files.get(path)?, example, self.findings)
    }

    fn below(&self, directory: &'static str) -> impl Iterator<Item = (&'t String, &'t Arc<str>)> + use<'t> {
        let in_it = move |path: &str| path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'));
        self.files.iter().filter(move |(path, _)| in_it(path))
    }

    fn scenarios(&mut self) -> Vec<Document<'t, Scenario>> {
        let all = self.below(files::SCENARIOS);
        all.filter_map(|(path, text)| Document::read(path, text, example::SCENARIO, self.findings)).collect()
    }

    fn overlays(&mut self) -> Vec<(SiteId, Document<'t, Overlay>)> {
        let all = self.below(files::SITES).filter(|(path, _)| path.ends_with(".toml"));
        let read = all.filter_map(|(path, text)| {
            Some((files::in_site(path)?, Document::read(path, text, example::OVERLAY, self.findings)?))
        });
        read.collect()
    }

    /// Schema and policies.
    fn rules(&mut self) -> Parts<'t> {
        let schema_source = self.files.get(files::SCHEMA).map(|text| Source::new(files::SCHEMA, text));
        let schema = schema_source.as_ref().and_then(|source| schema::read(source, self.findings));
        let mut policies = Vec::new();
        let errors = self.findings.errors();
        let local = self.below(files::SITES).filter(|(path, _)| path.ends_with(".cedar"));
        for (path, text) in self.below(files::POLICIES).chain(local) {
            policy::read(&Source::new(path, text), self.findings, &mut policies);
        }
        let policies_named = errors == self.findings.errors();
        if policies.is_empty() && policies_named {
            let problem = Diagnostic::of_file(Code::File, files::POLICIES, "there is no policy");
            self.findings.push(problem.with_help("put at least one into a file such as policies/care.cedar"));
        }
        Parts { schema_source, schema, policies, policies_named, ..Parts::empty() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads<T: DeserializeOwned>(text: &'static str) {
        let mut findings = Findings::default();
        assert!(Document::<T>::read("example", text, text, &mut findings).is_some());
        assert_eq!(findings.into_list().iter().map(Diagnostic::plain).collect::<Vec<_>>(), Vec::<String>::new());
    }

    #[test]
    fn every_example_reads_as_what_it_is_an_example_of() {
        reads::<Hospital>(example::HOSPITAL);
        reads::<StaticEntities>(example::ENTITIES);
        reads::<WorkflowsFile>(example::WORKFLOWS);
        reads::<Owners>(example::OWNERS);
        reads::<Assurance>(example::ASSURANCE);
        reads::<Elevation>(example::ELEVATION);
        reads::<Emergency>(example::EMERGENCY);
        reads::<Systems>(example::SYSTEMS);
        reads::<Overlay>(example::OVERLAY);
        reads::<Scenario>(example::SCENARIO);
    }
}
