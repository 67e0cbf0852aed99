//! Requests, as an endpoint reads them.

use std::net::{IpAddr, Ipv6Addr};

use lambda_http::{Body, RequestExt, http::header, request::RequestContext};
use serde_json::{Map, Value};

use super::{Error, Form};

/// A request from either kind of API Gateway.
pub struct Request {
    inner: lambda_http::Request,
}

impl Request {
    pub(crate) fn new(inner: lambda_http::Request) -> Self {
        Self { inner }
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

    /// The client's address as the gateway saw it, never one that a header claims.
    #[must_use]
    pub fn ip(&self) -> &str {
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

    /// What limits count a client by: its IPv4 address, or the /64 of its IPv6 address, which is what one customer has.
    #[must_use]
    pub fn network(&self) -> String {
        match self.ip().parse() {
            Ok(IpAddr::V6(ip)) if ip.to_ipv4_mapped().is_none() => {
                let [a, b, c, d, ..] = ip.segments();
                format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
            _ => self.ip().to_owned(),
        }
    }

    /// The `User-Agent`, cut to 200 characters.
    #[must_use]
    pub fn user_agent(&self) -> String {
        self.header(header::USER_AGENT.as_str()).unwrap_or_default().chars().take(200).collect()
    }

    /// A header's value, when it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.inner.headers().get(name)?.to_str().ok()
    }

    /// The fields of the body: JSON, or a form as `curl -d` sends it. No body is no fields.
    ///
    /// 415 for another content type, 400 for a body that is not what it says, or not an object.
    pub fn form(&self) -> Result<Form, Error> {
        let body: &[u8] = match self.inner.body() {
            Body::Text(text) => text.as_bytes(),
            Body::Binary(bytes) => bytes,
            _ => &[],
        };
        if body.is_empty() {
            return Ok(Form::default());
        }
        let content_type = self.header(header::CONTENT_TYPE.as_str()).unwrap_or_default();
        let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match media_type.as_str() {
            "application/json" => json_object(body).map(Form::new),
            "application/x-www-form-urlencoded" => Ok(Form::new(url::form_urlencoded::parse(body).fold(
                Map::new(),
                |mut fields, (name, value)| {
                    fields.insert(name.into_owned(), Value::String(value.into_owned()));
                    fields
                },
            ))),
            _ => Err(Error::UnsupportedMediaType(content_type.to_owned())),
        }
    }
}

fn json_object(body: &[u8]) -> Result<Map<String, Value>, Error> {
    let kind = match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => return Ok(fields),
        Ok(Value::Array(_)) => "list",
        Ok(Value::String(_)) => "str",
        Ok(Value::Bool(_)) => "bool",
        Ok(Value::Number(number)) if number.is_f64() => "float",
        Ok(Value::Number(_)) => "int",
        Ok(Value::Null) => "NoneType",
        Err(error) => return Err(Error::Malformed(format!("JSON parse error - {error}"))),
    };
    Err(Error::field("non_field_errors", format!("Invalid data. Expected a dictionary, but got {kind}.")))
}
