//! The command line, as `handrail --help` shows it.

mod charter;
mod node;
mod patient;
pub(crate) mod signing_in;
mod stored;

pub(crate) use charter::Charter;
pub(crate) use node::Node;
pub(crate) use patient::{Patient, PatientReason};
pub(crate) use stored::Stored;

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Access control for hospitals: decisions with reasons, remedies and names, in a ledger nobody can rewrite.
///
/// Data goes to standard output, everything else to standard error. Exit codes: 0 fine, 1 usage or local trouble, 2 remote trouble, 3 denied,
/// 4 verification failed.
#[derive(Debug, Parser)]
#[command(name = "handrail", version, arg_required_else_help = true, propagate_version = true, max_term_width = 100)]
pub(crate) struct Cli {
    /// Answer with JSON instead of text.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start everything on loopback with a small hospital that lives: to look around, not to run a hospital.
    Dev(Dev),
    /// Run a node.
    Serve(Serve),
    /// Check a data directory and a running node, numbered, each with its fix.
    Doctor(Doctor),
    /// The systems that ask for decisions or feed facts.
    #[command(subcommand)]
    Caller(Caller),
    /// The people who work with Handrail's console.
    #[command(subcommand)]
    Operator(Operator),
    /// Who may sign in at the bedside.
    #[command(subcommand)]
    Person(signing_in::Person),
    /// Make a one-use pass for somebody who is locked out, such as the only administrator. Recorded.
    Recover(signing_in::Recover),
    /// How signing in goes.
    #[command(subcommand)]
    SignIn(signing_in::SignIn),
    /// Where people sign in.
    #[command(subcommand)]
    Workstation(signing_in::Workstation),
    /// What the hospital has decided.
    #[command(subcommand)]
    Charter(Charter),
    /// Ask for a decision and have it explained. It is recorded like any other.
    Decide(Decide),
    /// Who is accountable for an entry of the ledger?
    Who(Who),
    /// The evidence.
    #[command(subcommand)]
    Ledger(Ledger),
    /// Who saw what?
    #[command(subcommand)]
    Audit(Audit),
    /// Who a patient is, what must be kept of them, and what must go.
    #[command(subcommand)]
    Patient(Patient),
    /// Watch a log from elsewhere: remember its checkpoints and cosign only what continues them.
    #[command(subcommand)]
    Witness(Witness),
    /// What other systems tell us.
    #[command(subcommand)]
    Feed(Feed),
    /// Judge every recorded decision again from the log alone and compare.
    Replay(Replay),
    /// Copy the store, while a node works, into a directory that another machine can go on from.
    Backup(Backup),
    /// Go on from a backup, and say so: the log gets another origin that names the old one.
    Restore(Restore),
    /// Where the store is.
    #[command(subcommand)]
    Store(Stored),
    /// The nodes that work over one PostgreSQL database.
    #[command(subcommand)]
    Node(Node),
    /// Write the manual pages.
    Man(Man),
    /// Print a shell's completions.
    Completions {
        /// For which shell.
        shell: clap_complete::Shell,
    },
}

impl Command {
    /// Whether what it writes may name people or be secret.
    pub(crate) const fn writes_private_files(&self) -> bool {
        !matches!(self, Self::Man(_) | Self::Completions { .. })
    }
}

