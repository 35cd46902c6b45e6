//! TLS for listeners: certificates, key and client authority from PEM files, read again when they change or on SIGHUP.

use rustls::RootCertStore;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How often the files are looked at for changes.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// What a listener offers in its handshake, for HTTP (RFC 7301).
pub(crate) const ALPN_HTTP: &[&[u8]] = &[b"h2", b"http/1.1"];

/// The files one TLS listener needs. Paths are relative to the configuration file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TlsFiles {
    /// The listener's own certificate and what leads from it to an authority its clients trust, PEM.
    pub(crate) certificate: PathBuf,
    /// Its private key, PEM (PKCS#8, PKCS#1 or SEC1).
    pub(crate) key: PathBuf,
    /// The authorities whose client certificates are accepted, PEM. Without it clients are not asked for one.
    pub(crate) client_ca: Option<PathBuf>,
    /// Whether a client must show a certificate, when there is a `client_ca`.
    #[serde(default = "required")]
    pub(crate) client_required: bool,
}

const fn required() -> bool {
    true
}

impl TlsFiles {
    /// With the paths taken relative to a folder.
    pub(crate) fn within(self, folder: &Path) -> Self {
        Self {
            certificate: folder.join(self.certificate),
            key: folder.join(self.key),
            client_ca: self.client_ca.map(|path| folder.join(path)),
            ..self
        }
    }

    /// Which version of the files is on disk.
    fn version(&self) -> Vec<Option<(SystemTime, u64)>> {
        let files = [Some(&self.certificate), Some(&self.key), self.client_ca.as_ref()];
        let seen = |path: &PathBuf| {
            let seen = std::fs::metadata(path).ok()?;
            Some((seen.modified().ok()?, seen.len()))
        };
        files.into_iter().flatten().map(seen).collect()
    }
}

/// Why a listener cannot speak TLS.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    #[error("the TLS {what} `{}` cannot be read as PEM", path.display())]
    Read { what: &'static str, path: PathBuf, source: rustls::pki_types::pem::Error },
    #[error("`{}` holds no {what} in PEM form", path.display())]
    Empty { what: &'static str, path: PathBuf },
    #[error("the certificate `{}` and the key `{}` do not go together", certificate.display(), key.display())]
    Pair { certificate: PathBuf, key: PathBuf, source: rustls::Error },
    #[error("the client authority `{}` cannot be used", path.display())]
    Authority { path: PathBuf, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("TLS cannot be set up")]
    Protocol(#[source] rustls::Error),
}

/// Reads the files. TLS 1.2 and 1.3; `alpn` is what is offered in the handshake, and may be empty.
///
/// # Errors
/// When a file cannot be read, holds nothing of its sort, or the key is not the certificate's.
pub(crate) fn load(files: &TlsFiles, alpn: &[&[u8]]) -> Result<ServerConfig, TlsError> {
    let chain = certificates("certificate", &files.certificate)?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|source| match source {
        rustls::pki_types::pem::Error::NoItemsFound => TlsError::Empty { what: "private key", path: files.key.clone() },
        source => TlsError::Read { what: "key", path: files.key.clone(), source },
    })?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Protocol)?;
    let builder = match &files.client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let unusable =
                |source: Box<dyn std::error::Error + Send + Sync>| TlsError::Authority { path: path.clone(), source };
            let mut roots = RootCertStore::empty();
            for certificate in certificates("client authority", path)? {
                roots.add(certificate).map_err(|error| unusable(error.into()))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            let verifier = if files.client_required { verifier } else { verifier.allow_unauthenticated() };
            builder.with_client_cert_verifier(verifier.build().map_err(|error| unusable(error.into()))?)
        }
    };
    let mut config = builder.with_single_cert(chain, key).map_err(|source| TlsError::Pair {
        certificate: files.certificate.clone(),
        key: files.key.clone(),
        source,
    })?;
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    Ok(config)
}

fn certificates(what: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let unreadable = |source| TlsError::Read { what, path: path.to_owned(), source };
    let found = CertificateDer::pem_file_iter(path).map_err(unreadable)?;
    let found = found.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    if found.is_empty() { Err(TlsError::Empty { what: "certificate", path: path.to_owned() }) } else { Ok(found) }
}

/// A listener's TLS, as its files now say.
pub(crate) struct Tls {
    files: TlsFiles,
    alpn: &'static [&'static [u8]],
    current: watch::Sender<Arc<ServerConfig>>,
}

