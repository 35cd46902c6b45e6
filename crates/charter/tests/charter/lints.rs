//! What loads but is most likely not meant: each lint by a charter that triggers it, and by charters close by that do not.

use crate::{load, minimal, minimal_files};
use charter::{Charter, Code};
use std::collections::BTreeMap;
use std::path::Path;

type Files = BTreeMap<String, String>;

/// The smallest charter made good: nothing is said of it.
fn good() -> Files {
    let mut files = minimal_files();
    add(
        &mut files,
        "policies/care.cedar",
        "\n@id(\"vip-named\")\n@owner(\"privacy\")\n@reason(\"Closed.\")\nforbid (principal, action, resource is Patient)\nwhen { resource.labels.contains(\"vip\") };\n",
    );
    for policy in ["clinician-reads-summary", "break-glass-reads-chart", "vip-named"] {
        let ask = format!(
            "\n[[ask]]\ntitle = \"{policy}\"\nwho = \"nora\"\naction = \"read_summary\"\npatient = \"lena\"\nexpect = \"permit\"\npolicies = [\"{policy}\"]\n"
        );
        add(&mut files, "scenarios/ed.toml", &ask);
    }
    files
}

fn add(files: &mut Files, file: &str, text: &str) {
    files.get_mut(file).unwrap().push_str(text);
}

fn replace(files: &mut Files, file: &str, from: &str, to: &str) {
    let text = files.get_mut(file).unwrap();
    assert!(text.contains(from), "{file} has no {from:?}");
    *text = text.replacen(from, to, 1);
}

/// What is said, by its code.
fn said(files: &Files) -> Vec<(Code, String)> {
    let charter = load(files).unwrap_or_else(|said| panic!("{said}"));
    charter.lints().iter().map(|lint| (lint.code(), lint.plain())).collect()
}

/// The one thing that is said.
#[track_caller]
fn only(files: &Files, code: Code) -> String {
    match said(files).as_slice() {
        [(found, said)] if *found == code => said.clone(),
        other => panic!("{other:#?}"),
    }
}

#[test]
fn nothing_is_said_of_charters_that_are_good() {
    assert_eq!(said(&good()), []);
    let starter = Charter::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../charter")).unwrap();
    assert_eq!(crate::said(&starter.lints()), "");
    assert!(!Charter::load(&minimal()).unwrap().lints().is_empty(), "loading and linting are two things");
}

#[test]
fn every_lint_is_in_the_page_for_policy_authors() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/policy-author.md");
    let page = std::fs::read_to_string(page).unwrap();
    for code in Code::LINTS {
        assert!(page.contains(&format!("| `charter::{}` |", code.as_str())), "{code:?}");
    }
}

#[test]
fn a_permit_that_leaves_its_head_open_is_unscoped() {
    let mut files = good();
    let policy = "policies/care.cedar";
    replace(
        &mut files,
        policy,
        "permit (principal in Role::\"clinician\", action == Action::\"read_summary\", resource is Patient)",
        "permit (principal in Role::\"clinician\", action, resource is Patient)",
    );
    let said = only(&files, Code::Unscoped);
    assert!(
        said.starts_with("policies/care.cedar:7:1: warning: the head of this permit leaves open the action\n"),
        "{said}"
    );
    assert!(said.contains("help: say it in the head"), "{said}");
    replace(
        &mut files,
        policy,
        "(principal in Role::\"clinician\", action, resource is Patient)",
        "(principal, action, resource)",
    );
    // In this schema every action is a person's and about a patient: that need not be said.
    assert!(only(&files, Code::Unscoped).contains("leaves open the action\n"));
    replace(&mut files, "schema.cedarschema", "principal: Person,", "principal: [Person, Robot],");
    add(
        &mut files,
        "schema.cedarschema",
        "entity Robot in [Role] { class: String, active: Bool, labels: Set<String> };\n",
    );
    assert!(only(&files, Code::Unscoped).contains("leaves open the action and the principal\n"));
}

#[test]
fn a_forbid_may_be_about_everything_but_not_always() {
    let mut files = good();
    let ask = "\n[[ask]]\ntitle = \"nobody\"\nwho = \"otto\"\naction = \"read_chart\"\npatient = \"lena\"\nexpect = \"deny\"\npolicies = [\"closed\"]\n";
    add(&mut files, "scenarios/ed.toml", ask);
    let forbid = |head: &str, rest: &str| {
        format!("\n@id(\"closed\")\n@owner(\"privacy\")\n@reason(\"Closed.\")\nforbid {head} {rest};\n")
    };
    for (head, rest, unscoped) in [
        ("(principal, action, resource)", "", true),
        ("(principal, action, resource)", "unless { principal.active }", false),
        ("(principal, action == Action::\"read_chart\", resource)", "", false),
    ] {
        let mut files = files.clone();
        add(&mut files, "policies/care.cedar", &forbid(head, rest));
        if unscoped {
            assert!(only(&files, Code::Unscoped).contains("forbids everything to everybody"));
        } else {
            assert_eq!(said(&files), [], "{head} {rest}");
        }
    }
}

