use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::watch;

use crate::questions::{Asked, NotAnswered};
use crate::{Error, ErrorKind, Queue};

/// What a binding is asked; see [`EventKind::Question`](crate::EventKind::Question).
#[derive(Serialize)]
#[serde(tag = "ask", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(crate) enum Question<'a> {
    Authorize { url: &'a str, redirect_uri: &'a str },
    OpenBrowser { url: &'a str },
    IdToken,
    Assertion,
    ReadTokens { key: &'a str },
    WriteTokens { key: &'a str, value: Option<&'a str> },
    LockTokens { key: &'a str },
    VerifyToken { token: &'a str, resource: &'a str },
}

/// A client, or a server that listens, whose configuration leaves something to the binding.
#[derive(Clone)]
pub(crate) struct Asker {
    queue: Arc<Queue>,
    /// What gave the configuration.
    operation: u64,
    /// Turns true when the client or the server is closed. Whatever is to end before that is done holds a receiver.
    closed: watch::Sender<bool>,
}

/// What an answer gave, until it is dropped.
pub(crate) struct Held {
    _given: Asked,
    _open: watch::Receiver<bool>,
}

impl Asker {
    /// # Errors
    ///
    /// [`Misuse`](ErrorKind::Misuse) if the binding takes no questions.
    pub(crate) fn new(
        queue: &Arc<Queue>,
        operation: u64,
        closed: &watch::Sender<bool>,
    ) -> Result<Self, Error> {
        if !queue.takes_questions() {
            let message = "the configuration leaves something to the program that this queue cannot ask it: \
                           it was not made to take questions";
            return Err(Error::new(ErrorKind::Misuse, message));
        }
        Ok(Self { queue: queue.clone(), operation, closed: closed.clone() })
    }

    /// Asks, and waits as long as `patience`, or until this is closed.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        question: &Question<'_>,
        patience: Option<Duration>,
    ) -> Result<T, NotAnswered> {
        let (given, asked, _) = self.given(question, patience, true).await?;
        asked.keep();
        parse(&given)
    }

    /// The same even if this is closed meanwhile, which waits for it.
    pub(crate) async fn ask_to_the_end<T: DeserializeOwned>(
        &self,
        question: &Question<'_>,
        patience: Duration,
    ) -> Result<T, NotAnswered> {
        let (given, asked, _) = self.given(question, Some(patience), false).await?;
        asked.keep();
        parse(&given)
    }

    /// Asks for something that is held until it is dropped. Closing waits for that.
    pub(crate) async fn hold(&self, question: &Question<'_>) -> Result<Held, NotAnswered> {
        let (_, asked, open) = self.given(question, None, true).await?;
        Ok(Held { _given: asked, _open: open })
    }

    async fn given(
        &self,
        question: &Question<'_>,
        patience: Option<Duration>,
        ends_when_closed: bool,
    ) -> Result<(Bytes, Asked, watch::Receiver<bool>), NotAnswered> {
        let mut closed = self.closed.subscribe();
        if ends_when_closed && *closed.borrow() {
            return Err(NotAnswered::Over);
        }
        let question = serde_json::to_vec(question).map_err(|_| NotAnswered::Unfit)?;
        let mut asked = self.queue.ask(self.operation, question)?;
        let late = async {
            match patience {
                Some(patience) => {
                    tokio::time::sleep(patience).await;
                    patience
                }
                None => pending().await,
            }
        };
        let answer = tokio::select! {
            answer = &mut asked => answer,
            patience = late => return Err(NotAnswered::Late(patience)),
            _ = closed.wait_for(|closed| *closed), if ends_when_closed => return Err(NotAnswered::Over),
        };
        match answer {
            Ok(given) => Ok((given, asked, closed)),
            Err(error) => {
                asked.keep();
                Err(error)
            }
        }
    }
}

/// Reads what was given. What is wrong with it is not repeated: it may hold tokens.
fn parse<T: DeserializeOwned>(given: &[u8]) -> Result<T, NotAnswered> {
    serde_json::from_slice(given).map_err(|_| NotAnswered::Unfit)
}
