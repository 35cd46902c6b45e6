//! `handrail dev`: everything in one process on loopback, with a small hospital that lives.

mod banner;
mod life;
mod starter;

use super::caller::load;
use super::failure::Failure;
use super::output::Output;
use super::serve::stop_on_signal;
use crate::cli::Dev;
use crate::config::Config;
use crate::server::local::told;
use crate::server::logging;
use crate::server::node::Node;
use banner::{Banner, Example};
use events::device::DeviceKind;
use events::{Actor, CallerName, Draft, OperatorId, Timestamp, team};
use hospital::{Day, Hospital, Size};
use pages::Environment;
use plane::Plane;
use signin::enrolment::{Evidence, INVITATION_PATH, InviteError};
use signin::workstation::WORKSTATION_PATH;
use std::path::PathBuf;
use std::sync::Arc;
use store::Batch;

/// Who the console's sign-in link is for.
const OPERATOR: &str = "dev-operator";
/// The calling system whose token is printed.
const CALLER: &str = "ehr";
/// Drafts recorded together while the hospital is set up.
const SETUP_DRAFTS_MAX: usize = 500;

/// Runs it until interrupted.
pub(crate) async fn run(args: Dev) -> Result<(), Failure> {
    if !args.listen.ip().is_loopback() || !args.mllp.ip().is_loopback() {
        return Err(Failure::local(
            "`handrail dev` is for looking around and listens on loopback only; use `handrail serve` for more",
        ));
    }
    logging::start(crate::cli::LogFormat::Text, "warn");
    let (data, temporary) = data_directory(args.data)?;
    let charter = match &args.charter {
        Some(dir) => load(dir)?,
        None => starter::charter()?,
    };
    let zone = charter.hospital().time_zone.clone();
    let config = Config::from_options(data.clone(), None, args.listen, Some(args.mllp), None, false);
    let node = Node::open(&config, Some(charter), Environment::Development).await?;
    let (plane, callers, base_url) = (node.plane.clone(), node.callers.clone(), Arc::clone(&node.base_url));
    let mllp = node.mllp_address().ok_or_else(|| Failure::local("no MLLP listener"))?;
    let stop = stop_on_signal()?;
    let running = tokio::spawn(node.run(stop.clone()));

    let now = plane.now();
    let hospital = Arc::new(Hospital::new(args.seed, Size::SMALL, now, &zone.to_string())?);
    settle(&plane, &hospital).await?;
    let mut day = Day::new(Arc::clone(&hospital), now);
    let mut feed = life::Feed::connect(mllp).await?;
    for step in day.census() {
        feed.send(&step.message).await?;
    }
    let example = example(&plane, &hospital, &day, now).await?;
    let token = callers.add(CallerName::new(CALLER)?, Actor::handrail("dev")).await?;
    let link = signin::operator::issue_link(&plane, OperatorId::new(OPERATOR)?, Actor::handrail("dev")).await?;
    let bedside = bedside(&plane, &example, &base_url).await?;
    let banner = Banner {
        hospital: plane.engine().charter().hospital().name.clone(),
        base_url: &base_url,
        mllp,
        data: &data,
        temporary: temporary.is_some(),
        link: format!("{base_url}{}", link.path.as_str()),
        bedside,
        token: token.text.as_str(),
        example,
        people: hospital.staff().len(),
        patients: day.truth().stays().count(),
    };
    Output::new(false).raw(banner.text().as_bytes())?;
    if args.pace > 0 {
        let living = life::live(day, feed, std::time::Duration::from_secs(args.pace), plane.clone(), stop.clone());
        tokio::spawn(async move {
            if let Err(error) = living.await {
                tracing::warn!(error = told(&error), "the hospital's day ended");
            }
        });
    }
    running.await??;
    drop(temporary);
    Ok(())
}

/// The directory to keep data in; a temporary one is removed at the end.
fn data_directory(given: Option<PathBuf>) -> Result<(PathBuf, Option<tempfile::TempDir>), Failure> {
    match given {
        Some(dir) => Ok((dir, None)),
        None => {
            let temporary = tempfile::Builder::new().prefix("handrail-dev-").tempdir()?;
            Ok((temporary.path().join("data"), Some(temporary)))
        }
    }
}