/// The good charter with one more permit over patients, for nurses, under these conditions; and whatever else it needs.
fn nurses_read(conditions: &str) -> Files {
    let mut files = good();
    let ask = "\n[[ask]]\ntitle = \"more\"\nwho = \"otto\"\naction = \"read_chart\"\npatient = \"lena\"\nexpect = \"deny\"\npolicies = [\"more\"]\n";
    add(&mut files, "scenarios/ed.toml", ask);
    let policy = format!(
        "\n@id(\"more\")\n@owner(\"privacy\")\n@reason(\"More.\")\npermit (principal in Role::\"nurse\", action == Action::\"read_chart\", resource is Patient)\n{conditions};\n"
    );
    add(&mut files, "policies/care.cedar", &policy);
    files
}

#[test]
fn a_permit_over_patients_that_rests_on_the_role_alone_is_said() {
    for conditions in [
        "",
        "when { true }",
        "when { principal.active }",
        "when { principal.class like \"st*\" }",
        "when { principal.class == \"staff\" && principal.labels.contains(\"trained\") }",
        "when { principal == Person::\"nora\" }",
        "when { principal in Role::\"clinician\" }",
        // Signing in well, at a good device, for a good reason, is no tie; nor is what callers say, nor a label.
        "when { context has session && context.session.level >= 3 }",
        "when { context has device && context.device.managed && context.device.kind == \"workstation\" }",
        "when { context has purpose && context.purpose == \"TREAT\" }",
        "when { context has request && context.request has soft && context.request.soft }",
        "when { context.live.vouched }",
        "when { !context.feeds.adt_stale }",
        "when { resource.labels.contains(\"trial\") }",
        "when { context has care && context.care.present }",
        "when { context has care && !(context.care has left_minutes) }",
        // A tie is mentioned, but is not needed.
        "when { context.shift.on || principal.active }",
        "when { !context.shift.on }",
        "when { context.shift.on == false }",
        "when { context.shift.on != true }",
        "when { context.shift.on == context.emergency }",
        "unless { context.shift.on }",
        "unless { context has care && context.care.team }",
        "when { context.shift.units.isEmpty() }",
        "when { !context.shift.units.contains(\"ED\") }",
        "when { [\"ED\", \"ICU\"].containsAll(context.shift.units) }",
        "when { principal.labels.containsAll(resource.labels) }",
        "when { if context.shift.on then true else principal.active }",
        "when { if principal.active then true else context.shift.on }",
        "when { (context.shift.on && principal.active) || resource.labels.contains(\"trial\") }",
        "when { context has care && (context.care.team || !context.care.family) }",
    ] {
        let said = only(&nurses_read(conditions), Code::RoleOnly);
        assert!(
            said.contains(
                "this opens every patient's record to whoever has the role `nurse` (`read_chart`): it does not ask"
            ),
            "{conditions}\n{said}"
        );
    }
}

#[test]
fn a_permit_over_patients_that_needs_a_tie_is_fine() {
    for conditions in [
        "when { context.shift.on }",
        "when { context.shift.on == true && principal.active }",
        "when { context.shift.on != false }",
        "when { !(context.shift.on == false) }",
        "unless { !context.shift.on }",
        "when { principal.active } when { context.shift.on }",
        "when { context.shift.units.contains(\"ED\") || context.shift.on_call_units.contains(\"ED\") }",
        "when { context.shift.units.containsAny([\"ED\", \"ICU\"]) }",
        "when { context.shift.units.containsAll([\"ED\"]) }",
        "when { !context.shift.units.isEmpty() }",
        "unless { context.shift.units.isEmpty() }",
        "when { context has care && (context.care.team || context.care.attending || context.care.unit) }",
        "when { context has care && context.care.ordered }",
        "when { context has care && context.care has left_minutes }",
        "when { context has care.left_minutes }",
        "when { context[\"shift\"][\"on\"] }",
        "when { context has care && context.care has left_minutes && !(context.care.left_minutes > 60) }",
        "when { context.live.break_glass }",
        "when { context.live.elevations.contains(\"cover\") }",
        "when { context.emergency }",
        "when { if principal.active then context.shift.on else context.live.break_glass }",
        "when { if context.shift.on then principal.active else false }",
        "when { !(!context.shift.on || resource.labels.contains(\"trial\")) }",
        "unless { !context.shift.on || principal.labels.contains(\"locum\") }",
        "when { principal.labels.containsAny(resource.labels) }",
        "when { resource == Patient::\"p\" }",
        "when { context has device && context.device has unit && context.device.unit == \"ED\" }",
        "when { action == Action::\"read_summary\" || context.shift.on }",
    ] {
        assert_eq!(said(&nurses_read(conditions)), [], "{conditions}");
    }
}

