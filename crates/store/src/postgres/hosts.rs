//! The hosts of an address, one after the other: one that takes a connection and then says nothing keeps nobody from the next.

use super::{Address, CONNECT_MAX, Failed, SILENT_MAX};
use std::time::Duration;
use tokio_postgres::config::{Host, TargetSessionAttrs};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, Connection, Socket};

/// How each host of an address is connected to under a name, in order.
#[derive(Clone)]
pub(super) struct Hosts(Vec<Config>);

impl Hosts {
    pub(super) fn of(address: &Address, name: &str) -> Result<Self, Failed> {
        let (all, password) = (&address.config, address.password()?);
        let one = |(place, host): (usize, &Host)| {
            let mut one = Config::new();
            match host {
                Host::Tcp(host) => one.host(host),
                Host::Unix(path) => one.host_path(path),
            };
            // One port, or address, is for all of them.
            all.get_ports().get(place).or(all.get_ports().first()).map(|port| one.port(*port));
            all.get_hostaddrs().get(place).map(|address| one.hostaddr(*address));
            all.get_user().map(|user| one.user(user));
            all.get_dbname().map(|database| one.dbname(database));
            all.get_options().map(|options| one.options(options));
            if let Some(password) = &password {
                one.password(password.as_bytes());
            }
            one.ssl_mode(all.get_ssl_mode())
                .channel_binding(all.get_channel_binding())
                .application_name(name)
                // A name may have several addresses.
                .connect_timeout(CONNECT_MAX / 2)
                .tcp_user_timeout(SILENT_MAX)
                .keepalives_idle(SILENT_MAX / 2)
                .keepalives_interval(SILENT_MAX / 5)
                .target_session_attrs(TargetSessionAttrs::ReadWrite);
            one
        };
        Ok(Self(all.get_hosts().iter().enumerate().map(one).collect()))
    }

    /// How long all of them together may take.
    pub(super) fn patience(&self) -> Duration {
        CONNECT_MAX * (u32::try_from(self.0.len()).unwrap_or(1) + 1)
    }

    /// A connection to the first that lets in and takes writes.
    pub(super) async fn connect<T>(self, tls: T) -> Result<(Client, Connection<Socket, T::Stream>), Failed>
    where
        T: MakeTlsConnect<Socket> + Clone,
    {
        let mut failed = Failed::Late(CONNECT_MAX);
        for host in self.0 {
            match tokio::time::timeout(CONNECT_MAX, host.connect(tls.clone())).await {
                Ok(Ok(connected)) => return Ok(connected),
                Ok(Err(error)) => failed = error.into(),
                Err(_) => failed = Failed::Late(CONNECT_MAX),
            }
        }
        Err(failed)
    }
}
