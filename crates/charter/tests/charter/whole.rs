//! What a charter that loads knows.

use crate::{load, minimal, minimal_files, said};
use charter::vocabulary::Shape;
use charter::{Assertable, CallerRight, Charter, Owner, Risk};
use events::principal::IdentityClass;
use events::{ActionName, CallerName, OwnerId, PolicyId, TypeName, UnitId, WorkflowName};

fn the_smallest() -> Charter {
    Charter::load(&minimal()).unwrap_or_else(|all| panic!("{}", said(&all)))
}

#[test]
fn the_smallest_charter_loads_without_a_word() {
    assert_eq!(said(the_smallest().warnings()), "");
}

#[test]
fn the_same_files_are_the_same_charter_however_they_come() {
    let from_directory = the_smallest();
    let from_memory = load(&minimal_files()).unwrap();
    let from_bundle = Charter::from_bundle(from_directory.bundle_bytes()).unwrap();
    assert_eq!(from_directory.bundle_bytes(), from_memory.bundle_bytes());
    assert_eq!(from_directory.bundle_bytes(), from_bundle.bundle_bytes());
    assert_eq!(from_directory.digest(), from_bundle.digest());
    assert_eq!(from_directory.digest(), from_memory.digest());
    assert_eq!(from_directory.hospital(), from_bundle.hospital());
    assert_eq!(from_directory.workflows(), from_bundle.workflows());
    assert_eq!(from_directory.policies(), from_bundle.policies());
    assert_eq!(from_directory.policy_set(), from_bundle.policy_set());
    assert_eq!(from_directory.vocabulary(), from_bundle.vocabulary());
    assert_eq!(from_directory.scenarios(), from_bundle.scenarios());
}

#[test]
fn a_comment_makes_another_charter() {
    let mut files = minimal_files();
    files.get_mut("hospital.toml").unwrap().push_str("# reviewed on a Sunday\n");
    assert_ne!(load(&files).unwrap().digest(), the_smallest().digest());
}

