//! A PostgreSQL server for tests: a cluster of its own in a temporary directory, on a free port of this machine, gone when the test is. With it a
//! standby that every commit waits for ([`Cluster::standby`]), and a wire to either that can be cut ([`Wire`]).
//!
//! A small shell program owns each server. It ends the server and removes the directory when its standard input ends, which it does however the
//! process that started it ends: a test that panics or is killed leaves nothing behind.

mod keeper;
mod owner;
mod server;
mod wire;

pub use server::Cluster;
pub use wire::{Cut, Wire};

/// The same database of other servers: `address` with the hosts replaced by these ports of this machine, in this order.
#[must_use]
pub fn at_ports(address: &str, ports: &[u16]) -> String {
    let hosts: Vec<String> = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
    let (user, place) = address.rsplit_once('@').unwrap_or(("postgres://postgres", address));
    let (_, database) = place.split_once('/').unwrap_or_default();
    format!("{user}@{}/{database}", hosts.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_hosts_of_an_address_are_replaced() {
        let address = "postgres://amy@127.0.0.1:1/test_0?sslmode=disable";
        assert_eq!(at_ports(address, &[2, 3]), "postgres://amy@127.0.0.1:2,127.0.0.1:3/test_0?sslmode=disable");
        assert_eq!(at_ports(&at_ports(address, &[2, 3]), &[1]), address);
    }
}
