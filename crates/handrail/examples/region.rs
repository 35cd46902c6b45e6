//! Fills a new data directory with a made-up region, as feeds and callers would, so that a node can be started on it: staff, shifts, patients
//! with their stays, and permits that stay live. Everything goes through the plane that a node runs on: recorded, sealed and folded; numbers
//! through the directory; permits by the charter's own decision. Only the listeners are left out, for they would take minutes.
//!
//! `cargo run --release -p handrail --example region -- DIR CHARTER [HOSPITALS STAFF PATIENTS PERMITS]`
#![expect(clippy::print_stdout, reason = "an example says what it does")]

use charter::Charter;
use events::decision::{Asserted, Question};
use events::encounter::{Closed, Opened, Place, Presence};
use events::{
    Actor, CallerName, Draft, EntityRef, Event, FeedName, PatientPseudonym, PrincipalId, Seq, Source, Timestamp, UnitId,
};
use hospital::{Region, RegionSize, Site, Visit};
use plane::{Ask, Clock as _, Plane, Settings, SystemClock};
use serde_json::json;
use std::collections::HashMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use store::{Batch, SNAPSHOT_ENTRIES, Search};
use tokio::task::JoinSet;

/// The allocator of the real binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

const SEED: u64 = 7;
/// The feed that tells who is where.
const ADT: &str = "adt";
/// Entries recorded together: many, for the numbers of new patients go into an index in no order, and each commit writes the pages it touched.
const TOGETHER: usize = 9_000;
/// Batches on their way at once.
const BATCHES_WAITING: usize = 3;
/// Requests on their way at once.
const REQUESTS_WAITING: usize = 256;
/// Who asks for the permits, in turn, for one caller may hold only half of a node's.
const CALLERS: [&str; 2] = ["ehr", "bedside"];
/// How many entries the newest snapshot does not have: half of what a node lets come together.
const AFTER_SNAPSHOT: u64 = SNAPSHOT_ENTRIES / 2;
/// How long the search file and the snapshot may take to come after the log.
const FOLLOW_MAX: Duration = Duration::from_secs(300);

#[tokio::main]
async fn main() -> Outcome {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [dir, charter, sizes @ ..] = words.as_slice() else { return Err("give a directory and a charter".into()) };
    let sizes: Vec<usize> = sizes.iter().map(|word| word.parse()).collect::<Result<_, _>>()?;
    let (size, permits) = match sizes.as_slice() {
        [] => (RegionSize::FULL, 100_000),
        [hospitals, staff, patients, permits] => {
            (RegionSize { hospitals: *hospitals, staff: *staff, patients: *patients, ..RegionSize::FULL }, *permits)
        }
        _ => return Err("give all four sizes or none".into()),
    };
    let dir = PathBuf::from(dir);
    let charter = Charter::load(Path::new(charter)).map_err(|found| format!("the charter has problems: {found:?}"))?;
    let origin = charter.hospital().origin.to_string();
    let region = Region::new(SEED, size, SystemClock.now(), "Europe/London")?;
    // One snapshot when all but the last entries are there, as the newest one of a node that has made twenty would be.
    let snapshot_entries = Some((entries(&region, size, permits) - AFTER_SNAPSHOT.min(permits as u64)).max(1));
    let settings = Settings { snapshot_entries, ..Settings::new(Arc::new(SystemClock), origin) };
    let open = {
        let dir = dir.clone();
        move || Plane::open(&dir, Some(charter), settings)
    };
    let plane = tokio::task::spawn_blocking(open).await??;
    let search = Search::start(&dir, plane.store().clone())?;
    let mut live = 0;
    for (number, site) in region.sites().enumerate() {
        let in_house = tell(&plane, &site).await?;
        let wanted = permits * (number + 1) / size.hospitals.max(1);
        live += permit(&plane, &site, in_house, wanted - live).await?;
        println!("{}: {} entries, {live} live permits", site.name(), plane.store().head().next);
    }
    if live < permits {
        return Err(format!("only {live} permits of {permits} were given").into());
    }
    plane.store().seal().await?;
    let entries = plane.store().head().next;
    let follow = tokio::task::spawn_blocking(move || search.wait_until(entries, FOLLOW_MAX));
    if !follow.await? {
        return Err("the search file does not follow".into());
    }
    let kept = snapshot(&dir, entries).await?;
    println!("{entries} entries, the newest snapshot over {kept} of them");
    plane.store().closed().await;
    Ok(())
}

/// How many entries there will be.
fn entries(region: &Region, size: RegionSize, permits: usize) -> u64 {
    let people: usize = region.sites().map(|site| site.staff().count() + site.shifts().len()).sum();
    let stays = 2 * size.patients - size.patients / size.in_house_one_in;
    (people + stays + permits) as u64
}

/// What feeds tell of one hospital. Who is in the house, by unit.
async fn tell(plane: &Plane, site: &Site) -> Outcome<HashMap<UnitId, Vec<PatientPseudonym>>> {
    let (people, rota, adt) = (FeedName::new("people")?, FeedName::new("rota")?, FeedName::new(ADT)?);
    let staff = site.staff().map(|member| Draft::new(Actor::feed(&people), member));
    let shifts = site.shifts().iter().map(|shift| Draft::new(Actor::feed(&rota), shift.clone()));
    let drafts: Vec<Draft> = staff.chain(shifts).collect();
    let mut tasks = JoinSet::new();
    for some in drafts.chunks(TOGETHER) {
        record(plane, Batch::of(some.to_vec()), &mut tasks).await?;
    }
    let mut in_house: HashMap<UnitId, Vec<PatientPseudonym>> = HashMap::new();
    let mut batch = Batch::default();
    for visit in site.visits() {
        let patient = admit(plane, &adt, &visit, &mut batch);
        if visit.closed_at.is_none() {
            in_house.entry(visit.unit).or_default().push(patient);
        }
        if batch.drafts.len() >= TOGETHER {
            record(plane, std::mem::take(&mut batch), &mut tasks).await?;
        }
    }
    record(plane, batch, &mut tasks).await?;
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(in_house)
}