impl Tls {
    /// Reads the files a first time.
    ///
    /// # Errors
    /// As [`load`].
    pub(crate) fn open(files: TlsFiles, alpn: &'static [&'static [u8]]) -> Result<Self, TlsError> {
        let config = load(&files, alpn)?;
        Ok(Self { files, alpn, current: watch::Sender::new(Arc::new(config)) })
    }

    /// What a connection accepted now has to use: `borrow` it for each.
    pub(crate) fn current(&self) -> watch::Receiver<Arc<ServerConfig>> {
        self.current.subscribe()
    }

    /// Reads the files again. What was in use stays when they cannot be used; connections that are open keep theirs.
    ///
    /// # Errors
    /// As [`load`].
    pub(crate) fn reload(&self) -> Result<(), TlsError> {
        let config = load(&self.files, self.alpn)?;
        self.current.send_replace(Arc::new(config));
        Ok(())
    }

    /// Reads the files again whenever they change and on SIGHUP, until `stop`.
    pub(crate) async fn follow(self, stop: CancellationToken) {
        let mut asked = signal(SignalKind::hangup()).ok();
        let mut seen = self.files.version();
        loop {
            let hangup = async {
                match &mut asked {
                    Some(asked) => drop(asked.recv().await),
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = hangup => {}
                () = tokio::time::sleep(LOOK_EVERY) => if self.files.version() == seen { continue },
            }
            seen = self.files.version();
            let certificate = self.files.certificate.display();
            match self.reload() {
                Ok(()) => tracing::info!(%certificate, "the TLS certificate was read again"),
                Err(error) => {
                    let error = super::local::told(&error);
                    tracing::error!(error, "the TLS files cannot be used; those read before stay in use");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::local::told;
    use rcgen::{CertifiedKey, generate_simple_self_signed};

    fn files(folder: &Path) -> TlsFiles {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(folder.join("cert.pem"), cert.pem()).unwrap();
        std::fs::write(folder.join("key.pem"), signing_key.serialize_pem()).unwrap();
        let names = TlsFiles {
            certificate: "cert.pem".into(),
            key: "key.pem".into(),
            client_ca: Some("cert.pem".into()),
            client_required: true,
        };
        names.within(folder)
    }

    #[test]
    fn a_certificate_with_its_key_and_a_client_authority_is_enough() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(folder.path());
        assert_eq!(load(&files, ALPN_HTTP).unwrap().alpn_protocols, [b"h2".to_vec(), b"http/1.1".to_vec()]);
        assert!(load(&TlsFiles { client_ca: None, ..files }, &[]).unwrap().alpn_protocols.is_empty());
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said_in_plain_words() {
        let folder = tempfile::tempdir().unwrap();
        let good = files(folder.path());
        let wrong = |files: TlsFiles| told(&load(&files, &[]).unwrap_err());
        let missing = wrong(TlsFiles { certificate: folder.path().join("none.pem"), ..good.clone() });
        assert!(missing.contains("none.pem` cannot be read") && missing.contains("No such file"), "{missing}");
        let swapped = wrong(TlsFiles { certificate: good.key.clone(), ..good.clone() });
        assert!(swapped.ends_with("key.pem` holds no certificate in PEM form"), "{swapped}");
        let no_key = wrong(TlsFiles { key: good.certificate.clone(), ..good.clone() });
        assert!(no_key.ends_with("cert.pem` holds no private key in PEM form"), "{no_key}");
        let other = tempfile::tempdir().unwrap();
        let unpaired = wrong(TlsFiles { key: files(other.path()).key, ..good });
        assert!(unpaired.contains("do not go together"), "{unpaired}");
    }

    #[test]
    fn files_that_are_read_again_serve_new_connections_and_broken_ones_change_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let tls = Tls::open(files(folder.path()), &[]).unwrap();
        let current = tls.current();
        let first = Arc::clone(&current.borrow());
        std::fs::write(folder.path().join("cert.pem"), "rubbish").unwrap();
        assert!(tls.reload().is_err());
        assert!(Arc::ptr_eq(&first, &current.borrow()));
        let renewed = files(folder.path());
        assert!(tls.files == renewed && tls.reload().is_ok());
        assert!(!Arc::ptr_eq(&first, &current.borrow()));
    }
}
