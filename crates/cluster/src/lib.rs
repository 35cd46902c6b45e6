//! A PostgreSQL server for tests: a cluster of its own in a temporary directory, on a free port of this machine, gone when the test is.
//!
//! A small shell program owns the server. It ends the server and removes the directory when its standard input ends, which it does however the
//! process that started it ends: a test that panics or is killed leaves nothing behind.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// The server does not run as root; then it runs as `nobody`.
const NOBODY: u32 = 65_534;
/// How often, and how many times, to look whether the server answers.
const LOOK_EVERY: Duration = Duration::from_millis(50);
const LOOKS_MAX: u32 = 600;

/// Owns the server: `stop` ends it as a crash would, `start` starts it again, the end of input ends everything.
const KEEPER: &str = r#"
set -u
start() { "$BIN/postgres" -D "$HOME_DIR/data" >>"$HOME_DIR/log" 2>&1 </dev/null & server=$!; }
halt() { kill "-$1" "$server" 2>/dev/null; wait "$server" 2>/dev/null; }
start
while read -r order; do
    case $order in
        stop) halt QUIT ;;
        start) start ;;
        freeze) pkill -STOP -P "$server"; kill -STOP "$server" ;;
        thaw) kill -CONT "$server"; pkill -CONT -P "$server" ;;
    esac
    echo done
done
kill -CONT "$server" 2>/dev/null
halt QUIT
rm -rf "$HOME_DIR"
"#;

/// A running server.
#[derive(Debug)]
pub struct Cluster {
    home: PathBuf,
    port: u16,
    keeper: Mutex<Keeper>,
    databases: AtomicU32,
}

#[derive(Debug)]
struct Keeper {
    child: Child,
    orders: Option<ChildStdin>,
    done: BufReader<ChildStdout>,
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
        let bin = programs()?;
        let home = home()?;
        let data = home.join("data");
        let as_owner = |program: &Path| {
            let mut command = Command::new(program);
            command.current_dir(&home).env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C.UTF-8");
            if rustix::process::getuid().is_root() {
                command.uid(NOBODY).gid(NOBODY);
            }
            command
        };
        let made = as_owner(&bin.join("initdb"))
            .args(["--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--username=postgres", "-D"])
            .arg(&data)
            .output()?;
        if !made.status.success() {
            return Err(io::Error::other(format!("initdb: {}", String::from_utf8_lossy(&made.stderr))));
        }
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut configuration = format!(
            "listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = '{}'\nmax_connections = 300\n\
             shared_buffers = 64MB\nlog_line_prefix = '%m [%p] %a '\n",
            home.display()
        );
        for (name, value) in settings {
            configuration.push_str(&format!("{name} = '{value}'\n"));
        }
        std::fs::OpenOptions::new()
            .append(true)
            .open(data.join("postgresql.conf"))?
            .write_all(configuration.as_bytes())?;
        // Whoever is called so needs a password; everybody else needs none.
        let access = data.join("pg_hba.conf");
        let others = std::fs::read_to_string(&access)?;
        std::fs::write(&access, format!("host all locked 127.0.0.1/32 scram-sha-256\n{others}"))?;
        prepare(&data)?;
        give_away(&data)?;
        let mut child = as_owner(Path::new("/bin/sh"))
            .args(["-c", KEEPER])
            .env("BIN", &bin)
            .env("HOME_DIR", &home)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()?;
        let (orders, done) = (child.stdin.take(), child.stdout.take().map(BufReader::new));
        let done = done.ok_or_else(|| io::Error::other("the server's keeper has no output"))?;
        let keeper = Mutex::new(Keeper { child, orders, done });
        let cluster = Self { home, port, keeper, databases: AtomicU32::new(0) };
        cluster.wait_until_it_answers()?;
        Ok(cluster)
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
        self.order("stop")
    }

    /// Starts it again, and waits until it answers.
    ///
    /// # Errors
    /// When it does not.
    pub fn start_again(&self) -> io::Result<()> {
        self.order("start")?;
        self.wait_until_it_answers()
    }

    /// Its processes stand still, with their connections open.
    ///
    /// # Errors
    /// When it cannot be told.
    pub fn freeze(&self) -> io::Result<()> {
        self.order("freeze")
    }

    /// They go on.
    ///
    /// # Errors
    /// When it cannot be told.
    pub fn thaw(&self) -> io::Result<()> {
        self.order("thaw")
    }

    fn order(&self, order: &str) -> io::Result<()> {
        let mut keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(orders) = &mut keeper.orders {
            writeln!(orders, "{order}")?;
        }
        keeper.done.read_line(&mut String::new()).map(drop)
    }

    fn wait_until_it_answers(&self) -> io::Result<()> {
        let mut last = None;
        for _ in 0..LOOKS_MAX {
            match self.sql("postgres", "SELECT 1") {
                Ok(_) => return Ok(()),
                Err(error) => last = Some(error),
            }
            std::thread::sleep(LOOK_EVERY);
        }
        let log = std::fs::read_to_string(self.home.join("log")).unwrap_or_default();
        Err(last.map_or_else(|| io::Error::other(log.clone()), |error| io::Error::other(format!("{error}\n{log}"))))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let keeper = self.keeper.get_mut().unwrap_or_else(PoisonError::into_inner);
        keeper.orders = None;
        let _ended = keeper.child.wait();
    }
}

/// Where Debian puts the server's programs; the newest version's.
fn programs() -> io::Result<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|versions| versions.filter_map(|version| Some(version.ok()?.path().join("bin"))).collect())
        .unwrap_or_default();
    found.retain(|bin| bin.join("initdb").exists());
    found.sort();
    found.pop().ok_or_else(|| {
        io::Error::other("PostgreSQL is not installed: apt-get install postgresql, as `cargo xtask test` does")
    })
}

/// A new directory for the server's owner alone, with a path short enough for a socket in it.
fn home() -> io::Result<PathBuf> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        let home = std::env::temp_dir().join(format!("pg-{}-{number}", std::process::id()));
        match std::fs::create_dir(&home) {
            Ok(()) => {
                // Its owner removes it; whoever tests looks in through the socket.
                std::fs::set_permissions(&home, std::fs::Permissions::from_mode(0o755))?;
                give_away(&home)?;
                return Ok(home);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}

/// What root made for the server becomes its owner's.
fn give_away(path: &Path) -> io::Result<()> {
    if !rustix::process::getuid().is_root() {
        return Ok(());
    }
    if std::fs::symlink_metadata(path)?.uid() != NOBODY {
        std::os::unix::fs::lchown(path, Some(NOBODY), Some(NOBODY))?;
    }
    if path.is_dir() {
        for entry in std::fs::read_dir(path)? {
            give_away(&entry?.path())?;
        }
    }
    Ok(())
}
