//! Help, usage, completions, configuration, pipes.

use crate::desk::{Desk, done};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

#[test]
fn help_is_data_and_names_every_command() {
    let commands = [
        "dev",
        "serve",
        "doctor",
        "caller",
        "operator",
        "charter",
        "decide",
        "who",
        "ledger",
        "feed",
        "replay",
        "backup",
        "restore",
        "man",
        "completions",
    ];
    Desk::new().run(&["--help"]).ended(0).says(&commands).says(&["Exit codes", "--json"]);
    for command in commands {
        Desk::new().run(&[command, "--help"]).ended(0).says(&["Usage: handrail", command]);
    }
}

#[test]
fn nothing_at_all_shows_the_help_as_a_usage_error() {
    let said = Desk::new().run(&[]).ended(1);
    assert!(said.out.is_empty());
    said.notes(&["Usage:", "decide"]);
}

#[test]
fn a_wrong_option_names_the_right_one() {
    Desk::new().run(&["decide", "--actoin", "x"]).ended(1).notes(&["--actoin", "--action"]);
    Desk::new().run(&["doctr"]).ended(1).notes(&["doctr", "doctor"]);
}

#[test]
fn completions_are_made_for_each_shell() {
    for (shell, word) in [("bash", "_handrail()"), ("zsh", "#compdef handrail"), ("fish", "complete -c handrail")] {
        Desk::new().run(&["completions", shell]).ended(0).says(&[word, "ledger"]);
    }
}

#[test]
fn every_command_has_a_manual_page() {
    let desk = Desk::new();
    desk.run(&["man", "pages"]).ended(0).says(&["handrail.1", "handrail-serve.1", "handrail-ledger-verify.1"]);
    let page = std::fs::read_to_string(desk.path("pages/handrail-ledger-verify.1")).unwrap();
    assert!(page.contains(".TH") && page.contains("retained"), "{page}");
}

#[test]
fn an_unknown_key_of_the_configuration_is_answered_with_the_nearest_one() {
    let desk = Desk::new();
    let text = "data = \"data\"\n\n[listen]\nhttp = \"127.0.0.1:0\"\nmlp = \"127.0.0.1:0\"\n";
    std::fs::write(desk.path("handrail.toml"), text).unwrap();
    let said = desk.run(&["serve", "--config", "handrail.toml"]).ended(1);
    said.notes(&["handrail.toml", "line 5", "mlp", "did you mean `mllp`?"]);
    assert!(!desk.data().exists(), "a configuration that is refused begins nothing");
}

#[test]
fn every_key_that_the_documentation_shows_is_known() {
    let desk = Desk::with_store();
    let page = include_str!("../../../../docs/configuration.md");
    let example = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    std::fs::create_dir(desk.path("charter")).unwrap();
    std::fs::write(desk.path("handrail.toml"), example).unwrap();
    let secret = desk.path("hospital-id.secret");
    std::fs::write(&secret, "a secret of the provider's").unwrap();
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
    desk.run(&["doctor", "--config", "handrail.toml"]).ended(0).says(&[" 1. ok    configuration", "is understood"]);
}

#[test]
fn serve_needs_to_know_where() {
    Desk::new().run(&["serve"]).ended(1).notes(&["--data", "--listen"]);
    Desk::new()
        .run(&["serve", "--config", "x.toml", "--listen", "127.0.0.1:0"])
        .ended(1)
        .notes(&["--config", "cannot be used with"]);
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let desk = Desk::with_store();
    // Enough to fill any pipe, so that the command is still writing when nobody reads any more.
    let mut child =
        desk.command(&["ledger", "show", "--count", "1000", "--json"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.starts_with('{'), "{first}");
    assert_eq!(child.wait().unwrap().code(), Some(0));

    let mut child = desk.command(&["completions", "bash"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let said = done(desk.command(&["--help"]).stdin(Stdio::null()));
    assert_eq!(said.code, 0);
}

#[test]
fn nothing_is_coloured_where_no_terminal_is() {
    let desk = Desk::with_store();
    for args in [&["doctor"][..], &["charter", "check", "nowhere"], &["--help"], &["who", "0"], &["ledger", "verify"]] {
        let said = done(desk.command(args).env_remove("NO_COLOR"));
        assert!(!said.out.contains('\u{1b}') && !said.err.contains('\u{1b}'), "{args:?}: {}{}", said.out, said.err);
    }
}
