use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http_body::Body;
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout_at};

use super::budget::Budget;
use super::held::Held;

/// The most that is set aside because a peer announced so much. What is set aside costs memory only when it is written to.
const MAX_RESERVED: usize = 4 << 20;

/// Bytes of a message that takes nothing of a server's budget. The number of requests bounds these.
pub(super) const SMALL: usize = 8 * 1024;

/// Why a body did not arrive.
#[derive(Debug)]
pub(super) enum ReceiveError<E> {
    /// It is larger than the limit.
    TooLarge,
    /// There is no room for it beside what else a server serves.
    NoRoom,
    /// It took too long: nothing of it came, or not enough.
    Late,
    /// The connection failed.
    Broken(E),
}

/// What a server lets a body take. A client has other means: its calls have deadlines.
pub(super) struct Allowance<'a> {
    /// The longest silence between two pieces.
    pub(super) silence: Duration,
    /// How long it may take in all.
    pub(super) total: Duration,
    /// What its bytes count in until the last part of the message is dropped.
    pub(super) budget: &'a Arc<Budget>,
}

/// Reads a body of at most `limit` bytes.
pub(super) async fn receive<B: Body>(
    mut body: Pin<&mut B>,
    limit: usize,
    allowance: Option<Allowance<'_>>,
) -> Result<Bytes, ReceiveError<B::Error>> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > limit {
        return Err(ReceiveError::TooLarge);
    }
    let mut end = None;
    let mut held: Option<Held> = None;
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    loop {
        let frame = match &allowance {
            Some(allowance) => {
                let now = Instant::now();
                let end = *end.get_or_insert(now + allowance.total);
                let next = timeout_at(end.min(now + allowance.silence), body.frame());
                next.await.map_err(|_| ReceiveError::Late)?
            }
            None => body.frame().await,
        };
        let Some(frame) = frame else { break };
        let Ok(mut data) = frame.map_err(ReceiveError::Broken)?.into_data() else { continue };
        let length = first.len() + all.len() + data.remaining();
        if length > limit {
            return Err(ReceiveError::TooLarge);
        }
        if let Some(allowance) = &allowance
            && length > SMALL
            && !held.get_or_insert_with(|| Held::new(allowance.budget)).grow_to(length)
        {
            return Err(ReceiveError::NoRoom);
        }
        // Most bodies are one piece, which is then passed on as it came.
        if first.is_empty() && all.is_empty() {
            first = data.copy_to_bytes(data.remaining());
            if body.is_end_stream() {
                break;
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
    let message = if all.is_empty() { first } else { all.freeze() };
    Ok(match held {
        Some(held) => held.with(message),
        None => message,
    })
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

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::pin::pin;

    use futures_util::{StreamExt, stream};
    use http_body::Frame;
    use http_body_util::StreamBody;

    use super::*;
    use crate::Limits;

    /// What comes of a body of which a byte comes each time a pause is over, so many times.
    async fn drip(pause: Duration, count: usize) -> Result<Bytes, ReceiveError<Infallible>> {
        let pieces = stream::iter(0..count).then(|_| async move {
            tokio::time::sleep(pause).await;
            Ok(Frame::data(Bytes::from_static(b"x")))
        });
        let budget = Budget::new(&Limits::default());
        let (silence, total) = (Duration::from_secs(30), Duration::from_secs(300));
        let body = pin!(StreamBody::new(pieces));
        receive(body, 1000, Some(Allowance { silence, total, budget: &budget })).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_never_falls_silent_has_to_come_to_its_end_too() {
        let second = Duration::from_secs(1);
        assert_eq!(drip(29 * second, 10).await.unwrap(), vec![b'x'; 10]);
        assert!(matches!(drip(29 * second, 11).await, Err(ReceiveError::Late)));
        assert!(matches!(drip(31 * second, 1).await, Err(ReceiveError::Late)));
    }
}
