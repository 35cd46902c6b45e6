//! What a site may do differently, and what is said of one that goes too far.

use crate::{load, minimal_files};
use charter::name::SiteId;
use charter::workflow::RemedyKind;
use events::{ActionName, UnitId};
use std::collections::BTreeMap;

const OVERLAY: &str = "sites/main/overlay.toml";

/// The smallest charter with this overlay for its one site.
fn with(overlay: &str) -> BTreeMap<String, String> {
    let mut files = minimal_files();
    files.insert(OVERLAY.to_owned(), format!("title = \"A quiet house\"\nowner = \"nursing\"\n{overlay}"));
    files
}

#[test]
fn an_overlay_changes_what_it_names_and_nothing_else() {
    let files = with(
        "units = [\"ED\"]\n[grace]\ntransfer_s = 60\n[[session]]\nlevel = 2\nidle_min = 5\noverall_min = 60\n[workflow.chart-review]\nremedies = [\"help_desk\"]\nend = \"now\"\n",
    );
    let charter = load(&files).unwrap();
    let (ed, icu) = (UnitId::new("ED").unwrap(), UnitId::new("ICU").unwrap());
    let (here, there) = (charter.rules_at(Some(&ed)), charter.rules_at(Some(&icu)));
    assert_eq!((here.grace.transfer_s.get(), there.grace.transfer_s.get()), (60, 3600));
    assert_eq!(here.grace.discharge_s, there.grace.discharge_s);
    assert_eq!(here.site, Some(SiteId::new("main").unwrap()));
    assert_eq!((&there.site, there), (&None, charter.rules_at(None)));
    let overall = |rules: &charter::Rules| rules.assurance.session_limit(2, Some(&ed)).unwrap().overall_min.get();
    assert_eq!((overall(here), overall(there)), (60, 720));
    let remedies =
        |rules| charter.workflow_by(rules, None, &ActionName::new("read_chart").unwrap()).unwrap().remedies.clone();
    assert_eq!(remedies(here), [RemedyKind::HelpDesk]);
    assert!(remedies(there).len() > 1);
    assert_eq!(charter::Charter::from_bundle(charter.bundle_bytes()).unwrap().digest(), charter.digest());
}

#[test]
fn what_goes_further_than_the_hospital_is_said_with_the_bound() {
    for (overlay, said) in [
        (
            "[grace]\ntransfer_s = 7200\n",
            "sites/main/overlay.toml:4:14: error: 7200 s is more than the hospital lets a site have\n  help: write at most 3600 s",
        ),
        ("[staleness]\nadt_s = 901\n", ":4:9: error: 901 s is more than"),
        ("[[session]]\nlevel = 2\nidle_min = 16\noverall_min = 60\n", ":5:12: error: 16 min is more than"),
        ("[required]\nhigh = { level = 3 }\n", "there is nothing to raise"),
        ("[workflow.chart-review]\nassurance = { level = 1 }\n", "can only raise what a sign-in must be"),
        ("[workflow.chart-review]\nremedies = [\"elevation\"]\n", "does not offer `elevation` in this workflow"),
        ("[workflow.chart-review]\nend = \"read_only\"\n", "may not end access here with `read_only`"),
        ("[workflow.chart-review]\nfallback = { store = \"vouch\" }\n", "may not fall back on `vouch` here"),
        ("[workflow.chart-review]\nfriction = { denied_percent_max = 50 }\n", "50 is more than"),
        ("[workflow.chart-reveiw]\nend = \"now\"\n", "there is no workflow `chart-reveiw`"),
        ("units = [\"ICO\"]\n", "there is no unit `ICO`"),
        ("[grase]\n", "unknown key `grase`"),
    ] {
        let all = load(&with(overlay)).unwrap_err();
        assert!(all.contains(said), "{overlay}\n{all}");
    }
}

