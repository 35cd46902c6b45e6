//! Names and pseudonyms. Each is its own type, bounded and printable, so that none can be mistaken for another.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smol_str::SmolStr;
use std::fmt;
use std::str::FromStr;

/// The longest name or id, in bytes.
pub const ID_BYTES_MAX: usize = 128;

/// Why a text cannot be an id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdError {
    /// Nothing was given.
    #[error("an id cannot be empty")]
    Empty,
    /// More than [`ID_BYTES_MAX`] bytes.
    #[error("an id has at most {ID_BYTES_MAX} bytes, this has {bytes}")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// A control character, or white space at either end.
    #[error("an id has no control characters and no white space at its ends")]
    Unprintable,
    /// Not the fixed form of a pseudonym or digest.
    #[error("expected {expected}")]
    Form {
        /// What would have been right.
        expected: &'static str,
    },
}

/// Whether a character is a control character or one that is not seen and may make a text look like another: the format characters of
/// Unicode (category Cf, which turn the direction or join nothing) and what fills a place with nothing.
#[must_use]
pub fn is_unseen(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}' | '\u{8e2}'
            | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

fn checked(text: &str) -> Result<SmolStr, IdError> {
    if text.is_empty() {
        return Err(IdError::Empty);
    }
    if text.len() > ID_BYTES_MAX {
        return Err(IdError::TooLong { bytes: text.len() });
    }
    if text.trim().len() != text.len() || text.chars().any(char::is_control) {
        return Err(IdError::Unprintable);
    }
    Ok(SmolStr::new(text))
}

macro_rules! name_ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(SmolStr);

        impl $name {
            /// Checks and keeps a text.
            ///
            /// # Errors
            /// When it is empty, longer than [`ID_BYTES_MAX`] or unprintable.
            pub fn new(text: &str) -> Result<Self, IdError> {
                checked(text).map(Self)
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:?})"), self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::new(text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::new(&text).map_err(serde::de::Error::custom)
            }
        }
    )*};
}

name_ids! {
    /// Whoever asks: a person, workload, agent or device, as other systems name it.
    PrincipalId;
    /// A role the charter knows, such as `nurse`.
    RoleName;
    /// A ward, department or clinic, such as `ED`.
    UnitId;
    /// A workstation, phone or medical device.
    DeviceId;
    /// One shift of one person in the rota.
    ShiftId;
    /// A path of access in care, such as `ed-medication-administration`.
    WorkflowName;
    /// An action of the charter's schema, such as `read_chart`.
    ActionName;
    /// A type of entity in the charter's schema, such as `Patient`.
    TypeName;
    /// A policy's `@id`.
    PolicyId;
    /// A team or person of `owners.toml`.
    OwnerId;
    /// A system that asks for decisions or feeds facts, authenticated by its own token.
    CallerName;
    /// A source of facts, such as an ADT sender.
    FeedName;
    /// Somebody who works with Handrail itself: an administrator, a privacy officer, an auditor.
    OperatorId;
    /// Why access is wanted, such as `TREAT`.
    Purpose;
    /// The caller's `X-Request-ID`, or our own.
    RequestId;
    /// A sensitivity label on a patient, such as `vip`.
    Label;
    /// A person's session, from signing in to the end of it.
    SessionId;
    /// A passkey or security key of a person.
    AuthenticatorId;
}

macro_rules! pseudonyms {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u128);

        impl $name {
            /// From sixteen bytes that say nothing about whom they stand for.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(u128::from_be_bytes(bytes))
            }

            /// The sixteen bytes.
            #[must_use]
            pub const fn to_bytes(self) -> [u8; 16] {
                self.0.to_be_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{:032x}"), self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let expected = IdError::Form { expected: concat!($prefix, " and 32 hexadecimal digits") };
                match text.strip_prefix($prefix) {
                    Some(digits) if digits.len() == 32 && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) => {
                        u128::from_str_radix(digits, 16).map(Self).map_err(|_| expected)
                    }
                    _ => Err(expected),
                }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

pseudonyms! {
    /// A patient in leaves and in the world. The record number it stands for is in the directory only.
    PatientPseudonym = "pat_";
    /// One stay or visit of a patient. The visit number it stands for is in the directory only.
    EncounterPseudonym = "enc_";
    /// One order for a patient. The order number it stands for is in the directory only.
    OrderPseudonym = "ord_";
    /// One appointment of a patient. The number it stands for is in the directory only.
    AppointmentPseudonym = "apt_";
}

/// A position in the log, from 0. Also "the world as of this many entries", where said so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Seq(pub u64);

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

macro_rules! digests {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; 32]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let (high, low) = self.0.split_at(16);
                let half = |bytes: &[u8]| bytes.iter().fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
                write!(f, "{:032x}{:032x}", half(high), half(low))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let expected = IdError::Form { expected: "64 hexadecimal digits" };
                if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
                    return Err(expected);
                }
                let mut bytes = [0; 32];
                for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
                    let pair = std::str::from_utf8(pair).map_err(|_| expected.clone())?;
                    *byte = u8::from_str_radix(pair, 16).map_err(|_| expected.clone())?;
                }
                Ok(Self(bytes))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

