//! The authority matrix: what it says of the charter of this repository, and how a change of a charter shows in it.

use crate::house::{charter, load, own};
use charter::Charter;
use decision::Engine;
use decision::comparison::{Change, Comparison};
use decision::difference::{self, About};
use decision::matrix::{self, Cell, Circumstance, Direction, Line, Matrix, Plan, compare};
use events::PolicyId;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// Policies that no cell needs, each with its reason.
const NOT_IN_THE_MATRIX: [(&str, &str); 1] = [(
    "configuration-two-people",
    "it is about people of two roles at once, and everybody in the matrix has one; scenarios hold it",
)];

/// The files of the starter charter, one of them changed.
fn changed(file: &str, from: &str, to: &str) -> Charter {
    changed_of("../../charter", file, from, to)
}

fn changed_of(dir: &str, file: &str, from: &str, to: &str) -> Charter {
    let mut files = Vec::new();
    read(&own(dir), "", &mut files);
    let text = files.iter_mut().find(|(path, _)| path == file).map(|(_, text)| text).unwrap();
    assert!(text.contains(from), "{file} has no {from:?}");
    *text = text.replacen(from, to, 1);
    Charter::from_files(files).unwrap()
}

fn read(dir: &Path, below: &str, files: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{below}{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            read(&entry.path(), &format!("{name}/"), files);
        } else {
            files.push((name, std::fs::read_to_string(entry.path()).unwrap()));
        }
    }
}

#[test]
fn the_matrix_of_the_starter_charter_is_the_one_in_the_repository() {
    let engine = Engine::new(Arc::new(load(&own("../../charter")))).unwrap();
    let plan = Plan::of(&[engine.charter()]).unwrap();
    let matrix = Matrix::of(&engine, &plan).unwrap();
    let cell = |role: &str, action: &str, key: &str| {
        let line = matrix.lines.iter().find(|(line, _)| {
            line.action.as_str() == action && line.who.role.as_ref().is_some_and(|known| known.as_str() == role)
        });
        line.unwrap().1[key].to_string()
    };
    for key in ["in-unit", "team", "attending", "named", "expecting", "glass", "vouched", "label-vip-team"] {
        assert_eq!(cell("nurse", "read_chart", key), "permit", "{key}");
    }
    for key in ["own-record", "glass-own-record", "research", "unregistered", "ended-account", "supplier-account"] {
        assert_eq!(cell("nurse", "read_chart", key), "deny", "{key}");
    }
    assert_eq!(cell("nurse", "read_chart", "elsewhere"), cell("nurse", "read_chart", "unknown-patient"));
    assert!(cell("nurse", "read_chart", "elsewhere").contains("break_glass"));
    assert!(cell("nurse", "read_chart", "level-1").contains("step_up"));
    assert!(cell("nurse", "read_chart", "label-vip-in-unit").starts_with("deny"));

    let kept = std::fs::read_to_string(own("../../docs/authority-matrix.txt")).unwrap();
    let text = matrix.text(engine.charter(), &plan);
    let differing = kept.trim_end().lines().zip(text.trim_end().lines()).find(|(kept, made)| kept != made);
    assert!(
        kept.trim_end() == text.trim_end(),
        "authority changed, first here: {differing:?}\nlook at it, and if it is meant: handrail charter matrix charter > docs/authority-matrix.txt"
    );
}

/// A cell of the matrix, with its answer.
type Asked = (Line, Circumstance, Cell);

/// For each policy a few of the cells that it decides, of each line the first few.
fn decided(engine: &Engine, plan: &Plan) -> BTreeMap<PolicyId, Vec<Asked>> {
    let mut decided: BTreeMap<PolicyId, Vec<Asked>> = BTreeMap::new();
    matrix::each(
        &[engine],
        plan,
        |_| true,
        |_, line, circumstance, judged| {
            for policy in &judged.policies {
                let cells = decided.entry(policy.clone()).or_default();
                cells.push((line.clone(), circumstance.clone(), Cell::of(judged)));
            }
        },
    )
    .unwrap();
    decided
}

#[test]
fn every_policy_of_the_starter_charter_can_change_a_cell() {
    let engine = Engine::new(Arc::new(load(&own("../../charter")))).unwrap();
    let plan = Plan::of(&[engine.charter()]).unwrap();
    let decided = decided(&engine, &plan);
    let changes = |id: &PolicyId| {
        let without = engine.with_policy(id, None).unwrap();
        let mut cells = decided.get(id).into_iter().flatten();
        cells.any(|(line, circumstance, was)| matrix::cell(&without, &plan, line, circumstance).unwrap() != *was)
    };
    let idle: BTreeSet<&str> =
        engine.charter().policies().keys().filter(|id| !changes(id)).map(PolicyId::as_str).collect();
    let named: BTreeSet<&str> = NOT_IN_THE_MATRIX.iter().map(|(id, _)| *id).collect();
    assert_eq!(idle, named, "without one of these no cell is another");
}

