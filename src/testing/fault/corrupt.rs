use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;

use crate::Body;

/// A body whose byte at a place is another one.
pub(super) fn corrupt(body: Body, at: u64) -> Body {
    let mut before = 0;
    let chunks = body.map(move |chunk| {
        let chunk = chunk?;
        let start = before;
        before += chunk.len() as u64;
        let Some(index) = at
            .checked_sub(start)
            .and_then(|index| usize::try_from(index).ok())
        else {
            return Ok::<Bytes, crate::Error>(chunk);
        };
        let mut bytes = BytesMut::from(chunk);
        if let Some(byte) = bytes.get_mut(index) {
            // What is text stays text: the worse mistake is the one that no decoder notices.
            *byte ^= 1;
        }
        Ok(bytes.freeze())
    });
    Body::from_stream(chunks)
}
