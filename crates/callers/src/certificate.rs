//! Whose certificate is it? The names by which a client certificate that was already verified may be known, and the registered
//! certificates by which callers are (RFC 8705).

use aws_lc_rs::digest;
use events::caller::CertificateAdded;
use events::{CallerName, Timestamp};
use smol_str::SmolStr;
use std::fmt::Write as _;
use x509_parser::pem::parse_x509_pem;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

/// The most names of one certificate that are looked at.
pub const NAMES_MAX: usize = 64;
/// The longest name that is looked at, in bytes.
pub const NAME_BYTES_MAX: usize = 256;

/// The names in a certificate (DER): its alternative DNS names and URIs, or, when it has neither, the common names of its subject. Names
/// of DNS are in lower case. Says nothing of whether the certificate is to be trusted: TLS has to have verified it. Empty when it does not read.
#[must_use]
pub fn names(der: &[u8]) -> Vec<String> {
    let Ok((_, certificate)) = X509Certificate::from_der(der) else { return Vec::new() };
    let alternative = certificate.subject_alternative_name().ok().flatten();
    let alternative = alternative.iter().flat_map(|extension| &extension.value.general_names);
    let mut names: Vec<String> = alternative
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
            GeneralName::URI(name) => Some((*name).to_owned()),
            _ => None,
        })
        .collect();
    if names.is_empty() {
        let common = certificate.subject().iter_common_name();
        names.extend(common.filter_map(|name| name.as_str().ok()).map(str::to_owned));
    }
    names.retain(|name| !name.is_empty() && name.len() <= NAME_BYTES_MAX);
    names.truncate(NAMES_MAX);
    names
}

/// Whether a verified certificate (DER) has one of these names, compared whole: no wildcards. Names of DNS may be written in any case.
#[must_use]
pub fn is_named(der: &[u8], allowed: &[impl AsRef<str>]) -> bool {
    let names = names(der);
    allowed.iter().any(|allowed| {
        let allowed = allowed.as_ref();
        names.iter().any(|name| name == allowed || *name == allowed.to_ascii_lowercase())
    })
}

/// A certificate a client has shown on its connection, and proved to hold the key of. The listener puts it beside every request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    sha256: SmolStr,
}

impl Shown {
    /// One that TLS has verified (DER).
    #[must_use]
    pub fn of(der: &[u8]) -> Self {
        Self { sha256: fingerprint(der) }
    }

    /// Its SHA-256, hexadecimal.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.sha256
    }
}

/// SHA-256 of a certificate (DER), hexadecimal: the `x5t#S256` of RFC 8705 section 3.1 in another alphabet.
fn fingerprint(der: &[u8]) -> SmolStr {
    let mut text = String::with_capacity(64);
    for byte in digest::digest(&digest::SHA256, der).as_ref() {
        let _ = write!(text, "{byte:02x}");
    }
    SmolStr::new(text)
}

/// Why a certificate cannot be registered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// It does not read.
    #[error("this is no certificate in PEM form")]
    Unreadable,
    /// It signs others: whoever holds one of those would not be told apart from it.
    #[error("this is the certificate of an authority, not of a system")]
    Authority,
    /// Its time is over.
    #[error("this certificate was good until {0}")]
    Expired(Timestamp),
    /// Another caller has it.
    #[error("this certificate is registered for another caller")]
    Taken,
    /// It was not recorded.
    #[error("the certificate could not be recorded")]
    Record(#[from] store::AppendError),
}

/// The event that registers a certificate (PEM, the first there is) for a caller.
pub(crate) fn registration(
    caller: CallerName,
    pem: &str,
    now: Timestamp,
) -> Result<CertificateAdded, CertificateError> {
    let (_, pem) = parse_x509_pem(pem.as_bytes()).map_err(|_| CertificateError::Unreadable)?;
    if pem.label != "CERTIFICATE" {
        return Err(CertificateError::Unreadable);
    }
    let (_, certificate) = X509Certificate::from_der(&pem.contents).map_err(|_| CertificateError::Unreadable)?;
    if certificate.is_ca() {
        return Err(CertificateError::Authority);
    }
    let not_after = Timestamp::from_millis(certificate.validity().not_after.timestamp().saturating_mul(1000));
    if not_after <= now {
        return Err(CertificateError::Expired(not_after));
    }
    Ok(CertificateAdded { caller, sha256: fingerprint(&pem.contents), not_after })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, DnType, KeyPair};

    fn certificate(alternative: &[&str], common: &str) -> Vec<u8> {
        let names: Vec<String> = alternative.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(DnType::CommonName, common);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn alternative_names_count_and_the_common_name_only_without_them() {
        assert_eq!(names(&certificate(&["PAS.example"], "Somebody else")), ["pas.example"]);
        assert_eq!(names(&certificate(&[], "pas")), ["pas"]);
        assert!(names(b"rubbish").is_empty());
    }

    #[test]
    fn names_are_compared_whole() {
        let der = certificate(&["pas.example"], "x");
        assert!(is_named(&der, &["other", "PAS.example"]));
        assert!(!is_named(&der, &["as.example"]) && !is_named(&der, &["*.example"]) && !is_named(&der, &[""; 0]));
        assert!(!is_named(&certificate(&[], "pas"), &[""]));
    }
}