#[test]
fn what_is_required_by_risk_can_only_be_raised_and_not_past_what_is_riskier() {
    let said = |overlay: &str| {
        let mut files = with(overlay);
        let required = "\n[required]\nlow = { level = 1 }\nmoderate = { level = 2 }\nhigh = { level = 2, max_age_min = 60 }\ncritical = { level = 3, max_age_min = 60 }\n";
        files.get_mut("assurance.toml").unwrap().push_str(required);
        load(&files).err().unwrap_or_default()
    };
    assert_eq!(said("[required]\nhigh = { level = 3, max_age_min = 60 }\n"), "");
    for (overlay, expected) in [
        ("[required]\nmoderate = { level = 1 }\n", "can only raise what a sign-in must be\n  help: ask for level 2"),
        ("[required]\nhigh = { level = 3 }\n", "ask for level 2 or higher, at most 60 min old"),
        ("[required]\nhigh = { level = 2, max_age_min = 90 }\n", "at most 60 min old"),
        (
            "[required]\nmoderate = { level = 3 }\n",
            "sites/main/overlay.toml:4:1: error: `high` would require less here than `moderate`\n  help: raise `high` with it",
        ),
    ] {
        let all = said(overlay);
        assert!(all.contains(expected), "{overlay}\n{all}");
    }
}

#[test]
fn a_policy_or_overlay_of_a_site_with_a_hidden_or_strange_name_is_never_one_of_the_whole_hospital() {
    let policy = "@id(\"open\") @owner(\"nursing\") @reason(\"Open.\")\npermit (principal is Person, action == Action::\"read_chart\", resource is Patient);\n";
    for path in ["sites/a b/open.cedar", "sites/.main/open.cedar", "sites/open.cedar", "sites/main/deeper/open.cedar"] {
        let mut files = minimal_files();
        files.insert(path.to_owned(), policy.to_owned());
        assert!(load(&files).unwrap_err().contains("a charter has no file of this name"), "{path}");
    }
}

#[test]
fn units_that_are_judged_alike_are_told_in_groups() {
    let units = |files: &BTreeMap<String, String>| {
        let groups = load(files).unwrap().units_with_own_rules();
        groups.into_iter().map(|group| group.iter().map(ToString::to_string).collect()).collect::<Vec<Vec<String>>>()
    };
    assert_eq!(units(&minimal_files()), Vec::<Vec<String>>::new());
    assert_eq!(units(&with("units = [\"ED\"]\n[grace]\ntransfer_s = 60\n")), [["ED"]]);
    assert_eq!(units(&with("[grace]\ntransfer_s = 60\n")), [["ED", "ICU"]]);
}

#[test]
fn the_hospital_sets_how_far_a_site_may_go() {
    let mut files = with("[grace]\ntransfer_s = 7200\n[workflow.chart-review]\nremedies = [\"elevation\"]\n");
    assert!(load(&files).is_err());
    let hospital = files.get_mut("hospital.toml").unwrap();
    hospital.push_str("\n[bounds]\ngrace_transfer_s_max = 7200\nremedies = [\"elevation\"]\n");
    assert!(load(&files).is_ok());
}

#[test]
fn a_policy_of_a_site_only_forbids_and_only_where_it_may() {
    let policy = |effect: &str| {
        format!(
            "@id(\"closed\") @owner(\"nursing\") @reason(\"Closed.\")\n{effect} (principal is Person, action == Action::\"read_chart\", resource is Patient);\n"
        )
    };
    let mut files = minimal_files();
    files.insert("sites/main/closed.cedar".to_owned(), policy("forbid"));
    let charter = load(&files).unwrap();
    assert_eq!(charter.policies()["closed"].site, Some(SiteId::new("main").unwrap()));
    assert!(charter.has_overlays());
    files.insert("sites/main/closed.cedar".to_owned(), policy("permit"));
    let said = load(&files).unwrap_err();
    assert!(said.contains("sites/main/closed.cedar:1:1: error: a site may only forbid"), "{said}");
    files.remove("sites/main/closed.cedar");
    files.insert("sites/elsewhere/closed.cedar".to_owned(), policy("forbid"));
    assert!(load(&files).unwrap_err().contains("there is no site `elsewhere`"));
}

#[test]
fn what_a_risk_requires_never_falls_as_the_risk_rises() {
    let mut files = minimal_files();
    let required =
        "\n[required]\nlow = { level = 2 }\nmoderate = { level = 2 }\nhigh = { level = 3 }\ncritical = { level = 2 }\n";
    files.get_mut("assurance.toml").unwrap().push_str(required);
    let said = load(&files).unwrap_err();
    assert!(said.contains("`critical` requires less than `high`"), "{said}");
    let raised = files["assurance.toml"].replace("critical = { level = 2 }", "critical = { level = 3 }");
    files.insert("assurance.toml".to_owned(), raised);
    assert!(load(&files).is_ok());
}
