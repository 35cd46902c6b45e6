//! The helper as PAM runs it, with nobody to answer: whatever is wrong, it says so in one line and lets nobody in.
#![expect(clippy::unwrap_used, reason = "tests: a wrong assumption should stop them")]

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

/// What it ended with and said.
fn run(args: &[&str], pam: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_handrail-workstation"));
    let output = command.args(args).env_clear().envs(pam.iter().copied()).output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

const AUTH: [(&str, &str); 3] = [("PAM_USER", "amara"), ("PAM_SERVICE", "sudo"), ("PAM_TYPE", "auth")];

fn asked(config: &Path) -> (Option<i32>, String) {
    run(&["pam", "--config", config.to_str().unwrap()], &AUTH)
}

fn write(path: &Path, text: &str, mode: u32) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn nobody_gets_in_by_anything_that_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let (config, key) = (dir.path().join("workstation.toml"), dir.path().join("workstation.key"));
    let refused = |why: &str| {
        let (code, said) = asked(&config);
        assert_eq!((code, said.lines().count()), (Some(1), 1), "{said}");
        assert!(said.contains(why), "{why}: {said}");
    };
    refused("workstation.toml");
    // Port 9 of this machine: nobody listens there.
    let text = format!("url = \"http://127.0.0.1:9\"\ndevice = \"ws-1\"\nkey = \"{}\"\n", key.display());
    write(&config, &text, 0o644);
    refused("others may read or change it");
    write(&config, &text, 0o600);
    refused("workstation.key");
    write(&key, "no key", 0o640);
    refused("others may read or change it");
    write(&key, "no key", 0o600);
    refused("no key of ours");
    write(&config, &text.replace("http://127.0.0.1:9", "http://handrail.example"), 0o600);
    refused("no address that can be used");
    write(&config, "url = 7", 0o600);
    refused("workstation.toml");
}

#[test]
fn it_answers_auth_lines_only_and_wants_to_know_who_asks() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("workstation.toml");
    for kind in ["account", "session", "open_session", "password", ""] {
        let pam = [("PAM_USER", "amara"), ("PAM_SERVICE", "sudo"), ("PAM_TYPE", kind)];
        let (code, said) = run(&["pam", "--config", config.to_str().unwrap()], &pam);
        assert!(code == Some(1) && said.contains("`auth` lines"), "{kind}: {said}");
    }
    for missing in 0..AUTH.len() {
        let pam: Vec<_> = AUTH.into_iter().enumerate().filter(|(at, _)| *at != missing).map(|(_, one)| one).collect();
        assert_eq!(run(&["pam"], &pam).0, Some(2), "{missing}");
    }
}

#[test]
fn a_machine_that_cannot_reach_anybody_keeps_nothing_of_an_enrolment() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("workstation.toml");
    let path = config.to_str().unwrap();
    let (code, said) = run(&["enrol", "--url", "http://127.0.0.1:9", "--code", "c", "--config", path], &[]);
    assert!(code == Some(1) && said.contains("cannot be reached"), "{said}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}
