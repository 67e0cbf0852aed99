//! Requests, as an endpoint reads them.

use lambda_http::{
    Body, RequestExt,
    http::{HeaderName, HeaderValue, header},
    request::{LambdaRequest, RequestContext},
};

use super::body;
use crate::{
    Error, Form,
    client::{Client, client_ip},
    parameters::Parameters,
    precondition::Precondition,
};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Keeps all lines of the headers that are lists: `lambda_http` puts the last line in the place of all. Of any other header the last
/// line still counts, such as of two tokens.
pub(crate) fn keep_all_lines(event: &mut LambdaRequest) {
    let LambdaRequest::ApiGatewayV1(event) = event else { return };
    for name in [header::IF_MATCH, header::IF_NONE_MATCH, X_FORWARDED_FOR] {
        if event.multi_value_headers.contains_key(&name) {
            event.headers.remove(name);
        }
    }
}

/// A request from either kind of API Gateway.
pub struct Request {
    inner: lambda_http::Request,
    client: Client,
}

impl Request {
    /// A request, as `lambda_http` makes it of an event, that has passed through so many trusted proxies (`TrustedProxies`).
    #[must_use]
    pub fn new(inner: lambda_http::Request, trusted_proxies: usize) -> Self {
        let mut request = Self { inner, client: Client::default() };
        let user_agent = request.header(header::USER_AGENT.as_str()).unwrap_or_default();
        let user_agent = user_agent.chars().take(200).collect();
        let forwarded_for = request.list(&X_FORWARDED_FOR);
        let ip = client_ip(request.source_ip(), forwarded_for.as_deref(), trusted_proxies);
        request.client = Client { ip, user_agent };
        request
    }

    /// The client that sent it.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The method's name, such as `PATCH`.
    #[must_use]
    pub fn method(&self) -> &str {
        self.inner.method().as_str()
    }

    /// The route as the template spells it, such as `/api/sessions/{id}`: never a path with somebody's id in it.
    #[must_use]
    pub fn route(&self) -> &str {
        match self.inner.request_context_ref() {
            Some(RequestContext::ApiGatewayV1(context)) => {
                context.resource_path.as_deref().unwrap_or_default()
            }
            Some(RequestContext::ApiGatewayV2(context)) => {
                let key = context.route_key.as_deref().unwrap_or_default();
                key.split_once(' ').map_or(key, |(_method, path)| path)
            }
            _ => "",
        }
    }

    /// The URL as the client wrote it, without its query: behind a stage (`/Prod/…`), a custom domain or a base path.
    #[must_use]
    pub fn url(&self) -> String {
        let (domain, path) = match self.inner.request_context_ref() {
            Some(RequestContext::ApiGatewayV1(context)) => {
                (context.domain_name.as_deref(), context.path.as_deref())
            }
            Some(RequestContext::ApiGatewayV2(context)) => {
                (context.domain_name.as_deref(), context.http.path.as_deref())
            }
            _ => (None, None),
        };
        // The gateway writes this header over any that a client sends; on AWS it speaks nothing but HTTPS.
        let scheme = if self.header("x-forwarded-proto") == Some("http") { "http" } else { "https" };
        format!("{scheme}://{}{}", domain.unwrap_or_default(), path.unwrap_or_default())
    }

    /// The URL at which the API begins: this one without its route, when that has no parameters.
    #[must_use]
    pub fn base_url(&self) -> String {
        let mut url = self.url();
        url.truncate(url.trim_end_matches('/').len());
        let base = url.strip_suffix(self.route().trim_end_matches('/')).map_or(url.len(), str::len);
        url.truncate(base);
        url
    }

    /// The parameters of the query.
    #[must_use]
    pub fn parameters(&self) -> Parameters {
        let query = self.inner.query_string_parameters_ref();
        let pairs = query.into_iter().flat_map(|query| query.iter());
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Parameters { url: self.url(), pairs }
    }

    /// What `If-Match` says of the record that is to be changed.
    #[must_use]
    pub fn precondition(&self) -> Precondition {
        Precondition(self.list(&header::IF_MATCH))
    }

    /// Whether the client has what this entity tag names (`If-None-Match`; RFC 9110, section 13.1.2). A gateway that
    /// compresses may have made the tag weak.
    pub(super) fn has(&self, tag: &str) -> bool {
        let tags = self.list(&header::IF_NONE_MATCH).unwrap_or_default();
        let mut tags = tags.split(',').map(str::trim);
        tags.any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
    }

    /// The gateway's id of this request.
    #[must_use]
    pub fn id(&self) -> &str {
        match self.inner.request_context_ref() {
            Some(RequestContext::ApiGatewayV1(context)) => context.request_id.as_deref().unwrap_or_default(),
            Some(RequestContext::ApiGatewayV2(context)) => context.request_id.as_deref().unwrap_or_default(),
            _ => "",
        }
    }

    /// The `{name}` part of the path.
    #[must_use]
    pub fn path(&self, name: &str) -> &str {
        self.inner.path_parameters_ref().and_then(|parameters| parameters.first(name)).unwrap_or_default()
    }

    fn source_ip(&self) -> &str {
        match self.inner.request_context_ref() {
            Some(RequestContext::ApiGatewayV1(context)) => {
                context.identity.source_ip.as_deref().unwrap_or_default()
            }
            Some(RequestContext::ApiGatewayV2(context)) => {
                context.http.source_ip.as_deref().unwrap_or_default()
            }
            _ => "",
        }
    }

    /// The client's address: see [`Client::ip`].
    #[must_use]
    pub fn ip(&self) -> &str {
        self.client.ip()
    }

    /// What limits count the client by: see [`Client::network`].
    #[must_use]
    pub fn network(&self) -> String {
        self.client.network()
    }

    /// A header's value, when it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.inner.headers().get(name)?.to_str().ok()
    }

    /// A header that is a list, which may stand in several lines (RFC 9110, section 5.3).
    fn list(&self, name: &HeaderName) -> Option<String> {
        let lines: Vec<_> =
            self.inner.headers().get_all(name).iter().filter_map(|line| line.to_str().ok()).collect();
        (!lines.is_empty()).then(|| lines.join(","))
    }

    /// The origin of the page that sent it, as a browser names it.
    pub(crate) fn origin(&self) -> Option<HeaderValue> {
        self.inner.headers().get(header::ORIGIN).cloned()
    }

    /// The fields of the body: JSON, a form as `curl -d` sends it, or one as `curl -F` does. No body is no fields.
    ///
    /// 413 for more than [`LONGEST_BODY`](super::LONGEST_BODY), 415 for another content type, 400 for a body that is not what it
    /// says, or not an object.
    pub fn form(&self) -> Result<Form, Error> {
        let body: &[u8] = match self.inner.body() {
            Body::Text(text) => text.as_bytes(),
            Body::Binary(bytes) => bytes,
            _ => &[],
        };
        body::fields(body, self.header(header::CONTENT_TYPE.as_str()).unwrap_or_default()).map(Form::new)
    }
}
