//! The client that sent a request.

use std::net::{IpAddr, Ipv6Addr};

/// The client that sent a request, as sessions, codes, limits and audit events know it.
#[derive(Debug, Clone, Default)]
pub struct Client {
    pub(crate) ip: String,
    pub(crate) user_agent: String,
}

impl Client {
    /// Its address: the one that the gateway saw or, behind trusted proxies, the one that the outermost of them saw. Never one that the
    /// client claims.
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

/// The address of a client whose requests pass through `trusted_proxies` proxies on their way to the gateway, which saw `source`.
///
/// Each proxy appends the address it saw to `X-Forwarded-For`, and so does the gateway. So the client's is counted from the right:
/// whatever a client writes there itself stays to the left of that. A header that is too short, or holds no address at that place,
/// leaves `source`.
pub(crate) fn client_ip(source: &str, forwarded_for: Option<&str>, trusted_proxies: usize) -> String {
    let address = |entry: &str| entry.trim().parse::<IpAddr>().ok().map(|ip| ip.to_canonical());
    let seen_by_proxy = trusted_proxies.checked_sub(1).zip(forwarded_for).and_then(|(behind, header)| {
        let mut entries = header.rsplit(',').map(address).peekable();
        entries.next_if(|entry| entry.is_some() && *entry == address(source));
        entries.nth(behind).flatten()
    });
    seen_by_proxy.map_or_else(|| source.to_owned(), |ip| ip.to_string())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_is_counted_from_the_right() {
        let header = "6.6.6.6, 192.0.2.1, 198.51.100.2, 203.0.113.3";
        let behind = |proxies| client_ip("203.0.113.3", Some(header), proxies);
        assert_eq!([0, 1, 2, 3].map(behind), ["203.0.113.3", "198.51.100.2", "192.0.2.1", "6.6.6.6"]);
    }

    #[test]
    fn a_header_that_does_not_reach_the_client_leaves_the_source() {
        for header in [
            "",
            ",",
            "192.0.2.1",
            "198.51.100.2, 192.0.2.1",
            "unknown, 198.51.100.2, 192.0.2.1",
            "6.6.6.6, , 198.51.100.2",
        ] {
            assert_eq!(client_ip("192.0.2.1", Some(header), 2), "192.0.2.1", "{header}");
        }
        assert_eq!(client_ip("192.0.2.1", None, 1), "192.0.2.1");
        assert_eq!(client_ip("", Some("unknown"), 1), "");
    }

    #[test]
    fn a_gateway_that_does_not_append_its_source_is_no_matter() {
        assert_eq!(client_ip("203.0.113.3", Some("6.6.6.6, 192.0.2.1"), 1), "192.0.2.1");
    }

    #[test]
    fn an_address_counts_once_however_it_is_spelled() {
        let client = |spelled: &str| client_ip("203.0.113.3", Some(&format!("{spelled}, 203.0.113.3")), 1);
        assert_eq!(client("2001:DB8:0:0::1"), "2001:db8::1");
        assert_eq!(network_of(&client("2001:db8::1")), network_of(&client("2001:db8::2")));
        assert_eq!(client("::ffff:192.0.2.1"), "192.0.2.1");
        assert_eq!(client_ip("2001:db8::3", Some("192.0.2.1, 2001:0db8::3"), 1), "192.0.2.1");
    }
}
