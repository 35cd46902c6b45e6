//! Who is at the workstation?
//!
//! - [`operator`]: people who work with Handrail itself: one-use sign-in links, their sessions, and the extractors that put an operator's
//!   authority into a signature.
//! - [`figures`]: how signing in goes, counted.
//! - [`provisional`]: by name alone, in an emergency.
//! - [`point`]: the point of care: what every slice below hangs on, the cookie that lives a minute, and who a request comes from.
//! - [`workstation`]: enrolling one by a code, its device key, and the renewal of the cookie.
//! - [`enrolment`]: invitations, and registering authenticators.
//! - [`fallback`]: what to do when a key, a reader, a workstation, a provider or the network does not work.
//! - [`federation`]: somebody else says who is here, by OpenID Connect; the charter says what that is worth.
//! - [`desktop`]: the desktop around the browser, its lock screen and `sudo`.
//! - [`passkey`]: the two ceremonies of WebAuthn.
//! - [`recovery`]: the ways back in for those who cannot sign in.
//! - [`session`]: signing in, locking, coming back, going on elsewhere, stepping up, ending.
//! - [`badge`]: numbers that say who somebody is and prove nothing, and the badge that was taken away.
//! - [`vouching`]: a colleague stands up for somebody whose key fails.
//! - [`hand_over`]: the end of a shift.
//! - [`attempt`]: every try, measured, and how many there may be.
//! - [`slip`]: one-use secrets.

pub mod attempt;
pub mod badge;
pub mod desktop;
pub mod enrolment;
pub mod fallback;
pub mod federation;
pub mod figures;
pub mod hand_over;
pub mod operator;
mod origin;
pub mod passkey;
pub mod point;
pub mod provisional;
pub mod recovery;
pub mod review;
pub mod session;
pub mod slip;
mod token;
pub mod vouching;
pub mod workstation;
