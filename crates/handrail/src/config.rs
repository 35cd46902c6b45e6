//! One TOML file with everything a node needs to know that the charter does not say. `docs/configuration.md` lists every key.

use crate::cli::LogFormat;
use crate::server::tls::TlsFiles;
use events::FeedName;
use plane::SpoolAt;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The whole file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The data directory.
    pub(crate) data: PathBuf,
    /// The charter a new store begins with.
    pub(crate) charter: Option<PathBuf>,
    /// Where to listen.
    pub(crate) listen: Listen,
    /// Where the store is, and its limits.
    #[serde(default)]
    pub(crate) store: Stored,
    /// Where decisions go while the log cannot be written.
    #[serde(default)]
    pub(crate) spool: SpoolPlace,
    /// How connections are limited.
    #[serde(default)]
    pub(crate) connections: Connections,
    /// How logs are written.
    #[serde(default)]
    pub(crate) log: Log,
    /// The witnesses that each checkpoint is sent to.
    #[serde(default)]
    pub(crate) witness: Vec<Witness>,
    /// Providers that say who people are, by OpenID Connect.
    #[serde(default)]
    pub(crate) federation: Vec<signin::federation::Settings>,
}

/// A witness of the ledger.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Witness {
    /// Where it is asked: `http://host:port`, to which `/add-checkpoint` is added.
    pub(crate) url: String,
    /// Its public key.
    pub(crate) key: String,
}

/// Where to listen.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listen {
    /// The decision API, the feed API and the console.
    pub(crate) http: SocketAddr,
    /// HL7 v2 over MLLP.
    pub(crate) mllp: Option<SocketAddr>,
    /// HL7 v2 over MLLP over TLS, beside or instead of `mllp`.
    pub(crate) mllp_tls: Option<MllpTls>,
    /// Certificate, key and client authority of `http`; without it, it is plain.
    pub(crate) tls: Option<TlsFiles>,
    /// A proxy in front speaks TLS, so that plain HTTP may listen beyond loopback.
    #[serde(default)]
    pub(crate) behind_proxy: bool,
    /// How the node is reached from outside, when that is not `http://` (or `https://`) and `http`.
    pub(crate) base_url: Option<String>,
}

/// HL7 v2 over MLLP over TLS.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MllpTls {
    /// Where.
    pub(crate) address: SocketAddr,
    /// Certificate, key and client authority.
    pub(crate) tls: TlsFiles,
    /// The names of which a sender's certificate must have one, by the feed it speaks for.
    #[serde(default)]
    pub(crate) certificate_names: BTreeMap<FeedName, Vec<String>>,
}

/// Where the store is, and its limits.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Stored {
    /// The PostgreSQL database it is in: `postgres://user@host:port/database?passfile=…&sslrootcert=…`. Without it, it is where the data directory says
    /// or, in a new one, a file there.
    pub(crate) address: Option<String>,
    /// The most mebibytes the store's file may have; without it as many as the disk has.
    pub(crate) size_mib_max: Option<u64>,
    /// After how many entries a snapshot is made, so that a start reads only what came after; 0 makes none.
    pub(crate) snapshot_entries: u64,
}

impl Default for Stored {
    fn default() -> Self {
        Self { address: None, size_mib_max: None, snapshot_entries: store::SNAPSHOT_ENTRIES }
    }
}

/// Where decisions go while the log cannot be written, in workflows whose fallback for the store is `temporary`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SpoolPlace {
    /// Its directory; without it `spool` in the data directory.
    pub(crate) path: Option<PathBuf>,
    /// The size of its file, in bytes; 0 has no spool.
    pub(crate) size_bytes: u64,
}

impl Default for SpoolPlace {
    fn default() -> Self {
        Self { path: None, size_bytes: store::SPOOL_BYTES_DEFAULT }
    }
}

/// How connections are limited.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Connections {
    /// Connections at once.
    pub(crate) max: usize,
    /// Seconds within which a request's header, and each next piece of its body, has to arrive.
    pub(crate) read_timeout_s: u64,
    /// Seconds a shutdown waits for answers in hand.
    pub(crate) drain_timeout_s: u64,
}

impl Default for Connections {
    fn default() -> Self {
        Self { max: 4096, read_timeout_s: 10, drain_timeout_s: 10 }
    }
}

