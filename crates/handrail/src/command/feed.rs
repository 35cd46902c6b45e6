//! `handrail feed`: be the sender, to try a feed or to tell a node what happened while it was away.

use super::failure::Failure;
use super::output::{Output, counted, note};
use crate::cli::{Feed, FeedReplay};
use crate::server::local::told;
use bytes::Bytes;
use feeds::replay::{Pace, Report, answered_once, complete, replay, shift_dates, split};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::tz::TimeZone;
use plane::{Clock as _, SystemClock};
use serde_json::json;
use tokio::net::TcpStream;

/// The most reasons told.
const REASONS_TOLD_MAX: usize = 10;

/// Runs it.
pub(crate) async fn run(feed: Feed, out: Output) -> Result<(), Failure> {
    let args = match feed {
        Feed::Replay(args) => args,
        Feed::Rejected(rejected) => return super::rejected::run(rejected, out).await,
    };
    let messages = messages(&args)?;
    // A sender tries again and again; somebody at a terminal who mistyped the address wants to know at once.
    TcpStream::connect(&args.to).await.map_err(|error| {
        let to = &args.to;
        Failure::remote(format!(
            "nothing takes messages at {to}: {error}; is a node running with `listen.mllp`, or `--mllp {to}`?"
        ))
    })?;
    let bar = ProgressBar::new(messages.len() as u64);
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {pos}/{len}  {per_sec}  {msg}") {
        bar.set_style(style);
    }
    let pace = Pace { rate_per_s: args.rate.map(f64::from), ..Pace::default() };
    let sent = replay(&args.to, &messages, &pace, |report| {
        bar.set_position(report.answered());
        bar.set_message(tally(report));
    })
    .await;
    bar.finish_and_clear();
    let report = sent.map_err(|error| Failure::remote(format!("{}: {}", args.to, told(&error))))?;
    let answer = json!({
        "sent": messages.len(),
        "accepted": report.accepted,
        "failed": report.failed,
        "refused": report.refused,
        "resent": report.resent,
        "reasons": report.reasons,
        "took_ms": u64::try_from(report.took.as_millis()).unwrap_or(u64::MAX),
    });
    out.data(&answer, || text(&report, messages.len()))?;
    match report.failed + report.refused {
        0 => Ok(()),
        some => Err(Failure::remote(format!(
            "{} not accepted; the node keeps them, with the reason",
            counted(some, "message")
        ))),
    }
}

/// The file's messages, moved in time where asked for.
fn messages(args: &FeedReplay) -> Result<Vec<Bytes>, Failure> {
    let shown = args.file.display();
    let file =
        std::fs::read(&args.file).map_err(|error| Failure::local(format!("`{shown}` cannot be read: {error}")))?;
    complete(&file).map_err(|error| Failure::local(format!("`{shown}`: {error}; nothing was sent")))?;
    let messages: Vec<Bytes> = split(&file).iter().map(answered_once).collect();
    if messages.is_empty() {
        return Err(Failure::local(format!(
            "`{shown}` has no HL7 v2 messages: each begins with a line `MSH|…`, or stands in an MLLP frame"
        )));
    }
    if !args.shift_dates {
        return Ok(messages);
    }
    let zone = match &args.time_zone {
        Some(name) => TimeZone::get(name)
            .map_err(|_| Failure::local(format!("`{name}` is not a time zone; write one such as Europe/London")))?,
        None => TimeZone::system(),
    };
    if let Some(age) = feeds::replay::age(&messages, SystemClock.now(), &zone) {
        note(&format!("dates are moved by {}", counted(age.as_secs() / 86_400, "day")));
    }
    Ok(shift_dates(&messages, SystemClock.now(), &zone))
}

fn tally(report: &Report) -> String {
    format!("AA {}  AE {}  AR {}", report.accepted, report.failed, report.refused)
}

fn text(report: &Report, sent: usize) -> String {
    let seconds = report.took.as_secs_f64();
    let rate = if seconds > 0.0 { sent as f64 / seconds } else { 0.0 };
    let mut lines = vec![
        format!("{} in {seconds:.1} s ({rate:.0}/s)", counted(sent, "message")),
        format!("  AA accepted  {}", report.accepted),
        format!("  AE failed    {}", report.failed),
        format!("  AR refused   {}", report.refused),
    ];
    if report.resent > 0 {
        lines.push(format!("  sent again   {}", report.resent));
    }
    let mut reasons: Vec<(&String, &u64)> = report.reasons.iter().collect();
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    lines.extend(reasons.iter().take(REASONS_TOLD_MAX).map(|(reason, count)| format!("  {count} × {reason}")));
    let untold = reasons.len().saturating_sub(REASONS_TOLD_MAX);
    if untold > 0 {
        lines.push(format!("  … and {}", counted(untold, "other reason")));
    }
    lines.join("\n")
}
