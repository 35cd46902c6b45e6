//! The made-up hospital holds together: repeatable, staffed around the clock, and its messages tell its truth.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use events::Timestamp;
use hospital::{Day, Hospital, Region, RegionSize, Site, Size, Step, StepKind, UNITS};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

fn start() -> Timestamp {
    "2026-11-22T07:30:00Z".parse().unwrap()
}

fn house(seed: u64) -> Arc<Hospital> {
    Arc::new(Hospital::new(seed, Size::SMALL, start(), "Europe/London").unwrap())
}

fn day(seed: u64, steps: usize) -> (Day, Vec<Step>) {
    let mut day = Day::new(house(seed), start());
    let mut all = day.census();
    all.extend(day.by_ref().take(steps));
    (day, all)
}

#[test]
fn the_same_seed_gives_the_same_hospital_and_day() {
    let ((_, one), (_, same), (_, other)) = (day(7, 300), day(7, 300), day(8, 300));
    assert_eq!(one, same);
    assert_ne!(one, other);
    assert_eq!(house(7).rota_csv(), house(7).rota_csv());
}

#[test]
fn every_unit_has_everyone_it_needs_at_every_hour() {
    let hospital = house(1);
    for hour in 0..72 {
        let at = start() + Duration::from_secs(hour * 3_600);
        for unit in &UNITS {
            for role in unit.roles {
                assert!(!hospital.on_shift(&unit.unit_id(), role, at).is_empty(), "{role} in {} at {at}", unit.id);
            }
        }
    }
    assert!(hospital.shifts().iter().any(|shift| shift.on_call));
    assert!(hospital.shifts().iter().all(|shift| shift.until.since(shift.from) <= Duration::from_secs(13 * 3_600)));
}

#[test]
fn nobody_and_nothing_comes_twice() {
    let hospital = house(3);
    let unique = |ids: Vec<String>| ids.iter().collect::<BTreeSet<_>>().len() == ids.len();
    assert!(unique(hospital.principals().map(|who| who.principal.to_string()).collect()));
    assert!(unique(hospital.staff().iter().map(|member| member.code.to_string()).collect()));
    assert!(unique(hospital.shifts().iter().map(|shift| shift.shift.to_string()).collect()));
    assert!(unique(hospital.devices().iter().map(|device| device.device.to_string()).collect()));
    assert!(unique(hospital.patients().iter().map(|patient| patient.record.clone()).collect()));
    let (_, steps) = day(3, 2_000);
    assert!(unique(steps.iter().map(|step| step.control_id.clone()).collect()));
    assert!(steps.windows(2).all(|pair| pair[0].at < pair[1].at));
}

#[test]
fn the_house_neither_fills_nor_empties_and_everything_happens() {
    let (day, steps) = day(5, 4_000);
    let kinds: BTreeMap<StepKind, usize> = steps.iter().fold(BTreeMap::new(), |mut kinds, step| {
        *kinds.entry(step.kind).or_default() += 1;
        kinds
    });
    assert_eq!(kinds.len(), 13, "{kinds:?}");
    let present = day.truth().stays().count();
    assert!((20..120).contains(&present), "{present} in the house");
}

/// What a reader of the messages alone, who knows nothing else, takes to be so.
#[derive(Default)]
struct Reader {
    /// Visit → record, and places with whether the patient is there.
    stays: BTreeMap<String, (String, Vec<(String, bool)>)>,
    left: BTreeMap<String, (String, Vec<(String, bool)>)>,
}

impl Reader {
    fn read(&mut self, message: &str) {
        let fields: BTreeMap<&str, Vec<&str>> = message
            .split('\r')
            .map(|line| line.split('|').collect::<Vec<_>>())
            .map(|fields| (fields[0], fields))
            .collect();
        let first = |segment: &str, field: usize| {
            fields
                .get(segment)
                .and_then(|fields| fields.get(field))
                .and_then(|field| field.split('^').next())
                .unwrap_or("")
                .to_owned()
        };
        let trigger = fields["MSH"][8].split('^').nth(1).unwrap();
        let (record, visit, code) = (first("PID", 3), first("PV1", 19), first("PV1", 3));
        let place = |there| (UNITS.iter().find(|unit| unit.code == code).map_or("", |unit| unit.id).to_owned(), there);
        match trigger {
            "A01" | "A04" => drop(self.stays.insert(visit, (record, vec![place(true)]))),
            "A05" => drop(self.stays.insert(visit, (record, vec![place(false)]))),
            "A02" => self.stays.get_mut(&visit).unwrap().1.push(place(true)),
            "A03" => drop(self.left.insert(visit.clone(), self.stays.remove(&visit).unwrap())),
            "A11" => drop(self.stays.remove(&visit).unwrap()),
            "A12" => drop(self.stays.get_mut(&visit).unwrap().1.pop().unwrap()),
            "A13" => drop(self.stays.insert(visit.clone(), self.left.remove(&visit).unwrap())),
            "A40" => {
                let retired = first("MRG", 1);
                self.stays.values_mut().filter(|stay| stay.0 == retired).for_each(|stay| stay.0.clone_from(&record));
            }
            "A08" | "R01" => {}
            other => panic!("{other}"),
        }
    }
}

