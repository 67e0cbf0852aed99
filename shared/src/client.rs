//! The client that sent a request.

use std::net::{IpAddr, Ipv6Addr};

/// The client that sent a request, as sessions, codes, limits and audit events know it.
#[derive(Debug, Clone, Default)]
pub struct Client {
    pub(crate) ip: String,
    pub(crate) user_agent: String,
}

impl Client {
    /// Its address as the gateway saw it, never one that a header claims.
    #[must_use]
    pub fn ip(&self) -> &str {
        &self.ip
    }

    /// What limits count it by: its IPv4 address, or the /64 of its IPv6 address, which is what one customer has.
    #[must_use]
    pub fn network(&self) -> String {
        network_of(&self.ip)
    }

    /// Its `User-Agent`, cut to 200 characters.
    #[must_use]
    pub fn user_agent(&self) -> &str {
        &self.user_agent
    }
}

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
