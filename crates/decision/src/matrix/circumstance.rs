//! The circumstances of the matrix: every tie to the patient at its best, then what can be amiss, one thing at a time.

use super::plan::{Graces, Places};
use super::setting::{Account, Bed, Device, Setting, Ties, Work};
use crate::circumstances::Live;
use charter::vocabulary::SessionPresence;
use events::device::{DeviceKind, Posture};
use events::{Label, UnitId};
use smol_str::SmolStr;
use std::collections::BTreeMap;
use std::time::Duration;

mod promised;

const HOUR: Duration = Duration::from_secs(3600);

/// What sort of resource circumstances are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// Patients.
    Patient,
    /// Anything else.
    House,
    /// All.
    Either,
}

/// One column of the matrix.
#[derive(Clone, Debug, PartialEq)]
pub struct Circumstance {
    /// Its short name, unique, never reused for anything else.
    pub key: SmolStr,
    /// What it is, as the end of "when the asker is …".
    pub says: String,
    /// What it is for.
    pub about: About,
    pub(super) setting: Setting,
}

/// What the list is made from.
pub(super) struct Basis<'a> {
    pub(super) places: &'a Places,
    /// Units that policies name, and one of each group that has rules of its own.
    pub(super) units: &'a [UnitId],
    /// Units that a policy names which looks at who is on call.
    pub(super) on_call: &'a [UnitId],
    /// Units that a policy names which looks at appointments.
    pub(super) scheduled: &'a [UnitId],
    /// Units that a policy names which looks at where the device stands.
    pub(super) devices: &'a [UnitId],
    /// Sensitive labels, each with a unit that the same policy names.
    pub(super) labelled: &'a [(Label, UnitId)],
    pub(super) graces: Graces,
    /// Sensitive labels with what people call them.
    pub(super) labels: &'a BTreeMap<Label, String>,
    /// Entitlements with what people call them.
    pub(super) entitlements: &'a BTreeMap<Label, String>,
}

struct List<'a> {
    basis: &'a Basis<'a>,
    all: Vec<Circumstance>,
}

/// Every circumstance.
pub(super) fn all(basis: &Basis<'_>) -> Vec<Circumstance> {
    let mut list = List { basis, all: Vec::new() };
    list.ties();
    list.orders();
    list.appointments();
    list.house();
    list.units();
    list.sign_ins();
    list.devices();
    list.on_call();
    list.labels();
    list.held();
    list.troubles();
    list.all
}

