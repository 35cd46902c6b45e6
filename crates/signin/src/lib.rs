//! Who is at the workstation? Today: the people who work with Handrail itself, and what passkeys and security keys prove.
//!
//! - [`federation`]: somebody else says who is here, by OpenID Connect; the charter says what that is worth.
//! - [`operator`]: one-use sign-in links, operators' sessions, and the extractors that put an operator's authority into a signature.
//! - [`passkey`]: the ceremonies of WebAuthn, and by which of the charter's methods somebody proved who they are.

pub mod federation;
pub mod operator;
pub mod passkey;
