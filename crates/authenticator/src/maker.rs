//! Who makes security keys: a root that may be trusted, and the certificate that vouches for one make of keys.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use rcgen::{BasicConstraints, CertificateParams, CustomExtension, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use std::sync::Arc;

/// Where certificates of keys say of which make they are (`id-fido-gen-ce-aaguid`).
const AAGUID_EXTENSION: [u64; 10] = [1, 3, 6, 1, 4, 1, 45_724, 1, 1, 4];

/// A maker of security keys.
#[derive(Debug)]
pub struct Maker {
    params: CertificateParams,
    key: KeyPair,
    root: String,
}

/// A certificate and its key, which a whole batch of security keys has inside.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    pub(crate) certificate: Vec<u8>,
    pub(crate) pair: Arc<EcdsaKeyPair>,
}

impl Maker {
    /// One of this name.
    ///
    /// # Panics
    ///
    /// When no certificate can be made.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let mut params = named(name, "Root");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().expect("a key is made");
        let root = params.self_signed(&key).expect("a root signs itself").pem();
        Self { params, key, root }
    }

    /// The root's certificate, in PEM.
    #[must_use]
    pub fn root_pem(&self) -> &str {
        &self.root
    }

    pub(crate) fn batch(&self, aaguid: [u8; 16]) -> Batch {
        let mut params = named("Keys", "Authenticator Attestation");
        params.is_ca = IsCa::ExplicitNoCa;
        let octets = [vec![4, 16], aaguid.to_vec()].concat();
        params.custom_extensions = vec![CustomExtension::from_oid_content(&AAGUID_EXTENSION, octets)];
        let key = KeyPair::generate().expect("a key is made");
        let issuer = Issuer::from_params(&self.params, &self.key);
        let certificate = params.signed_by(&key, &issuer).expect("the root signs").der().to_vec();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &key.serialize_der());
        Batch { certificate, pair: Arc::new(pair.expect("the same key again")) }
    }
}

fn named(name: &str, unit: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    for (kind, text) in [
        (DnType::CountryName, "CH"),
        (DnType::OrganizationName, "Keys for tests"),
        (DnType::OrganizationalUnitName, unit),
        (DnType::CommonName, name),
    ] {
        params.distinguished_name.push(kind, text);
    }
    params
}