impl List<'_> {
    /// On shift in the unit where the patient is, everything in order.
    fn in_unit(&self) -> Setting {
        let here = &self.basis.places.here;
        Setting {
            work: Work::In(here.clone()),
            bed: Bed::In(here.clone()),
            ties: Ties::default(),
            order: None,
            appointment: None,
            account: Account::Usual,
            shares_label: false,
            labels: Vec::new(),
            sign_in: Some((2, 5)),
            screen: None,
            device: Some(Device { kind: DeviceKind::Workstation, managed: true, posture: Some(Posture::Healthy) }),
            device_at: None,
            emergency: false,
            held: Live::default(),
            adt_silent: false,
            rota_silent: false,
            says: Some(true),
            purpose: "TREAT",
        }
    }

    /// On shift in another unit, nothing connects them with the patient.
    fn elsewhere(&self) -> Setting {
        Setting { work: Work::In(self.basis.places.elsewhere.clone()), ..self.in_unit() }
    }

    fn off(&self) -> Setting {
        Setting { work: Work::Off, ..self.in_unit() }
    }

    fn family(&self) -> Setting {
        Setting { ties: Ties { family: true, ..Ties::default() }, ..self.off() }
    }

    fn called(&self) -> Setting {
        Setting { work: Work::OnCallFor(self.basis.places.here.clone()), ..self.in_unit() }
    }

    fn team(&self) -> Setting {
        Setting { ties: Ties { team: true, ..Ties::default() }, ..self.elsewhere() }
    }

    /// On shift in the unit and on the team.
    fn close(&self) -> Setting {
        Setting { ties: Ties { team: true, ..Ties::default() }, ..self.in_unit() }
    }

    fn add(&mut self, about: About, key: impl AsRef<str>, says: impl Into<String>, setting: Setting) {
        self.all.push(Circumstance { key: key.as_ref().into(), says: says.into(), about, setting });
    }

    fn ties(&mut self) {
        let (here, elsewhere) = (self.basis.places.here.clone(), self.basis.places.elsewhere.clone());
        let with = |ties| Setting { ties, ..self.elsewhere() };
        let none = Ties::default();
        let ties = [
            ("in-unit", "on shift in the unit where the patient is", self.in_unit()),
            ("on-call", "on call for the unit where the patient is", self.called()),
            (
                "expecting",
                "on shift in a unit that expects the patient",
                Setting { bed: Bed::Expected(here.clone(), elsewhere.clone()), ..self.in_unit() },
            ),
            ("team", "on the treatment team, on shift elsewhere", self.team()),
            ("attending", "attending the patient, on shift elsewhere", with(Ties { attending: true, ..none })),
            ("named", "named in the patient's stay, on shift elsewhere", with(Ties { named: true, ..none })),
            ("team-off-shift", "on the treatment team, not on shift", Setting { work: Work::Off, ..self.team() }),
            (
                "left",
                "gone home an hour ago from the unit where the patient is",
                Setting { work: Work::Left(here.clone(), HOUR), ..self.in_unit() },
            ),
            (
                "left-long-ago",
                "gone home from the unit where the patient is, so long ago that the time for late charting has just run out",
                Setting { work: Work::Left(here.clone(), self.basis.graces.late_charting), ..self.in_unit() },
            ),
            (
                "discharged",
                "on shift in the unit that the patient left three days ago",
                Setting { bed: Bed::Left(here), ..self.in_unit() },
            ),
            ("elsewhere", "on shift in another unit, without any tie to the patient", self.elsewhere()),
            ("off-shift", "not on shift, without any tie to the patient", self.off()),
            (
                "unknown-patient",
                "on shift, asking about a patient nobody knows",
                Setting { bed: Bed::Unknown, ..self.in_unit() },
            ),
            ("own-record", "the patient, and on the treatment team", self.own(Ties { team: true, own: true, ..none })),
            ("own-record-only", "the patient", Setting { work: Work::Off, ..self.own(Ties { own: true, ..none }) }),
            (
                "family-record",
                "of the patient's family, and on the treatment team",
                with(Ties { team: true, family: true, ..none }),
            ),
            ("family-record-only", "of the patient's family", self.family()),
        ];
        for (key, says, setting) in ties {
            self.add(About::Patient, key, says, setting);
        }
    }

    fn own(&self, ties: Ties) -> Setting {
        Setting { ties, ..self.elsewhere() }
    }

    fn house(&mut self) {
        let here = self.basis.places.here.clone();
        let all = [
            ("house-in-unit", "on shift in the unit", self.in_unit()),
            ("house-on-call", "on call for the unit", Setting { work: Work::OnCallFor(here), ..self.in_unit() }),
            ("house-elsewhere", "on shift in another unit", self.elsewhere()),
            ("house-off-shift", "not on shift", self.off()),
            (
                "house-supplier",
                "with the label that what is asked about names (its supplier's, say)",
                Setting { shares_label: true, ..self.elsewhere() },
            ),
        ];
        for (key, says, setting) in all {
            self.add(About::House, key, says, setting);
        }
    }

    fn units(&mut self) {
        let units = self.basis.units;
        for unit in units {
            let there = |bed| Setting { work: Work::In(unit.clone()), bed, ..self.in_unit() };
            let (serving, with) = (there(self.in_unit().bed), there(Bed::In(unit.clone())));
            self.add(
                About::Either,
                format!("serving-{unit}"),
                format!("on shift in {unit}, asking about a patient of another unit"),
                serving,
            );
            self.add(
                About::Patient,
                format!("in-{unit}"),
                format!("on shift in {unit}, where the patient is"),
                with.clone(),
            );
            let team = Ties { team: true, ..Ties::default() };
            self.add(
                About::Patient,
                format!("team-in-{unit}"),
                format!("on shift in {unit}, where the patient is, and on the treatment team"),
                Setting { ties: team, ..with },
            );
        }
    }

    fn sign_ins(&mut self) {
        let ways = [
            ("level-1", "signed in at level 1 only", Some((1, 5))),
            ("level-3", "signed in at level 3, just now", Some((3, 0))),
            ("old-sign-in", "signed in eleven hours ago", Some((2, 11 * 60))),
            ("no-sign-in", "signed in somehow, nobody says how", None),
        ];
        for (key, says, sign_in) in ways {
            let setting = Setting { sign_in, ..self.close() };
            self.add(About::Either, key, format!("on shift in the unit, on the treatment team, {says}"), setting);
        }
        let screens = [
            ("locked", "at level 3, behind their own locked screen", (SessionPresence::Locked, true)),
            ("unproved-device", "at level 3, at a device that did not prove itself", (SessionPresence::Present, false)),
        ];
        for (key, says, screen) in screens {
            let setting = Setting { sign_in: Some((3, 0)), screen: Some(screen), ..self.close() };
            let says = format!("on shift in the unit, on the treatment team, signed in {says}");
            self.add(About::Either, key, says, setting);
        }
        let silent = Setting { says: None, ..self.close() };
        self.add(
            About::Patient,
            "unsaid",
            "on shift in the unit, on the treatment team, and nothing is said of how it is done (no scan, no witness)",
            silent,
        );
        let denied = Setting { says: Some(false), ..self.close() };
        self.add(
            About::Patient,
            "said-no",
            "on shift in the unit, on the treatment team, and what is said of how it is done is no (the wristband did not match, nobody watches)",
            denied,
        );
        let research = Setting { purpose: "HRESCH", ..self.close() };
        self.add(
            About::Patient,
            "research",
            "on shift in the unit, on the treatment team, for research rather than care",
            research,
        );
    }

    fn devices(&mut self) {
        let device =
            |kind, managed, posture| Setting { device: Some(Device { kind, managed, posture }), ..self.close() };
        let healthy = Some(Posture::Healthy);
        let kinds = [DeviceKind::Laptop, DeviceKind::Mobile, DeviceKind::Medical, DeviceKind::Server];
        let mut all = vec![
            ("unmanaged-device".to_owned(), "a device the hospital does not manage", {
                device(DeviceKind::Workstation, false, healthy)
            }),
            ("failed-device".to_owned(), "a device that failed its check", {
                device(DeviceKind::Workstation, true, Some(Posture::Failed))
            }),
            ("unchecked-device".to_owned(), "a device nobody has checked", {
                device(DeviceKind::Workstation, true, None)
            }),
        ];
        for kind in kinds {
            all.push((format!("{}-device", kind.as_str()), kind_says(kind), device(kind, true, healthy)));
        }
        let mobile = device(DeviceKind::Mobile, true, healthy);
        let mobile = Setting { sign_in: Some((2, 90)), ..mobile };
        all.push((
            "mobile-device-old-sign-in".to_owned(),
            "a phone or tablet, signed in an hour and a half ago",
            mobile,
        ));
        all.push(("no-device".to_owned(), "no known device", Setting { device: None, ..self.close() }));
        for (key, says, setting) in all {
            self.add(About::Either, key, format!("on shift in the unit, on the treatment team, at {says}"), setting);
        }
        for unit in self.basis.devices {
            let setting = Setting {
                work: Work::In(unit.clone()),
                device_at: Some(self.basis.places.elsewhere.clone()),
                ..self.team()
            };
            let says = format!("on shift in {unit}, on the treatment team, at a workstation of another unit");
            self.add(About::Patient, format!("device-away-from-{unit}"), says, setting);
        }
    }

    fn labels(&mut self) {
        for (label, title) in self.basis.labels {
            let labels = vec![label.clone()];
            let mut glass = self.in_unit();
            glass.held.break_glass = true;
            let ways = [
                ("in-unit", "on shift in the unit where the patient is", self.in_unit()),
                ("team", "on the treatment team", self.team()),
                ("on-call", "on call for the unit where the patient is", self.called()),
                ("performing", "asked to do what was ordered for the patient, on shift elsewhere", self.performing()),
                ("family", "of the patient's family", self.family()),
                ("glass", "on shift in the unit where the patient is, the glass broken", glass),
            ];
            for (key, says, setting) in ways {
                let setting = Setting { labels: labels.clone(), ..setting };
                self.add(
                    About::Patient,
                    format!("label-{label}-{key}"),
                    format!("{says}; the record is labelled “{title}”"),
                    setting,
                );
            }
            for (_, unit) in self.basis.labelled.iter().filter(|(named, _)| named == label) {
                let there = [
                    ("in", "on shift in", Work::In(unit.clone())),
                    ("on-call", "on call for", Work::OnCallFor(unit.clone())),
                ];
                for (key, says, work) in there {
                    let (bed, labels) = (Bed::In(unit.clone()), labels.clone());
                    self.add(
                        About::Patient,
                        format!("label-{label}-{key}-{unit}"),
                        format!("{says} {unit}, where the patient is; the record is labelled “{title}”"),
                        Setting { work, bed, labels, ..self.in_unit() },
                    );
                }
            }
        }
    }

    fn held(&mut self) {
        let glass = |mut setting: Setting| {
            setting.held.break_glass = true;
            setting
        };
        let vouched = |mut setting: Setting| {
            setting.held.vouched = true;
            setting
        };
        let own = Ties { own: true, ..Ties::default() };
        let failed = Some(Device { kind: DeviceKind::Workstation, managed: true, posture: Some(Posture::Failed) });
        let all = [
            ("glass", "on shift in another unit, the glass broken", glass(self.elsewhere())),
            ("glass-off-shift", "not on shift, the glass broken", glass(self.off())),
            ("glass-own-record", "the patient, the glass broken", glass(self.own(own))),
            (
                "glass-family-record",
                "of the patient's family, the glass broken",
                glass(self.own(Ties { family: true, ..Ties::default() })),
            ),
            (
                "glass-failed-device",
                "on shift in the unit at a device that failed its check, the glass broken",
                glass(Setting { device: failed, ..self.in_unit() }),
            ),
            (
                "vouched",
                "on shift in the unit, signed in at level 1, a colleague vouches",
                vouched(Setting { sign_in: Some((1, 5)), ..self.in_unit() }),
            ),
            ("vouched-elsewhere", "on shift in another unit, a colleague vouches", vouched(self.elsewhere())),
        ];
        for (key, says, setting) in all {
            self.add(
                if key.starts_with("glass") && key != "glass" { About::Patient } else { About::Either },
                key,
                says,
                setting,
            );
        }
        for (entitlement, title) in self.basis.entitlements {
            let mut strong = Setting { sign_in: Some((3, 0)), shares_label: true, ..self.elsewhere() };
            strong.held.elevations.insert(entitlement.clone());
            let weak = Setting { sign_in: Some((2, 5)), shares_label: false, ..strong.clone() };
            self.add(
                About::Either,
                format!("entitled-{entitlement}"),
                format!("on shift in another unit, with the entitlement “{title}”"),
                weak,
            );
            self.add(
                About::Either,
                format!("entitled-{entitlement}-supplier-earlier"),
                format!("a supplier's own account, with the entitlement “{title}”, signed in at level 3 a quarter of an hour ago"),
                Setting { account: Account::Supplier, sign_in: Some((3, 15)), ..strong.clone() },
            );
            self.add(
                About::Either,
                format!("entitled-{entitlement}-level-3"),
                format!(
                    "on shift in another unit, with the entitlement “{title}”, of the supplier if it has one, signed in at level 3"
                ),
                strong,
            );
        }
    }

    fn troubles(&mut self) {
        let close = self.close();
        let all = [
            ("emergency", About::Either, "on shift in a unit in an emergency, without any tie to the patient", {
                Setting { emergency: true, ..self.elsewhere() }
            }),
            ("emergency-off-shift", About::Either, "not on shift, at a device of a unit in an emergency", {
                Setting { emergency: true, ..self.off() }
            }),
            ("emergency-expecting", About::Patient, "on shift in a unit in an emergency that expects the patient", {
                let (here, elsewhere) = (self.basis.places.here.clone(), self.basis.places.elsewhere.clone());
                Setting { emergency: true, bed: Bed::Expected(here, elsewhere), ..self.in_unit() }
            }),
            ("patients-unheard", About::Either, "on shift in the unit, while the patient feed is silent", {
                Setting { adt_silent: true, ..self.in_unit() }
            }),
            ("rota-unheard", About::Either, "on shift in the unit, while the rota is silent", {
                Setting { rota_silent: true, ..self.in_unit() }
            }),
            ("unheard-team", About::Patient, "on the treatment team, while both feeds are silent", {
                Setting { adt_silent: true, rota_silent: true, ..self.team() }
            }),
            (
                "supplier-account",
                About::Either,
                "on shift in the unit, on the treatment team, with a supplier's account",
                { Setting { account: Account::Supplier, ..close.clone() } },
            ),
            (
                "patient-account",
                About::Either,
                "on shift in the unit, on the treatment team, with a patient's account",
                { Setting { account: Account::Patient, ..close.clone() } },
            ),
            ("own-patient-account", About::Patient, "the patient, with a patient's account", {
                let own = Ties { own: true, ..Ties::default() };
                Setting { account: Account::Patient, work: Work::Off, ..self.own(own) }
            }),
            (
                "wrong-account",
                About::Either,
                "on shift in the unit, on the treatment team, with an account that is registered as something else",
                { Setting { account: Account::OtherSort, ..close.clone() } },
            ),
            (
                "ended-account",
                About::Either,
                "on shift in the unit, on the treatment team, with an account that has ended",
                { Setting { account: Account::Ended, ..close.clone() } },
            ),
            ("unregistered", About::Either, "nobody the hospital knows", {
                Setting { account: Account::Unregistered, ..close }
            }),
        ];
        for (key, about, says, setting) in all {
            self.add(about, key, says, setting);
        }
    }
}

const fn kind_says(kind: DeviceKind) -> &'static str {
    match kind {
        DeviceKind::Workstation => "a workstation",
        DeviceKind::Laptop => "a laptop",
        DeviceKind::Mobile => "a phone or tablet",
        DeviceKind::Medical => "a medical device",
        DeviceKind::Server => "a server",
    }
}
