//! The other sides: the real binary as a process, an HTTP caller, an MLLP sender. All on loopback, all on free ports.

use crate::step::{Outcome, cargo, elapsed_since_start, root, run};
use cluster::Cluster;
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

/// How long a node may take to become ready, on a slow machine in a debug build.
const READY: Duration = Duration::from_secs(60);
/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(20);

/// The server that new data directories get a database of, while stories are told on one.
static SERVER: Mutex<Option<Cluster>> = Mutex::new(None);

/// Does something while each new data directory gets a database of a PostgreSQL server.
pub(crate) fn on_server(work: impl FnOnce() -> Outcome) -> Outcome {
    let set = |server| -> Outcome {
        *SERVER.lock().map_err(|_| "another story panicked")? = server;
        Ok(())
    };
    set(Some(Cluster::start(&[], |_| Ok(()))?))?;
    let done = work();
    set(None)?;
    done
}

/// The binary under test.
pub(crate) fn binary() -> PathBuf {
    root().join("target").join("debug").join("handrail")
}

/// Builds it from the same selection as the tests (examples bring in what tests depend on), so that nothing is compiled twice.
pub(crate) fn build(more: &[&str]) -> Outcome {
    let mut args = vec!["build", "--locked", "--workspace", "--bins", "--examples", "--quiet"];
    args.extend(more);
    run("the binary", cargo(), &args)
}

/// An address nobody listens on at the moment.
pub(crate) fn free_address() -> Outcome<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// Waits a little; for polling only.
pub(crate) fn pause(millis: u64) {
    std::thread::sleep(Duration::from_millis(millis));
}

/// Polls until `done` says so.
pub(crate) fn until(what: &str, limit: Duration, mut done: impl FnMut() -> Outcome<bool>) -> Outcome {
    let start = elapsed_since_start();
    while elapsed_since_start() - start < limit {
        if done()? {
            return Ok(());
        }
        pause(20);
    }
    Err(format!("{what} did not happen within {} s", limit.as_secs()).into())
}

/// A running node.
pub(crate) struct Node {
    child: Child,
    /// Whether `child` is a program around the node rather than the node.
    wrapped: bool,
    binary: PathBuf,
    pub(crate) data: PathBuf,
    pub(crate) http: SocketAddr,
    pub(crate) mllp: SocketAddr,
}

impl Node {
    /// Starts `handrail serve` and waits until it is ready. Where stories are told on a server ([`on_server`]), a new data directory gets a database there.
    pub(crate) fn start(data: &Path, charter: &Path) -> Outcome<Self> {
        let server = SERVER.lock().map_err(|_| "another story panicked")?;
        match server.as_ref().filter(|_| !data.exists()) {
            Some(server) => Self::start_over(&server.database()?, data, charter),
            None => Self::start_under(&[], &binary(), data, charter),
        }
    }

    /// Starts it over a database, which it makes its own if that is new.
    pub(crate) fn start_over(store: &str, data: &Path, charter: &Path) -> Outcome<Self> {
        Self::start_as(&[], &binary(), &["--store", store], data, charter)
    }

    /// Starts it under another program: a tracer, or a shell that prepares something and then becomes the node.
    pub(crate) fn start_under(wrapper: &[&str], binary: &Path, data: &Path, charter: &Path) -> Outcome<Self> {
        Self::start_as(wrapper, binary, &[], data, charter)
    }