digests! {
    /// The SHA-256 of a charter's canonical bytes: the charter's name for all time.
    CharterDigest;
    /// What a leaf says of detail that is kept encrypted beside the log: a SHA-256 over 32 random bytes and the detail. Whoever has both can
    /// show that nothing was changed; without the random bytes it tells nothing, however few things the detail could have been.
    DetailCommitment;
}

/// An entity as the charter's schema names it: type and id. A patient's id is the pseudonym's text, never a record number.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EntityRef {
    /// The schema's type.
    #[serde(rename = "type")]
    pub kind: TypeName,
    /// The id within the type.
    pub id: PrincipalId,
}

/// What sort of actor stands behind an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ActorKind {
    /// An authenticated calling system.
    Caller,
    /// A feed of facts.
    Feed,
    /// A person working with Handrail itself.
    Operator,
    /// Somebody with a shell on the server, through the local socket.
    Local,
    /// Handrail, of its own accord: a timer, a seal, a re-decision.
    Handrail,
}

/// Who caused an entry, written `kind:name`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Actor {
    /// The sort.
    pub kind: ActorKind,
    /// Its name within the sort.
    pub name: SmolStr,
}

impl Actor {
    const KINDS: [(ActorKind, &'static str); 5] = [
        (ActorKind::Caller, "caller"),
        (ActorKind::Feed, "feed"),
        (ActorKind::Operator, "operator"),
        (ActorKind::Local, "local"),
        (ActorKind::Handrail, "handrail"),
    ];

    /// A calling system.
    #[must_use]
    pub fn caller(name: &CallerName) -> Self {
        Self { kind: ActorKind::Caller, name: name.0.clone() }
    }

    /// A feed.
    #[must_use]
    pub fn feed(name: &FeedName) -> Self {
        Self { kind: ActorKind::Feed, name: name.0.clone() }
    }

    /// An operator.
    #[must_use]
    pub fn operator(id: &OperatorId) -> Self {
        Self { kind: ActorKind::Operator, name: id.0.clone() }
    }

    /// Whoever holds the server's own console, by the name of their operating-system user.
    ///
    /// # Errors
    /// When the name cannot be an id.
    pub fn local(user: &str) -> Result<Self, IdError> {
        Ok(Self { kind: ActorKind::Local, name: checked(user)? })
    }

    /// Handrail itself, in one of its parts.
    #[must_use]
    pub const fn handrail(part: &'static str) -> Self {
        Self { kind: ActorKind::Handrail, name: SmolStr::new_static(part) }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = Self::KINDS.iter().find(|(kind, _)| *kind == self.kind).map_or("", |(_, text)| text);
        write!(f, "{kind}:{}", self.name)
    }
}

impl FromStr for Actor {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let expected = IdError::Form { expected: "an actor such as `caller:ehr`" };
        let (kind, name) = text.split_once(':').ok_or_else(|| expected.clone())?;
        let kind = Self::KINDS.iter().find(|(_, text)| *text == kind).map(|(kind, _)| *kind).ok_or(expected)?;
        Ok(Self { kind, name: checked(name)? })
    }
}

impl Serialize for Actor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Actor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_seen_is_known() {
        for unseen in [
            '\u{0}',
            '\n',
            '\u{7f}',
            '\u{85}',
            '\u{ad}',
            '\u{200b}',
            '\u{200f}',
            '\u{202e}',
            '\u{2066}',
            '\u{feff}',
            '\u{e0041}',
        ] {
            assert!(is_unseen(unseen), "{unseen:?}");
        }
        assert!(!"Ärztin O’Brien-Škvorecký 3/b 李 ع \u{301}".chars().any(is_unseen));
    }

    #[test]
    fn names_are_bounded_and_printable() {
        assert_eq!(UnitId::new(""), Err(IdError::Empty));
        assert_eq!(UnitId::new("a\u{0}b"), Err(IdError::Unprintable));
        assert_eq!(UnitId::new(" ED"), Err(IdError::Unprintable));
        assert_eq!(UnitId::new(&"x".repeat(129)), Err(IdError::TooLong { bytes: 129 }));
        assert!(UnitId::new("Notfall-Ambulanz Süd").is_ok());
    }

    #[test]
    fn pseudonyms_have_one_text_form() {
        let patient = PatientPseudonym::from_bytes([0xab; 16]);
        assert_eq!(patient.to_string().parse(), Ok(patient));
        for wrong in [
            "pat_",
            "enc_00000000000000000000000000000000",
            "pat_+0000000000000000000000000000000",
            "pat_ABABABABABABABABABABABABABABABAB",
        ] {
            assert!(wrong.parse::<PatientPseudonym>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn actors_read_what_they_write() {
        let actor = Actor { kind: ActorKind::Caller, name: "ehr:main".into() };
        assert_eq!(actor.to_string(), "caller:ehr:main");
        assert_eq!("caller:ehr:main".parse(), Ok(actor));
        assert!("god:me".parse::<Actor>().is_err());
    }
}
