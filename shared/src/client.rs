//! The client that sent a request.

use std::net::{IpAddr, Ipv6Addr};

/// What limits count a client by: its IPv4 address, or the /64 of its IPv6 address, which is what one customer has.
pub(crate) fn network_of(ip: &str) -> String {
    match ip.parse() {
        Ok(IpAddr::V6(ip)) if ip.to_ipv4_mapped().is_none() => {
            let [a, b, c, d, ..] = ip.segments();
            format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        _ => ip.to_owned(),
    }
}
