//! What has the hospital decided? A directory of reviewed files becomes one validated, immutable [`Charter`], or a list of everything that
//! is wrong with it, by file, line and column, each with its remedy.
//!
//! - One module for each file: [`hospital`], [`workflow`], [`owners`], [`assurance`] (with [`provider`] and [`signing_in`]), [`elevation`], [`emergency`],
//!   [`systems`], [`entities`], [`scenario`], [`policy`], [`overlay`]; [`vocabulary`] is what policies can speak of.
//! - [`Charter::load`] reads a directory, [`Charter::from_bundle`] the canonical bytes of one. Both bound what they read.

mod bundle;
mod cedar_text;
mod charter;
mod checks;
mod diagnostic;
mod directory;
mod document;
mod files;
mod mistake;
mod names;
mod nearest;
mod offset;
mod parts;
mod schema;
mod source;
mod static_entities;

pub mod assurance;
pub mod elevation;
pub mod emergency;
pub mod entities;
pub mod hospital;
pub mod length;
mod lints;
pub mod name;
pub mod overlay;
pub mod owners;
pub mod policy;
pub mod provider;
pub mod scenario;
pub mod signing_in;
pub mod systems;
pub mod vocabulary;
pub mod workflow;

pub use bundle::BundleError;
pub use cedar_text::{IFS_MAX, NESTING_MAX, POLICY_BYTES_MAX};
pub use charter::Charter;
pub use diagnostic::{Code, DIAGNOSTICS_MAX, Diagnostic, Position, Severity};
pub use entities::Risk;
pub use files::{BUNDLE_BYTES_MAX, FILE_BYTES_MAX, FILE_NAME_BYTES_MAX, FILES_MAX, TOML_BYTES_MAX};
pub use hospital::{Hospital, Unit};
pub use nearest::nearest;
pub use overlay::{Overlay, Rules};
pub use owners::{Owner, Owners};
pub use policy::Policy;
pub use scenario::Scenario;
pub use systems::{Assertable, Caller, CallerRight, Systems};
pub use vocabulary::Vocabulary;
pub use workflow::{RemedyKind, Workflow};
