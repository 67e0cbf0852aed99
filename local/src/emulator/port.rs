//! The ports of the stack. Each of them opens here, so that none is without its guard.
//!
//! Nothing on these ports asks who calls: loopback is for the programs of this machine. But a browser is one of them, and sends
//! requests for every page that its user looks at. So a port refuses, before anything else is done,
//!
//! - a request for another host: a page can give its own name the address 127.0.0.1 (DNS rebinding), and would then be of the
//!   same origin as the port;
//! - a request of a page of another origin, unless it is for the emulated API, where `CorsOrigins` decides.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
};

use axum::{
    Json, Router,
    extract::{Request, State},
    http::{
        HeaderName, HeaderValue, Method, StatusCode, Version,
        header::{HOST, ORIGIN},
        uri::Authority,
    },
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use serde_json::json;
use tokio::net::TcpListener;

/// How the page that caused a request and its target are related (Fetch Metadata): a browser sends it with every request to
/// loopback, also where it sends no `Origin`.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// A port on loopback that is open and not served yet.
#[derive(Debug)]
pub(crate) struct Port {
    listener: TcpListener,
    address: SocketAddr,
}

impl Port {
    /// Opens a port; 0 for any that is free.
    pub(crate) async fn open(port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Such as `http://127.0.0.1:3000`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Serves programs and the port's own pages until `stop`.
    pub(crate) async fn serve(self, own: Router, stop: impl Future<Output = ()> + Send + 'static) {
        let own = self.guard().closed(own, Links::Refused);
        self.run(own, stop).await;
    }

    /// The same, with routes that pages of every origin may call.
    pub(crate) async fn serve_with_api(
        self,
        own: Router,
        api: Router,
        stop: impl Future<Output = ()> + Send + 'static,
    ) {
        let router = self.guard().closed(own, Links::Opened).merge(api);
        self.run(router, stop).await;
    }

    fn guard(&self) -> Guard {
        Guard { port: self.address.port() }
    }

    async fn run(self, router: Router, stop: impl Future<Output = ()> + Send + 'static) {
        let router = router.layer(middleware::from_fn_with_state(self.guard(), for_this_port));
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        // A graceful end may take as long as its slowest client; the process does not wait for it.
        let _ = axum::serve(self.listener, service).with_graceful_shutdown(stop).await;
    }
}

/// Lets a request through that is for this port.
async fn for_this_port(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    match guard.names(&request) {
        Named::ThisPort => next.run(request).await,
        Named::Another => {
            let message =
                "This port answers requests for localhost and 127.0.0.1, with its own port number, only.";
            refusal(StatusCode::MISDIRECTED_REQUEST, message)
        }
        Named::Nothing => {
            refusal(StatusCode::BAD_REQUEST, "The request needs one Host header with a valid host.")
        }
    }
}

/// Lets a request through that no page of another origin has caused.
async fn from_no_other_origin(
    State((guard, links)): State<(Guard, Links)>,
    request: Request,
    next: Next,
) -> Response {
    if guard.is_of_another_origin(&request, links) {
        return refusal(StatusCode::FORBIDDEN, "Pages of another origin may not call this.");
    }
    next.run(request).await
}

fn refusal(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "message": message }))).into_response()
}

/// What the host of a request names.
#[derive(Debug, PartialEq)]
enum Named {
    ThisPort,
    Another,
    Nothing,
}

/// Whether a link of a page of another origin may open what is served. It may where a `GET` changes nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Links {
    Opened,
    Refused,
}

/// What a port knows of itself.
#[derive(Debug, Clone, Copy)]
struct Guard {
    port: u16,
}

impl Guard {
    fn closed(self, own: Router, links: Links) -> Router {
        own.layer(middleware::from_fn_with_state((self, links), from_no_other_origin))
    }

    fn names(self, request: &Request) -> Named {
        let hosts = request.headers().get_all(HOST).iter();
        let hosts: Result<Vec<_>, _> = hosts.map(|host| Authority::try_from(host.as_bytes())).collect();
        let target = request.uri().authority();
        match hosts.as_deref() {
            // HTTP/1.0 has no such header. Every browser sends it.
            Ok([]) if target.is_none() && request.version() <= Version::HTTP_10 => Named::ThisPort,
            Ok([]) if target.is_none() => Named::Nothing,
            Ok(hosts @ ([] | [_])) => {
                let is_own = hosts.iter().chain(target).all(|host| self.is_own(host.as_str()));
                if is_own { Named::ThisPort } else { Named::Another }
            }
            Ok(_) | Err(_) => Named::Nothing,
        }
    }

