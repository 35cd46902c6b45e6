//! Pages at the bedside, the renewal of a cookie and a whole touch, of the synthetic hospital that `handrail dev` runs, over one connection.

use super::figures::Goal;
use super::load::{Measured, measured};
use crate::peer::{free_address, run_binary};
use crate::screen::{Screen, is_in, link};
use crate::step::{Outcome, elapsed_since_start, root};
use authenticator::SecurityKey;
use serde_json::Value;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// How often each page is asked for, and the cookie renewed.
const REQUESTS: usize = 2_000;
/// How often a key is touched: one workstation may try 60 times in a minute.
const TOUCHES: usize = 40;
/// The most a page may weigh with its styles.
const PAGE_AND_STYLES_MAX: usize = 30 * 1024;

/// A synthetic hospital that stands still.
struct Dev {
    child: Child,
    binary: PathBuf,
    data: PathBuf,
    port: u16,
    device: String,
    invitation: String,
}

impl Dev {
    fn start(binary: &Path, data: &Path) -> Outcome<Self> {
        let (http, mllp) = (free_address()?, free_address()?);
        let mut child = Command::new(binary)
            .args(["dev", "--pace", "0", "--listen", &http.to_string(), "--mllp", &mllp.to_string(), "--data"])
            .arg(data)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let said = child.stdout.take().ok_or("the hospital cannot be read")?;
        let (binary, data, none) = (binary.to_owned(), data.to_owned(), String::new);
        let mut dev = Self { child, binary, data, port: http.port(), device: none(), invitation: none() };
        for line in BufReader::new(said).lines() {
            let line = line?;
            let after = |words: &str| line.split(words).nth(1).and_then(|rest| rest.split('"').next());
            let place = after("\"device\": \"").map(str::to_owned);
            // The first example is of the nurse who is invited, and her workstation.
            if let Some(place) = place.filter(|_| dev.device.is_empty()) {
                dev.device = place;
            }
            if line.contains("/enrol/") {
                line.trim().clone_into(&mut dev.invitation);
            }
            if line.contains("Stop with Ctrl-C") {
                return Ok(dev);
            }
        }
        Err("the synthetic hospital did not start".into())
    }

