//! A node under a supervisor such as systemd.

use crate::desk::{Desk, starter_charter};
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Longer than any start takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn the_supervisor_is_told_ready_alive_and_stopping() {
    let desk = Desk::new();
    let socket = UnixDatagram::bind(desk.path("notify")).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let charter = starter_charter();
    let args = ["serve", "--data", "data", "--charter", charter.to_str().unwrap(), "--listen", "127.0.0.1:0"];
    let mut command = desk.command(&args);
    command.env("NOTIFY_SOCKET", desk.path("notify")).env("WATCHDOG_USEC", "50000");
    let mut node = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let heard = || {
        let mut buffer = [0; 64];
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    };
    assert_eq!(heard(), "READY=1");
    assert_eq!(heard(), "WATCHDOG=1");
    assert!(Command::new("kill").args(["-TERM", &node.id().to_string()]).status().unwrap().success());
    let last = std::iter::repeat_with(heard).find(|said| said != "WATCHDOG=1").unwrap();
    assert_eq!(last, "STOPPING=1");
    assert!(node.wait().unwrap().success());
}

#[test]
fn the_unit_file_starts_what_the_binary_has() {
    let unit =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../packaging/handrail.service")).unwrap();
    let start = unit.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/bin/handrail ")).unwrap();
    let desk = Desk::new();
    let config =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../packaging/handrail.toml")).unwrap();
    let here = config
        .replace("/var/lib/handrail", "data")
        .replace("/etc/handrail/charter", starter_charter().to_str().unwrap());
    std::fs::write(desk.path("handrail.toml"), here).unwrap();
    assert_eq!(start, "serve --config /etc/handrail/handrail.toml");
    // The doctor reads the packaged configuration as a node would; nothing is there yet, so it says how to begin.
    desk.run(&["doctor", "--config", "handrail.toml"]).says(&["handrail.toml"]);
}
