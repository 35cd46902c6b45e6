//! Workstations: a browser that proves which one it is, by a key that it cannot give away.
//!
//! Clinical IT makes a one-use [code](issue_code) for a registered device; whoever opens it in a browser makes that browser the workstation.
//! From then on its cookie counts for a minute, and only a [proof] of its key gives it the next. A copied cookie is worth what is left of that
//! minute; that somebody showed one and could not prove it is recorded as a sign ([`Unproven`]).

mod page;
pub mod proof;
mod routes;
mod unproven;

pub use proof::{Nonces, is_key};
pub use routes::routes;
pub(crate) use routes::{Enrolment, enrolled};
pub use unproven::Unproven;

use crate::slip::{Errand, Slip};
use events::workstation::CodeIssued;
use events::{Actor, DeviceId, Draft};
use plane::Plane;
use std::time::Duration;
use store::{AppendError, Batch};

/// A code that nobody used within this is worthless.
pub const CODE_LIFETIME: Duration = Duration::from_secs(60 * 60);

/// Where a code leads.
pub const WORKSTATION_PATH: &str = "/workstation";

/// Why there is no code.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CodeError {
    /// The device is not registered, or out of use.
    #[error("no device `{0}` is in use; register it first")]
    NoSuchDevice(DeviceId),
    /// It could not be recorded.
    #[error("the code could not be recorded")]
    Record(#[from] AppendError),
}

/// Makes a one-use code for a registered device, in place of any other there was for it.
///
/// # Errors
/// When no such device is in use, or it could not be recorded; then there is no code.
pub async fn issue_code(plane: &Plane, device: &DeviceId, by: Actor) -> Result<Slip, CodeError> {
    if plane.world(|world| world.device(device)).is_none() {
        return Err(CodeError::NoSuchDevice(device.clone()));
    }
    let now = plane.now();
    let slip = Slip::new(Errand::Workstation, now + CODE_LIFETIME);
    let issued = CodeIssued { device: device.clone(), slip: slip.id().clone(), good_until: slip.good_until };
    let draft = Draft { device: Some(device.clone()), ..Draft::new(by, issued) };
    plane.record(slip.with(Batch::one(draft), device.as_str(), now)).await?;
    Ok(slip)
}
