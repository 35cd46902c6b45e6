//! `handrail serve`: run a node until it is told to stop.

use super::caller::load;
use super::failure::Failure;
use super::output::note;
use crate::cli::Serve;
use crate::config::Config;
use crate::server::logging;
use crate::server::node::Node;
use crate::server::notify::Notifier;
use pages::Environment;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Runs it.
pub(crate) async fn run(args: Serve) -> Result<(), Failure> {
    let config = match (args.config, args.data, args.listen) {
        (Some(file), _, _) => Config::load(&file)?,
        (None, Some(data), Some(listen)) => {
            let mut config =
                Config::from_options(data, args.charter, listen, args.mllp, args.base_url, args.behind_proxy);
            config.store.address = args.store;
            config
        }
        _ => return Err(Failure::local("give --config FILE, or --data DIR and --listen ADDR")),
    };
    logging::start(config.log.format, &config.log.filter);
    let supervisor = Notifier::new(args.notify_socket.as_deref(), args.watchdog_usec)?;
    let seed = config.charter.as_deref().map(load).transpose()?;
    let starting = supervisor.starting();
    let node = Node::open(&config, seed, Environment::Production).await?;
    let engine = node.plane.engine();
    note(&format!(
        "Handrail for {}: {} policies, {} workflows, {} entries\n  decisions and console  {}\n  HL7 over MLLP          {}{}\n  data                   {}{}",
        engine.charter().hospital().name,
        engine.charter().policies().len(),
        engine.charter().workflows().len(),
        node.plane.store().head().next,
        node.base_url,
        node.mllp_address().map_or_else(|| "not listening".to_owned(), |address| address.to_string()),
        node.mllp_tls_address().map_or_else(String::new, |address| format!(", over TLS {address}")),
        config.data.display(),
        store::remembered(&config.data)?.map_or_else(String::new, |at| format!(", store at {}", at.place())),
    ));
    let stop = stop_on_signal()?;
    drop(starting);
    supervisor.ready(stop.clone());
    node.run(stop).await
}

/// Cancelled when the process is asked to stop; asked twice, it ends at once.
pub(crate) fn stop_on_signal() -> Result<CancellationToken, Failure> {
    let stop = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let asked = stop.clone();
    tokio::spawn(async move {
        for count in 0.. {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if count > 0 {
                std::process::exit(130);
            }
            asked.cancel();
        }
    });
    Ok(stop)
}
