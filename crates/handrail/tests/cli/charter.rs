//! `charter`: checked, tested, compared, proposed.

use crate::desk::{Desk, starter_charter};
use std::path::Path;

/// Replaces a piece of a file that must be there.
#[track_caller]
fn change(file: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{} has no {from:?}", file.display());
    std::fs::write(file, text.replacen(from, to, 1)).unwrap();
}

#[test]
fn the_starter_charter_is_fine() {
    let charter = starter_charter();
    let said = Desk::new().run(&["charter", "check", charter.to_str().unwrap()]).ended(0);
    said.says(&["Harbour General: fine", "policies", "workflows", "scenarios", "digest"]);
    let said = Desk::new().run(&["--json", "charter", "check", charter.to_str().unwrap()]).ended(0);
    assert!(said.json().as_array().unwrap().is_empty());
}

#[test]
fn what_is_most_likely_not_meant_is_a_warning_and_fails_only_when_told_to() {
    let desk = Desk::new();
    let charter = desk.charter_copy();
    desk.run(&["charter", "check", "charter", "--deny-warnings"]).ended(0).says(&["fine, 0 warnings"]);
    change(&charter.join("policies/care.cedar"), "when { context.care.unit };", "when { principal.active };");
    let said = desk.run(&["charter", "check", "charter"]).ended(0);
    said.says(&["fine, 1 warning"]).notes(&[
        "charter::role_only",
        "policies/care.cedar:14:1",
        "`clinician`",
        "help: add",
    ]);
    let said = desk.run(&["charter", "check", "charter", "--deny-warnings"]).ended(1);
    assert!(said.out.is_empty(), "a charter that is refused is not told of as fine: {}", said.out);
    drop(said.notes(&["charter::role_only", "loads, with 1 warning"]));
    for (more, code) in [(&[][..], 0), (&["--deny-warnings"], 1)] {
        let listed = desk.run(&[&["--json", "charter", "check", "charter"], more].concat()).ended(code).json();
        let [one] = listed.as_array().unwrap().as_slice() else { panic!("{listed}") };
        let said = ["severity", "code", "file"].map(|key| one[key].as_str().unwrap());
        assert_eq!(said, ["warning", "role_only", "policies/care.cedar"]);
        assert_eq!(one["line"], 14);
    }
}

#[test]
fn the_starter_charter_answers_as_its_scenarios_say() {
    let charter = starter_charter();
    let said = Desk::new().run(&["charter", "test", charter.to_str().unwrap(), "--no-mutants"]).ended(0);
    said.says(&["ok    scenarios/care-access.toml"]).notes(&["policies", "workflows", "scenarios", "all as expected"]);
    let said =
        Desk::new().run(&["charter", "test", charter.to_str().unwrap(), "--only", "care-access", "--json"]).ended(0);
    let ran = said.json();
    assert_eq!(ran["scenarios"].as_array().unwrap().len(), 1);
    assert_eq!(ran["failed"], 0);
    Desk::new()
        .run(&["charter", "test", charter.to_str().unwrap(), "--only", "no such scenario"])
        .ended(1)
        .notes(&["no such scenario"]);
}

#[test]
fn a_change_of_a_policy_that_no_scenario_notices_is_said_with_file_and_line() {
    let desk = Desk::new();
    let charter = desk.charter_copy();
    desk.run(&["charter", "test", "charter", "--mutants-of", "pumps-report"])
        .ended(0)
        .notes(&["of 1 policy: a scenario notices each"]);
    std::fs::remove_file(charter.join("scenarios/infusion-pumps.toml")).unwrap();
    let said = desk.run(&["charter", "test", "charter", "--mutants-of", "pumps-report"]).ended(4);
    said.says(&["SURVIVED  policies/pumps.cedar:18: pumps-report: widen: without `when { context.care.team }`"])
        .notes(&["no scenario notices", "write one for each"]);
    let said = desk.run(&["--json", "charter", "test", "charter", "--mutants-of", "pumps-report"]).ended(4);
    let trial = &said.json()["mutants"];
    assert_eq!(
        trial["noticed"].as_u64().unwrap() + trial["survivors"].as_array().unwrap().len() as u64,
        trial["changes"].as_u64().unwrap()
    );
    assert_eq!(trial["survivors"][0]["policy"], "pumps-report");
}

#[test]
fn a_broken_charter_is_shown_with_file_line_and_what_to_do() {
    let desk = Desk::new();
    let charter = desk.charter_copy();
    let hospital = charter.join("hospital.toml");
    change(&hospital, "time_zone =", "time_zoen =");
    let line =
        1 + std::fs::read_to_string(&hospital).unwrap().lines().position(|line| line.starts_with("time_zoen")).unwrap();
    let said = desk.run(&["charter", "check", "charter"]).ended(1);
    assert!(said.out.is_empty(), "problems are not data: {}", said.out);
    let place = format!("hospital.toml:{line}:1");
    let said = said.notes(&[&place, "time_zoen", "time_zone", "does not load"]);
    drop(said);
    let listed = desk.run(&["--json", "charter", "check", "charter"]).ended(1).json();
    let listed = listed.as_array().unwrap();
    let unknown = listed.iter().find(|one| one["code"] == "unknown_key").unwrap();
    assert_eq!((unknown["file"].as_str(), unknown["line"].as_u64()), (Some("hospital.toml"), Some(line as u64)));
}

