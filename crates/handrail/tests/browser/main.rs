//! The console in a real browser: Chromium, driven through its own driver, against the real binary. And the bedside's script.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod accessible;
mod bedside;
mod colleagues;
mod hospital;
mod keys;
mod own_keys;
mod sign_in;
mod trouble;

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use thirtyfour::prelude::*;

/// How often something that is on its way is looked for, and how long between two looks.
const LOOKS: u32 = 300;
const BETWEEN: Duration = Duration::from_millis(100);

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Starts `handrail dev` with a still hospital; answers with its sign-in link and the lines of its requests to paste.
fn dev() -> (Running, String, Vec<String>) {
    let (http, mllp) = (free_port(), free_port());
    let mut child = Command::new(env!("CARGO_BIN_EXE_handrail"))
        .args(["dev", "--pace", "0", "--listen", &format!("127.0.0.1:{http}"), "--mllp", &format!("127.0.0.1:{mllp}")])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        let last = line.contains("Stop with Ctrl-C");
        said.push(line);
        if last {
            break;
        }
    }
    let link = said
        .iter()
        .find_map(|line| line.trim().strip_prefix("Sign in once"))
        .expect("a sign-in link")
        .trim()
        .to_owned();
    (Running(child), link, said)
}

/// Starts the driver and a browser that talks to nobody but this machine.
async fn browser() -> (Running, WebDriver) {
    // The driver's client wants a provider although it never speaks TLS.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let port = free_port();
    let driver = Command::new("chromedriver")
        .arg(format!("--port={port}"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("chromedriver, which `cargo xtask test` installs");
    let driver = Running(driver);
    let mut capabilities = DesiredCapabilities::chrome();
    for argument in [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--window-size=1280,900",
    ] {
        capabilities.add_arg(argument).unwrap();
    }
    for _ in 0..LOOKS {
        if let Ok(page) = WebDriver::new(format!("http://127.0.0.1:{port}"), capabilities.clone()).await {
            return (driver, page);
        }
        tokio::time::sleep(BETWEEN).await;
    }
    panic!("the browser did not start");
}

/// Runs the pasted requests as a user's shell would.
fn paste(said: &[String]) -> String {
    let script: Vec<&str> = said.iter().skip_while(|line| !line.starts_with("curl")).map(String::as_str).collect();
    let script = script.join("\n");
    let requests = script.split("\n\n").filter(|block| block.starts_with("curl")).collect::<Vec<_>>().join("\necho\n");
    let output = Command::new("sh").args(["-c", &requests]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// The page's text as soon as it has `wanted` in it; the last text there was when it never does. A page that is just being replaced has none.
async fn text(page: &WebDriver, wanted: &str) -> String {
    let mut last = String::new();
    for _ in 0..LOOKS {
        if let Ok(body) = page.find(By::Tag("body")).await
            && let Ok(text) = body.text().await
        {
            if text.contains(wanted) {
                return text;
            }
            last = text;
        }
        tokio::time::sleep(BETWEEN).await;
    }
    last
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_signs_in_once_and_understands_a_denial() {
    let (_node, link, said) = dev();
    let answers = paste(&said);
    assert!(answers.contains("\"decision\":true") && answers.contains("\"decision\":false"), "{answers}");
    let (_driver, page) = browser().await;

    page.goto(&link).await.unwrap();
    page.find(By::Css("form button")).await.unwrap().click().await.unwrap();
    let home = text(&page, "What needs you now").await;
    assert!(home.contains("What needs you now") && home.contains("Harbour General"), "{home}");

    let base = link.split("/sign-in").next().unwrap().to_owned();
    page.goto(&format!("{base}/decisions?effect=deny")).await.unwrap();
    let denials = page.find_all(By::Css("a[href*='/decisions/']")).await.unwrap();
    denials.first().expect("a denial in the list").click().await.unwrap();
    let explained = text(&page, "may not").await;
    assert!(explained.contains("may not"), "{explained}");
    for words in ["What was true", "What would have helped", "Who answers for it", "Tove Mbeki", "proof"] {
        assert!(explained.to_lowercase().contains(&words.to_lowercase()), "no {words}: {explained}");
    }
    let scripts = page.find_all(By::Tag("script")).await.unwrap();
    assert!(scripts.is_empty(), "the page needs a script");

    page.delete_all_cookies().await.unwrap();
    page.goto(&link).await.unwrap();
    let again = page.find_all(By::Css("form button")).await.unwrap();
    if let Some(button) = again.first() {
        button.click().await.unwrap();
    }
    page.goto(&format!("{base}/decisions")).await.unwrap();
    let refused = text(&page, "Please sign in").await;
    assert!(refused.contains("Please sign in"), "the link worked twice: {refused}");
    page.quit().await.unwrap();
}
