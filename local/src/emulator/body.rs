//! Reading a body up to a limit.

use axum::body::{Body, Bytes};
use futures_util::StreamExt;

/// A body beyond its limit is read and thrown away up to here, in bytes, so that its sender hears the answer and not a broken
/// connection.
const DRAIN_LIMIT: usize = 100 * 1024 * 1024;

/// Why there is no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unreadable {
    TooLong,
    BrokenOff,
}

/// The whole body, if it is at most `limit` bytes long.
pub(crate) async fn read(body: Body, limit: usize) -> Result<Bytes, Unreadable> {
    let mut stream = body.into_data_stream();
    let mut read = Vec::new();
    let mut length = 0;
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| Unreadable::BrokenOff)?;
        length += chunk.len();
        if length <= limit {
            read.extend_from_slice(&chunk);
        } else if length > DRAIN_LIMIT {
            break;
        }
    }
    if length > limit { Err(Unreadable::TooLong) } else { Ok(Bytes::from(read)) }
}
