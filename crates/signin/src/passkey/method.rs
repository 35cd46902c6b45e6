//! Which of the charter's methods a proof was made by, and so how sure it makes us.

use super::{Attachment, Attestation, Transport};

/// A way to prove who one is that this slice knows; its name is the charter's (`assurance.toml`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Means {
    /// A security key, or a badge with one: a thing of its own, whose key leaves it never.
    SecurityKey,
    /// A passkey on a phone or on the workstation, copied to others or not.
    Passkey,
}

impl Means {
    /// The method's name in the charter, which says its level.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SecurityKey => "security-key",
            Self::Passkey => "passkey",
        }
    }
}

/// What is known of an authenticator when it proves somebody.
#[derive(Clone, Copy, Debug)]
pub struct Traits<'a> {
    /// Whether the person was verified this time.
    pub verified: bool,
    /// Whether the key may be copied to other devices.
    pub backup_eligible: bool,
    /// How it was attached when it was registered.
    pub attachment: Option<Attachment>,
    /// By what it can be reached.
    pub transports: &'a [Transport],
    /// What make it says it is.
    pub aaguid: &'a str,
    /// What vouches for that.
    pub attestation: &'a Attestation,
}

/// By what means a proof was made. Somebody who was not verified proved nothing by it alone: nothing then.
///
/// A security key is what is plugged in or held to a reader, cannot be copied, and, where the charter lists makes (`makes`, AAGUIDs), is of
/// one of them by its maker's certificate. How it is attached and reached is the browser's word: only the list makes it more than that.
#[must_use]
pub fn means(traits: &Traits<'_>, makes: &[impl AsRef<str>]) -> Option<Means> {
    if !traits.verified {
        return None;
    }
    let apart = traits.attachment == Some(Attachment::CrossPlatform)
        && traits.transports.iter().any(|t| matches!(t, Transport::Usb | Transport::Nfc | Transport::Ble))
        && !traits.transports.iter().any(|t| matches!(t, Transport::Internal | Transport::Hybrid));
    let of_a_listed_make = makes.is_empty()
        || (traits.attestation.is_trusted()
            && makes.iter().any(|make| make.as_ref().eq_ignore_ascii_case(traits.aaguid)));
    if apart && !traits.backup_eligible && of_a_listed_make { Some(Means::SecurityKey) } else { Some(Means::Passkey) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAKE: &str = "ee882879-721c-4913-9775-3dfcce97072a";
    const NO_LIST: [&str; 0] = [];

    fn key<'a>(transports: &'a [Transport], attestation: &'a Attestation) -> Traits<'a> {
        Traits {
            verified: true,
            backup_eligible: false,
            attachment: Some(Attachment::CrossPlatform),
            transports,
            aaguid: MAKE,
            attestation,
        }
    }

    #[test]
    fn a_key_in_the_hand_is_a_security_key_and_everything_else_a_passkey() {
        let none = Attestation::None;
        let usb = key(&[Transport::Usb, Transport::Nfc], &none);
        assert_eq!(means(&usb, &NO_LIST), Some(Means::SecurityKey));
        for other in [
            Traits { backup_eligible: true, ..usb },
            Traits { attachment: Some(Attachment::Platform), ..usb },
            Traits { attachment: None, ..usb },
            Traits { transports: &[], ..usb },
            Traits { transports: &[Transport::Hybrid], ..usb },
            Traits { transports: &[Transport::Internal, Transport::Usb], ..usb },
        ] {
            assert_eq!(means(&other, &NO_LIST), Some(Means::Passkey), "{other:?}");
        }
    }

    #[test]
    fn presence_alone_is_no_means() {
        let none = Attestation::None;
        assert_eq!(means(&Traits { verified: false, ..key(&[Transport::Usb], &none) }, &NO_LIST), None);
    }

    #[test]
    fn where_makes_are_listed_only_the_makers_certificate_counts() {
        let usb = [Transport::Usb];
        let certificate = |trusted| Attestation::Certificate { sha256: "00".into(), trusted };
        let (trusted, own_word) = (certificate(true), certificate(false));
        let list = ["EE882879-721C-4913-9775-3DFCCE97072A"];
        assert_eq!(means(&key(&usb, &trusted), &list), Some(Means::SecurityKey));
        assert_eq!(means(&key(&usb, &own_word), &list), Some(Means::Passkey), "anybody can make a certificate");
        assert_eq!(means(&key(&usb, &Attestation::None), &list), Some(Means::Passkey));
        assert_eq!(means(&key(&usb, &trusted), &["00000000-0000-0000-0000-000000000001"]), Some(Means::Passkey));
    }

    #[test]
    fn both_are_methods_of_the_charter_with_the_levels_they_have_there() {
        let charter = include_str!("../../../../charter/assurance.toml");
        for (means, level) in [(Means::SecurityKey, 3), (Means::Passkey, 2)] {
            let (_, rest) = charter.split_once(&format!("[methods.{}]", means.name())).unwrap();
            let section = rest.split("\n[").next().unwrap();
            assert!(section.contains(&format!("level = {level}")), "{section}");
        }
    }
}
