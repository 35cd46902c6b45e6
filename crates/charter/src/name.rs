//! Names that only the charter gives: sites, target systems, vendors, sign-in methods, providers, reasons. Each is its own type.

use events::{IdError, Label};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Label);

        impl $name {
            /// Checks and keeps a text.
            ///
            /// # Errors
            /// When it is empty, longer than [`events::ID_BYTES_MAX`] or unprintable.
            pub fn new(text: &str) -> Result<Self, IdError> {
                Label::new(text).map(Self)
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:?})"), self.as_str())
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                self.as_str()
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.0.serialize(serializer)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Label::deserialize(deserializer).map(Self)
            }
        }
    )*};
}

names! {
    /// A site of the hospital: a campus, a building, an outpatient house.
    SiteId;
    /// A system that access is wanted to, such as `ehr`.
    TargetName;
    /// A supplier who may need access.
    VendorName;
    /// A way to sign in, such as `passkey`.
    MethodName;
    /// Somebody else who says who people are, such as `hospital-id`.
    ProviderName;
    /// A maker of authenticators, such as `keysmith`.
    MakerName;
    /// A reason for breaking the glass, such as `unconscious`.
    ReasonId;
    /// A path back in for somebody who cannot sign in, such as `help-desk`.
    RecoveryName;
}