/// How logs are written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Log {
    /// For people or for machines.
    pub(crate) format: LogFormat,
    /// What is logged, in the syntax of tracing's filters.
    pub(crate) filter: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, filter: "info".to_owned() }
    }
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("`{}` cannot be read", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("`{}` {place}: {message}{help}", path.display())]
    Form { path: PathBuf, place: String, message: String, help: String },
}

impl Config {
    /// Reads a file. Paths in it are relative to it.
    pub(crate) fn load(path: &Path) -> Result<Self, ConfigError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        let mut config = Self::parse(&text).map_err(|(place, message, help)| ConfigError::Form {
            path: path.to_owned(),
            place,
            message,
            help,
        })?;
        if let Some(folder) = path.parent() {
            config.data = folder.join(&config.data);
            config.spool.path = config.spool.path.map(|path| folder.join(path));
            config.charter = config.charter.map(|charter| folder.join(charter));
            if let Some(mllp) = &mut config.listen.mllp_tls {
                mllp.tls = mllp.tls.clone().within(folder);
            }
            config.listen.tls = config.listen.tls.map(|files| files.within(folder));
            config.federation = config.federation.into_iter().map(|settings| settings.within(folder)).collect();
        }
        Ok(config)
    }

    /// The database the store is in, where one is named.
    pub(crate) fn store_address(&self) -> Result<Option<store::Address>, store::AddressError> {
        self.store.address.as_deref().map(store::Address::parse).transpose()
    }

    /// The node's spool, if it has one.
    pub(crate) fn spool(&self) -> Option<SpoolAt> {
        let path = self.spool.path.clone().unwrap_or_else(|| self.data.join("spool"));
        (self.spool.size_bytes > 0).then_some(SpoolAt { path, bytes: self.spool.size_bytes })
    }

    /// From the command line's few options.
    pub(crate) fn from_options(
        data: PathBuf,
        charter: Option<PathBuf>,
        http: SocketAddr,
        mllp: Option<SocketAddr>,
        base_url: Option<String>,
        behind_proxy: bool,
    ) -> Self {
        Self {
            data,
            charter,
            listen: Listen { http, mllp, mllp_tls: None, tls: None, behind_proxy, base_url },
            store: Stored::default(),
            spool: SpoolPlace::default(),
            connections: Connections::default(),
            log: Log::default(),
            witness: Vec::new(),
            federation: Vec::new(),
        }
    }

    fn parse(text: &str) -> Result<Self, (String, String, String)> {
        toml::from_str(text).map_err(|error| {
            let place = error.span().map_or_else(String::new, |span| {
                let before = text.get(..span.start).unwrap_or(text);
                let line = before.matches('\n').count() + 1;
                let column = before.rsplit('\n').next().map_or(0, |tail| tail.chars().count()) + 1;
                format!("line {line}, column {column}")
            });
            let message = error.message().to_owned();
            let help = nearest(&message).map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            (place, message, help)
        })
    }
}

/// For serde's "unknown field `x`, expected one of `a`, `b`": the expected field most like the unknown one.
fn nearest(message: &str) -> Option<&str> {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let unknown = message.starts_with("unknown field").then(|| quoted.next()).flatten()?;
    charter::nearest(unknown, quoted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_refused_with_the_nearest_match() {
        let (place, message, help) =
            Config::parse("data = \"d\"\n[listen]\nhttp = \"127.0.0.1:1\"\nmlp = \"127.0.0.1:2\"\n").unwrap_err();
        assert_eq!(place, "line 4, column 1");
        assert!(message.starts_with("unknown field `mlp`"), "{message}");
        assert_eq!(help, "; did you mean `mllp`?");
    }

    #[test]
    fn the_smallest_file_is_enough() {
        let config = Config::parse("data = \"d\"\n[listen]\nhttp = \"127.0.0.1:0\"\n").unwrap();
        assert_eq!(config.connections.max, 4096);
        assert_eq!(config.log.format, LogFormat::Text);
        let spool = config.spool().unwrap();
        assert_eq!((spool.path, spool.bytes), (PathBuf::from("d/spool"), store::SPOOL_BYTES_DEFAULT));
    }

    #[test]
    fn a_spool_can_be_elsewhere_or_not_at_all() {
        let spool = |more: &str| {
            Config::parse(&format!("data = \"d\"\n[listen]\nhttp = \"127.0.0.1:0\"\n[spool]\n{more}")).unwrap().spool()
        };
        assert_eq!(spool("path = \"e\"\nsize_bytes = 65536").map(|at| (at.path, at.bytes)), Some(("e".into(), 65536)));
        assert!(spool("size_bytes = 0").is_none());
    }
}
