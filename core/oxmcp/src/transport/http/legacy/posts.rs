use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::mpsc;

/// The messages that a client posts, as a stream of lines. One is held, and counts where its bytes are counted, until it is read.
pub(super) struct Posts {
    posted: mpsc::Receiver<Bytes>,
    /// What is left of the message that is being read.
    current: Option<Bytes>,
}

impl Posts {
    pub(super) fn new(posted: mpsc::Receiver<Bytes>) -> Self {
        Self { posted, current: None }
    }
}

impl AsyncRead for Posts {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut message = match self.current.take() {
            Some(rest) => rest,
            None => match ready!(self.posted.poll_recv(cx)) {
                Some(message) => message,
                None => return Poll::Ready(Ok(())),
            },
        };
        let start = buf.filled().len();
        let part = message.split_to(message.len().min(buf.remaining()));
        buf.put_slice(&part);
        for byte in &mut buf.filled_mut()[start..] {
            // Outside strings a line break is white space, and inside them JSON has none.
            if matches!(byte, b'\n' | b'\r') {
                *byte = b' ';
            }
        }
        if message.is_empty() && buf.remaining() > 0 {
            buf.put_slice(b"\n");
        } else {
            self.current = Some(message);
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    #[tokio::test]
    async fn each_message_is_a_line_however_much_is_read_at_once() {
        for room in 1..=12 {
            let (sender, posted) = mpsc::channel(8);
            for message in ["{\n\"a\":\r\n1}", "", "[2]"] {
                sender.send(Bytes::from(message)).await.unwrap();
            }
            drop(sender);
            let (mut posts, mut read, mut part) = (Posts::new(posted), Vec::new(), vec![0; room]);
            loop {
                match posts.read(&mut part).await.unwrap() {
                    0 => break,
                    count => read.extend_from_slice(&part[..count]),
                }
            }
            assert_eq!(String::from_utf8(read).unwrap(), "{ \"a\":  1}\n\n[2]\n", "{room} bytes at once");
        }
    }
}
