//! The examples of `examples/integrate`, run against the real binary: what an integrator copies has to work.

use crate::peer::{Node, Sender};
use crate::step::{Outcome, root, run, say};
use crate::story::hospital::{Adt, Feeds, hasty_charter};
use crate::tools;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// One example, and the patient it watches.
struct Example {
    language: &'static str,
    program: Vec<String>,
    watched: &'static str,
}

/// Runs all of them.
pub(crate) fn all() -> Outcome {
    say("\n== examples");
    let dir = tempfile::tempdir()?;
    let folder = root().join("examples").join("integrate");
    let script = |name: &str| folder.join(name).display().to_string();
    let compiled = typescript(&folder, &dir.path().join("compiled"))?;
    let examples = [
        Example { language: "shell", program: vec![script("handrail.sh")], watched: "EX1" },
        Example { language: "Python", program: vec!["python3".to_owned(), script("handrail.py")], watched: "EX2" },
        Example { language: "TypeScript", program: vec!["node".to_owned(), compiled], watched: "EX3" },
    ];
    let node = Node::start(&dir.path().join("data"), &hasty_charter(dir.path(), 1)?)?;
    let feeds = Feeds::of(&node)?;
    feeds.nurse("n-amara", "Amara Osei", "ED")?;
    feeds.nurse("n-bo", "Bo Lind", "WARD-3A")?;
    let mut sender = Sender::connect(node.mllp)?;
    for example in &examples {
        sender.accepted(&adt("A01", example.watched, "ED")?)?;
    }
    let ehr = node.caller("ehr")?;
    let run = |example: &Example, words: &[&str]| -> Outcome<Command> {
        let (program, before) = example.program.split_first().ok_or("no program")?;
        let mut command = Command::new(program);
        command.args(before).args(words).stdin(Stdio::null());
        command.env("HANDRAIL_URL", format!("http://{}", node.http)).env("HANDRAIL_TOKEN", ehr.token());
        Ok(command)
    };
    for example in &examples {
        let patient = example.watched;
        expect(
            &mut run(example, &["ask", "n-amara", "read_chart", patient, "ws-ED"])?,
            &["permit", "evidence: entry"],
        )?;
        expect(&mut run(example, &["ask", "n-bo", "read_chart", patient, "ws-WARD-3A"])?, &["deny", "would help: "])?;
        let found = output(&mut run(example, &["search", "n-amara", "read_chart", "ws-ED"])?)?;
        if found.lines().count() != examples.len() {
            return Err(format!("{}: the search found\n{found}", example.language).into());
        }
        say(&format!("   {}: asks, is told why not, and searches page by page", example.language));
    }
    for example in &examples {
        // Reading the chart outlives the move by the time for late charting; this does not.
        let mut watching = run(example, &["watch", "n-amara", "record_observations", example.watched, "ws-ED"])?;
        let ended = watch(watching.stdout(Stdio::piped()).spawn()?, || {
            sender.accepted(&adt("A02", example.watched, "WARD-3A")?)
        });
        let ended = ended.map_err(|problem| format!("{}: {problem}", example.language))?;
        say(&format!("   {}: watches a live permit until the patient has moved ({ended})", example.language));
    }
    node.stop()
}

fn adt(trigger: &'static str, patient: &str, place: &str) -> Outcome<String> {
    let (control, visit) = (format!("{trigger}-{patient}"), format!("V-{patient}"));
    let at = if trigger == "A01" { -60 } else { 0 };
    Adt { trigger, control: &control, patient, visit: &visit, place, before: "", merged: None, at }.text()
}

/// Checks the TypeScript and makes JavaScript of it.
fn typescript(folder: &Path, to: &Path) -> Outcome<String> {
    let (compiler, project, out) = (tools::typescript()?, folder.display().to_string(), to.display().to_string());
    run("types", "node", &[&compiler.display().to_string(), "-p", &project, "--outDir", &out])?;
    // The program is a module, and says so by its name.
    let module = to.join("handrail.mjs");
    std::fs::rename(to.join("handrail.js"), &module)?;
    Ok(module.display().to_string())
}

fn output(command: &mut Command) -> Outcome<String> {
    let done = command.output()?;
    let (out, err) = (String::from_utf8(done.stdout)?, String::from_utf8_lossy(&done.stderr).into_owned());
    if done.status.success() { Ok(out) } else { Err(format!("ended with {}:\n{out}{err}", done.status).into()) }
}

fn expect(command: &mut Command, words: &[&str]) -> Outcome {
    let out = output(command)?;
    match words.iter().find(|word| !out.contains(**word)) {
        None => Ok(()),
        Some(word) => Err(format!("{command:?} does not say {word:?} but\n{out}").into()),
    }
}

/// Reads until the program says that the permit holds, makes it end, and returns what it says then.
fn watch(mut watching: Child, end: impl FnOnce() -> Outcome) -> Outcome<String> {
    let out = watching.stdout.take().ok_or("no output")?;
    let mut lines = BufReader::new(out).lines();
    let first = lines.next().ok_or("it said nothing")??;
    if first != "holds" {
        return Err(format!("it said {first:?} rather than that the permit holds").into());
    }
    end()?;
    let second = lines.next().ok_or("it did not say that the permit ended")??;
    let status = watching.wait()?;
    if status.success() && second.starts_with("ended: ") {
        Ok(second)
    } else {
        Err(format!("it said {second:?}").into())
    }
}