#[test]
fn whoever_reads_the_messages_knows_the_truth() {
    for seed in 0..4 {
        let mut day = Day::new(house(seed), start());
        let mut reader = Reader::default();
        for step in day.census() {
            reader.read(&step.message);
        }
        for _ in 0..1_500 {
            let step = day.next().unwrap();
            reader.read(&step.message);
            let truth: BTreeSet<_> = day
                .truth()
                .stays()
                .map(|stay| {
                    (
                        stay.record.clone(),
                        stay.unit().unwrap().to_string(),
                        stay.presence == events::encounter::Presence::Present,
                    )
                })
                .collect();
            let read: BTreeSet<_> = reader
                .stays
                .values()
                .map(|(record, places)| {
                    let (unit, there) = places.last().unwrap();
                    (record.clone(), unit.clone(), *there)
                })
                .collect();
            assert_eq!(truth, read, "after {step:?}");
        }
    }
}

#[test]
fn steps_in_real_time_carry_the_time_they_are_given() {
    let mut day = Day::new(house(2), start());
    day.census();
    let at = start() + Duration::from_secs(60);
    let (one, two) = (day.step_at(at), day.step_at(at));
    assert_eq!(one.at, at);
    assert!(two.at > one.at && two.at < at + Duration::from_secs(1));
    assert!(one.message.starts_with("MSH|^~\\&|HARBOUR-PAS|HGH|"));
}

#[test]
fn an_empty_house_without_staff_still_takes_people_in() {
    let size = Size { people_per_role: 0, patients: 0, inpatients: 0, workstations_per_unit: 0, rota_days: 0 };
    let mut day = Day::new(Arc::new(Hospital::new(1, size, start(), "UTC").unwrap()), start());
    assert!(day.census().is_empty());
    assert!(day.by_ref().take(50).all(|step| !step.message.is_empty()));
    assert!(day.truth().stays().any(|stay| stay.unknown));
    assert!(Hospital::new(1, size, start(), "Harbour/Quay").is_err());
}

fn region(seed: u64) -> Region {
    let size = RegionSize { hospitals: 3, staff: 500, patients: 1_000, in_house_one_in: 50 };
    Region::new(seed, size, start(), "Europe/London").unwrap()
}

#[test]
fn the_same_seed_gives_the_same_region_hospital_by_hospital() {
    let told = |region: &Region| -> Vec<_> {
        let site =
            |site: Site| (site.staff().collect::<Vec<_>>(), site.shifts().to_vec(), site.visits().collect::<Vec<_>>());
        region.sites().map(site).collect()
    };
    let one = told(&region(7));
    assert_eq!(one, told(&region(7)));
    assert_ne!(one, told(&region(8)));
    assert_eq!(one[2].2, region(7).site(2).visits().collect::<Vec<_>>(), "without the two before it");
}

#[test]
fn a_region_has_whom_it_was_asked_for_and_nobody_twice() {
    let (mut people, mut codes, mut records, mut visits) =
        <(BTreeSet<_>, BTreeSet<_>, BTreeSet<_>, BTreeSet<_>)>::default();
    let mut in_house = 0;
    for site in region(1).sites() {
        let staff: Vec<_> = site.staff().collect();
        let units: BTreeSet<_> = staff.iter().filter_map(|member| member.home_unit.clone()).collect();
        assert_eq!(units.len(), UNITS.len(), "everybody works somewhere in {}", site.name());
        assert!(site.shifts().iter().all(|shift| units.contains(&shift.unit)));
        let own: BTreeSet<_> = staff.iter().flat_map(|member| member.aliases.clone()).collect();
        for visit in site.visits() {
            assert!(units.contains(&visit.unit) && visit.attending.is_some_and(|code| own.contains(&code)));
            assert!(visit.closed_at.is_none_or(|closed| visit.opened_at < closed && closed < start()));
            in_house += usize::from(visit.closed_at.is_none());
            assert!(records.insert(visit.record) && visits.insert(visit.visit));
        }
        let (nurses, at) = (site.on_shift("nurse", start()).count(), start());
        assert!(nurses >= 7 && nurses < staff.len(), "{nurses} nurses at {at}");
        codes.extend(own);
        people.extend(staff.into_iter().map(|member| member.principal));
    }
    assert_eq!((people.len(), codes.len(), records.len(), in_house), (500, 500, 1_000, 21));
}
