//! The address people reach a node at: it decides the cookie's name and flags, and which forms are our own.

use std::fmt;
use std::str::FromStr;

/// Scheme and authority, such as `https://handrail.hospital.example`, without a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl {
    https: bool,
    authority: String,
}

/// A text that is no base address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an address such as https://handrail.hospital.example, without a path")]
pub struct BaseUrlError {
    text: String,
}

impl BaseUrl {
    /// Whether connections are encrypted. If not, cookies cannot be marked as secure.
    #[must_use]
    pub const fn is_https(&self) -> bool {
        self.https
    }

    /// Its origin, as browsers write it.
    #[must_use]
    pub fn origin(&self) -> String {
        self.to_string()
    }

    /// Whether only this machine can reach it.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        loopback(&self.authority)
    }

    /// The name of a session's cookie. `__Host-` makes browsers refuse it from any other host or path, but they accept that prefix on
    /// encrypted connections only. Cookies do not tell ports apart, so on plain connections the name does.
    #[must_use]
    pub fn cookie_name(&self, whose: &str) -> String {
        if self.https {
            format!("__Host-handrail-{whose}")
        } else {
            let port = self.authority.rsplit_once(':').map_or("80", |(_, port)| port);
            let port: String = port.chars().filter(char::is_ascii_alphanumeric).collect();
            format!("handrail-{whose}-{port}")
        }
    }

    /// Whether an `Origin` is this address; or, on this machine, the address under another of the machine's names, if the `Host` is the same.
    #[must_use]
    pub fn is_origin(&self, origin: &str, host: Option<&str>) -> bool {
        let Ok(origin) = origin.parse::<Self>() else { return false };
        origin == *self
            || (self.is_loopback()
                && origin.https == self.https
                && loopback(&origin.authority)
                && host.is_some_and(|host| host.eq_ignore_ascii_case(&origin.authority)))
    }
}

fn loopback(authority: &str) -> bool {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl FromStr for BaseUrl {
    type Err = BaseUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || BaseUrlError { text: text.chars().take(128).collect() };
        let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
        let https = match scheme {
            "https" => true,
            "http" => false,
            _ => return Err(wrong()),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'[' | b']');
        if authority.is_empty() || !authority.bytes().all(plain) {
            return Err(wrong());
        }
        Ok(Self { https, authority: authority.to_ascii_lowercase() })
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.https { "https" } else { "http" }, self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(text: &str) -> BaseUrl {
        text.parse().unwrap()
    }

    #[test]
    fn only_an_address_without_a_path_is_a_base() {
        assert_eq!(base("https://Handrail.example/").to_string(), "https://handrail.example");
        for wrong in ["", "handrail.example", "ftp://x", "https://", "https://a/b", "https://a@b", "https://a b"] {
            assert!(wrong.parse::<BaseUrl>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_host_prefix_is_used_where_browsers_accept_it() {
        assert_eq!(base("https://handrail.example").cookie_name("operator"), "__Host-handrail-operator");
        assert_eq!(base("http://127.0.0.1:7410").cookie_name("operator"), "handrail-operator-7410");
        assert_eq!(base("http://localhost").cookie_name("operator"), "handrail-operator-80");
    }

    #[test]
    fn only_our_own_origin_is_ours() {
        let house = base("https://handrail.example");
        assert!(house.is_origin("https://handrail.example", None));
        for other in ["http://handrail.example", "https://evil.example", "null", "", "https://handrail.example:444"] {
            assert!(!house.is_origin(other, Some("handrail.example")), "{other}");
        }
    }

    #[test]
    fn on_this_machine_its_other_names_count_if_the_host_is_the_same() {
        let here = base("http://127.0.0.1:7410");
        assert!(here.is_origin("http://localhost:7410", Some("localhost:7410")));
        assert!(here.is_origin("http://[::1]:7410", Some("[::1]:7410")));
        assert!(!here.is_origin("http://localhost:9999", Some("localhost:7410")));
        assert!(!here.is_origin("http://evil.example", Some("evil.example")), "a rebound name is not this machine");
        assert!(!here.is_origin("http://localhost:7410", None));
    }
}