/// Tells the node who works here, when, and at which devices.
async fn settle(plane: &Plane, hospital: &Hospital) -> Result<(), Failure> {
    let by = || Actor::handrail("dev");
    let mut drafts: Vec<Draft> = hospital.principals().map(|person| Draft::new(by(), person)).collect();
    drafts.extend(hospital.shifts().iter().map(|shift| Draft::new(by(), shift.clone())));
    drafts.extend(hospital.devices().iter().map(|device| Draft::new(by(), device.clone())));
    drafts.extend(hospital.postures().iter().map(|posture| Draft::new(by(), posture.clone())));
    for some in drafts.chunks(SETUP_DRAFTS_MAX) {
        plane.record(Batch::of(some.to_vec())).await?;
    }
    Ok(())
}

/// A code for the nurse's workstation and an invitation for her, as links.
async fn bedside(plane: &Plane, example: &Example, base_url: &str) -> Result<(String, String), Failure> {
    let by = || Actor::handrail("dev");
    let code = signin::workstation::issue_code(plane, &example.nurse_device.parse()?, by()).await?;
    // A charter of the hospital's own may let others invite.
    let evidence = Evidence { voucher: example.lead.parse()?, checked: "everything is made up".into(), proofing: 3 };
    let invitation = match signin::enrolment::invite(plane, &example.nurse.parse()?, evidence, by()).await {
        Ok(slip) => format!("{base_url}{INVITATION_PATH}/{}", *slip.text()),
        Err(error @ InviteError::Record(_)) => return Err(error.into()),
        Err(no) => format!("(no invitation: {no})"),
    };
    Ok((format!("{base_url}{WORKSTATION_PATH}/{}", *code.text()), invitation))
}

/// Two nurses and a patient: one looks after the patient, the other works elsewhere. The first is put on the patient's team, so that the example
/// holds when the patient moves.
async fn example(plane: &Plane, hospital: &Hospital, day: &Day, now: Timestamp) -> Result<Example, Failure> {
    let missing = || Failure::local("this seed makes a hospital without an example; take another --seed");
    let plain = |record: &str| {
        hospital.patients().iter().any(|patient| patient.record == record && !patient.vip && !patient.child)
    };
    let (stay, unit, nurse) = day
        .truth()
        .stays()
        .filter(|stay| plain(&stay.record))
        .find_map(|stay| {
            let unit = stay.unit().filter(|unit| unit.as_str() == "ED" || unit.as_str().starts_with("WARD"))?;
            Some((stay, unit, hospital.on_shift(unit, "nurse", now).into_iter().next()?))
        })
        .ok_or_else(missing)?;
    let elsewhere = ["PAEDS", "PSYCH", "ICU"].into_iter().filter_map(|unit| unit.parse().ok()).collect::<Vec<_>>();
    let stranger = elsewhere
        .iter()
        .filter(|other| *other != unit)
        .find_map(|other| hospital.on_shift(other, "nurse", now).into_iter().next());
    let stranger = stranger.ok_or_else(missing)?;
    let workstation = |of: &events::UnitId| {
        let healthy = |id: &events::DeviceId| {
            hospital.postures().iter().any(|p| p.device == *id && p.posture == events::device::Posture::Healthy)
        };
        let fits = |d: &&events::device::Registered| {
            d.kind == DeviceKind::Workstation && d.unit.as_ref() == Some(of) && healthy(&d.device)
        };
        hospital.devices().iter().find(fits).map(|device| device.device.to_string())
    };
    let leads = |unit: &events::UnitId| hospital.on_shift(unit, "charge_nurse", now).into_iter().next();
    let lead = leads(unit).or_else(|| leads(&stranger.unit)).ok_or_else(missing)?;
    let joined =
        team::Joined { patient: plane.directory().patient(&stay.record), person: nurse.id.clone(), until: None };
    plane.record(Batch::one(Draft::new(Actor::handrail("dev"), joined))).await?;
    Ok(Example {
        patient: stay.record.clone(),
        unit: unit.to_string(),
        nurse: nurse.id.to_string(),
        nurse_name: nurse.name.to_string(),
        lead: lead.id.to_string(),
        nurse_device: workstation(unit).ok_or_else(missing)?,
        stranger: stranger.id.to_string(),
        stranger_name: stranger.name.to_string(),
        stranger_unit: stranger.unit.to_string(),
        stranger_device: workstation(&stranger.unit).ok_or_else(missing)?,
    })
}
