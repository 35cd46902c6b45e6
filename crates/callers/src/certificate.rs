//! Whose certificate is it? The names by which a client certificate that was already verified may be known.

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