#[test]
fn a_forbid_that_lets_nobody_by_without_a_tie_counts_for_every_permit_it_covers() {
    for (forbid, counts) in [
        ("(principal, action, resource is Patient) unless { context.shift.on }", true),
        ("(principal in Role::\"clinician\", action, resource) unless { context.shift.on && principal.active }", true),
        ("(principal, action, resource) when { resource is Patient } unless { context.shift.on }", true),
        ("(principal, action, resource) unless { action == Action::\"read_summary\" || context.shift.on }", true),
        ("(principal, action in [Action::\"read_chart\"], resource) when { !context.shift.on }", true),
        ("(principal, action, resource) unless { context.shift.on || principal.active }", false),
        ("(principal, action, resource) when { principal.active } unless { context.shift.on }", false),
        ("(principal, action == Action::\"read_summary\", resource) unless { context.shift.on }", false),
        ("(principal == Person::\"otto\", action, resource) unless { context.shift.on }", false),
        ("(principal, action, resource == Patient::\"p\") unless { context.shift.on }", false),
        ("(principal, action, resource) when { resource.labels.contains(\"vip\") } unless { context.shift.on }", false),
    ] {
        let mut files = nurses_read("");
        replace(&mut files, "scenarios/ed.toml", "policies = [\"more\"]", "policies = [\"more\", \"tied\"]");
        add(
            &mut files,
            "policies/care.cedar",
            &format!("\n@id(\"tied\")\n@owner(\"privacy\")\n@reason(\"Tied.\")\nforbid {forbid};\n"),
        );
        if counts {
            assert_eq!(said(&files), [], "{forbid}");
        } else {
            only(&files, Code::RoleOnly);
        }
    }
    // A site's own policy holds at that site only.
    let mut files = nurses_read("");
    replace(&mut files, "scenarios/ed.toml", "policies = [\"more\"]", "policies = [\"more\", \"tied\"]");
    let local = "@id(\"tied\")\n@owner(\"privacy\")\n@reason(\"Tied.\")\nforbid (principal, action, resource) unless { context.shift.on };\n";
    files.insert("sites/main/tied.cedar".to_owned(), local.to_owned());
    only(&files, Code::RoleOnly);
}

#[test]
fn every_patient_can_be_meant_but_must_be_said_why_and_only_where_it_is_so() {
    let with = |conditions: &str, annotation: &str| {
        let mut files = nurses_read(conditions);
        replace(&mut files, "policies/care.cedar", "@id(\"more\")\n", &format!("@id(\"more\")\n{annotation}\n"));
        files
    };
    let why = "@every_patient(\"Wristbands are printed for whoever comes.\")";
    let files = with("", why);
    assert_eq!(said(&files), []);
    let charter = load(&files).unwrap();
    assert_eq!(charter.policies()["more"].every_patient.as_deref(), Some("Wristbands are printed for whoever comes."));
    assert!(only(&with("when { context.shift.on }", why), Code::RoleOnly).contains("excuses nothing"));
    assert!(load(&with("", "@every_patient(\" \")")).unwrap_err().contains("`@every_patient` does not say why"));
}

#[test]
fn who_it_opens_to_is_said_as_the_head_has_it() {
    for (head, who) in [
        ("principal is Person in Role::\"nurse\"", "whoever has the role `nurse` ("),
        ("principal == Person::\"nora\"", "Person::\"nora\" ("),
        ("principal is Person", "every Person ("),
        ("principal", "everybody ("),
    ] {
        let mut files = nurses_read("");
        replace(&mut files, "policies/care.cedar", "permit (principal in Role::\"nurse\"", &format!("permit ({head}"));
        let said = only(&files, Code::RoleOnly);
        assert!(said.contains(&format!("record to {who}")), "{said}");
    }
}

#[test]
fn a_workflow_or_action_that_nobody_is_ever_permitted_is_unreachable() {
    let mut files = good();
    replace(
        &mut files,
        "policies/care.cedar",
        "action == Action::\"read_summary\"",
        "action == Action::\"read_chart\"",
    );
    let said_ = only(&files, Code::Unreachable);
    assert!(said_.contains("entities.toml:12:10: warning: no policy permits `read_summary` to anybody"), "{said_}");
    let all = files["policies/care.cedar"].replace("permit (", "forbid (");
    files.insert("policies/care.cedar".to_owned(), all);
    assert!(
        only(&files, Code::Unreachable)
            .contains("workflows.toml:2:8: warning: no policy permits any action of this workflow")
    );
}