#[test]
fn all_mistakes_are_shown_at_once() {
    let desk = Desk::new();
    let charter = desk.charter_copy();
    change(&charter.join("hospital.toml"), "time_zone =", "time_zoen =");
    std::fs::write(charter.join("policies/broken.cedar"), "permit (principal, action, resource) when {").unwrap();
    desk.run(&["charter", "check", "charter"]).ended(1).notes(&["hospital.toml", "policies/broken.cedar", "errors"]);
}

#[test]
fn a_scenario_that_comes_out_otherwise_shows_expected_and_got() {
    let desk = Desk::new();
    let charter = desk.charter_copy();
    change(&charter.join("scenarios/care-access.toml"), "expect = \"permit\"", "expect = \"deny\"");
    let said = desk.run(&["charter", "test", "charter"]).ended(4);
    said.says(&["FAIL  scenarios/care-access.toml", "expected deny, got permit", "ok    scenarios/"])
        .notes(&["1 did not come out as expected"]);
}

#[test]
fn a_directory_that_is_no_charter_is_refused_kindly() {
    Desk::new().run(&["charter", "check", "nowhere"]).ended(1).notes(&["nowhere"]);
    let desk = Desk::new();
    std::fs::create_dir(desk.path("empty")).unwrap();
    desk.run(&["charter", "check", "empty"]).ended(1).notes(&["hospital.toml"]);
}

#[test]
fn a_wider_charter_is_told_in_sentences_and_in_widened_cells() {
    let desk = Desk::new();
    desk.charter_copy();
    change(
        &desk.path("charter").join("policies/care.cedar"),
        "when { context.care.unit };",
        "when { context.shift.on };",
    );
    let starter = starter_charter();
    let said = desk.run(&["charter", "diff", starter.to_str().unwrap(), "charter"]).ended(0);
    said.says(&[
        "Policies",
        "Policy care-unit, which permits (owned by Nursing, Tove Mbeki), changed: its conditions changed.",
        "+ WIDER    Registered nurse (nurse, Person): read the chart",
        "elsewhere: on shift in another unit, without any tie to the patient",
    ]);
}

#[test]
fn the_charter_in_force_and_a_digest_can_be_compared_out_of_a_store() {
    let desk = Desk::with_store();
    let starter = starter_charter();
    let said = desk.run(&["--json", "charter", "diff", "@in-force", starter.to_str().unwrap()]).ended(0).json();
    assert_eq!(said["before"], said["after"]);
    assert_eq!(said["changes"].as_array().unwrap().len(), 0);
    let unknown = "0".repeat(64);
    desk.run(&["charter", "diff", &unknown, starter.to_str().unwrap()]).ended(1).notes(&["holds no charter"]);
    desk.run(&["charter", "diff", "nowhere", starter.to_str().unwrap()]).ended(1).notes(&["nowhere"]);
}

#[test]
fn a_charter_is_proposed_listed_taken_back_and_not_applied_by_one_person() {
    let desk = Desk::new();
    desk.smallest_charter("before");
    desk.smallest_charter("after");
    let policies = desk.path("after").join("policies/care.cedar");
    change(&policies, " && context.shift.on", "");
    let node = desk.serve_configured(&desk.path("before"), "");
    desk.run(&["charter", "proposals"]).ended(0).says(&["no charter was proposed"]);
    desk.run(&["charter", "propose", "before", "--reason", "x"]).ended(1).notes(&["in force already"]);
    desk.run(&["charter", "propose", "after", "--reason", " "]).ended(1).notes(&["say why"]);
    let reason = "Handover starts before the shift: 100 % & more.";
    let said = desk.run(&["--json", "charter", "propose", "after", "--reason", reason]).ended(0).json();
    assert_eq!(
        (&said["warnings"][0]["new"], &said["warnings"][0]["code"]),
        (&true.into(), &"role_only".into()),
        "{said}"
    );
    assert_eq!(said["warnings"].as_array().map(Vec::len), Some(4), "{said}");
    assert!(said["wider"].as_u64().unwrap() > 0 && said["narrower"] == 0, "{said}");
    assert_eq!(said["reason"], reason);
    assert_eq!(said["may_sign"], serde_json::json!(["ivo-brandt", "mara-lind"]));
    let number = said["proposal"].to_string();
    assert!(said["sign_at"].as_str().unwrap().ends_with(&format!("/charter/proposals/{number}")), "{said}");
    let said = desk.run(&["charter", "apply", "after", "--reason", "At once, please."]).ended(0);
    said.says(&["proposal", "0 of 2 signatures"]).notes(&["ivo-brandt, mara-lind", "handrail operator link"]).notes(&[
        "Warnings of `charter check`: 1 new, 3 as before",
        "NEW",
        "(role_only)",
        "@every_patient",
    ]);
    desk.run(&["charter", "diff", "@in-force", "before"]).ended(0).says(&["the same charter"]);
    desk.run(&["charter", "proposals"]).ended(0).says(&[reason, "At once, please.", "open: 0 of 2 signatures"]);
    desk.run(&["charter", "withdraw", &number, "--reason", "A slip."]).ended(0).notes(&["withdrawn"]);
    desk.run(&["charter", "withdraw", &number, "--reason", "Again."]).ended(1).notes(&["no longer open"]);
    desk.run(&["charter", "proposals"]).ended(0).says(&["withdrawn: A slip."]);
    change(&policies, "read_chart\", resource", "read_summary\", resource");
    desk.run(&["charter", "propose", "after", "--reason", "x"]).ended(1).notes(&["scenarios/ed.toml", "charter test"]);
    std::fs::remove_file(desk.path("after").join("owners.toml")).unwrap();
    desk.run(&["charter", "propose", "after", "--reason", "x"]).ended(1).notes(&["owners.toml"]);
    assert_eq!(node.stop(), 0);
}
