//! Signing in as `assurance.toml` and `workflows.toml` decide it: what a charter means that says nothing of it, and what is said of one that
//! goes beyond the limits.

use crate::{load, minimal_files};
use charter::Charter;
use charter::signing_in::{LastOne, Provisional, Reconnect};
use charter::workflow::{FallbackMode, InterruptionCost};
use events::principal::IdentityClass;
use events::signin::Cause;
use std::fmt::Write;

const SOUND: &str = r#"
[authenticators.staff]
methods = ["passkey"]
attestation = "required"
aaguids = { CB69481E-8FF7-4039-93EC-0A2729A154A8 = "Security key, series 5" }
synced = false
advised = 2
most = 4
last = "recover"
proofing_level = 2
invitation_h = 24
invited_by = ["security"]
inviting_roles = ["nurse"]

[hand_over]
grace_min = 10

[provisional]
roles = ["nurse"]
duration_min = 20
actions = ["read_summary"]
review = { by = "privacy", due_h = 24 }

[causes]
authenticator = { title = "The key", owner = "security" }
reader = { title = "The reader", owner = "security" }
device_trust = { title = "The workstation", owner = "security" }
network = { title = "The network", owner = "security" }
policy = { title = "A rule", owner = "privacy" }
user = { title = "A slip", owner = "nursing" }
federation = { title = "The provider", owner = "security" }

[throttle]
address_per_min = 600
device_per_min = 60
identity_per_min = 20
"#;

fn with(section: &str) -> Result<Charter, String> {
    let mut files = minimal_files();
    files.get_mut("assurance.toml").unwrap().push_str(section);
    load(&files)
}

#[test]
fn a_charter_that_says_nothing_of_it_means_the_usual() {
    let charter = with("").unwrap();
    let assurance = charter.assurance();
    let rules = assurance.session_rules(2, None).unwrap();
    assert_eq!((rules.reconnect, rules.badge_away_locks), (Reconnect::Verify, true));
    assert_eq!(rules.warn_before.unwrap().get(), 2);
    let staff = assurance.authenticators_of(IdentityClass::Staff);
    assert_eq!((staff.advised, staff.most, staff.last), (2, 5, LastOne::Keep));
    let methods: Vec<_> = assurance.may_register(IdentityClass::Staff).iter().map(|name| name.to_string()).collect();
    assert_eq!(methods, ["passkey"], "never what does not withstand phishing");
    assert_eq!(assurance.hand_over.grace_min.get(), 15);
    assert_eq!(assurance.throttle.identity_per_min, 10);
    assert_eq!(assurance.vouching.reasons.len(), 3);
    let path = assurance.recovery.values().next().unwrap();
    assert_eq!((path.pass_min.get(), path.incident_after().get()), (30, 4 * path.within_min.get()));
    assert_eq!(path.approvers(), std::slice::from_ref(&path.owner));
    assert_eq!(charter.inviters(IdentityClass::Vendor), [charter.identity_owner(IdentityClass::Vendor).unwrap()]);
    assert_eq!(charter.answers_for(Cause::Reader).0, &charter.owners().control_owner);
    assert!(charter.vouching_covers(&"read_chart".parse().unwrap()), "whatever policies open");
    assert!(!charter.provisional_covers(&"read_chart".parse().unwrap()), "nobody is let in provisionally");
}

#[test]
fn what_is_said_counts() {
    let charter = with(SOUND).unwrap();
    let assurance = charter.assurance();
    let staff = assurance.authenticators_of(IdentityClass::Staff);
    let make = |text: &str| charter::signing_in::Aaguid::new(text).unwrap();
    assert_eq!((staff.advises(), staff.last), (2, LastOne::Recover));
    assert!(staff.takes(&make("cb69481e-8ff7-4039-93ec-0a2729a154a8")));
    assert!(!staff.takes(&make("00000000-0000-0000-0000-000000000000")));
    assert_eq!(charter.inviters(IdentityClass::Staff), [&"security".parse().unwrap()]);
    assert_eq!(charter.answers_for(Cause::User), (&"nursing".parse().unwrap(), "A slip"));
    assert!(charter.provisional_covers(&"read_summary".parse().unwrap()));
    assert!(!charter.provisional_covers(&"read_chart".parse().unwrap()));
    for (emergency, cost, open) in [
        (false, InterruptionCost::Urgent, false),
        (true, InterruptionCost::Routine, true),
        (false, InterruptionCost::Emergent, true),
    ] {
        assert_eq!(Provisional::is_open(emergency, cost), open, "{emergency} {cost:?}");
    }
}

