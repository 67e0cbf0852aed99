//! Requests, as an endpoint reads them.

use std::fmt;

use lambda_http::{
    Body, RequestExt,
    http::header,
    request::{LambdaRequest, RequestContext},
};
use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::{Error, Form, client::Client, form::object, parameters::Parameters, precondition::Precondition};

/// The longest body, in bytes: far more than all fields of a record take. API Gateway's own limit, 10 MB, is no limit for an
/// instance that has 256 MB for the body and all that is made of it.
pub const LONGEST_BODY: usize = 64 * 1024;

/// Cuts off what is beyond the longest body, before it is decoded. What stays is still too long, and so refused by
/// [`Request::form`].
pub(crate) fn cut(event: &mut LambdaRequest) {
    // In base64, four characters are three bytes.
    const KEPT: usize = 4 * (LONGEST_BODY / 3 + 1);
    let body = match event {
        LambdaRequest::ApiGatewayV1(event) => &mut event.body,
        LambdaRequest::ApiGatewayV2(event) => &mut event.body,
        _ => return,
    };
    if let Some(body) = body
        && body.len() > KEPT
    {
        body.truncate(body.floor_char_boundary(KEPT));
    }
}

/// A request from either kind of API Gateway.
pub struct Request {
    inner: lambda_http::Request,
    client: Client,
}

impl Request {
    /// A request, as `lambda_http` makes it of an event.
    #[must_use]
    pub fn new(inner: lambda_http::Request) -> Self {
        let mut request = Self { inner, client: Client::default() };
        let user_agent = request.header(header::USER_AGENT.as_str()).unwrap_or_default();
        let user_agent = user_agent.chars().take(200).collect();
        request.client = Client { ip: request.source_ip().to_owned(), user_agent };
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
        Precondition(self.header(header::IF_MATCH.as_str()).map(str::to_owned))
    }

    /// Whether the client has what this entity tag names (`If-None-Match`; RFC 9110, section 13.1.2). A gateway that
    /// compresses may have made the tag weak.
    pub(super) fn has(&self, tag: &str) -> bool {
        let tags = self.header(header::IF_NONE_MATCH.as_str()).unwrap_or_default();
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

    /// The fields of the body: JSON, or a form as `curl -d` sends it. No body is no fields.
    ///
    /// 413 for more than [`LONGEST_BODY`], 415 for another content type, 400 for a body that is not what it says, or not an
    /// object.
    pub fn form(&self) -> Result<Form, Error> {
        let body: &[u8] = match self.inner.body() {
            Body::Text(text) => text.as_bytes(),
            Body::Binary(bytes) => bytes,
            _ => &[],
        };
        if body.is_empty() {
            return Ok(Form::default());
        }
        if body.len() > LONGEST_BODY {
            return Err(Error::BodyTooLarge);
        }
        let content_type = self.header(header::CONTENT_TYPE.as_str()).unwrap_or_default();
        let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match media_type.as_str() {
            "application/json" => json_object(body).map(Form::new),
            "application/x-www-form-urlencoded" => {
                let mut fields = Fields::default();
                for (name, value) in url::form_urlencoded::parse(body) {
                    let added = fields.add(name.into_owned(), Value::String(value.into_owned()));
                    added.map_err(|error| Error::Malformed(format!("Form parse error - {error}")))?;
                }
                Ok(Form::new(fields.0))
            }
            _ => Err(Error::UnsupportedMediaType(content_type.to_owned())),
        }
    }
}

fn json_object(body: &[u8]) -> Result<Map<String, Value>, Error> {
    let malformed = |error| Error::Malformed(format!("JSON parse error - {error}"));
    if body.trim_ascii_start().starts_with(b"{") {
        return serde_json::from_slice(body).map(|Fields(fields)| fields).map_err(malformed);
    }
    let Flat(value) = serde_json::from_slice(body).map_err(malformed)?;
    object(value)
}

/// A value as far as a field can use it. No field is a list or an object: one is read over and kept as an empty one, so that it
/// takes no memory, however large or deep it is.
struct Flat(Value);

impl<'de> Deserialize<'de> for Flat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FlatVisitor).map(Self)
    }
}

struct FlatVisitor;

impl<'de> Visitor<'de> for FlatVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Array(Vec::new()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Object(Map::new()))
    }
}

/// Django's default (`DATA_UPLOAD_MAX_NUMBER_FIELDS`).
const MOST_FIELDS: usize = 1_000;

/// The fields of a body, each of which has a name of its own: what of two is meant nobody can say, and something between
/// the client and here may have looked at the other.
#[derive(Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn add(&mut self, name: String, value: Value) -> Result<(), String> {
        if self.0.len() == MOST_FIELDS {
            return Err(format!("more than {MOST_FIELDS} fields"));
        }
        if self.0.contains_key(&name) {
            return Err(format!("duplicate field \"{name:.150}\""));
        }
        self.0.insert(name, value);
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Self::default())
    }
}

impl<'de> Visitor<'de> for Fields {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self, A::Error> {
        while let Some((name, Flat(value))) = map.next_entry()? {
            self.add(name, value).map_err(de::Error::custom)?;
        }
        Ok(self)
    }
}
