//! Cerbos, a decision point of another house, as a process: its AuthZEN endpoint answers the load that Handrail is given.

use crate::peer::{free_address, until};
use crate::step::{Outcome, root};
use crate::tools;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How long it may take to listen.
const READY: Duration = Duration::from_secs(60);

/// A running Cerbos.
pub(super) struct Cerbos {
    child: Child,
    pub(super) http: SocketAddr,
}

impl Cerbos {
    /// Starts it over the policies of `xtask/cerbos`, in a directory of its own. With `audit` every decision goes to a file, as its `file`
    /// backend writes them: not waited for, not synced.
    pub(super) fn start(dir: &Path, audit: bool) -> Outcome<Self> {
        let binary = tools::cerbos()?;
        std::fs::create_dir_all(dir)?;
        let (http, grpc) = (free_address()?, free_address()?);
        let (policies, log) = (root().join("xtask").join("cerbos"), dir.join("decisions.log"));
        let settings = dir.join("settings.yaml");
        std::fs::write(
            &settings,
            format!(
                "server:\n  httpListenAddr: \"{http}\"\n  grpcListenAddr: \"{grpc}\"\n\
                 storage:\n  driver: disk\n  disk:\n    directory: {}\n    watchForChanges: false\n\
                 telemetry:\n  disabled: true\n\
                 audit:\n  enabled: {audit}\n  accessLogsEnabled: false\n  decisionLogsEnabled: true\n  backend: file\n  file:\n    path: {}\n",
                policies.display(),
                log.display()
            ),
        )?;
        let output = std::fs::File::create(dir.join("cerbos.log"))?;
        let child = Command::new(binary)
            .args(["server", "--log-level=warn", "--config"])
            .arg(&settings)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()?;
        let mut cerbos = Self { child, http };
        until("Cerbos", READY, || {
            if let Some(status) = cerbos.child.try_wait()? {
                let said = std::fs::read_to_string(dir.join("cerbos.log")).unwrap_or_default();
                return Err(format!("Cerbos ended with {status}:\n{said}").into());
            }
            Ok(TcpStream::connect(http).is_ok())
        })?;
        Ok(cerbos)
    }

    /// Ends it.
    pub(super) fn stop(mut self) -> Outcome {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Cerbos {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
