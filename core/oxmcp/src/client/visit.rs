use std::time::Instant;

use futures_util::future::try_join_all;
use oxmcp_proto::Method;
use oxmcp_proto::jsonrpc::{ErrorObject, RawJson};
use oxmcp_proto::model::{ElicitAction, ElicitResult};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::rounds::{Rounds, no_input};
use super::time::Time;
use super::{Call, Client};
use crate::{Error, Result, clock};

/// Pages that the user has agreed to visit, before a call can go on.
pub(super) struct Visit {
    /// Their ids.
    pages: Vec<String>,
    /// When the user agreed.
    since: Instant,
}

/// What an error says that has to be visited (2025-11-25, elicitation, "URL Elicitation Required Error").
#[derive(Deserialize)]
struct Required<'a> {
    #[serde(borrow)]
    elicitations: Vec<&'a RawValue>,
}

/// One of them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    mode: String,
    elicitation_id: String,
}

impl Client {
    /// Asks the user to visit the pages that the server refuses a call for, and waits until it may be sent again: until the server says that
    /// the pages are done, or for a pause, because not every server says so. What it refuses meanwhile is nothing new to the user.
    ///
    /// # Errors
    ///
    /// The server's `refusal`, if the user does not agree or the pages are not done in time.
    pub(super) async fn visit(
        &self,
        call: &Call,
        time: Time,
        refusal: Error,
        visit: &mut Option<Visit>,
        rounds: &mut Rounds,
    ) -> Result<()> {
        let visits = &self.inner.inbound.handlers().visits;
        let is_on_the_way = visit.as_ref().is_some_and(|visit| !visits.are_done(&visit.pages));
        if !is_on_the_way {
            let pages = self.pages(call, &refusal)?;
            rounds.take(call)?;
            rounds.pause();
            if !self.while_open(time, self.agree(call, &pages)).await?? {
                return Err(refusal);
            }
            let pages = pages.into_iter().map(|(id, _)| id).collect();
            *visit = Some(Visit { pages, since: clock::now() });
        }
        let Some(Visit { pages, since }) = visit else { return Err(refusal) };
        if is_on_the_way && clock::now().saturating_duration_since(*since) >= self.inner.limits.input_wait {
            return Err(refusal);
        }
        let pause = rounds.pause();
        self.while_open(time, async {
            tokio::select! {
                () = visits.all_done(pages) => {}
                () = tokio::time::sleep(pause) => {}
            }
        })
        .await
    }

    /// The ids and parameters of the pages that an error names.
    fn pages(&self, call: &Call, refusal: &Error) -> Result<Vec<(String, RawJson)>> {
        let broken = |why: String| {
            Error::protocol(format!(
                "the server refuses {} until pages have been visited, and names them in a wrong way: {why}",
                call.method.as_str()
            ))
        };
        let data = refusal.rpc().and_then(|rpc| rpc.data.as_ref());
        let data = data.ok_or_else(|| broken("the error has no `data`".to_owned()))?;
        let required: Required<'_> = data.to().map_err(|error| broken(error.to_string()))?;
        if required.elicitations.is_empty() {
            return Err(broken("there are none".to_owned()));
        }
        self.check_inputs(call, required.elicitations.len())?;
        let page = |raw: &&RawValue| {
            let page: Page = serde_json::from_str(raw.get()).map_err(|error| broken(error.to_string()))?;
            match &*page.mode {
                "url" => Ok((page.elicitation_id, data.part(raw))),
                mode => Err(broken(format!("one is of mode {mode:?}"))),
            }
        };
        required.elicitations.iter().map(page).collect()
    }

    /// Whether the user agrees to visit all of these pages. Nothing is asked if one of them must not be asked for.
    async fn agree(&self, call: &Call, pages: &[(String, RawJson)]) -> Result<bool> {
        let method = call.method.as_str();
        let mut answers = Vec::with_capacity(pages.len());
        for (_, params) in pages {
            let refused = |error: ErrorObject| {
                Error::protocol(format!(
                    "the server refuses {method} until a page has been visited that it must not ask for: {}",
                    error.message
                ))
            };
            let answer = self.inner.inbound.input(Method::Elicit, params.clone()).map_err(refused)?;
            answers
                .push(async move { answer.await.map_err(|error| no_input(Method::Elicit, method, error)) });
        }
        let answers = try_join_all(answers).await?;
        // The answers were checked.
        let agreed = |answer: &RawJson| {
            answer.to::<ElicitResult>().is_ok_and(|answer| answer.action == ElicitAction::Accept)
        };
        Ok(answers.iter().all(agreed))
    }
}
