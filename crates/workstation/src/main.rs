//! What does the desktop ask? `handrail-workstation` asks the hospital's Handrail whether somebody may unlock this desktop, or have `sudo`.
//!
//! PAM's own `pam_exec.so` runs it and lets in by its exit code, so nothing of ours is loaded into the programs that ask. It decides nothing:
//! the node does, by the person's session at this workstation. Whatever goes wrong, the answer is no, in one line, within [`LONGEST`].

mod ask;
mod enrol;
mod files;
mod key;
mod trouble;

use crate::ask::Node;
use crate::files::Config;
use crate::trouble::Trouble;
use clap::{Parser, Subcommand};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// No login waits longer than this, whatever happens.
const LONGEST: Duration = Duration::from_secs(58);
/// Where it is configured.
const CONFIG: &str = "/etc/handrail/workstation.toml";

/// Lets people unlock this desktop, and use sudo, by their Handrail session and one touch.
#[derive(Debug, Parser)]
#[command(name = "handrail-workstation", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make this machine the helper of a workstation: a key of its own, and its configuration.
    Enrol {
        /// Where people reach Handrail, such as https://handrail.hospital.example.
        #[arg(long)]
        url: String,
        /// The one-use code, or the link it came in. Left out, it is read from standard input.
        #[arg(long)]
        code: Option<String>,
        /// The authorities that may vouch for that address, in PEM, instead of the system's.
        #[arg(long, value_name = "FILE")]
        ca: Option<PathBuf>,
        /// Where the configuration is written; the key is kept beside it.
        #[arg(long, value_name = "FILE", default_value = CONFIG)]
        config: PathBuf,
    },
    /// Ask whether somebody may get in. Run by pam_exec.so, in `auth` lines.
    Pam {
        /// The local name of whoever is to be let in.
        #[arg(long, env = "PAM_USER")]
        user: String,
        /// What asks.
        #[arg(long, env = "PAM_SERVICE")]
        service: String,
        /// What it asks for; only `auth` is answered.
        #[arg(long = "type", env = "PAM_TYPE", value_name = "TYPE")]
        kind: String,
        /// Where it is configured.
        #[arg(long, value_name = "FILE", default_value = CONFIG)]
        config: PathBuf,
    },
    /// Say that the badge was taken from this workstation's reader: its Handrail page locks. Run by the reader's own rule, as root.
    BadgeAway {
        /// Where it is configured.
        #[arg(long, value_name = "FILE", default_value = CONFIG)]
        config: PathBuf,
    },
    /// Say whether this machine is a workstation's helper and Handrail knows it.
    Status {
        /// Where it is configured.
        #[arg(long, value_name = "FILE", default_value = CONFIG)]
        config: PathBuf,
    },
}

/// A line for whoever stands there: PAM shows what is on standard output. Nobody may be there to read it.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _unread = writeln!(out, "{line}").and_then(|()| out.flush());
}

async fn run(command: Command) -> Result<(), Trouble> {
    match command {
        Command::Enrol { url, code, ca, config } => enrol::run(&url, code, ca, &config).await,
        Command::Pam { user, service, kind, config } => {
            if kind != "auth" {
                return Err(Trouble::NotAuth);
            }
            let config = Config::read(&config)?;
            let wait = Duration::from_secs(config.wait_s.into());
            Node::new(config)?.let_in(&user, &service, wait).await
        }
        Command::BadgeAway { config } => {
            let locked = Node::new(Config::read(&config)?)?.badge_away().await?;
            say(if locked == 0 {
                "Nothing was open here that locks without its badge."
            } else {
                "The screen is locked."
            });
            Ok(())
        }
        Command::Status { config } => {
            let node = Node::new(Config::read(&config)?)?;
            let said = node.status().await?;
            say(&format!("Handrail at {} knows this machine as {}.", node.url(), said));
            Ok(())
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let command = Arguments::parse().command;
    match tokio::time::timeout(LONGEST, run(command)).await.unwrap_or(Err(Trouble::TooLong)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            say(&trouble.to_string());
            ExitCode::FAILURE
        }
    }
}
