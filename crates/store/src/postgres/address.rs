//! `postgres://user@host:port/database?passfile=…&sslrootcert=…`: libpq's names, and a password nowhere in it.

use std::net::IpAddr;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use tokio_postgres::config::{Host, SslMode};
use zeroize::Zeroizing;

/// Where a database is and how it is reached. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    text: String,
    pub(super) config: tokio_postgres::Config,
    passfile: Option<PathBuf>,
    /// The authorities one of which vouches for the server; none where nothing leaves the machine.
    pub(super) roots: Option<PathBuf>,
}

/// Why an address cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// It is not of the form.
    #[error("`{0}` is not of the form postgres://user@host:port/database: {1}")]
    Form(String, String),
    /// It has a password in it.
    #[error(
        "a password in the address would be seen by everybody: put it into a file, as `passfile=FILE` in the address names"
    )]
    Password,
    /// The connection would leave the machine in the clear, or to whoever answers.
    #[error(
        "`{0}` is not this machine: its certificate has to be checked, so give the authority's as `sslrootcert=FILE` and leave `sslmode` at `verify-full`"
    )]
    Unchecked(String),
    /// The file of passwords cannot be used.
    #[error("the password file `{}` cannot be used: {why}", .path.display())]
    PassFile {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The authorities cannot be read.
    #[error("the root certificates `{}` cannot be used: {why}", .path.display())]
    Roots {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
}

impl Address {
    /// Reads one.
    ///
    /// # Errors
    /// When it is none, has a password in it, or would let the connection be listened to.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let form = |why: &str| AddressError::Form(without_password(text), why.to_owned());
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return Err(form("it does not begin with postgres://"));
        }
        let (base, query) = text.split_once('?').unwrap_or((text, ""));
        let (mut passfile, mut roots, mut mode, mut rest) = (None, None, None, Vec::new());
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').ok_or_else(|| form("a parameter has no value"))?;
            match name {
                "passfile" => passfile = Some(PathBuf::from(decoded(value))),
                "sslrootcert" => roots = Some(PathBuf::from(decoded(value))),
                "sslmode" => mode = Some(value),
                "password" => return Err(AddressError::Password),
                _ => rest.push(pair),
            }
        }
        let plain = if rest.is_empty() { base.to_owned() } else { format!("{base}?{}", rest.join("&")) };
        let mut config: tokio_postgres::Config =
            plain.parse().map_err(|error: tokio_postgres::Error| form(&error.to_string()))?;
        if config.get_password().is_some() {
            return Err(AddressError::Password);
        }
        if config.get_user().is_none() || config.get_dbname().is_none() || config.get_hosts().is_empty() {
            return Err(form("it needs a user, a host and a database"));
        }
        let here = config.get_hosts().iter().all(is_here) && config.get_hostaddrs().iter().all(IpAddr::is_loopback);
        let secured = match mode {
            None => !here || roots.is_some(),
            Some("verify-full") => true,
            Some("disable") if here => false,
            Some(_) if here => return Err(form("sslmode is `verify-full` or, on this machine, `disable`")),
            Some(_) => return Err(AddressError::Unchecked(hosts(&config))),
        };
        if secured && roots.is_none() {
            return Err(AddressError::Unchecked(hosts(&config)));
        }
        config.ssl_mode(if secured { SslMode::Require } else { SslMode::Disable });
        Ok(Self { text: text.to_owned(), config, passfile, roots: roots.filter(|_| secured) })
    }

    /// As it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The same without its parameters: for people.
    #[must_use]
    pub fn place(&self) -> &str {
        self.text.split('?').next().unwrap_or_default()
    }

    /// The password for it, if there is a file and a line for it.
    pub(super) fn password(&self) -> Result<Option<Zeroizing<String>>, AddressError> {
        let Some(path) = &self.passfile else { return Ok(None) };
        let wrong = |why: String| AddressError::PassFile { path: path.clone(), why };
        let metadata = std::fs::metadata(path).map_err(|error| wrong(error.to_string()))?;
        if metadata.mode() & 0o077 != 0 {
            return Err(wrong(format!("others can read it (mode {:03o}); set it to 600", metadata.mode() & 0o777)));
        }
        let text = Zeroizing::new(std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?);
        let found = text.lines().find_map(|line| self.password_in(line));
        found.map(Some).ok_or_else(|| wrong("it has no line (host:port:database:user:password) for this".to_owned()))
    }

    /// The password of a line `host:port:database:user:password`, if it is for this address.
    fn password_in(&self, line: &str) -> Option<Zeroizing<String>> {
        let mut fields = fields(line);
        let password = Zeroizing::new(fields.pop().filter(|_| fields.len() == 4)?);
        let port = self.config.get_ports().first().copied().unwrap_or(5432).to_string();
        let is_host = |field: &str| {
            self.config.get_hosts().iter().any(|host| match host {
                Host::Tcp(name) => field == name,
                Host::Unix(path) => field == "localhost" || Path::new(field) == path,
            })
        };
        let own = [None, Some(port.as_str()), self.config.get_dbname(), self.config.get_user()];
        let fits = fields.iter().zip(own).all(|(field, own)| {
            field == "*"
                || match own {
                    None => is_host(field),
                    Some(own) => field == own,
                }
        });
        fits.then_some(password)
    }
}

