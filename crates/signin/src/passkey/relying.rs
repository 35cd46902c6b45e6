//! What authenticators know a node by, and at which address that works.

use crate::operator::BaseUrl;
use url::{Host, Url};
use webauthn_rs_core::WebauthnCore;

/// Why browsers offer no passkeys at an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It is an IP address; passkeys belong to a name.
    #[error(
        "passkeys need a name: `{address}` is an IP address, which no passkey can belong to; give the node a name in DNS and set it as its \
         address (on this machine, http://localhost with the port works)"
    )]
    IpAddress {
        /// The address.
        address: String,
    },
    /// Its connections are not encrypted.
    #[error("passkeys need an encrypted connection: `{address}` is not https, and not localhost")]
    NotEncrypted {
        /// The address.
        address: String,
    },
    /// It has no host that can be read.
    #[error("`{address}` has no host name")]
    NoHost {
        /// The address.
        address: String,
    },
}

/// A node's side of every ceremony.
#[derive(Debug)]
pub(super) struct RelyingParty {
    id: String,
    origin: String,
    core: WebauthnCore,
}

impl RelyingParty {
    pub(super) fn new(base: &BaseUrl) -> Result<Self, AddressError> {
        let address = base.to_string();
        let url = Url::parse(&address).map_err(|_| AddressError::NoHost { address: address.clone() })?;
        let id = match url.host() {
            Some(Host::Domain(name)) => name.to_owned(),
            Some(Host::Ipv4(_) | Host::Ipv6(_)) => return Err(AddressError::IpAddress { address }),
            None => return Err(AddressError::NoHost { address }),
        };
        if !base.is_https() && id != "localhost" && !id.ends_with(".localhost") {
            return Err(AddressError::NotEncrypted { address });
        }
        let core = WebauthnCore::new_unsafe_experts_only(
            "Handrail",
            &id,
            vec![url.clone()],
            super::PROMPT_TIMEOUT,
            Some(false),
            Some(false),
        );
        Ok(Self { id, origin: url.origin().ascii_serialization(), core })
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// The origin as browsers write it.
    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    pub(super) const fn core(&self) -> &WebauthnCore {
        &self.core
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn party(text: &str) -> Result<RelyingParty, AddressError> {
        RelyingParty::new(&text.parse().unwrap())
    }

    #[test]
    fn the_host_is_the_id_and_the_origin_is_written_as_browsers_do() {
        for (address, id, origin) in [
            ("https://Handrail.Hospital.example", "handrail.hospital.example", "https://handrail.hospital.example"),
            ("https://handrail.example:443", "handrail.example", "https://handrail.example"),
            ("https://handrail.example:8443", "handrail.example", "https://handrail.example:8443"),
            ("http://localhost:7410", "localhost", "http://localhost:7410"),
            ("http://ward.localhost:1", "ward.localhost", "http://ward.localhost:1"),
        ] {
            let party = party(address).unwrap();
            assert_eq!((party.id(), party.origin()), (id, origin), "{address}");
        }
    }

    #[test]
    fn where_browsers_offer_no_passkeys_the_reason_is_in_plain_words() {
        for address in ["http://127.0.0.1:7410", "https://10.1.2.3", "https://[::1]:7410"] {
            let error = party(address).unwrap_err();
            assert!(matches!(error, AddressError::IpAddress { .. }), "{address}: {error}");
            assert!(error.to_string().contains("IP address") && error.to_string().contains("DNS"), "{error}");
        }
        assert!(matches!(party("http://handrail.example").unwrap_err(), AddressError::NotEncrypted { .. }));
        assert!(matches!(party("http://localhost.example").unwrap_err(), AddressError::NotEncrypted { .. }));
    }
}