    fn start_as(wrapper: &[&str], binary: &Path, more: &[&str], data: &Path, charter: &Path) -> Outcome<Self> {
        let (http, mllp) = (free_address()?, free_address()?);
        let mut words: Vec<String> = wrapper.iter().map(|word| (*word).to_owned()).collect();
        words.push(binary.display().to_string());
        let (program, before) = words.split_first().ok_or("nothing to start")?;
        let log = std::fs::OpenOptions::new().create(true).append(true).open(data.with_extension("log"))?;
        let child = Command::new(program)
            .args(before)
            .arg("serve")
            .args(["--charter".as_ref(), charter.as_os_str(), "--data".as_ref(), data.as_os_str()])
            .args(["--listen", &http.to_string(), "--mllp", &mllp.to_string()])
            // Browsers offer passkeys under a name only.
            .args(["--base-url", &format!("http://localhost:{}", http.port())])
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        let mut node = Self {
            child,
            wrapped: wrapper.first() == Some(&"strace"),
            binary: binary.to_owned(),
            data: data.to_owned(),
            http,
            mllp,
        };
        let address = node.http;
        until("the node's readiness", READY, || {
            if let Some(status) = node.child.try_wait()? {
                let log = std::fs::read_to_string(data.with_extension("log")).unwrap_or_default();
                return Err(format!("the node ended with {status}:\n{log}").into());
            }
            Ok(Caller::anonymous(address).get("/readyz").is_ok_and(|(status, _)| status == 200))
        })?;
        Ok(node)
    }

