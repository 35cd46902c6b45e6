//! Who works here.

use crate::units::UNITS;
use crate::{Random, names};
use events::principal::{IdentityClass, Registered};
use events::{PrincipalId, RoleName, UnitId};
use smol_str::SmolStr;
use std::collections::BTreeSet;

/// Somebody of the staff.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Who, such as `m.okonjo`.
    pub id: PrincipalId,
    /// What the admission system calls them (PV1-7), such as `D1004`.
    pub code: PrincipalId,
    /// Their name.
    pub name: SmolStr,
    /// Given and family name apart, as XCN wants them.
    pub(crate) given: &'static str,
    pub(crate) family: &'static str,
    /// Their role.
    pub role: &'static str,
    /// Where they work.
    pub unit: UnitId,
    /// Their place among those of the same role and unit.
    pub(crate) place: usize,
}

impl Member {
    /// As the people feed tells it.
    #[must_use]
    pub fn registered(&self) -> Registered {
        Registered {
            principal: self.id.clone(),
            class: IdentityClass::Staff,
            roles: RoleName::new(self.role).into_iter().collect(),
            name: Some(self.name.clone()),
            home_unit: Some(self.unit.clone()),
            aliases: vec![self.code.clone()],
            labels: Vec::new(),
        }
    }
}

/// The most charge nurses a unit has.
const CHARGE_NURSES_MAX: usize = 3;

/// How many people of each role make at least `wanted` of them, and few more.
pub(crate) fn people_per_role(wanted: usize) -> usize {
    let roles: usize = UNITS.iter().map(|unit| unit.roles.len()).sum();
    let led = UNITS.iter().filter(|unit| unit.roles.contains(&"nurse")).count();
    wanted.saturating_sub(led * CHARGE_NURSES_MAX).div_ceil(roles).max(CHARGE_NURSES_MAX)
}

pub(crate) fn staff(random: &mut Random, people_per_role: usize) -> Vec<Member> {
    let offset = random.number();
    let mut staff = Vec::new();
    let mut taken = BTreeSet::new();
    for unit in &UNITS {
        let leading = if unit.roles.contains(&"nurse") { &["charge_nurse"][..] } else { &[] };
        for role in unit.roles.iter().chain(leading) {
            // A charge nurse is needed on every shift, like everybody else, but there are fewer of them.
            let people = if *role == "charge_nurse" { people_per_role.min(CHARGE_NURSES_MAX) } else { people_per_role };
            for place in 0..people {
                let number = staff.len();
                let name = names::name(offset, number);
                let stem =
                    format!("{}.{}", names::plain(name.given).get(..1).unwrap_or("x"), names::plain(name.family));
                let id = (1..)
                    .map(|at| if at == 1 { stem.clone() } else { format!("{stem}{at}") })
                    .find(|id| taken.insert(id.clone()));
                let (Some(Ok(id)), Ok(code)) =
                    (id.map(|id| PrincipalId::new(&id)), PrincipalId::new(&format!("D{}", 1_001 + number)))
                else {
                    continue;
                };
                staff.push(Member {
                    id,
                    code,
                    name: smol_str::format_smolstr!("{} {}", name.given, name.family),
                    given: name.given,
                    family: name.family,
                    role,
                    unit: unit.unit_id(),
                    place,
                });
            }
        }
    }
    staff
}

/// Those who act and are no staff on a ward.
pub(crate) fn others() -> Vec<Registered> {
    const OTHERS: [(&str, IdentityClass, &str, &str); 9] = [
        ("e.analyst", IdentityClass::Staff, "ehr_analyst", "Ines Quillfeather"),
        ("e.approver", IdentityClass::Staff, "ehr_approver", "Marek Winterbourne"),
        ("larkfield-engineer", IdentityClass::Vendor, "vendor_engineer", "Odile Vandermeer (Larkfield)"),
        ("svc-pharmacy", IdentityClass::ServiceAccount, "pharmacy_interface", "Pharmacy interface"),
        ("svc-laboratory", IdentityClass::ServiceAccount, "laboratory_interface", "Laboratory interface"),
        ("svc-imaging", IdentityClass::ServiceAccount, "imaging_interface", "Imaging interface"),
        ("scribe-1", IdentityClass::Agent, "ambient_scribe", "AI scribe"),
        ("pump-WARD-3A-1", IdentityClass::Device, "infusion_pump", "Infusion pump, ward 3A"),
        ("pump-ICU-1", IdentityClass::Device, "infusion_pump", "Infusion pump, intensive care"),
    ];
    OTHERS
        .iter()
        .filter_map(|(id, class, role, name)| {
            Some(Registered {
                principal: PrincipalId::new(id).ok()?,
                class: *class,
                roles: vec![RoleName::new(role).ok()?],
                name: Some(SmolStr::new_static(name)),
                home_unit: None,
                aliases: Vec::new(),
                labels: Vec::new(),
            })
        })
        .collect()
}
