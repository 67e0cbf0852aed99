//! A function's life: it starts once, then answers one request at a time.

use std::{
    convert::Infallible,
    future::Future,
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};

use futures_util::future::{BoxFuture, LocalBoxFuture};
use lambda_http::{Adapter, LambdaEvent, Service, request::LambdaRequest, service_fn};
use tracing::{Instrument, field};

use crate::{
    App, Reply, Request, Who, config, deadline,
    http::{Cors, Response, cut, finish, keep_all_lines},
    log,
};

/// An endpoint behind a type that is the same for all.
type Endpoint = dyn Fn(&'static App, Request) -> BoxFuture<'static, Reply> + Send + Sync;

/// Answers requests with `endpoint` until Lambda ends the instance. Each leaves one line in the log.
pub async fn serve<W, F, Answer>(endpoint: F) -> Result<(), lambda_http::Error>
where
    W: Who,
    F: Fn(&'static App, W, Request) -> Answer + Send + Sync + 'static,
    Answer: Future<Output = Reply> + Send + 'static,
{
    let endpoint: &'static F = Box::leak(Box::new(endpoint));
    let endpoint = move |app, request| -> BoxFuture<'static, Reply> {
        Box::pin(async move {
            let who = W::of(app, &request).await?;
            endpoint(app, who, request).await
        })
    };
    run(Box::leak(Box::new(endpoint))).await
}

/// What is the same around every endpoint. Because it is not generic and gives a boxed future, it is compiled with this crate
/// and not once more in each function.
fn run(endpoint: &'static Endpoint) -> LocalBoxFuture<'static, Result<(), lambda_http::Error>> {
    Box::pin(async move {
        log::start();
        // An instance has one `App` for as long as it lives.
        let app: &'static App = Box::leak(Box::new(App::from_env()?));
        let cors: &'static Cors = Box::leak(Box::new(Cors::from_env()?));
        let trusted_proxies = config::number("TRUSTED_PROXIES")?.try_into().unwrap_or(usize::MAX);
        let cold = AtomicBool::new(true);
        let mut adapter = Adapter::from(service_fn(move |request| {
            let cold = cold.swap(false, Ordering::Relaxed);
            let request = Request::new(request, trusted_proxies);
            let span = tracing::info_span!("request", request_id = request.id(), user_id = field::Empty);
            let origin = request.origin();
            async move { Ok::<_, Infallible>(finish(answer(app, endpoint, request, cold).await, cors, origin)) }
                .instrument(span)
        }));
        lambda_runtime::run(service_fn(move |mut event: LambdaEvent<LambdaRequest>| {
            cut(&mut event.payload);
            keep_all_lines(&mut event.payload);
            adapter.call(event)
        }))
        .await
    })
}

async fn answer(app: &'static App, endpoint: &'static Endpoint, request: Request, cold: bool) -> Response {
    let started = Instant::now();
    let (method, route) = (request.method().to_owned(), request.route().to_owned());
    let auth_type = app.compatibility.auth_header_types.first().map_or("Bearer", String::as_str);
    let reply = deadline::of_request(endpoint(app, request)).await;
    let response = reply.unwrap_or_else(|error| error.into_response(auth_type));
    let (status, hashed) = (response.status().as_u16(), app.hasher.taken());
    log::request(&method, &route, status, started.elapsed(), hashed, cold);
    response
}