#[test]
fn a_cause_nothing_is_said_of_falls_back_as_what_it_resembles() {
    let mut files = minimal_files();
    let before = load(&files).unwrap().workflows()[0].fallback;
    assert_eq!(before.of(Cause::Reader), Some(before.authenticator));
    assert_eq!(before.of(Cause::Federation), Some(before.authenticator));
    assert_eq!(before.of(Cause::Network), Some(before.store));
    assert_eq!(before.of(Cause::DeviceTrust), Some(before.device_trust));
    assert_eq!((before.of(Cause::Policy), before.of(Cause::User)), (None, None), "nothing failed");
    let workflows = files.get_mut("workflows.toml").unwrap();
    *workflows = workflows.replacen("[workflow.fallback]", "[workflow.fallback]\nnetwork = \"temporary\"", 1);
    let after = load(&files).unwrap().workflows()[0].fallback;
    assert_eq!(after.of(Cause::Network), Some(FallbackMode::Temporary));
}

#[test]
fn what_is_said_of_signing_in_beyond_its_limits() {
    let slips = [
        ("[authenticators.staff]", "[authenticators.device]"),
        ("[authenticators.staff]", "[authenticators.staf]"),
        ("[\"passkey\"]", "[\"password\", \"paskey\"]"),
        ("\"required\"", "\"none\""),
        ("CB69481E-8FF7", "CB69481E8FF7"),
        ("advised = 2", "advised = 17"),
        ("most = 4", "most = 0"),
        ("most = 4", "most = 17"),
        ("proofing_level = 2", "proofing_level = 4"),
        ("invitation_h = 24", "invitation_h = 337"),
        ("invitation_h = 24", "invitation_h = 24\nmax_age_min = 721"),
        ("[\"security\"]", "[\"securty\"]"),
        ("grace_min = 10", "grace_min = 61"),
        ("duration_min = 20", "duration_min = 61"),
        ("[\"read_summary\"]", "[\"read_sumary\", \"read_chart\", \"read_chart\"]"),
        ("[\"read_summary\"]", "[]"),
        ("due_h = 24", "due_h = 73"),
        ("reader = { title = \"The reader\", owner = \"security\" }\n", ""),
        ("title = \"A rule\"", "title = \"\""),
        ("address_per_min = 600", "address_per_min = 10"),
        ("device_per_min = 60", "device_per_min = 10"),
        ("identity_per_min = 20", "identity_per_min = 2"),
    ];
    let mut all = String::new();
    for (from, to) in slips {
        assert!(SOUND.contains(from), "{from}");
        let said = with(&SOUND.replacen(from, to, 1)).map_or_else(|said| said, |_| "loads".to_owned());
        writeln!(all, "--- {from:?} -> {to:?}\n{said}").unwrap();
    }
    let own = [
        ("idle_min = 15", "warn_before_min = 15\nidle_min = 15"),
        ("per_shift_max = 2", "per_shift_max = 2\nreasons = {}"),
        ("per_shift_max = 2", "per_shift_max = 2\nactions = [\"read_chrat\"]"),
        ("within_min = 15", "within_min = 15\nmax_open_min = 14\npass_min = 241\navailable_percent = 49"),
        ("within_min = 15", "within_min = 15\napprovers = [\"nobody\"]\napproving_roles = [\"nobody\"]"),
    ];
    for (from, to) in own {
        let mut files = minimal_files();
        let text = files.get_mut("assurance.toml").unwrap();
        assert!(text.contains(from), "{from}");
        *text = text.replacen(from, to, 1);
        let said = load(&files).map_or_else(|said| said, |_| "loads".to_owned());
        writeln!(all, "--- {from:?} -> {to:?}\n{said}").unwrap();
    }
    crate::shows!(all);
}