#[test]
fn a_policy_made_wider_shows_as_wider_cells_and_taking_it_back_as_narrower_ones() {
    let wide = changed("policies/care.cedar", "when { context.care.unit };", "when { context.shift.on };");
    let starter = load(&own("../../charter"));
    let plan = Plan::of(&[&starter, &wide]).unwrap();
    let matrix = |charter| Matrix::of(&Engine::new(Arc::new(charter)).unwrap(), &plan).unwrap();
    let (starter, wide) = (matrix(starter), matrix(wide));
    let wider = compare(&starter, &wide);
    let found = wider.iter().find(|cell| {
        let role = cell.line.who.role.as_ref().map_or("", |role| role.as_str());
        (role, cell.line.action.as_str(), cell.circumstance.as_str()) == ("nurse", "read_chart", "elsewhere")
    });
    let found = found.unwrap();
    assert_eq!((found.direction, found.after.to_string().as_str()), (Direction::Wider, "permit"));
    let first_narrow = wider.iter().position(|cell| cell.direction == Direction::Narrower).unwrap_or(wider.len());
    assert!(wider[first_narrow..].iter().all(|cell| cell.direction == Direction::Narrower), "the widened come first");
    let back = compare(&wide, &starter);
    assert_eq!(back.len(), wider.len());
    assert!(back.iter().any(|cell| cell.line == found.line
        && cell.circumstance == found.circumstance
        && cell.direction == Direction::Narrower));
}

#[test]
fn a_charter_does_not_differ_from_itself_and_a_comment_is_no_difference() {
    let commented =
        changed("policies/care.cedar", "when { context.care.unit };", "// On the ward.\nwhen { context.care.unit };");
    assert_eq!(difference::sentences(&load(&own("../../charter")), &commented), []);
}

#[test]
fn every_sort_of_change_is_a_sentence() {
    let starter = load(&own("../../charter"));
    let said = |file: &str, from: &str, to: &str| {
        let sentences = difference::sentences(&starter, &changed(file, from, to));
        assert_eq!(sentences.len(), 1, "{sentences:?}");
        (sentences[0].about, sentences[0].text.clone())
    };
    let (about, text) = said("policies/care.cedar", "when { context.care.unit };", "when { context.shift.on };");
    assert_eq!(about, About::Policies);
    assert_eq!(
        text,
        "Policy care-unit, which permits (owned by Nursing, Tove Mbeki), changed: its conditions changed. \
         “You are working in the unit where this patient is, so their chart is open to you.”"
    );
    let (about, text) = said("emergency.toml", "duration_min = 60", "duration_min = 90");
    assert_eq!(
        (about, text.as_str()),
        (About::Emergency, "How long the glass stays broken is now 90 minutes, was 60 minutes.")
    );
    let (about, text) = said("owners.toml", "policy_owner = \"clinical-council\"", "policy_owner = \"nursing\"");
    assert_eq!(
        (about, text.as_str()),
        (About::Owners, "Who owns the policies is now Nursing, was Clinical access council.")
    );
    let (about, text) = said("elevation.toml", "may_ask = [\"ward_staff\"]", "may_ask = [\"ward_staff\", \"patient\"]");
    assert_eq!(
        (about, text.as_str()),
        (About::Elevation, "Entitlement “unit_cover”: who may ask for it: patient now too.")
    );
}

#[test]
fn a_new_policy_is_told_with_its_reason_and_owner() {
    let new = "@id(\"care-porter\") @owner(\"nursing\") @reason(\"Porters see where to go.\") \
               permit (principal is Person in Role::\"ward_clerk\", action == Action::\"view_demographics\", resource is Patient) \
               when { context.shift.on };\n@id(\"care-unit\")";
    let starter = load(&own("../../charter"));
    let sentences = difference::sentences(&starter, &changed("policies/care.cedar", "@id(\"care-unit\")", new));
    let texts: Vec<&str> = sentences.iter().map(|sentence| sentence.text.as_str()).collect();
    assert_eq!(
        texts,
        ["New policy care-porter, which permits (owned by Nursing, Tove Mbeki): “Porters see where to go.”"]
    );
}