    fn is_of_another_origin(self, request: &Request, links: Links) -> bool {
        let texts = |name| {
            let values = request.headers().get_all(name).iter();
            values.map(|value: &HeaderValue| value.to_str().unwrap_or_default())
        };
        let is_own = |origin: &str| origin.strip_prefix("http://").is_some_and(|host| self.is_own(host));
        if !texts(ORIGIN).all(is_own) {
            return true;
        }
        // A link to the inbox may be anywhere. What it opens, the page with the link cannot read.
        let is_link = links == Links::Opened
            && request.method() == Method::GET
            && texts(SEC_FETCH_MODE).eq(["navigate"])
            && texts(SEC_FETCH_DEST).eq(["document"]);
        let is_own_page = |site: &str| ["same-origin", "none"].contains(&site);
        !is_link && !texts(SEC_FETCH_SITE).all(is_own_page)
    }

    /// Whether a host is a name of loopback with this port.
    fn is_own(self, host: &str) -> bool {
        let (name, port) = match host.rsplit_once(':') {
            Some((name, port)) if !port.ends_with(']') => (name, port.parse().ok()),
            _ => (host, Some(80)),
        };
        port == Some(self.port) && is_loopback(name)
    }
}

/// Whether a host is this machine for every resolver (RFC 6761, 6.3): nobody can give these names another address. Django's
/// development server accepts the same.
fn is_loopback(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    ["127.0.0.1", "[::1]", "localhost"].contains(&name.as_str()) || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    const GUARD: Guard = Guard { port: 3000 };

    fn request(headers: &[(&str, &str)]) -> Request {
        let request =
            headers.iter().fold(Request::builder(), |request, (name, value)| request.header(*name, *value));
        request.body(Body::empty()).unwrap()
    }

    #[test]
    fn a_port_has_the_names_of_loopback_and_no_other() {
        for host in [
            "127.0.0.1:3000",
            "localhost:3000",
            "LocalHost:3000",
            "localhost.:3000",
            "api.localhost:3000",
            "[::1]:3000",
        ] {
            assert_eq!(GUARD.names(&request(&[("host", host)])), Named::ThisPort, "{host}");
        }
        for host in [
            "evil.example:3000",
            "evil.example",
            "localhost",
            "localhost:",
            "localhost:80",
            "127.0.0.1:3001",
            "0.0.0.0:3000",
            "127.0.0.2:3000",
            "[::]:3000",
            "[::1]",
            "localhost.evil.example:3000",
            "evil-localhost:3000",
            "127.0.0.1.evil.example:3000",
            "localhost@evil.example:3000",
            "evil.example@localhost:3000",
            "localhost:3000@evil.example",
        ] {
            assert_eq!(GUARD.names(&request(&[("host", host)])), Named::Another, "{host}");
        }
        let another = Guard { port: 80 };
        assert_eq!(another.names(&request(&[("host", "localhost")])), Named::ThisPort);
    }

    #[test]
    fn a_request_names_one_host_unless_it_is_of_http_1_0() {
        for headers in [
            &[][..],
            &[("host", "")],
            &[("host", "a b")],
            &[("host", "localhost:3000"), ("host", "localhost:3000")],
        ] {
            assert_eq!(GUARD.names(&request(headers)), Named::Nothing, "{headers:?}");
        }
        let mut old = request(&[]);
        *old.version_mut() = Version::HTTP_10;
        assert_eq!(GUARD.names(&old), Named::ThisPort);
    }

    #[test]
    fn the_host_in_the_target_counts_as_well() {
        let mut request = request(&[("host", "localhost:3000")]);
        for (target, named) in
            [("http://localhost:3000/", Named::ThisPort), ("http://evil.example:3000/", Named::Another)]
        {
            *request.uri_mut() = target.parse().unwrap();
            assert_eq!(GUARD.names(&request), named, "{target}");
        }
    }

    #[test]
    fn another_origin_is_known_by_its_name_or_by_the_relation_that_the_browser_reports() {
        let own = "http://localhost:3000";
        for headers in [
            &[][..],
            &[("origin", own)],
            &[("origin", "http://127.0.0.1:3000")],
            &[("sec-fetch-site", "none")],
            &[("origin", own), ("sec-fetch-site", "same-origin")],
        ] {
            assert!(!GUARD.is_of_another_origin(&request(headers), Links::Refused), "{headers:?}");
        }
        let link = [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
        ];
        assert!(!GUARD.is_of_another_origin(&request(&link), Links::Opened));
        assert!(GUARD.is_of_another_origin(&request(&link), Links::Refused));
        for headers in [
            &[("origin", "http://evil.example")][..],
            &[("origin", "http://evil.example:3000")],
            &[("origin", "null")],
            &[("origin", "")],
            &[("origin", "https://localhost:3000")],
            &[("origin", "http://localhost")],
            &[("origin", "http://localhost:8000")],
            &[("origin", own), ("origin", "http://evil.example")],
            &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "script")],
            &[("sec-fetch-site", "same-site"), ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")],
            &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")],
        ] {
            assert!(GUARD.is_of_another_origin(&request(headers), Links::Opened), "{headers:?}");
        }
    }
}
