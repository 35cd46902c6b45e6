//! `handrail man`: the manual pages, made from the same text as `--help`.

use super::failure::Failure;
use super::output::{Output, counted, note};
use crate::cli::{Cli, Man};
use clap::CommandFactory as _;

/// Writes a page for each command.
pub(crate) fn run(args: Man, out: Output) -> Result<(), Failure> {
    std::fs::create_dir_all(&args.dir)?;
    clap_mangen::generate_to(Cli::command(), &args.dir)?;
    let mut pages: Vec<String> = std::fs::read_dir(&args.dir)?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.starts_with("handrail") && name.ends_with(".1"))
        .collect();
    pages.sort_unstable();
    note(&format!(
        "{} in {}; read one with: man -l {}",
        counted(pages.len(), "page"),
        args.dir.display(),
        args.dir.join("handrail.1").display()
    ));
    out.data(&pages, || pages.join("\n"))
}