#[test]
fn what_a_site_does_differently_is_said_in_sentences() {
    let starter = load(&own("../../charter"));
    let said = |file: &str, from: &str, to: &str| {
        let sentences = difference::sentences(&starter, &changed(file, from, to));
        sentences.into_iter().map(|sentence| sentence.text).collect::<Vec<_>>()
    };
    let overlay = "sites/fishmarket/overlay.toml";
    assert_eq!(
        said(overlay, "discharge_s = 3600", "discharge_s = 1800"),
        [
            "Local rules of “fishmarket”: how long a unit keeps its claim after a discharge is now 1800 seconds, was 3600 seconds."
        ]
    );
    assert_eq!(
        said(overlay, "max_age_min = 60 }", "max_age_min = 45 }"),
        [
            "Local rules of “fishmarket”: how long ago people may have signed in where the risk is high is now 45 minutes, was 60 minutes."
        ]
    );
    assert_eq!(
        said(overlay, "downtime_tolerance_min = 60", "downtime_tolerance_min = 50"),
        [
            "Local rules of “fishmarket”: in “Chart review on the wards”, how long care can go on without it is now 50 minutes, was 60 minutes."
        ]
    );
    assert_eq!(said("sites/fishmarket/medicines.cedar", "@owner(\"community-care\")", "@owner(\"nursing\")").len(), 1);
}

#[test]
fn why_a_policy_opens_every_record_is_told_when_it_comes_and_when_it_goes() {
    let starter = load(&own("../../charter"));
    let why = "@every_patient(\"Results arrive after the patient has left. The system files them and reads nothing back.\")\n";
    let without = changed("policies/laboratory.cedar", why, "");
    let said = |before, after| difference::sentences(before, after)[0].text.clone();
    assert!(said(&without, &starter).contains(
        "it opens every patient's record by role alone, because “Results arrive after the patient has left."
    ));
    assert!(said(&starter, &without).contains("it no longer says why it opens every patient's record by role alone"));
}

/// What a change of the starter charter does to one line, as `charter diff` puts it.
fn told(file: &str, from: &str, to: &str) -> (Comparison, String) {
    let (starter, changed) = (load(&own("../../charter")), changed(file, from, to));
    let compared = Comparison::of(&Arc::new(starter), &Arc::new(changed)).unwrap();
    let text = compared.text();
    (compared, text)
}

#[test]
fn what_an_order_an_appointment_or_being_on_call_opens_shows_when_it_changes() {
    let report = "action == Action::\"report_images\",\n    resource is Patient\n)\nwhen { context.care.performing";
    let (compared, text) = told("policies/services.cedar", report, &format!("{report} || context.care.ordered"));
    let says = "ordered: waiting for what they ordered for the patient, on shift elsewhere";
    assert!(text.contains(says) && text.contains("Radiologist (radiologist, Person)"), "{text}");
    assert_eq!(compared.narrower, 0, "{text}");
    let lines = compared.changes.iter().map(|change| (change.who.as_str(), change.action.as_str()));
    assert_eq!(lines.collect::<Vec<_>>(), [("Radiologist (radiologist, Person)", "report_images")]);
    let keys: Vec<&str> = compared.changes[0].when.iter().map(|when| when.key.as_str()).collect();
    assert_eq!(keys, ["ordered"]);

    let video = "action == Action::\"join_video_visit\",\n    resource is Patient\n)\nwhen { context.care.scheduled };";
    let (compared, text) = told("policies/schedule.cedar", video, &video.replace("scheduled", "team"));
    let lost = |change: &&Change| change.when.iter().any(|when| when.key == "appointment") && change.before == "permit";
    assert!(compared.changes.iter().any(|change| lost(&change)), "{text}");
    assert_eq!(compared.wider, 0, "{text}");

    let psych = "||\n    context.shift.on_call_units.contains(\"PSYCH\")";
    let (compared, text) = told("policies/sensitive-records.cedar", psych, "");
    assert!(compared.changes.iter().any(|change| change.before == "permit"), "{text}");
    let keys: BTreeSet<&str> =
        compared.changes.iter().flat_map(|change| &change.when).map(|when| when.key.as_str()).collect();
    assert_eq!(keys, BTreeSet::from(["label-psychiatric-on-call-PSYCH"]));
}

