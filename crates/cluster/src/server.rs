//! The server itself: made, started, asked, stopped, frozen; and a standby of it, promoted.

use crate::keeper::Keeper;
use crate::owner::{as_owner, done, give_away, home, programs};
use std::io::{self, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// How often, and how many times, to look whether something about a server has come true.
const LOOK_EVERY: Duration = Duration::from_millis(50);
const LOOKS_MAX: u32 = 600;
/// What a standby is called at its primary.
const STANDBY: &str = "standby";

/// A running server.
#[derive(Debug)]
pub struct Cluster {
    home: PathBuf,
    port: u16,
    keeper: Keeper,
    databases: AtomicU32,
}

impl Cluster {
    /// One for everybody in this process who does not stop it, started when it is first asked for.
    ///
    /// # Panics
    /// When PostgreSQL is not installed or does not start.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        #[expect(clippy::expect_used, reason = "tests cannot go on without it")]
        SHARED.get_or_init(|| Self::start(&[], |_| Ok(())).expect("a PostgreSQL server for tests"))
    }

    /// One of its own. `settings` go into its configuration; `prepare` may put files into its data directory first.
    ///
    /// # Errors
    /// When PostgreSQL is not installed (Debian's package `postgresql`; `cargo xtask test` installs it) or does not start.
    pub fn start(settings: &[(&str, &str)], prepare: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<Self> {
        let (bin, home) = (programs()?, home()?);
        let data = home.join("data");
        let initdb = ["--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--username=postgres", "-D"];
        done(as_owner(&home, &bin.join("initdb")).args(initdb).arg(&data))?;
        // Whoever is called so needs a password; everybody else needs none.
        let access = data.join("pg_hba.conf");
        let others = std::fs::read_to_string(&access)?;
        std::fs::write(&access, format!("host all locked 127.0.0.1/32 scram-sha-256\n{others}"))?;
        prepare(&data)?;
        let always = [("max_connections", "300"), ("shared_buffers", "64MB"), ("log_line_prefix", "%m [%p] %a ")];
        Self::run(&bin, home, always.iter().chain(settings))
    }

    /// A standby of this server, made by `pg_basebackup`: it streams, and every commit here waits for it from now on.
    ///
    /// # Errors
    /// When it cannot be made, or does not begin to stream.
    pub fn standby(&self) -> io::Result<Self> {
        let (bin, home) = (programs()?, home()?);
        let from = ["--no-sync", "-c", "fast", "-X", "stream", "-h", "127.0.0.1", "-U", "postgres", "-p"];
        let mut backup = as_owner(&home, &bin.join("pg_basebackup"));
        done(backup.args(from).arg(self.port.to_string()).arg("-D").arg(home.join("data")))?;
        std::fs::write(home.join("data").join("standby.signal"), "")?;
        let primary = format!("host=127.0.0.1 port={} user=postgres application_name={STANDBY}", self.port);
        // A primary that came back is found again soon.
        let settings = [("primary_conninfo", primary.as_str()), ("wal_retrieve_retry_interval", "100ms")];
        let standby = Self::run(&bin, home, settings.iter())?;
        // What it has to stream may pile up while it is down.
        self.set("wal_keep_size", "256MB")?;
        self.set("synchronous_standby_names", STANDBY)?;
        self.until_it_waits_for_its_standby()?;
        Ok(standby)
    }

    /// Makes a standby a server that takes writes, and waits until it does.
    ///
    /// # Errors
    /// When it does not.
    pub fn promote(&self) -> io::Result<()> {
        let promoted = self.sql("postgres", "SELECT pg_promote(true, 60)")?;
        if promoted == "t" { Ok(()) } else { Err(io::Error::other("the standby was not promoted")) }
    }

    /// Waits until every commit waits for the standby, which streams.
    ///
    /// # Errors
    /// When that does not come true.
    pub fn until_it_waits_for_its_standby(&self) -> io::Result<()> {
        let synchronous = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND sync_state = 'sync'";
        self.until(synchronous, |said| said == "1")
    }

    /// Changes its configuration while it runs.
    ///
    /// # Errors
    /// When it does not take it.
    pub fn set(&self, setting: &str, value: &str) -> io::Result<()> {
        self.sql("postgres", &format!("ALTER SYSTEM SET {setting} = '{value}'"))?;
        self.sql("postgres", "SELECT pg_reload_conf()").map(drop)
    }

    /// Where it listens, on loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address of a new, empty database.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn database(&self) -> io::Result<String> {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::SeqCst));
        self.sql("postgres", &format!("CREATE DATABASE {name}"))?;
        Ok(format!("postgres://postgres@127.0.0.1:{}/{name}", self.port))
    }

    /// What `psql` says to statements in a database, unaligned.
    ///
    /// # Errors
    /// When one fails.
    pub fn sql(&self, database: &str, sql: &str) -> io::Result<String> {
        let said = Command::new(programs()?.join("psql"))
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h"])
            .arg(&self.home)
            .args(["-p", &self.port.to_string(), "-U", "postgres", "-d", database, "-c", sql])
            .env("LC_ALL", "C.UTF-8")
            .output()?;
        if said.status.success() {
            return Ok(String::from_utf8_lossy(&said.stdout).trim().to_owned());
        }
        Err(io::Error::other(format!("{sql}: {}", String::from_utf8_lossy(&said.stderr))))
    }

    /// As [`Self::sql`], where the database is given by its address.
    ///
    /// # Errors
    /// As there.
    pub fn sql_at(&self, address: &str, sql: &str) -> io::Result<String> {
        let path = address.split('?').next().unwrap_or(address);
        self.sql(path.rsplit('/').next().unwrap_or(path), sql)
    }

    /// Ends it as a crash would: nothing is finished, nobody is told.
    ///
    /// # Errors
    /// When it cannot be told.
    pub fn stop(&self) -> io::Result<()> {
        self.keeper.order("stop")
    }

    /// Starts it again, and waits until it answers.
    ///
    /// # Errors
    /// When it does not.
    pub fn start_again(&self) -> io::Result<()> {
        self.keeper.order("start")?;
        self.until("SELECT 1", |said| said == "1")
    }

    /// Its processes stand still, with their connections open.
    ///
    /// # Errors
    /// When it cannot be told.
    pub fn freeze(&self) -> io::Result<()> {
        self.keeper.order("freeze")
    }

    /// They go on.
    ///
    /// # Errors
    /// When it cannot be told.
    pub fn thaw(&self) -> io::Result<()> {
        self.keeper.order("thaw")
    }

    /// Starts a server on what is in its directory, with settings of its own.
    fn run<'a>(bin: &Path, home: PathBuf, settings: impl Iterator<Item = &'a (&'a str, &'a str)>) -> io::Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let data = home.join("data");
        let mut own =
            format!("listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = '{}'\n", home.display());
        for (name, value) in settings {
            own.push_str(&format!("{name} = '{value}'\n"));
        }
        let configuration = std::fs::OpenOptions::new().append(true).open(data.join("postgresql.conf"));
        configuration?.write_all(own.as_bytes())?;
        give_away(&data)?;
        let keeper = Keeper::start(bin, &home)?;
        let server = Self { home, port, keeper, databases: AtomicU32::new(0) };
        server.until("SELECT 1", |said| said == "1")?;
        Ok(server)
    }

    /// Asks until the answer is as wanted.
    fn until(&self, sql: &str, wanted: impl Fn(&str) -> bool) -> io::Result<()> {
        let mut last = String::new();
        for _ in 0..LOOKS_MAX {
            match self.sql("postgres", sql) {
                Ok(said) if wanted(&said) => return Ok(()),
                Ok(said) => last = said,
                Err(error) => last = error.to_string(),
            }
            std::thread::sleep(LOOK_EVERY);
        }
        let log = std::fs::read_to_string(self.home.join("log")).unwrap_or_default();
        Err(io::Error::other(format!("{sql}: {last}\n{log}")))
    }
}