    /// SIGKILL, and what the kernel says then.
    pub(crate) fn kill(mut self) -> Outcome {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// SIGTERM, and the node's own end.
    pub(crate) fn stop(mut self) -> Outcome {
        let id = self.child.id().to_string();
        let (program, args) =
            if self.wrapped { ("pkill", ["-TERM", "-P", &id]) } else { ("kill", ["-s", "TERM", &id]) };
        Command::new(program).args(args).status()?;
        let status = self.child.wait()?;
        if status.success() { Ok(()) } else { Err(format!("the node ended with {status}").into()) }
    }

    /// Its process stands still until it is told to go on.
    pub(crate) fn stand_still(&self) -> Outcome {
        self.signal("STOP")
    }

    /// It goes on.
    pub(crate) fn go_on(&self) -> Outcome {
        self.signal("CONT")
    }

    fn signal(&self, name: &str) -> Outcome {
        let status = Command::new("kill").args(["-s", name, &self.id().to_string()]).status()?;
        if status.success() { Ok(()) } else { Err(format!("the node could not be sent {name}").into()) }
    }

    /// The process id of the node, where no program stays around it.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// A caller with a token made at the node's console.
    pub(crate) fn caller(&self, name: &str) -> Outcome<Caller> {
        let data = self.data.display().to_string();
        let token = run_binary(&self.binary, &["caller", "add", name, "--data", &data])?;
        Ok(Caller { address: self.http, token: Some(token.trim().to_owned()), agent: agent() })
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Runs a command of the binary; its standard output, if it ended well.
pub(crate) fn handrail(args: &[&str]) -> Outcome<String> {
    run_binary(&binary(), args)
}

/// The same of a binary that was built otherwise.
pub(crate) fn run_binary(binary: &Path, args: &[&str]) -> Outcome<String> {
    let output = Command::new(binary).args(args).stdin(Stdio::null()).output()?;
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr);
        return Err(format!("handrail {} ended with {}: {error}", args.join(" "), output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn agent() -> ureq::Agent {
    agent_for(ANSWER)
}

fn agent_for(answer: Duration) -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(answer)).build().into()
}

/// A system that calls the node over HTTP.
#[derive(Clone)]
pub(crate) struct Caller {
    address: SocketAddr,
    token: Option<String>,
    agent: ureq::Agent,
}

impl Caller {
    /// Without a token.
    pub(crate) fn anonymous(address: SocketAddr) -> Self {
        Self { address, token: None, agent: agent() }
    }

    /// The same caller, calling a node that was started again elsewhere.
    pub(crate) fn at(&self, address: SocketAddr) -> Self {
        Self { address, token: self.token.clone(), agent: agent() }
    }

    /// Where the node is that it calls.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same caller over the same connections, calling whoever listens there.
    pub(crate) fn at_same(&self, address: SocketAddr) -> Self {
        Self { address, ..self.clone() }
    }

    /// The same caller, that waits no longer than this for an answer.
    pub(crate) fn waiting(&self, at_most: Duration) -> Self {
        Self { agent: agent_for(at_most), ..self.clone() }
    }

    /// Its token; empty without one.
    pub(crate) fn token(&self) -> &str {
        self.token.as_deref().unwrap_or_default()
    }

    fn bearer(&self) -> String {
        self.token.as_ref().map_or_else(String::new, |token| format!("Bearer {token}"))
    }

    /// GET: status and body.
    pub(crate) fn get(&self, path: &str) -> Outcome<(u16, String)> {
        let url = format!("http://{}{path}", self.address);
        let mut response = self.agent.get(&url).header("authorization", self.bearer()).call()?;
        Ok((response.status().as_u16(), response.body_mut().read_to_string()?))
    }

    /// DELETE: status.
    pub(crate) fn delete(&self, path: &str) -> Outcome<u16> {
        let url = format!("http://{}{path}", self.address);
        Ok(self.agent.delete(&url).header("authorization", self.bearer()).call()?.status().as_u16())
    }

    /// Sends JSON: status and JSON.
    pub(crate) fn send(&self, method: &str, path: &str, body: &Value) -> Outcome<(u16, Value)> {
        self.send_as(None, method, path, body)
    }

    /// The same under a request id of one's own.
    pub(crate) fn send_as(&self, id: Option<&str>, method: &str, path: &str, body: &Value) -> Outcome<(u16, Value)> {
        let url = format!("http://{}{path}", self.address);
        let request = match method {
            "PUT" => self.agent.put(&url),
            _ => self.agent.post(&url),
        };
        let request = request.header("authorization", self.bearer());
        let request = id.into_iter().fold(request, |request, id| request.header("x-request-id", id));
        let mut response = request.send_json(body)?;
        let text = response.body_mut().read_to_string()?;
        let value =
            if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap_or(Value::String(text)) };
        Ok((response.status().as_u16(), value))
    }

    /// Sends JSON and wants it to succeed.
    pub(crate) fn tell(&self, method: &str, path: &str, body: &Value) -> Outcome<Value> {
        let (status, value) = self.send(method, path, body)?;
        if (200..300).contains(&status) { Ok(value) } else { Err(format!("{method} {path}: {status} {value}").into()) }
    }
}

/// A sender of HL7 messages.
pub(crate) struct Sender {
    stream: BufReader<TcpStream>,
}

impl Sender {
    /// Connects.
    pub(crate) fn connect(address: SocketAddr) -> Outcome<Self> {
        Self::connect_for(address, ANSWER)
    }

    /// Connects, and waits no longer than this for an answer.
    pub(crate) fn connect_for(address: SocketAddr, answer: Duration) -> Outcome<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(answer))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Sends a message, segments separated by CR, and waits for its acknowledgement.
    pub(crate) fn send(&mut self, message: &str) -> Outcome<String> {
        let mut frame = vec![0x0b];
        frame.extend_from_slice(message.as_bytes());
        frame.extend_from_slice(&[0x1c, 0x0d]);
        self.stream.get_mut().write_all(&frame)?;
        let mut answer = Vec::new();
        self.stream.read_until(0x1c, &mut answer)?;
        if answer.pop() != Some(0x1c) {
            return Err("the connection ended before the acknowledgement".into());
        }
        let mut end = [0];
        self.stream.read_exact(&mut end)?;
        Ok(String::from_utf8_lossy(answer.get(1..).unwrap_or_default()).into_owned())
    }

    /// Sends a message that has to be accepted.
    pub(crate) fn accepted(&mut self, message: &str) -> Outcome {
        let answer = self.send(message)?;
        if answer.contains("MSA|AA") {
            Ok(())
        } else {
            Err(format!("not accepted: {}", answer.replace('\r', " / ")).into())
        }
    }
}