#[test]
fn a_longer_grace_shows_as_cells() {
    let from = "late_charting_s = 86400
# An order holds until it is done and so long after; one of which nothing more is heard, so many days.
order_s = 14400
open_order_days = 31
# Whoever is to see a patient may prepare so long before the appointment, and write it up so long after.
appointment_before_s = 7200
appointment_after_s = 7200";
    let to = "late_charting_s = 90000
order_s = 14401
open_order_days = 31
appointment_before_s = 10000
appointment_after_s = 7201";
    let (compared, text) = told("hospital.toml", from, to);
    let keys: BTreeSet<&str> =
        compared.changes.iter().flat_map(|change| &change.when).map(|when| when.key.as_str()).collect();
    let all = BTreeSet::from(["appointment-ahead", "appointment-over", "left-long-ago", "performed-long-ago"]);
    assert_eq!(keys, all, "{text}");
    assert!(compared.wider > 0 && compared.narrower == 0, "{text}");
}

#[test]
fn lines_left_out_of_a_comparison_are_the_same_in_both() {
    let vouched = "when { context.live.vouched };\n\n@id(\"research\")";
    for (file, from, to, reached) in [
        // Reached besides: what a deny of something wider offers in its stead.
        (
            "policies/care.cedar",
            vouched,
            "when { context.shift.on };\n\n@id(\"research\")",
            vec!["give_medication", "read_chart", "read_summary"],
        ),
        ("policies/care.cedar", "@id(\"scribe-listens\")", "@id(\"scribe-hears\")", vec!["listen"]),
        (
            "policies/guardrails.cedar",
            "context.session.level >= 2",
            "context.session.level >= 1",
            vec!["configure", "give_medication", "read_chart", "read_summary"],
        ),
        (
            "workflows.toml",
            "elevation = ",
            "elevation  = ",
            vec!["configure", "give_medication", "listen", "read_chart", "read_summary"],
        ),
    ] {
        let charters = [charter(), Arc::new(changed_of("tests/charter", file, from, to))];
        let plan = Plan::of(&[&charters[0], &charters[1]]).unwrap();
        let [before, after] = charters.map(|charter| Engine::new(charter).unwrap());
        let (some, others) = Matrix::differing(&before, &after, &plan).unwrap();
        let (all, whole) = (Matrix::of(&before, &plan).unwrap(), Matrix::of(&after, &plan).unwrap());
        assert_eq!(compare(&some, &others), compare(&all, &whole), "{file}");
        let actions: BTreeSet<&str> = some.lines.keys().map(|line| line.action.as_str()).collect();
        assert_eq!(actions.into_iter().collect::<Vec<_>>(), reached, "{file}: only what may differ is worked out");
    }
}

#[test]
fn a_comparison_says_what_charter_check_warns_of_first_what_is_new() {
    let minimal = |wider: bool| {
        let (from, to) = if wider { (" && context.shift.on", "") } else { ("on shift may", "on shift  may") };
        Arc::new(changed_of("../charter/tests/fixtures/minimal", "policies/care.cedar", from, to))
    };
    let compared = Comparison::of(&minimal(false), &minimal(true)).unwrap();
    let said: Vec<_> = compared.warnings.iter().map(|warning| (warning.new, warning.code)).collect();
    assert_eq!(said, [(true, "role_only"), (false, "unused"), (false, "untested"), (false, "untested")]);
    assert!(compared.warnings[0].place.starts_with("policies/care.cedar:7"), "{:?}", compared.warnings[0]);
    assert!(compared.text().contains("1 new, 3 as before"), "{}", compared.text());
    let back = Comparison::of(&minimal(true), &minimal(false)).unwrap();
    assert_eq!((back.new_warnings(), back.warnings.len()), (0, 3), "what is gone is not warned of");
}

#[test]
fn a_warning_that_moved_is_not_new_and_a_second_one_alike_is() {
    let fixture =
        |file: &str, from: &str, to: &str| Arc::new(changed_of("../charter/tests/fixtures/minimal", file, from, to));
    let first = "@id(\"unit-reads-chart\")";
    let before = fixture("policies/care.cedar", first, first);
    let moved = fixture("policies/care.cedar", first, &format!("// Further down.\n\n{first}"));
    assert_eq!(Comparison::of(&before, &moved).unwrap().new_warnings(), 0);
    let one = "@owner(\"nursing\")\n@reason(\"More.\")\npermit (principal in Role::\"clinician\", action == Action::\"read_chart\", resource is Patient)\nwhen { principal.active && context.care.unit };\n\n";
    let more = fixture(
        "policies/care.cedar",
        first,
        &format!(
            "@id(\"one-more\")\n{}{first}",
            one.replace("context.care.unit", "context has care && context.care.unit")
        ),
    );
    let compared = Comparison::of(&before, &more).unwrap();
    let new: Vec<&str> =
        compared.warnings.iter().filter(|warning| warning.new).map(|warning| warning.message.as_str()).collect();
    assert_eq!(new, ["no scenario has a question that `one-more` decides"]);
}