/// Where a node keeps everything.
#[derive(Clone, Debug, Args)]
pub(crate) struct Data {
    /// The node's data directory.
    #[arg(long, value_name = "DIR", env = "HANDRAIL_DATA", default_value = "data")]
    pub(crate) data: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Dev {
    /// Keep the data here instead of in a new temporary directory.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Another charter than the starter charter.
    #[arg(long, value_name = "DIR")]
    pub(crate) charter: Option<PathBuf>,
    /// Where the decision API and the console listen.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8700")]
    pub(crate) listen: SocketAddr,
    /// Where the HL7 feed listens (MLLP).
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:2575")]
    pub(crate) mllp: SocketAddr,
    /// The seed the synthetic hospital grows from.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Seconds between two things that happen in the hospital; 0 lets nothing happen after the start.
    #[arg(long, value_name = "SECONDS", default_value_t = 3)]
    pub(crate) pace: u64,
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// One TOML file with everything; the other options do not go with it.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["charter", "data", "store", "listen", "mllp", "base_url"])]
    pub(crate) config: Option<PathBuf>,
    /// The charter a new store begins with; a store that has one keeps its own.
    #[arg(long, value_name = "DIR")]
    pub(crate) charter: Option<PathBuf>,
    /// The node's data directory.
    // Not from the environment, as elsewhere: there it would be at odds with `--config`.
    #[arg(long, value_name = "DIR", required_unless_present = "config")]
    pub(crate) data: Option<PathBuf>,
    /// The PostgreSQL database for a new store, `postgres://user@host:port/database?passfile=FILE&sslrootcert=FILE`; the data directory remembers it.
    #[arg(long, value_name = "URL")]
    pub(crate) store: Option<String>,
    /// Where the decision API and the console listen.
    #[arg(long, value_name = "ADDR", required_unless_present = "config")]
    pub(crate) listen: Option<SocketAddr>,
    /// Where the HL7 feed listens (MLLP); without it there is none.
    #[arg(long, value_name = "ADDR")]
    pub(crate) mllp: Option<SocketAddr>,
    /// How the node is reached from outside, when that is not `http://ADDR`.
    #[arg(long, value_name = "URL")]
    pub(crate) base_url: Option<String>,
    /// A proxy in front speaks TLS: plain HTTP may listen beyond loopback.
    #[arg(long, conflicts_with = "config")]
    pub(crate) behind_proxy: bool,
    /// Where a supervisor wants to be told that the node is ready, as systemd sets it.
    #[arg(long, hide = true, env = "NOTIFY_SOCKET", hide_env = true)]
    pub(crate) notify_socket: Option<String>,
    /// Within how many microseconds it wants to hear that the node is alive, as systemd sets it.
    #[arg(long, hide = true, env = "WATCHDOG_USEC", hide_env = true)]
    pub(crate) watchdog_usec: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// A new or empty directory.
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// Copy the keys too. Whoever has such a backup can read and sign everything.
    #[arg(long)]
    pub(crate) with_keys: bool,
    #[command(flatten)]
    pub(crate) data: Data,
}

#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The backup's directory.
    #[arg(value_name = "BACKUP")]
    pub(crate) backup: PathBuf,
    /// The directory whose `keys` are the store's, where they are not in the backup.
    #[arg(long, value_name = "DIR")]
    pub(crate) keys: Option<PathBuf>,
    /// Why; it stands in the log.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    #[command(flatten)]
    pub(crate) data: Data,
}

