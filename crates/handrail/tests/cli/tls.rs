//! TLS at the door, and callers that prove themselves by certificate (in the spirit of RFC 8705).

use crate::desk::{Desk, Node, starter_charter};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

/// An authority that signs certificates.
struct Authority {
    certificate: rcgen::Certificate,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key.
struct Holder {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    fn sign(&self, name: &str, good_until: i32) -> Holder {
        let mut params = CertificateParams::new(vec![name.to_owned(), "127.0.0.1".to_owned()]).unwrap();
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(good_until, 1, 1);
        let key = KeyPair::generate().unwrap();
        Holder { certificate: params.signed_by(&key, &self.issuer).unwrap(), key }
    }
}

/// A node behind TLS, with the authority of its own certificate and that of its callers'.
struct House {
    desk: Desk,
    node: Node,
    own: Authority,
    callers: Authority,
}

impl House {
    fn open() -> Self {
        let desk = Desk::new();
        let (own, callers) = (Authority::new("Own"), Authority::new("Callers"));
        let server = own.sign("handrail.hospital.example", 2100);
        let write = |name: &str, text: String| std::fs::write(desk.path(name), text).unwrap();
        write("server.pem", server.certificate.pem());
        write("server.key", server.key.serialize_pem());
        write("callers.pem", callers.certificate.pem());
        write(
            "handrail.toml",
            format!(
                "data = \"data\"\ncharter = \"{}\"\n[listen]\nhttp = \"127.0.0.1:0\"\nmllp = \"127.0.0.1:0\"\n\
                 [listen.tls]\ncertificate = \"server.pem\"\nkey = \"server.key\"\nclient_ca = \"callers.pem\"\nclient_required = false\n",
                starter_charter().display()
            ),
        );
        let node = desk.serve_with(&["--config", "handrail.toml"]);
        Self { desk, node, own, callers }
    }

    /// Asks for a decision; the status, or nothing when the connection was refused.
    fn ask(&self, shown: Option<&Holder>, token: Option<&str>) -> Option<u16> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(self.own.certificate.der().to_vec())).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let builder = builder.with_root_certificates(roots);
        let config = match shown {
            None => builder.with_no_client_auth(),
            Some(holder) => {
                let chain = vec![CertificateDer::from(holder.certificate.der().to_vec())];
                let key = PrivateKeyDer::try_from(holder.key.serialize_der()).unwrap();
                builder.with_client_auth_cert(chain, key).unwrap()
            }
        };
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let connection = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut stream = StreamOwned::new(connection, TcpStream::connect(self.node.address()).unwrap());
        let bearer = token.map_or_else(String::new, |token| format!("authorization: Bearer {token}\r\n"));
        let body = r#"{"subject":{"type":"user","id":"n"},"action":{"name":"read_chart"},"resource":{"type":"patient","id":"1"}}"#;
        let request = format!(
            "POST /access/v1/evaluation HTTP/1.1\r\nhost: handrail\r\n{bearer}content-type: application/json\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = Vec::new();
        // A peer that closes without saying so has still answered.
        let _end = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).split(' ').nth(1)?.parse().ok()
    }

    fn register(&self, caller: &str, holder: &Holder) -> String {
        std::fs::write(self.desk.path("client.pem"), holder.certificate.pem()).unwrap();
        self.desk.run(&["caller", "add", caller, "--certificate", "client.pem"]).ended(0).out
    }
}

#[test]
fn a_registered_certificate_is_as_good_as_a_token_until_it_is_revoked() {
    let house = House::open();
    let ehr = house.callers.sign("ehr.hospital.example", 2100);
    assert_eq!(house.ask(Some(&ehr), None), Some(401), "nobody has registered it");
    let fingerprint = house.register("ehr", &ehr);
    assert_eq!(fingerprint.trim().len(), 64);
    assert_eq!(house.ask(Some(&ehr), None), Some(200));
    assert_eq!(house.ask(None, None), Some(401));
    house.desk.run(&["caller", "list"]).ended(0).says(&["ehr\n"]);
    house.desk.run(&["caller", "revoke", "ehr"]).ended(0);
    assert_eq!(house.ask(Some(&ehr), None), Some(401));
    assert_eq!(house.node.stop(), 0);
}

#[test]
fn a_token_and_a_certificate_have_to_be_of_the_same_caller() {
    let house = House::open();
    let (ehr, rota) = (house.callers.sign("ehr.example", 2100), house.callers.sign("rota.example", 2100));
    house.register("ehr", &ehr);
    house.register("rota", &rota);
    let token = house.desk.run(&["caller", "add", "ehr"]).ended(0).out;
    let token = token.trim();
    assert_eq!(house.ask(None, Some(token)), Some(200), "a token alone does");
    assert_eq!(house.ask(Some(&ehr), Some(token)), Some(200));
    assert_eq!(house.ask(Some(&rota), Some(token)), Some(401));
    let unregistered = house.callers.sign("mesh.example", 2100);
    assert_eq!(house.ask(Some(&unregistered), Some(token)), Some(200), "it says nothing");
    assert_eq!(house.ask(Some(&ehr), Some("hr_nobody_nothing")), Some(401), "a wrong token is not made good");
    assert_eq!(house.node.stop(), 0);
}

#[test]
fn a_certificate_of_another_authority_or_past_its_time_does_not_get_past_the_handshake() {
    let house = House::open();
    let strange = Authority::new("Strange").sign("ehr.example", 2100);
    assert_eq!(house.ask(Some(&strange), None), None);
    let expired = house.callers.sign("ehr.example", 2020);
    assert_eq!(house.ask(Some(&expired), None), None);
    std::fs::write(house.desk.path("expired.pem"), expired.certificate.pem()).unwrap();
    let desk = &house.desk;
    desk.run(&["caller", "add", "ehr", "--certificate", "expired.pem"]).ended(1).notes(&["was good until 2020"]);
    desk.run(&["caller", "add", "ehr", "--certificate", "callers.pem"]).ended(1).notes(&["of an authority"]);
    desk.run(&["caller", "add", "ehr", "--certificate", "server.key"]).ended(1).notes(&["no certificate in PEM form"]);
    desk.run(&["caller", "add", "ehr", "--certificate", "none.pem"]).ended(1).notes(&["none.pem", "cannot be read"]);
    assert_eq!(house.node.stop(), 0);
}

#[test]
fn a_certificate_is_one_callers() {
    let house = House::open();
    let ehr = house.callers.sign("ehr.example", 2100);
    house.register("ehr", &ehr);
    let said = house.desk.run(&["caller", "add", "rota", "--certificate", "client.pem"]).ended(1);
    said.notes(&["registered for another caller"]);
    assert_eq!(house.node.stop(), 0);
}

#[test]
fn plain_http_beyond_loopback_is_refused_unless_a_proxy_is_named() {
    let desk = Desk::with_store();
    let refused = desk.run(&["serve", "--data", "data", "--listen", "0.0.0.0:0"]).ended(1);
    refused.notes(&["not loopback", "[listen.tls]", "--behind-proxy"]);
}
