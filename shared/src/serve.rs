//! A function's life: it starts once, then answers one request at a time.

use std::{
    convert::Infallible,
    future::Future,
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};

use lambda_http::service_fn;
use tracing::Instrument;

use crate::{
    App, Reply, Request, Who,
    http::{Response, finish},
    log,
};

/// Answers requests with `endpoint` until Lambda ends the instance. Each leaves one line in the log.
pub async fn serve<W, F, Answer>(endpoint: F) -> Result<(), lambda_http::Error>
where
    W: Who,
    F: Fn(&'static App, W, Request) -> Answer + Send + Sync + 'static,
    Answer: Future<Output = Reply> + Send + 'static,
{
    log::start();
    // An instance has one `App` for as long as it lives.
    let app: &'static App = Box::leak(Box::new(App::from_env()?));
    let endpoint: &'static F = Box::leak(Box::new(endpoint));
    let cold = AtomicBool::new(true);
    lambda_http::run(service_fn(move |request| {
        let cold = cold.swap(false, Ordering::Relaxed);
        let request = Request::new(request);
        let span = tracing::info_span!("request", request_id = request.id());
        async move { Ok::<_, Infallible>(answer(app, endpoint, request, cold).await) }.instrument(span)
    }))
    .await
}

async fn answer<W, F, Answer>(
    app: &'static App,
    endpoint: &'static F,
    request: Request,
    cold: bool,
) -> Response
where
    W: Who,
    F: Fn(&'static App, W, Request) -> Answer + Send + Sync,
    Answer: Future<Output = Reply> + Send,
{
    let started = Instant::now();
    let (method, route) = (request.method().to_owned(), request.route().to_owned());
    let reply = match W::of(app, &request).await {
        Ok(who) => endpoint(app, who, request).await,
        Err(error) => Err(error),
    };
    let response = finish(reply.unwrap_or_else(crate::Error::into_response));
    log::request(&method, &route, response.status().as_u16(), started.elapsed(), cold);
    response
}
