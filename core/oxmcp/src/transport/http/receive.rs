use std::pin::Pin;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http_body::Body;
use http_body_util::BodyExt;

/// The most that is set aside because a peer announced so much. What is set aside costs memory only when it is written to.
const MAX_RESERVED: usize = 4 << 20;

/// Why a body did not arrive.
#[derive(Debug)]
pub(super) enum ReceiveError<E> {
    /// It is larger than the limit.
    TooLarge,
    /// Nothing of it came for too long.
    Silent,
    /// The connection failed.
    Broken(E),
}

/// Reads a body of at most `limit` bytes. `patience` is the longest silence between two pieces; without it, the caller has its own.
pub(super) async fn receive<B: Body>(
    mut body: Pin<&mut B>,
    limit: usize,
    patience: Option<Duration>,
) -> Result<Bytes, ReceiveError<B::Error>> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > limit {
        return Err(ReceiveError::TooLarge);
    }
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    loop {
        let frame = match patience {
            Some(patience) => {
                tokio::time::timeout(patience, body.frame()).await.map_err(|_| ReceiveError::Silent)?
            }
            None => body.frame().await,
        };
        let Some(frame) = frame else { break };
        let Ok(mut data) = frame.map_err(ReceiveError::Broken)?.into_data() else { continue };
        if first.len() + all.len() + data.remaining() > limit {
            return Err(ReceiveError::TooLarge);
        }
        // Most bodies are one piece, which is then passed on as it came.
        if first.is_empty() && all.is_empty() {
            first = data.copy_to_bytes(data.remaining());
            if body.is_end_stream() {
                return Ok(first);
            }
            continue;
        }
        if all.is_empty() {
            let needed = first.len() + data.remaining();
            all.reserve(needed.max(announced.min(MAX_RESERVED)));
            all.put(std::mem::take(&mut first));
        }
        all.put(data);
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}

/// Reads the rest of a body and throws it away, so that the peer gets to read the answer instead of a reset connection. Not forever: up
/// to 64 MiB and five seconds.
pub(super) async fn discard<B: Body>(mut body: Pin<&mut B>) {
    let mut left: usize = 64 << 20;
    let _ = tokio::time::timeout(Duration::from_secs(5), async {
        while let Some(Ok(frame)) = body.frame().await {
            let Some(data) = frame.data_ref() else { continue };
            left = match left.checked_sub(data.remaining()) {
                Some(left) => left,
                None => return,
            };
        }
    })
    .await;
}