#[derive(Debug, Args)]
pub(crate) struct Man {
    /// Where to: `handrail.1`, and a page for each command.
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    #[command(flatten)]
    pub(crate) data: Data,
    /// Only whether the node on it is ready to answer, as `/readyz` says it: for a container's health check.
    #[arg(long, conflicts_with = "config")]
    pub(crate) ready: bool,
    /// Check this configuration file too.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Caller {
    /// Make a token for a caller, printed alone, once; or register its certificate.
    Add {
        /// The caller's name: an entry of `callers` in the charter's systems.toml, or any other name for the default rights.
        name: String,
        /// Register this certificate (PEM) instead of making a token: whoever holds its key may call over TLS without one.
        #[arg(long, value_name = "FILE")]
        certificate: Option<PathBuf>,
        #[command(flatten)]
        data: Data,
        /// The charter a new, empty store begins with.
        #[arg(long, value_name = "DIR")]
        charter: Option<PathBuf>,
    },
    /// List the callers that have a token or a certificate.
    List {
        #[command(flatten)]
        data: Data,
    },
    /// End all tokens and certificates of a caller.
    Revoke {
        /// The caller's name.
        name: String,
        #[command(flatten)]
        data: Data,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Operator {
    /// Make a one-use link to the console.
    Link {
        /// For whom.
        name: String,
        #[command(flatten)]
        data: Data,
    },
    /// List who may come into the console now: unused links and sessions.
    List {
        #[command(flatten)]
        data: Data,
    },
    /// End all unused links and all sessions of an operator, at once.
    Revoke {
        /// Whose.
        name: String,
        #[command(flatten)]
        data: Data,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Decide {
    #[command(flatten)]
    pub(crate) data: Data,
    /// Who asks.
    #[arg(long = "as", value_name = "ID")]
    pub(crate) subject: String,
    /// What sort of principal they are.
    #[arg(long, value_name = "TYPE", default_value = "Person")]
    pub(crate) subject_type: String,
    /// What they want to do.
    #[arg(long)]
    pub(crate) action: String,
    /// To whom or what: a patient's record number, or the id of another resource.
    #[arg(long = "on", value_name = "ID")]
    pub(crate) resource: String,
    /// What sort of resource that is.
    #[arg(long, value_name = "TYPE", default_value = "Patient")]
    pub(crate) resource_type: String,
    /// In which workflow.
    #[arg(long)]
    pub(crate) workflow: Option<String>,
    /// At which device.
    #[arg(long)]
    pub(crate) device: Option<String>,
    /// In a session of this assurance level (1 to 3), begun just now.
    #[arg(long, value_name = "LEVEL", value_parser = clap::value_parser!(u8).range(1..=3))]
    pub(crate) session: Option<u8>,
    /// For which purpose, such as TREAT.
    #[arg(long)]
    pub(crate) purpose: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Who {
    /// The entry's number.
    pub(crate) entry: u64,
    #[command(flatten)]
    pub(crate) data: Data,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Ledger {
    /// Hash every entry again and hold the tree against the signed checkpoint: of a node's store, or of an exported directory.
    Verify {
        #[command(flatten)]
        data: Data,
        /// An exported directory to verify, instead of a node's store.
        #[arg(value_name = "DIR")]
        export: Option<PathBuf>,
        /// The log's public key, held from before: a file or the key itself. Goes with DIR.
        #[arg(long, value_name = "KEY", requires = "export")]
        key: Option<String>,
        /// A checkpoint seen earlier; the log must still begin with it. May be given several times. Goes with DIR.
        #[arg(long, value_name = "FILE", requires = "export")]
        retained: Vec<PathBuf>,
        /// A witness's public key: a file or the key itself. May be given several times. Goes with DIR.
        #[arg(long, value_name = "KEY", requires = "export")]
        witness: Vec<String>,
        /// How many of the witnesses must have cosigned; without it all of them.
        #[arg(long, value_name = "N", requires = "witness")]
        quorum: Option<usize>,
    },
    /// Print entries as they were written, one a line.
    Show {
        /// The first entry.
        #[arg(default_value_t = 0)]
        from: u64,
        /// How many.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=1000))]
        count: u64,
        /// Under each entry that has detail beside the log, show it, or what became of it.
        #[arg(long)]
        detail: bool,
        #[command(flatten)]
        data: Data,
    },
    /// Print an entry with the proof that it is in the log, or write the proof as a receipt that is checked offline.
    Prove {
        /// The entry's number.
        entry: u64,
        /// Write a receipt (C2SP tlog-proof) here instead. It does not hold the entry.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// Write the entry here, as `handrail-verify --entry` takes it.
        #[arg(long, value_name = "FILE", requires = "out")]
        entry_out: Option<PathBuf>,
        #[command(flatten)]
        data: Data,
    },
    /// Write the proof that the log only grew since a checkpoint somebody kept.
    Growth {
        /// How many entries that checkpoint is over: its second line.
        from: u64,
        /// Where to write the proof.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        #[command(flatten)]
        data: Data,
    },
    /// List the keys that sign or signed the log, since when.
    Keys {
        #[command(flatten)]
        data: Data,
    },
    /// Make a new key sign the log from now on. The old one vouches for it and is gone.
    RotateKey {
        /// Write the record here that leads from the old key to the new one; every later export carries it too.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        #[command(flatten)]
        data: Data,
    },
    /// Write the whole log to a directory that anybody can verify.
    Export {
        /// An empty or new directory; with another format a new file, or `-` for standard output.
        dir: PathBuf,
        /// In which form: only `tlog` is evidence, the others are views of it for other systems.
        #[arg(long, value_enum, default_value_t = ExportFormat::Tlog)]
        format: ExportFormat,
        #[command(flatten)]
        data: Data,
    },
}

/// In which form the log is exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// A directory in the C2SP tlog-tiles form, with checkpoint and key.
    Tlog,
    /// FHIR R4 AuditEvents (IHE BALP), one a line.
    Fhir,
    /// RFC 5424 messages, one a line.
    Syslog,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// Account for who was given access to one patient's record. Making the account is itself recorded.
    Accounting {
        /// The patient's record number; `-` reads it from standard input, where no list of processes shows it.
        #[arg(long, value_name = "MRN")]
        record_number: String,
        /// From this day (2026-11-22, the hospital's) or instant; without it six years back.
        #[arg(long, value_name = "DAY")]
        from: Option<String>,
        /// Up to and with this day, or up to this instant; without it until now.
        #[arg(long, value_name = "DAY")]
        until: Option<String>,
        /// Answer with CSV.
        #[arg(long, conflicts_with = "json")]
        csv: bool,
        #[command(flatten)]
        data: Data,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Witness {
    /// Make a witness's key and state directory; its public key is printed.
    Init {
        /// A new directory, on another machine and under another user than the node's.
        #[arg(long, value_name = "DIR")]
        state: PathBuf,
        /// The witness's name, such as `witness.auditor.example/1`.
        #[arg(long, value_name = "NAME")]
        name: String,
    },
    /// Answer `POST /add-checkpoint` (C2SP tlog-witness) for one log.
    Run {
        /// The directory `init` made.
        #[arg(long, value_name = "DIR")]
        state: PathBuf,
        /// Where to listen.
        #[arg(long, value_name = "ADDR")]
        listen: SocketAddr,
        /// The log's public key, which begins with its name: a file or the key itself.
        #[arg(long, value_name = "KEY")]
        log_key: String,
        /// The record of how another key took over from it (`handrail ledger rotate-key --out`), oldest first.
        #[arg(long, value_name = "FILE")]
        rotation: Vec<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Feed {
    /// Send a file of HL7 messages over MLLP, as a real sender would.
    Replay(FeedReplay),
    /// Messages that could not be used.
    #[command(subcommand)]
    Rejected(FeedRejected),
}

#[derive(Debug, Subcommand)]
pub(crate) enum FeedRejected {
    /// List those that are kept, newest first. Names no patient.
    List {
        #[command(flatten)]
        data: Data,
    },
    /// Show one as it came. It may name a patient, so that it was read is recorded.
    Show {
        /// Its id in the list.
        id: i64,
        #[command(flatten)]
        data: Data,
    },
    /// Send one through once more, as it is, as `--with` has it, or as you put it right in $EDITOR.
    Repair {
        /// Its id in the list.
        id: i64,
        /// The message put right, in UTF-8.
        #[arg(long, value_name = "FILE", conflicts_with = "unchanged")]
        with: Option<PathBuf>,
        /// As it came: the charter was put right, not the message.
        #[arg(long)]
        unchanged: bool,
        /// The program to put it right in.
        #[arg(long, value_name = "PROGRAM", env = "EDITOR")]
        editor: Option<String>,
        #[command(flatten)]
        data: Data,
    },
    /// Give one up. Its bytes are gone then; the reason stays in the ledger.
    Discard {
        /// Its id in the list.
        id: i64,
        /// Why, in words that name no patient.
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        data: Data,
    },
}

#[derive(Debug, Args)]
pub(crate) struct FeedReplay {
    /// The file: messages one after the other, MLLP-framed or not.
    pub(crate) file: PathBuf,
    /// Where to.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:2575")]
    pub(crate) to: String,
    /// Messages a second; without it as fast as they are acknowledged.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rate: Option<u32>,
    /// Move every date so that the last message happened now.
    #[arg(long)]
    pub(crate) shift_dates: bool,
    /// The time zone of dates that name none, such as Europe/London; without it this machine's. Goes with --shift-dates.
    #[arg(long, value_name = "ZONE", requires = "shift_dates")]
    pub(crate) time_zone: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Replay {
    #[command(flatten)]
    pub(crate) data: Data,
}

/// How logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}
