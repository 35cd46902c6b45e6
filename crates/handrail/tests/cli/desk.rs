//! Somebody at a terminal: a directory of their own, the binary, and a node if they start one.

use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// How long a node, or anything on the network, may take in these tests before they give up.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a command did.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Done {
    /// It ended with this code.
    #[track_caller]
    pub(crate) fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, code, "standard output:\n{}\nstandard error:\n{}", self.out, self.err);
        self
    }

    /// Standard output has all of these.
    #[track_caller]
    pub(crate) fn says(self, words: &[&str]) -> Self {
        for word in words {
            assert!(
                self.out.contains(word),
                "no {word:?} in standard output:\n{}\nstandard error:\n{}",
                self.out,
                self.err
            );
        }
        self
    }

    /// Standard error has all of these.
    #[track_caller]
    pub(crate) fn notes(self, words: &[&str]) -> Self {
        for word in words {
            assert!(self.err.contains(word), "no {word:?} in standard error:\n{}", self.err);
        }
        self
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).expect(&self.out)
    }
}

/// The starter charter of the repository.
pub(crate) fn starter_charter() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../charter")
}

pub(crate) struct Desk {
    dir: TempDir,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self { dir: TempDir::new().unwrap() }
    }

    /// A desk with a data directory that the starter charter began, and a token.
    pub(crate) fn with_store() -> Self {
        let desk = Self::new();
        desk.run(&["caller", "add", "ehr", "--charter", starter_charter().to_str().unwrap()]).ended(0);
        desk
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// The binary, run in the desk's directory with its data directory and no colour.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_handrail"));
        command.args(args).current_dir(self.dir.path()).env("HANDRAIL_DATA", "data").env("NO_COLOR", "1");
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Done {
        done(&mut self.command(args))
    }

    /// A copy of the starter charter, to be broken.
    pub(crate) fn charter_copy(&self) -> PathBuf {
        let copy = self.path("charter");
        copy_dir(&starter_charter(), &copy);
        copy
    }

    /// A copy of the smallest charter there is, in which two people may sign a change.
    pub(crate) fn smallest_charter(&self, name: &str) -> PathBuf {
        let copy = self.path(name);
        copy_dir(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../charter/tests/fixtures/minimal"), &copy);
        copy
    }

    /// Starts a node from a configuration file with these lines beside the addresses.
    pub(crate) fn serve_configured(&self, charter: &Path, lines: &str) -> Node {
        let config = format!(
            "data = \"data\"\ncharter = \"{}\"\n{lines}\n[listen]\nhttp = \"127.0.0.1:0\"\nmllp = \"127.0.0.1:0\"\n",
            charter.display()
        );
        std::fs::write(self.path("handrail.toml"), config).unwrap();
        self.serve_with(&["--config", "handrail.toml"])
    }

    /// Starts a witness of a log and waits until it listens; its address.
    #[expect(clippy::zombie_processes, reason = "whoever asked for it ends it; if it does not start, the test is over")]
    pub(crate) fn witness(&self, log_key: &str, more: &[&str]) -> (Child, String) {
        let args = ["witness", "run", "--state", "witness", "--listen", "127.0.0.1:0", "--log-key", log_key];
        let mut command = self.command(&[&args, more].concat());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut said = String::new();
        loop {
            let Some(Ok(line)) = lines.next() else { panic!("the witness did not start:\n{said}") };
            if let Some(address) = after(&line, "listening on http://") {
                std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
                return (child, address);
            }
            said.push_str(&line);
        }
    }

    /// Starts a node and waits until it listens.
    pub(crate) fn serve(&self) -> Node {
        let charter = starter_charter();
        self.serve_with(&[
            "--data",
            "data",
            "--charter",
            charter.to_str().unwrap(),
            "--listen",
            "127.0.0.1:0",
            "--mllp",
            "127.0.0.1:0",
        ])
    }

    /// Starts a node with other options and waits until it listens.
    pub(crate) fn serve_with(&self, options: &[&str]) -> Node {
        let mut child =
            self.command(&[&["serve"], options].concat()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (mut http, mut mllp, mut said) = (None, None, String::new());
        while http.is_none() || mllp.is_none() {
            let Some(Ok(line)) = lines.next() else { panic!("the node did not start:\n{said}") };
            // Warnings name addresses too.
            let told = Some(&line).filter(|line| line.contains("decisions and console"));
            http = http.or_else(|| told.and_then(|line| after(line, "http://").or_else(|| after(line, "https://"))));
            mllp = mllp.or_else(|| after(&line, "HL7 over MLLP").filter(|address| address.contains(':')));
            said.push_str(&line);
            said.push('\n');
        }
        // Somebody has to read on, or a node that says much would wait.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Node { child, http: http.unwrap(), mllp: mllp.unwrap() }
    }
}

fn after(line: &str, word: &str) -> Option<String> {
    let rest = line.split_once(word)?.1;
    Some(rest.trim().trim_end_matches('/').to_owned())
}

pub(crate) fn done(command: &mut Command) -> Done {
    let output = command.output().unwrap();
    Done {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A running node; it ends with this value.
pub(crate) struct Node {
    child: Child,
    http: String,
    pub(crate) mllp: String,
}

impl Node {
    /// Where it listens for HTTP.
    pub(crate) fn address(&self) -> &str {
        &self.http
    }

    /// One request with a bearer token, over a connection of its own; the status and the body.
    pub(crate) fn ask(&self, method: &str, path: &str, token: &str, kind: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.http).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {token}\r\ncontent-type: {kind}\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n{body}",
            self.http,
            body.len()
        )
        .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        // Tiles are no text.
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect(&answer);
        (status, answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
    }

    /// A connection from another address of this machine, which is on all of 127.0.0.0/8.
    pub(crate) fn connect_from(&self, last: u8) -> TcpStream {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        let stream = runtime.block_on(async {
            let socket = tokio::net::TcpSocket::new_v4().unwrap();
            socket.bind(std::net::SocketAddr::from(([127, 0, 0, last], 0))).unwrap();
            socket.connect(self.http.parse().unwrap()).await.unwrap().into_std().unwrap()
        });
        stream.set_nonblocking(false).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Tells a fact through the feed API; it must be taken.
    #[track_caller]
    pub(crate) fn tell(&self, path: &str, token: &str, body: &Value) {
        let (status, answer) = self.ask("PUT", path, token, "application/json", &body.to_string());
        assert_eq!(status, 200, "{path}: {answer}");
    }

    /// Asks it to end and waits until it did; its exit code.
    pub(crate) fn stop(mut self) -> i32 {
        let ended = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(ended.success());
        self.child.wait().unwrap().code().unwrap_or(-1)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}