    fn console(&self, args: &[&str]) -> Outcome<String> {
        link(&run_binary(&self.binary, &[args, &["--data", &self.data.display().to_string()]].concat())?)
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A page, where it is and what it says.
type Page<'a> = (&'static str, &'a str, &'static str);

/// What everybody sees.
const BEFORE: [Page<'_>; 4] = [
    ("sign in", "/bedside", "Who is there?"),
    ("what helps", "/bedside/help", "<h1"),
    ("a colleague vouches", "/bedside/vouch", "A colleague vouches for you"),
    ("asking for a way back in", "/bedside/recovery/ask", "A way back in"),
];
/// What somebody sees who is signed in.
const SIGNED_IN: [Page<'_>; 5] = [
    ("my patients", "/bedside/patients", "My patients"),
    ("my sessions and keys", "/bedside/me", "My keys"),
    ("handing over", "/bedside/hand-over", "Hand over"),
    ("who waits for a way back in", "/bedside/recovery", "way back in"),
    ("stepping up", "/bedside/step-up", "One touch more"),
];
/// What is left on a locked screen.
const LOCKED: Page<'_> = ("locked", "/bedside", "Locked for");

/// Takes them.
pub(super) fn run(binary: &Path, goals: &mut Vec<Goal>) -> Outcome<Vec<String>> {
    let dir = tempfile::tempdir_in(root().join("target"))?;
    let dev = Dev::start(binary, &dir.path().join("data"))?;
    let mut screen = Screen::new(dev.port);
    screen.enrols(&dev.device, &dev.console(&["workstation", "code", &dev.device])?)?;
    let mut key = SecurityKey::default();
    screen.registers(&mut key, &dev.invitation)?;

    let styles = styles(&mut screen)?;
    let mut text =
        "| page at the bedside | KiB | with styles | p50 ms | p99 ms |\n|---|---:|---:|---:|---:|\n".to_owned();
    let (mut slowest, mut largest) = (0.0_f64, 0);
    let mut all = |screen: &mut Screen, pages: &[Page<'_>]| -> Outcome {
        for page in pages {
            let (bytes, Measured { p50_ms, p99_ms, .. }) = of_page(screen, page)?;
            (slowest, largest) = (slowest.max(p99_ms), largest.max(bytes + styles));
            let (alone, together) = (bytes as f64 / 1024.0, (bytes + styles) as f64 / 1024.0);
            let _infallible = writeln!(text, "| {} | {alone:.1} | {together:.1} | {p50_ms:.2} | {p99_ms:.2} |", page.0);
        }
        Ok(())
    };
    all(&mut screen, &BEFORE)?;
    is_in(&screen.touch(&mut key)?)?;
    all(&mut screen, &SIGNED_IN)?;
    let home = screen.opens("/bedside/patients")?;
    let link = home.text.split("href=\"/bedside/patient/").nth(1).and_then(|rest| rest.split('"').next());
    let patient = format!("/bedside/patient/{}", link.ok_or("the nurse has no patient")?);
    all(&mut screen, &[("a patient", &patient, "Each button is decided and recorded")])?;
    screen.sends(&home, "/bedside/lock", &[])?;
    all(&mut screen, &[LOCKED])?;

    is_in(&screen.touch(&mut key)?)?;
    let renewal = renewals(&mut screen)?;
    let touch = touches(&mut screen, &mut key)?;
    let acts = acts(&[("a cookie renewed by proof", REQUESTS, &renewal), ("a whole touch, recorded", TOUCHES, &touch)]);
    goals.push(Goal::at_most("slowest page at the bedside: p99", 50.0, slowest, "ms"));
    goals.push(Goal::at_most("largest page at the bedside with styles", max_kib(), largest as f64 / 1024.0, "KiB"));
    goals.push(Goal::at_most("coming back with one touch, machine time: p99", 2_000.0, touch.p99_ms, "ms"));
    Ok(vec![text, acts])
}

fn max_kib() -> f64 {
    PAGE_AND_STYLES_MAX as f64 / 1024.0
}

/// How large the stylesheet of the pages is.
fn styles(screen: &mut Screen) -> Outcome<usize> {
    let page = screen.opens("/bedside")?;
    let path = page.text.split("rel=\"stylesheet\" href=\"").nth(1).and_then(|rest| rest.split('"').next());
    let path = path.ok_or_else(|| format!("a page without styles:\n{}", page.text))?.to_owned();
    Ok(screen.opens(&path)?.text.len())
}

/// How large a page is, and how long it takes.
fn of_page(screen: &mut Screen, (what, path, words): &Page<'_>) -> Outcome<(usize, Measured)> {
    let page = screen.opens(path)?;
    page.says(words).map_err(|problem| format!("{what}: {problem}"))?;
    let measured = timed(REQUESTS, screen, |screen| {
        let again = screen.opens_as_it_is(path).map_err(|e| format!("{what}: {e}"))?;
        if again.status == page.status { Ok(()) } else { Err(format!("{what} is answered {}", again.status).into()) }
    })?;
    Ok((page.text.len(), measured))
}

/// Does something so many times, each timed, with a cookie that is fresh.
fn timed(times: usize, screen: &mut Screen, mut act: impl FnMut(&mut Screen) -> Outcome) -> Outcome<Measured> {
    let mut taken = Vec::with_capacity(times);
    let start = elapsed_since_start();
    for _ in 0..times {
        screen.keeps_fresh()?;
        let before = elapsed_since_start();
        act(screen)?;
        taken.push(elapsed_since_start() - before);
    }
    Ok(measured(taken, 0, elapsed_since_start() - start))
}

fn renewals(screen: &mut Screen) -> Outcome<Measured> {
    // The first asks for a nonce; each answer brings the next.
    screen.renews()?;
    timed(REQUESTS, screen, |screen| {
        let told = screen.renews()?;
        if told.get("renewed") == Some(&Value::Bool(true)) {
            Ok(())
        } else {
            Err(format!("not renewed: {told}").into())
        }
    })
}

fn touches(screen: &mut Screen, key: &mut SecurityKey) -> Outcome<Measured> {
    timed(TOUCHES, screen, |screen| is_in(&screen.touch(key)?))
}

fn acts(rows: &[(&str, usize, &Measured)]) -> String {
    let mut text = "| at the bedside | times | p50 ms | p99 ms |\n|---|---:|---:|---:|\n".to_owned();
    for (what, times, Measured { p50_ms, p99_ms, .. }) in rows {
        let _infallible = writeln!(text, "| {what} | {times} | {p50_ms:.2} | {p99_ms:.2} |");
    }
    text
}
