//! Every way to get a charter wrong, and what is said of it: file, line, column, and how to put it right.

use crate::{load, minimal_files};
use charter::Charter;
use std::fmt::Write;

/// One slip: in this file, this text becomes that one (the first time it stands there; an empty text means the end).
type Slip<'a> = (&'a str, &'a str, &'a str);

/// What is said of the smallest charter after each slip alone.
fn after_each(slips: &[Slip<'_>]) -> String {
    let mut all = String::new();
    for (file, from, to) in slips {
        let mut files = minimal_files();
        slip(&mut files, (file, from, to));
        let said =
            load(&files).map_or_else(|said| said, |charter| format!("loads; {}", crate::said(charter.warnings())));
        writeln!(all, "--- {from:?} -> {to:?}\n{said}").unwrap();
    }
    all
}

fn slip(files: &mut std::collections::BTreeMap<String, String>, (file, from, to): Slip<'_>) {
    let text = files.entry(file.to_owned()).or_default();
    if from.is_empty() {
        text.push_str(to);
    } else {
        assert!(text.contains(from), "{file} has {from:?}");
        *text = text.replacen(from, to, 1);
    }
}

#[test]
fn toml_that_is_not_toml() {
    crate::shows!(after_each(&[
        ("hospital.toml", "name = \"Minimal Hospital\"", "name = Minimal Hospital"),
        ("hospital.toml", "name = \"Minimal Hospital\"", "name = \"Minimal Hospital"),
        ("hospital.toml", "[units.ICU]", "[units.ED]"),
        ("hospital.toml", "[units.ICU]\n", "[units.ICU\n"),
        ("hospital.toml", "[grace]\ntransfer_s = 3600", "[grace]\ntransfer_s = 3600\ntransfer_s = 7200"),
    ]));
}

#[test]
fn keys_nobody_knows() {
    crate::shows!(after_each(&[
        ("hospital.toml", "transfer_s = 3600", "tranfser_s = 3600"),
        ("hospital.toml", "time_zone", "timezone"),
        ("hospital.toml", "[recording]", "[colour]\nred = 1\n\n[recording]"),
        ("workflows.toml", "incident_owner", "incident-owner"),
        ("workflows.toml", "operations =", "operation ="),
        ("systems.toml", "[callers.ehr]", "[callers.ehr]\nassert = []"),
        ("scenarios/ed.toml", "session_level = 2", "session_levle = 2"),
        ("emergency.toml", "due_h = 72", "due_d = 3"),
    ]));
}

#[test]
fn keys_that_must_be_there() {
    crate::shows!(after_each(&[
        ("hospital.toml", "origin = \"handrail.example/minimal\"\n", ""),
        ("hospital.toml", "[recording]\non_failure = \"refuse\"\n", ""),
        ("hospital.toml", "name = \"Intensive care\"\n", ""),
        ("workflows.toml", "cost = \"urgent\"\n", ""),
        ("workflows.toml", "operations = \"nursing\"\n", ""),
        ("systems.toml", "[callers.default]", "[callers.other]"),
        ("scenarios/ed.toml", "patient = \"lena\"\ndevice", "device"),
    ]));
}

#[test]
fn values_of_the_wrong_type_or_size() {
    crate::shows!(after_each(&[
        ("hospital.toml", "transfer_s = 3600", "transfer_s = \"1h\""),
        ("hospital.toml", "transfer_s = 3600", "transfer_s = 0"),
        ("hospital.toml", "adt_s = 900", "adt_s = -5"),
        ("hospital.toml", "codes = [\"EMERG\"]", "codes = \"EMERG\""),
        ("hospital.toml", "name = \"Main house\"", "name = \" \""),
        ("hospital.toml", "Europe/Berlin", "Europe Berlin"),
        ("hospital.toml", "handrail.example/minimal", "https://handrail.example"),
        ("workflows.toml", "cost = \"urgent\"", "cost = \"urgnet\""),
        ("workflows.toml", "end = \"finish_action\"", "end = \"later\""),
        ("workflows.toml", "level = 2", "level = 4"),
        ("workflows.toml", "denied_percent_max = 5", "denied_percent_max = 500"),
        ("workflows.toml", "denied_percent_max = 5", "denied_percent_max = 101"),
        ("scenarios/ed.toml", "at = \"-1h\"", "at = \"1 hour ago\""),
        ("scenarios/ed.toml", "\"narrow:read_summary\"", "\"smaller:read_summary\""),
        ("systems.toml", "rate_per_s = 10\n", "rate_per_s = 0\n"),
        ("systems.toml", "\"context.device\"", "\"device\""),
        ("entities.toml", "risk = \"moderate\"", "risk = \"medium\""),
    ]));
}

#[test]
fn units_and_sites() {
    crate::shows!(after_each(&[
        ("hospital.toml", "site = \"main\"", "site = \"mian\""),
        ("hospital.toml", "name = \"Intensive care\"", "name = \"Intensive care\"\ncodes = [\"EMERG\", \"ED\"]"),
        (
            "hospital.toml",
            "[units.ED]\nname = \"Emergency department\"\nsite = \"main\"\ncodes = [\"EMERG\"]\n\n[units.ICU]\nname = \"Intensive care\"\nsite = \"main\"\n",
            "[units]\n"
        ),
        ("hospital.toml", "[units.ICU]", "[units.\" ICU\"]"),
        ("scenarios/ed.toml", "unit = \"ICU\"", "unit = \"ICO\""),
        (
            "assurance.toml",
            "[[session]]",
            "[[session]]\nlevel = 2\nunits = [\"OR\"]\nidle_min = 10\noverall_min = 60\n\n[[session]]"
        ),
    ]));
}

#[test]
fn workflows() {
    crate::shows!(after_each(&[
        ("workflows.toml", "systems = [\"ehr\"]", "systems = [\"ehr\", \"pacs\"]"),
        (
            "workflows.toml",
            "actions = [\"read_chart\", \"read_summary\"]",
            "actions = [\"read_chart\", \"read_summary\", \"raed_chart\"]"
        ),
        ("workflows.toml", "actions = [\"read_chart\", \"read_summary\"]", "actions = [\"read_chart\"]"),
        (
            "workflows.toml",
            "narrow = { read_chart = [\"read_summary\"] }",
            "narrow = { read_chart = [\"read_chart\", \"read_notes\"], open_chart = [] }"
        ),
        ("workflows.toml", "narrow = { read_chart = [\"read_summary\"] }\n", ""),
        ("workflows.toml", "\"help_desk\"]", "\"help_desk\", \"elevation\", \"vouch\"]"),
        ("workflows.toml", "cost =", "elevation = \"chart-reserach\"\ncost ="),
        ("workflows.toml", "bypass_told = [\"privacy\"]", "bypass_told = []"),
        ("workflows.toml", "incident_owner = \"nursing\"", "incident_owner = \"nurses\""),
        ("workflows.toml", "operations = \"nursing\"", "operations = \"theatre\""),
        ("workflows.toml", "", "\n[[workflow]]\nname = \"chart-review\"\n"),
    ]));
}

#[test]
fn who_signs_a_change() {
    let rule = |text: &str| format!("\n[change]\n{text}\n\n[identity_class]");
    let rules = [
        "signed_by = [\"security\", \"nursing\"]\nsignatures = 2\nopen_h = 72",
        "signed_by = [\"security\", \"nursing\"]\nsignatures = 1\nopen_h = 72",
        "signed_by = [\"nursing\", \"mara-lind\"]\nsignatures = 2\nopen_h = 72",
        "signed_by = [\"security\", \"nusring\"]\nsignatures = 2\nopen_h = 72",
        "signed_by = []\nsignatures = 2\nopen_h = 72",
        "signed_by = [\"security\", \"nursing\"]\nsignatures = 2\nopen_h = 0",
    ]
    .map(rule);
    let slips: Vec<Slip<'_>> = rules.iter().map(|to| ("owners.toml", "\n[identity_class]", to.as_str())).collect();
    crate::shows!(after_each(&slips));
}

#[test]
fn owners() {
    crate::shows!(after_each(&[
        ("owners.toml", "agent = \"privacy\"\n", ""),
        ("owners.toml", "agent = \"privacy\"", "agent = \"robots\""),
        ("owners.toml", "agent = \"privacy\"", "robot = \"privacy\""),
        ("owners.toml", "lead = \"ivo-brandt\"", "lead = \"nursing\""),
        ("owners.toml", "[teams.nursing]", "[teams.mara-lind]"),
        ("owners.toml", "after_min = 240", "after_min = 10"),
        ("owners.toml", "executive = \"mara-lind\"", "executive = \"ceo\""),
        ("systems.toml", "handoff_owner = \"security\"", "handoff_owner = \"securty\""),
        ("policies/care.cedar", "@owner(\"privacy\")", "@owner(\"privacy-office\")"),
    ]));
}

#[test]
fn callers_that_follow_sessions() {
    let follows = "[callers.ehr]\nfollows = ";
    let may = "may = [\"evaluate\", \"evaluate_live\"]";
    let slips = [
        "{ patient = \"read_chrat\" }",
        "{ units = [\"ED\", \"EDD\", \"ED\"] }",
        "{ origins = [\"pharmacy.example\", \"https://Pharmacy.example\", \"https://pharmacy.example/\"] }",
        "{ patients = \"read_chart\" }",
    ];
    let mut all = String::new();
    for what in slips {
        let mut files = minimal_files();
        slip(&mut files, ("systems.toml", "[callers.ehr]", &format!("{follows}{what}")));
        slip(&mut files, ("systems.toml", may, "may = [\"evaluate\", \"follow\"]"));
        let said = load(&files).map_or_else(|said| said, |_| "loads".to_owned());
        writeln!(all, "--- {what}\n{said}").unwrap();
    }
    crate::shows!(all + &after_each(&[("systems.toml", "[callers.ehr]", &format!("{follows}{{}}"))]));
}

#[test]
fn the_schema() {
    crate::shows!(after_each(&[
        ("schema.cedarschema", "entity Patient {", "entity Patient"),
        ("schema.cedarschema", "shift: Shift,", "shift: Shfit,"),
        ("schema.cedarschema", "principal: Person", "principal: Persona"),
        ("schema.cedarschema", "", "entity Person;"),
        ("schema.cedarschema", "", "namespace House { entity Room; }"),
        ("schema.cedarschema", "", "action audit appliesTo { principal: Person, resource: Patient, context: {} };"),
        ("schema.cedarschema", "action read_chart, read_summary", "action read_chart, read_record"),
    ]));
}

#[test]
fn what_decisions_offer_cannot_be_changed() {
    crate::shows!(after_each(&[
        ("schema.cedarschema", "on: Bool, units", "on: Long, units"),
        ("schema.cedarschema", "vouched: Bool,", "vouched: Bool, godlike: Bool,"),
        ("schema.cedarschema", "session?: Session", "session: Session"),
        ("schema.cedarschema", "care?: Care", "care: Care"),
        ("schema.cedarschema", "purpose?: String,", "purpose?: String, ward: String,"),
        ("schema.cedarschema", "request?: { soft?: Bool }", "request?: { soft: Bool }"),
        ("schema.cedarschema", "request?: { soft?: Bool }", "request?: Bool"),
        ("schema.cedarschema", "active: Bool,", "active: String,"),
        ("schema.cedarschema", "class: String, active", "class: String, salary: Long, active"),
        ("schema.cedarschema", "Patient { labels: Set<String> }", "Patient { labels: Set<Long> }"),
        ("schema.cedarschema", "entity Person in [Role]", "entity Person"),
        ("schema.cedarschema", "entity Role in [Role];", "entity Role { title: String };"),
        ("systems.toml", "\"action.soft\"", "\"action.sfot\""),
        ("systems.toml", "\"context.device\"", "\"context.live\""),
        ("systems.toml", "\"context.device\"", "\"context.colour\""),
        ("systems.toml", "\"Patient.labels\"", "\"Patient.label\""),
        ("systems.toml", "\"Patient.labels\"", "\"Patinet.labels\""),
        ("systems.toml", "patient = \"Patient\"", "patient = \"Pateint\""),
        ("systems.toml", "patient_types = [\"Patient\"]", "patient_types = []"),
    ]));
}

#[test]
fn policies() {
    crate::shows!(after_each(&[
        ("policies/care.cedar", "context has care && ", "context has care & "),
        ("policies/care.cedar", "context.care.unit };", "context.care.unit }"),
        ("policies/care.cedar", "@id(\"unit-reads-chart\")\n", ""),
        ("policies/care.cedar", "@owner(\"nursing\")\n", ""),
        ("policies/care.cedar", "@reason(\"Emergency access opens the chart; it is alerted and reviewed.\")\n", ""),
        ("policies/care.cedar", "@reason", "@raeson"),
        ("policies/care.cedar", "@id(\"clinician-reads-summary\")", "@id(\"unit-reads-chart\")"),
        ("policies/care.cedar", "@id(\"clinician-reads-summary\")", "@id(\" clinician\")"),
        ("policies/care.cedar", "@workflow(\"chart-review\")", "@workflow(\"chart-reveiw\")"),
        ("policies/care.cedar", "context.care.unit }", "context.care.ward }"),
        ("policies/care.cedar", "context has care && context.care.unit", "context.care.unit"),
        ("policies/care.cedar", "action == Action::\"read_summary\"", "action == Action::\"read_sumary\""),
        ("policies/care.cedar", "principal in Role::\"clinician\"", "principal in Role::\"clinican\""),
        ("policies/care.cedar", "principal in Role::\"clinician\"", "principal == ?principal"),
        (
            "policies/care.cedar",
            "principal.active && context.shift.on",
            "principal.active && principal.active == \"yes\""
        ),
        ("policies/care.cedar", "context.shift.on };", "context.shift.on && 1 == 2 };"),
        ("policies/care.cedar", "resource is Patient)", "resource is Person)"),
    ]));
}

#[test]
fn assurance_elevation_and_emergency() {
    crate::shows!(after_each(&[
        ("assurance.toml", "level = 2\nphishing", "level = 4\nphishing"),
        ("assurance.toml", "level = 1\nphishing", "level = 3\nphishing"),
        ("assurance.toml", "idle_min = 15", "idle_min = 61"),
        (
            "assurance.toml",
            "level = 3\nidle_min = 15\noverall_min = 720",
            "level = 3\nidle_min = 16\noverall_min = 721"
        ),
        ("assurance.toml", "[[session]]\nlevel = 3", "[[session]]\nlevel = 2"),
        ("assurance.toml", "roles = [\"nurse\"]", "roles = [\"nruse\", \"nurse\", \"nurse\"]"),
        ("elevation.toml", "count = 1 }, {", "count = 0 }, {"),
        ("elevation.toml", "by = \"mara-lind\", count = 1", "by = \"mara-lind\", count = 2"),
        (
            "elevation.toml",
            "approvals = [{ by = \"privacy\", count = 1 }, { by = \"mara-lind\", count = 1 }]",
            "approvals = []"
        ),
        ("elevation.toml", "", "separate_from = [\"chart-research\", \"chart-audit\"]\n"),
        ("emergency.toml", "may_break_glass = [\"clinician\"]", "may_break_glass = []"),
        ("emergency.toml", "alerts = [\"privacy\"]", "alerts = [\"press\"]"),
        ("emergency.toml", "same_reason_percent_max = 60", "same_reason_percent_max = 0"),
        ("emergency.toml", "duration_min = 60", "duration_min = -60"),
    ]));
}

#[test]
fn entities() {
    crate::shows!(after_each(&[
        ("entities.toml", "in = [\"clinician\"]", "in = [\"clincian\"]"),
        ("entities.toml", "title = \"Clinician\"", "title = \"Clinician\"\nin = [\"nurse\"]"),
        ("entities.toml", "[actions.read_summary]", "[actions.read_sumary]"),
        ("entities.toml", "", "\n[[entity]]\ntype = \"Ward\"\nid = \"w1\"\n"),
        ("entities.toml", "", "\n[[entity]]\ntype = \"Patient\"\nid = \"p1\"\nattributes = { labels = \"vip\" }\n"),
        ("entities.toml", "", "\n[[entity]]\ntype = \"Role\"\nid = \"nurse\"\n"),
        (
            "entities.toml",
            "",
            "\n[[entity]]\ntype = \"Patient\"\nid = \"p\"\nattributes = { labels = [] }\n\n[[entity]]\ntype = \"Patient\"\nid = \"p\"\nattributes = { labels = [] }\n"
        ),
    ]));
}

#[test]
fn scenarios() {
    crate::shows!(after_each(&[
        ("scenarios/ed.toml", "who = \"otto\"", "who = \"oto\""),
        ("scenarios/ed.toml", "who = \"otto\"", "who = \"unknown-doctor\""),
        ("scenarios/ed.toml", "person = \"otto\"", "person = \"olga\""),
        ("scenarios/ed.toml", "id = \"otto\"", "id = \"nora\""),
        ("scenarios/ed.toml", "roles = [\"nurse\"]", "roles = [\"nurze\"]"),
        ("scenarios/ed.toml", "from = \"-2h\"", "from = \"+7h\""),
        ("scenarios/ed.toml", "device = \"ws-1\"", "device = \"ws-2\""),
        ("scenarios/ed.toml", "policies = [\"unit-reads-chart\"]", "policies = [\"unit-read-chart\"]"),
        ("scenarios/ed.toml", "action = \"read_chart\"", "action = \"write_chart\""),
        ("scenarios/ed.toml", "device = \"ws-1\"", "device = \"ws-1\"\nresource = { type = \"Patient\", id = \"x\" }"),
        (
            "scenarios/ed.toml",
            "device = \"ws-1\"",
            "workflow = \"chart\"\nsession_method = \"smile\"\naccountable = [\"nobody\"]"
        ),
        ("scenarios/ed.toml", "encounter", "encountre"),
        (
            "scenarios/ed.toml",
            "",
            "\n[[merge]]\nsurvivor = \"lena\"\nmerged = \"lena\"\n\n[[move]]\nencounter = \"e2\"\nunit = \"ICU\"\nat = \"0s\"\n"
        ),
    ]));
}

#[test]
fn everything_is_said_at_once() {
    let mut files = minimal_files();
    let slips = [
        ("hospital.toml", "transfer_s = 3600", "tranfser_s = 3600"),
        ("hospital.toml", "adt_s = 900", "adt_s = -5"),
        ("hospital.toml", "name = \"Intensive care\"\n", ""),
        ("hospital.toml", "on_failure = \"refuse\"", "on_failure = \"hope\""),
        ("workflows.toml", "cost = \"urgent\"", "cost = 3"),
        ("workflows.toml", "monitored_by = \"security\"", "monitored_by = \"securiti\""),
        ("owners.toml", "agent = \"privacy\"\n", ""),
        ("policies/care.cedar", "@owner(\"nursing\")\n", ""),
        ("policies/care.cedar", "context.care.unit }", "context.care.ward }"),
        ("policies/care.cedar", "context.live.break_glass };", "context.live.break_glass } when;"),
        ("systems.toml", "\"action.soft\"", "\"action.sfot\""),
        ("emergency.toml", "due_h = 72", "due_h = 72 72"),
        ("scenarios/ed.toml", "who = \"otto\"", "who = \"oto\""),
    ];
    for one in slips {
        slip(&mut files, one);
    }
    crate::shows!(load(&files).err().unwrap_or_default());
}

#[test]
fn a_terminal_sees_the_line_itself() {
    let mut files = minimal_files();
    slip(&mut files, ("hospital.toml", "transfer_s = 3600", "tranfser_s = 3600"));
    let all = Charter::from_files(&files).err().unwrap_or_default();
    let handler = miette::GraphicalReportHandler::new_themed(miette::GraphicalTheme::unicode_nocolor()).with_width(100);
    let mut shown = String::new();
    for diagnostic in &all {
        handler.render_report(&mut shown, diagnostic).unwrap();
    }
    crate::shows!(shown);
}