#[test]
fn a_workflow_that_only_repeats_others_must_be_named_by_a_scenario() {
    let mut files = good();
    let again = files["workflows.toml"].replace("name = \"chart-review\"", "name = \"night-review\"");
    add(&mut files, "workflows.toml", &format!("\n{again}"));
    assert!(only(&files, Code::Unreachable).contains("it counts only where a caller names it, and no scenario does"));
    replace(&mut files, "scenarios/ed.toml", "device = \"ws-1\"\n", "device = \"ws-1\"\nworkflow = \"night-review\"\n");
    assert_eq!(said(&files), []);
}

#[test]
fn a_workflow_without_any_limit_on_friction_is_said() {
    let mut files = good();
    replace(&mut files, "workflows.toml", "denied_percent_max = 5\naccess_p95_s_max = 10\n", "access_p95_s_max = 10\n");
    assert_eq!(said(&files), []);
    replace(&mut files, "workflows.toml", "access_p95_s_max = 10\n", "");
    assert!(
        only(&files, Code::NoFrictionLimits)
            .contains("workflows.toml:2:8: warning: nothing says how much friction is too much")
    );
}

#[test]
fn a_system_that_nobody_answers_for_is_said() {
    let mut files = good();
    add(&mut files, "systems.toml", "\n[targets.pacs]\ntitle = \"Image archive\"\nowner = \"security\"\n");
    assert!(only(&files, Code::UnownedSystem).contains("no workflow runs through the system `pacs`"));
    replace(&mut files, "workflows.toml", "systems = [\"ehr\"]", "systems = [\"ehr\", \"pacs\"]");
    assert_eq!(said(&files), []);
    add(&mut files, "schema.cedarschema", "entity System;\nentity Ward;\n");
    let entities = ["System\"\nid = \"ehr", "System\"\nid = \"pharmacy", "Ward\"\nid = \"north"];
    for entity in entities {
        add(&mut files, "entities.toml", &format!("\n[[entity]]\ntype = \"{entity}\"\n"));
    }
    let said = only(&files, Code::UnownedSystem);
    assert!(
        said.contains("nobody runs `pharmacy`: systems.toml has no such target\n  help: add `[targets.pharmacy]`"),
        "{said}"
    );
}

#[test]
fn roles_and_labels_that_make_no_difference_are_said() {
    let mut files = good();
    add(
        &mut files,
        "entities.toml",
        "\n[roles.porter]\ntitle = \"Porter\"\n\n[roles.sister]\ntitle = \"Sister\"\nin = [\"nurse\"]\n",
    );
    assert!(only(&files, Code::Unused).contains("the role `porter` makes no difference"));
    replace(&mut files, "emergency.toml", "may_break_glass = [", "may_break_glass = [\"porter\", ");
    assert_eq!(said(&files), []);
    add(&mut files, "entities.toml", "\n[labels.\"trial:\"]\ntitle = \"In a trial\"\nprefix = true\n");
    assert!(only(&files, Code::Unused).contains("the label `trial:` makes no difference"));
    replace(
        &mut files,
        "policies/care.cedar",
        "resource.labels.contains(\"vip\")",
        "resource.labels.containsAny([\"vip\", \"trial:7\"])",
    );
    assert_eq!(said(&files), []);
}

#[test]
fn policies_that_no_scenario_is_decided_by_are_said() {
    let mut files = good();
    replace(&mut files, "scenarios/ed.toml", "policies = [\"break-glass-reads-chart\"]\n", "");
    let said_ = only(&files, Code::Untested);
    assert!(said_.contains("no scenario has a question that `break-glass-reads-chart` decides"), "{said_}");
    files.remove("scenarios/ed.toml");
    assert!(only(&files, Code::Untested).starts_with("scenarios: warning: there is no scenario"));
}

#[test]
fn who_answers_and_why_cannot_be_left_out() {
    for (annotation, name) in [
        ("@owner(\"nursing\")\n", "owner"),
        ("@reason(\"Whoever is on shift in the unit where the patient is may read the chart.\")\n", "reason"),
    ] {
        let mut files = good();
        replace(&mut files, "policies/care.cedar", annotation, "");
        let said = load(&files).unwrap_err();
        assert!(said.contains(&format!("error: this policy has no `@{name}`")), "{said}");
    }
}
