//! Which addresses of a provider may be used: at the issuer's own host, or at one that the configuration names; encrypted, except on this machine.

use url::{Host, Url};

/// The longest address, in bytes.
const ADDRESS_BYTES_MAX: usize = 2048;

/// Where a provider may be.
#[derive(Clone, Debug)]
pub(super) struct Reach {
    issuer: Url,
    hosts: Vec<(String, u16)>,
}

impl Reach {
    /// At the issuer, and at these other hosts.
    pub(super) fn new(issuer: &str, hosts: &[String]) -> Result<Self, &'static str> {
        const ISSUER: &str = "`issuer` is an address such as https://id.hospital.example, without query and fragment; in plain HTTP on this machine only";
        let url = Url::parse(issuer).ok().filter(is_fit).filter(|url| url.query().is_none()).ok_or(ISSUER)?;
        let hosts = hosts.iter().map(|host| named(host)).collect::<Option<_>>();
        Ok(Self {
            issuer: url,
            hosts: hosts.ok_or("each of `hosts` is a host such as keys.example or keys.example:8443")?,
        })
    }

    /// Where the provider describes itself: the path comes after the issuer's own (OpenID Connect Discovery).
    pub(super) fn description(&self) -> Url {
        let mut url = self.issuer.clone();
        url.set_path(&format!("{}/.well-known/openid-configuration", self.issuer.path().trim_end_matches('/')));
        url
    }

    /// An address the provider gives, if it may be used.
    pub(super) fn admit(&self, address: &str) -> Option<Url> {
        if address.len() > ADDRESS_BYTES_MAX {
            return None;
        }
        let url = Url::parse(address).ok().filter(is_fit)?;
        let same = url.origin() == self.issuer.origin();
        let (host, port) = (url.host_str()?, url.port_or_known_default()?);
        let listed = url.scheme() == "https" && self.hosts.iter().any(|(name, at)| name == host && *at == port);
        (same || listed).then_some(url)
    }
}

fn is_fit(url: &Url) -> bool {
    let encrypted = url.scheme() == "https" || (url.scheme() == "http" && is_this_machine(url));
    encrypted
        && url.host().is_some()
        && url.username().is_empty()
        && url.password().is_none()
        && url.fragment().is_none()
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// A host and its port as the configuration names them, in the form that addresses have.
fn named(host: &str) -> Option<(String, u16)> {
    let url = Url::parse(&format!("https://{host}/")).ok()?;
    let alone = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    alone.then_some((url.host_str()?.to_owned(), url.port_or_known_default()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(issuer: &str, hosts: &[&str]) -> Reach {
        Reach::new(issuer, &hosts.iter().map(|host| (*host).to_owned()).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn an_issuer_is_encrypted_or_on_this_machine() {
        for good in [
            "https://id.example",
            "https://id.example/realms/ward",
            "http://127.0.0.1:8080",
            "http://[::1]:1",
            "http://localhost:3",
        ] {
            assert!(Reach::new(good, &[]).is_ok(), "{good}");
        }
        for wrong in [
            "http://id.example",
            "https://id.example?x=1",
            "https://id.example#x",
            "https://u:p@id.example",
            "ftp://id.example",
            "id.example",
            "",
        ] {
            assert!(Reach::new(wrong, &[]).is_err(), "{wrong}");
        }
        assert!(Reach::new("https://id.example", &["a/b".to_owned()]).is_err());
    }

    #[test]
    fn the_description_is_below_the_issuers_own_path() {
        let at = |issuer| reach(issuer, &[]).description().to_string();
        assert_eq!(at("https://id.example"), "https://id.example/.well-known/openid-configuration");
        assert_eq!(
            at("https://id.example/realms/ward/"),
            "https://id.example/realms/ward/.well-known/openid-configuration"
        );
    }

    #[test]
    fn nothing_but_the_issuer_and_the_hosts_named_is_ever_spoken_to() {
        let reach = reach("https://id.example", &["keys.example", "tokens.example:8443"]);
        for good in [
            "https://id.example/token",
            "https://id.example:443/x",
            "https://keys.example/jwks",
            "https://tokens.example:8443/t",
        ] {
            assert!(reach.admit(good).is_some(), "{good}");
        }
        for wrong in [
            "http://id.example/token",
            "https://id.example:8443/token",
            "https://id.example.evil.example/token",
            "https://id.example@evil.example/",
            "https://evil.example/token",
            "http://keys.example/jwks",
            "https://keys.example:8443/jwks",
            "http://169.254.169.254/latest",
            "http://127.0.0.1/token",
            "file:///etc/passwd",
            "/token",
        ] {
            assert!(reach.admit(wrong).is_none(), "{wrong}");
        }
        assert!(reach.admit(&format!("https://id.example/{}", "a".repeat(ADDRESS_BYTES_MAX))).is_none());
    }
}
