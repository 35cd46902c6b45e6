//! MLLP over TLS: who gets through, and for which feed.

use crate::{Node, adt, answer};
use bytes::Bytes;
use events::FeedName;
use feeds::hl7::Outcome;
use feeds::listener::{Listening, Settings, serve_all};
use feeds::mllp::{MllpError, Received, Sender};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair, date_time_ymd,
};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig, crypto};

/// An authority, and what it signs.
struct Authority(CertifiedIssuer<'static, KeyPair>);

struct Signed {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn roots(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        Arc::new(roots)
    }

    fn signs(&self, name: &str, until_year: i32) -> Signed {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(until_year, 1, 1);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
        let signed = params.signed_by(&key, &self.0).unwrap();
        Signed { chain: vec![signed.der().clone()], key: PrivateKeyDer::try_from(key.serialize_der()).unwrap() }
    }
}

fn provider() -> Arc<crypto::CryptoProvider> {
    Arc::new(crypto::aws_lc_rs::default_provider())
}

/// A node that also listens over TLS and lets certificates of `pas.example` speak for the feed `adt`.
struct Secure {
    node: Node,
    address: SocketAddr,
    authority: Authority,
}

impl Secure {
    async fn start() -> Self {
        let authority = Authority::new();
        let own = authority.signs("localhost", 2090);
        let verifier = WebPkiClientVerifier::builder_with_provider(authority.roots(), provider()).build().unwrap();
        let config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier)
            .with_single_cert(own.chain, own.key)
            .unwrap();
        let names = BTreeMap::from([(FeedName::new("adt").unwrap(), vec!["pas.example".to_owned()])]);
        let settings = Settings { certificate_names: names, ..Settings::default() };
        let node = Node::with(settings.clone()).await;
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let (_, tls) = watch::channel(Arc::new(config));
        let listening = vec![Listening { socket, tls: Some(tls) }];
        tokio::spawn(serve_all(listening, node.plane.clone(), settings, node.stop.clone()));
        Self { node, address, authority }
    }

    async fn connects(&self, with: Option<Signed>) -> Result<Sender<TlsStream<TcpStream>>, std::io::Error> {
        let builder = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(self.authority.roots());
        let config = match with {
            Some(Signed { chain, key }) => builder.with_client_auth_cert(chain, key).unwrap(),
            None => builder.with_no_client_auth(),
        };
        let stream = TcpStream::connect(self.address).await?;
        let name = ServerName::try_from("localhost").unwrap();
        Ok(Sender::new(TlsConnector::from(Arc::new(config)).connect(name, stream).await?))
    }

    /// What becomes of a message sent with this certificate; nothing when the connection is refused, which TLS 1.3 tells the client late.
    async fn sends(&self, with: Option<Signed>, message: Bytes) -> Option<Outcome> {
        let mut sender = self.connects(with).await.ok()?;
        let received: Result<Option<Received>, MllpError> = sender.exchange(message).await;
        received.ok().flatten().map(|received| answer(Some(received)).outcome)
    }
}

#[tokio::test]
async fn whoever_the_authority_signed_and_the_configuration_names_gets_through() {
    let secure = Secure::start().await;
    let pas = secure.authority.signs("pas.example", 2090);
    assert_eq!(secure.sends(Some(pas), adt("A01", "1", "4711", "EMERG")).await, Some(Outcome::Accepted));
    assert_eq!(secure.node.units("4711"), ["ED"]);
}

#[tokio::test]
async fn no_certificate_a_strange_authoritys_or_an_expired_one_gets_nowhere() {
    let secure = Secure::start().await;
    let message = || adt("A01", "1", "4711", "EMERG");
    assert_eq!(secure.sends(None, message()).await, None);
    assert_eq!(secure.sends(Some(Authority::new().signs("pas.example", 2090)), message()).await, None);
    assert_eq!(secure.sends(Some(secure.authority.signs("pas.example", 2021)), message()).await, None);
    assert!(secure.node.leaves("encounter.opened").is_empty());
}

#[tokio::test]
async fn another_name_or_a_plain_connection_may_not_speak_for_the_feed_and_spoils_nothing() {
    let secure = Secure::start().await;
    let message = || adt("A01", "1", "4711", "EMERG");
    let lab = secure.authority.signs("lab.example", 2090);
    assert_eq!(secure.sends(Some(lab), message()).await, Some(Outcome::Refused));
    let mut plain = secure.node.sender().await;
    assert_eq!(answer(plain.exchange(message()).await.unwrap()).outcome, Outcome::Refused);
    assert!(secure.node.units("4711").is_empty());
    // The true sender's message is no duplicate of what others sent in its name.
    let pas = secure.authority.signs("pas.example", 2090);
    assert_eq!(secure.sends(Some(pas), message()).await, Some(Outcome::Accepted));
    assert_eq!(secure.node.units("4711"), ["ED"]);
}