/// Without what libpq, or whoever forgot the host, would take for a password: for messages.
fn without_password(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return "…".to_owned() };
    let before = rest.split('?').next().unwrap_or_default();
    let up_to_colon =
        |text: &str| text.split_once(':').map_or_else(|| text.to_owned(), |(name, _)| format!("{name}:…"));
    match before.rsplit_once('@') {
        Some((user, place)) => format!("{scheme}://{}@{place}", up_to_colon(user)),
        None => format!("{scheme}://{}", up_to_colon(before)),
    }
}

fn hosts(config: &tokio_postgres::Config) -> String {
    let named = config.get_hosts().iter().map(|host| match host {
        Host::Tcp(name) => name.clone(),
        Host::Unix(path) => path.display().to_string(),
    });
    named.collect::<Vec<_>>().join(",")
}

fn is_here(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => name == "localhost" || name.parse().is_ok_and(|address: IpAddr| address.is_loopback()),
    }
}

/// A line's fields, where `\:` and `\\` stand for themselves.
fn fields(line: &str) -> Vec<String> {
    let (mut fields, mut chars) = (vec![String::new()], line.chars());
    while let Some(char) = chars.next() {
        let char = match char {
            ':' if fields.len() < 5 => {
                fields.push(String::new());
                continue;
            }
            '\\' => chars.next().unwrap_or('\\'),
            other => other,
        };
        if let Some(last) = fields.last_mut() {
            last.push(char);
        }
    }
    fields
}

/// With `%20` and its like undone.
fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        let two = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        match two.filter(|_| *first == b'%').and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn an_address_on_this_machine_needs_no_certificate_and_any_other_does() {
        for here in ["127.0.0.1:5433", "localhost", "[::1]", "%2Frun%2Fpostgresql"] {
            let address = Address::parse(&format!("postgres://amy@{here}/handrail")).unwrap();
            assert_eq!(address.config.get_ssl_mode(), SslMode::Disable, "{here}");
        }
        for away in ["", "?sslmode=disable", "?sslmode=require&sslrootcert=/ca.pem", "?sslmode=verify-full"] {
            let refused = Address::parse(&format!("postgres://amy@db.example/handrail{away}"));
            assert!(matches!(refused, Err(AddressError::Unchecked(_))), "{away}: {refused:?}");
        }
        // One host that is elsewhere is enough.
        assert!(Address::parse("postgres://amy@localhost,db.example/handrail").is_err());
        let checked = Address::parse("postgres://amy@db.example/handrail?sslrootcert=%2Fetc%2Fca%20s.pem").unwrap();
        assert_eq!(checked.config.get_ssl_mode(), SslMode::Require);
        assert_eq!(checked.roots, Some(PathBuf::from("/etc/ca s.pem")));
    }

    #[test]
    fn a_password_in_the_address_is_refused_without_being_told() {
        for with in ["postgres://amy:s3cret@localhost/h", "postgres://amy@localhost/h?password=s3cret"] {
            let refused = Address::parse(with).unwrap_err();
            assert!(matches!(refused, AddressError::Password), "{refused:?}");
            assert!(!format!("{refused} {refused:?}").contains("s3cret"));
        }
        for with in [
            "postgres://amy:s3cret@:x/h?sslmode",
            "postgres://amy:s3cret/h",
            "postgres://amy:1/s3cret",
            "postgres://amy:?s3cret@localhost/h",
            "postgres://amy@localhost/h?sslmode=s3cret@x&bare",
            "postgresql://amy:s3cret",
            "amy:s3cret@localhost/h",
        ] {
            let refused = Address::parse(with).unwrap_err();
            assert!(!format!("{refused} {refused:?}").contains("s3cret"), "{refused}");
        }
    }

    #[test]
    fn the_password_comes_from_the_first_line_that_fits_of_a_file_nobody_else_can_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pass");
        std::fs::write(&path, "db:5432:h:amy:wrong\n*:5433:h:amy:right\\:one\n*:*:*:*:last\n").unwrap();
        let text = format!("postgres://amy@127.0.0.1:5433/h?passfile={}", path.display());
        let address = Address::parse(&text).unwrap();
        assert!(address.password().unwrap_err().to_string().contains("others can read it"));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(**address.password().unwrap().as_ref().unwrap(), *"right:one");
        let other = Address::parse(&text.replace("5433", "5434")).unwrap();
        assert_eq!(**other.password().unwrap().as_ref().unwrap(), *"last");
        assert!(!format!("{address:?}").contains("right"));
    }
}