/// One stay, as an admission system tells it, with its numbers.
fn admit(plane: &Plane, adt: &FeedName, visit: &Visit, batch: &mut Batch) -> PatientPseudonym {
    let patient = plane.directory().patient_or_new(&visit.record);
    let encounter = plane.directory().encounter_or_new(&visit.visit);
    batch.writes.extend([patient.write, encounter.write].into_iter().flatten());
    let (patient, encounter) = (patient.pseudonym, encounter.pseudonym);
    let opened = Opened {
        encounter,
        patient,
        class: visit.class,
        presence: Presence::Present,
        place: Place { unit: visit.unit.clone(), room: None, bed: None },
        attending: visit.attending.iter().cloned().collect(),
        participants: Vec::new(),
    };
    let mut happened = |at: Timestamp, message: String, event: Event| {
        let source = Source { feed: adt.clone(), message: message.into() };
        let told = Draft::new(Actor::feed(adt), event);
        batch.drafts.push(Draft { occurred_at: Some(at), source: Some(source), ..told });
    };
    happened(visit.opened_at, format!("{}-A01", visit.visit), opened.into());
    if let Some(at) = visit.closed_at {
        happened(at, format!("{}-A03", visit.visit), Closed { encounter, patient }.into());
    }
    patient
}

/// Records a batch, a few of them at once.
async fn record(plane: &Plane, batch: Batch, tasks: &mut JoinSet<Result<(), store::AppendError>>) -> Outcome {
    if tasks.len() >= BATCHES_WAITING
        && let Some(done) = tasks.join_next().await
    {
        done??;
    }
    let plane = plane.clone();
    tasks.spawn(async move { plane.record(batch).await.map(drop) });
    Ok(())
}

/// Nurses on shift open the charts of those in their unit. How many permits stay live.
async fn permit(
    plane: &Plane,
    site: &Site,
    in_house: HashMap<UnitId, Vec<PatientPseudonym>>,
    wanted: usize,
) -> Outcome<usize> {
    let mut nurses: HashMap<&UnitId, Vec<&PrincipalId>> = HashMap::new();
    for (person, unit) in site.on_shift("nurse", plane.now()) {
        nurses.entry(unit).or_default().push(person);
    }
    let pairs = in_house.iter().flat_map(|(unit, patients)| {
        let here = nurses.get(unit).map_or(&[][..], Vec::as_slice);
        patients.iter().flat_map(move |patient| here.iter().map(move |nurse| (*nurse, *patient)))
    });
    let mut tasks: JoinSet<Result<bool, plane::DecideError>> = JoinSet::new();
    let mut given = 0;
    for (number, (nurse, patient)) in pairs.take(wanted).enumerate() {
        if tasks.len() >= REQUESTS_WAITING
            && let Some(done) = tasks.join_next().await
        {
            given += usize::from(done??);
        }
        let caller = CALLERS.get(number % CALLERS.len()).copied().unwrap_or_default();
        let ask = Ask {
            question: question(nurse, patient)?,
            actor: Actor::caller(&CallerName::new(caller)?),
            request: None,
            live: true,
        };
        let plane = plane.clone();
        tasks.spawn(async move { plane.decide(ask).await.map(|answer| answer.permits()) });
    }
    while let Some(done) = tasks.join_next().await {
        given += usize::from(done??);
    }
    Ok(given)
}

fn question(nurse: &PrincipalId, patient: PatientPseudonym) -> Outcome<Question> {
    let entity =
        |kind: &str, id: &str| -> Outcome<EntityRef> { Ok(EntityRef { kind: kind.parse()?, id: id.parse()? }) };
    let session = json!({ "level": 2, "age_minutes": 1, "method": "passkey" });
    Ok(Question {
        session: None,
        principal: entity("Person", nurse.as_str())?,
        action: "read_chart".parse()?,
        resource: entity("Patient", &patient.to_string())?,
        workflow: None,
        asserted: Asserted { context: [("session".to_owned(), session)].into(), ..Asserted::default() },
    })
}

/// Waits until a snapshot is as new as a node keeps it. Over how many entries it is.
async fn snapshot(dir: &Path, entries: Seq) -> Outcome<u64> {
    let least = entries.0.saturating_sub(SNAPSHOT_ENTRIES);
    let newest = || {
        let files = std::fs::read_dir(dir.join("snapshots")).ok()?;
        let over = |name: std::ffi::OsString| name.to_str()?.strip_suffix(".snapshot")?.parse::<u64>().ok();
        files.flatten().filter_map(|file| over(file.file_name())).max()
    };
    for _ in 0..FOLLOW_MAX.as_secs() {
        match newest() {
            Some(over) if over >= least => return Ok(over),
            None if least == 0 => return Ok(0),
            _ => tokio::time::sleep(Duration::from_secs(1)).await,
        }
    }
    Err("no snapshot follows".into())
}
