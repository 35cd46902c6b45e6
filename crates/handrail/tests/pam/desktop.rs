//! A desktop: its helper, enrolled, and PAM services that ask it, in a directory of this test's own.
//!
//! libpam reads services from one directory of the machine. Where a namespace can be had, ours is laid over it for the one process; otherwise,
//! as root, services of names that nobody else has are put there and taken away again.

use crate::ward::Ward;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// Where libpam looks.
const SERVICES: &str = "/etc/pam.d";

/// The helper, built beside the binary under test: `cargo test --workspace --test pam` builds both, since both have a test of that name.
fn helper() -> PathBuf {
    let helper = Path::new(env!("CARGO_BIN_EXE_handrail")).with_file_name("handrail-workstation");
    assert!(helper.exists(), "{} is not built: run the tests of the workspace, not of one crate", helper.display());
    helper
}

fn done(command: &mut Command) -> (bool, String) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

pub(crate) struct Desktop {
    dir: TempDir,
    /// Whether a directory can be laid over that of the machine.
    laid_over: bool,
}

/// PAM, asking.
pub(crate) struct Asking {
    child: Child,
    _service: Option<Service>,
}

impl Asking {
    /// Whether it let them in, and what it said.
    pub(crate) fn ends(self) -> (bool, String) {
        let output = self.child.wait_with_output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&said).into_owned())
    }
}

/// A service of the machine's own directory, gone with this value.
struct Service(PathBuf);

impl Drop for Service {
    fn drop(&mut self) {
        let _gone = std::fs::remove_file(&self.0);
    }
}

impl Desktop {
    /// A machine whose helper knows which workstation it is.
    pub(crate) fn enrolled(ward: &Ward, device: &str) -> Self {
        let laid_over = done(Command::new("unshare").args(["-rm", "true"])).0;
        let desktop = Self { dir: tempfile::tempdir().unwrap(), laid_over };
        let said = desktop.helper(&["enrol", "--url", &ward.base, "--code", &ward.code(device)]);
        assert!(said.contains(&format!("is the helper of {device}")), "{said}");
        for file in ["workstation.toml", "workstation.key"] {
            let mode = std::fs::metadata(desktop.dir.path().join(file)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{file}");
        }
        std::fs::create_dir(desktop.dir.path().join("pam.d")).unwrap();
        desktop
    }

    fn config(&self) -> PathBuf {
        self.dir.path().join("workstation.toml")
    }

    /// Runs the helper; what it says.
    pub(crate) fn helper(&self, args: &[&str]) -> String {
        let (worked, said) = done(Command::new(helper()).args(args).arg("--config").arg(self.config()));
        assert!(worked, "{args:?}: {said}");
        said
    }

    /// Touches are waited for so many seconds.
    pub(crate) fn waits_for(&self, seconds: u32) {
        let text = std::fs::read_to_string(self.config()).unwrap();
        let kept = text.lines().filter(|line| !line.starts_with("wait_s")).map(|line| format!("{line}\n"));
        let text: String = kept.chain([format!("wait_s = {seconds}\n")]).collect();
        std::fs::write(self.config(), text).unwrap();
    }

    /// PAM asks whether somebody may use a service.
    pub(crate) fn pam(&self, service: &str, user: &str) -> (bool, String) {
        self.pam_begins(service, user).ends()
    }

    /// The same, without waiting for the answer.
    pub(crate) fn pam_begins(&self, service: &str, user: &str) -> Asking {
        let (helper, config) = (helper(), self.config());
        let auth =
            format!("auth required pam_exec.so quiet stdout {} pam --config {}", helper.display(), config.display());
        let rest = "account required pam_permit.so\n";
        let (mut command, kept) = if self.laid_over {
            let folder = self.dir.path().join("pam.d");
            std::fs::write(folder.join(service), format!("{auth}\n{rest}")).unwrap();
            let mut command = Command::new("unshare");
            let script =
                format!("mount --bind {} {SERVICES} && exec pamtester {service} {user} authenticate", folder.display());
            command.args(["-rm", "sh", "-c", &script]);
            (command, None)
        } else {
            let name = format!("handrail-test-{}-{service}", std::process::id());
            let path = Path::new(SERVICES).join(&name);
            std::fs::write(&path, format!("{auth} --service {service}\n{rest}"))
                .unwrap_or_else(|error| panic!("neither a namespace nor {}: {error}", path.display()));
            let mut command = Command::new("pamtester");
            command.args([&name, user, "authenticate"]);
            (command, Some(Service(path)))
        };
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        Asking { child, _service: kept }
    }
}