#[test]
fn names_lead_to_what_they_stand_for() {
    let charter = the_smallest();
    let icu = UnitId::new("ICU").unwrap();
    assert_eq!(charter.unit_by_code("EMERG"), Some(&UnitId::new("ED").unwrap()));
    assert_eq!(charter.unit_by_code("ICU"), Some(&icu), "an id is a code");
    assert_eq!(charter.unit_by_code("emerg"), None);
    assert_eq!(charter.unit(&icu).map(|unit| unit.name.as_str()), Some("Intensive care"));
    let policy = charter.policy(&PolicyId::new("clinician-reads-summary").unwrap()).unwrap();
    assert_eq!((policy.file.as_str(), policy.line), ("policies/care.cedar", 7));
    assert_eq!(policy.workflow, Some(WorkflowName::new("chart-review").unwrap()));
    assert_eq!(charter.policy_set().num_of_policies(), charter.policies().len());
    assert_eq!(charter.entity_depth(), 1);
    let nurse = charter.static_entities().iter().find(|entity| entity.uid().id().unescaped() == "nurse").unwrap();
    assert!(charter.static_entities().is_ancestor_of(&r#"Role::"clinician""#.parse().unwrap(), &nurse.uid()));
}

#[test]
fn a_workflow_that_is_named_counts_only_if_it_has_the_action() {
    let mut files = minimal_files();
    let workflows = files.get_mut("workflows.toml").unwrap();
    let second =
        workflows.replace("chart-review", "second").replace("\"read_chart\", \"read_summary\"", "\"read_summary\"");
    let second = second.replace("narrow = { read_chart = [\"read_summary\"] }\n", "").replace("\"narrow\", ", "");
    workflows.push_str(&second);
    let charter = load(&files).unwrap();
    let found = |named: Option<&str>, action: &str| {
        let named = named.map(|name| WorkflowName::new(name).unwrap());
        let workflow = charter.workflow_for(named.as_ref(), &ActionName::new(action).unwrap());
        workflow.map(|workflow| workflow.name.as_str())
    };
    assert_eq!(found(None, "read_summary"), Some("chart-review"), "the first in the file");
    assert_eq!(found(Some("second"), "read_summary"), Some("second"));
    assert_eq!(found(Some("second"), "read_chart"), Some("chart-review"));
    assert_eq!(found(Some("third"), "read_chart"), Some("chart-review"));
    assert_eq!(found(None, "dance"), None);
}

#[test]
fn callers_that_are_not_named_are_the_default() {
    let charter = the_smallest();
    let ehr = charter.caller(&CallerName::new("ehr").unwrap());
    assert!(ehr.may(CallerRight::EvaluateLive) && ehr.asserts_context("device") && ehr.asserts_action("soft"));
    assert!(ehr.asserts_attribute(&TypeName::new("Patient").unwrap(), "labels"));
    assert!(!ehr.asserts_attribute(&TypeName::new("Person").unwrap(), "labels"));
    let other = charter.caller(&CallerName::new("somebody").unwrap());
    assert!(other.may(CallerRight::Evaluate) && !other.may(CallerRight::EvaluateLive));
    assert!(!other.asserts_context("device") && !other.asserts_action("soft"));
    let everything = charter::Caller { asserts: vec![Assertable::Everything], ..other.clone() };
    assert!(everything.asserts_context("device") && everything.asserts_action("soft"));
}

#[test]
fn every_owner_ends_in_a_person() {
    let charter = the_smallest();
    for class in IdentityClass::ALL {
        let owner = charter.owner(charter.identity_owner(class).unwrap()).unwrap();
        assert!(!owner.person().name.is_empty());
    }
    let team = charter.owner(&OwnerId::new("privacy").unwrap()).unwrap();
    assert!(matches!(team, Owner::Team { .. }));
    assert_eq!((team.name(), team.person().name.as_str()), ("Privacy office", "Mara Lind"));
    assert_eq!(charter.owner(&OwnerId::new("nobody").unwrap()), None);
    let owners = charter.owners();
    assert_eq!(owners.risk_owner.of(Risk::Moderate).as_str(), "nursing");
    assert_eq!(owners.risk_owner.of(Risk::High).as_str(), "mara-lind");
    assert_eq!(charter.risk_owner(&ActionName::new("dance").unwrap()).as_str(), "mara-lind", "unknown is critical");
}

#[test]
fn the_vocabulary_is_what_the_schema_declares() {
    let charter = the_smallest();
    let action = &charter.vocabulary().actions[&ActionName::new("read_chart").unwrap()];
    assert_eq!(action.context.len(), 9);
    assert_eq!(action.context["care"].shape, charter::vocabulary::offered("care").unwrap().shape);
    let Shape::Record(request) = &action.context["request"].shape else { panic!("request is a record") };
    assert!(!request["soft"].required);
    assert_eq!(charter.vocabulary().types["Person"].attributes["active"].shape, Shape::Bool);
}

#[test]
fn other_entities_are_checked_by_the_schema() {
    let mut files = minimal_files();
    let schema = files.get_mut("schema.cedarschema").unwrap();
    schema.push_str("entity Folder;\nentity Record in [Folder] { status: String };\n");
    let entities = files.get_mut("entities.toml").unwrap();
    entities.push_str("[[entity]]\ntype = \"Record\"\nid = \"r1\"\nattributes = { status = \"active\" }\n");
    entities.push_str("in = [{ type = \"Folder\", id = \"f1\" }]\n");
    let charter = load(&files).unwrap();
    assert!(charter.static_entities().get(&r#"Record::"r1""#.parse().unwrap()).is_some());
}

#[test]
fn the_starter_charter_loads_without_a_word() {
    let starter = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../charter");
    let charter = Charter::load(&starter).unwrap_or_else(|all| panic!("{}", said(&all)));
    assert_eq!(said(charter.warnings()), "");
    assert!(charter.policies().len() >= 40 && charter.workflows().len() >= 12 && !charter.scenarios().is_empty());
    assert_eq!(Charter::from_bundle(charter.bundle_bytes()).unwrap().digest(), charter.digest());
}
