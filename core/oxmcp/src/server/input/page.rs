use oxmcp_proto::jsonrpc::{ErrorObject, RawJson, codes};
use oxmcp_proto::model::{ElicitUrlParams, ElicitationCompleteParams, UrlElicitationRequiredData};
use oxmcp_proto::{Method, ProtocolVersion};
use uuid::Uuid;

use super::question::Need;
use super::{Elicit, InputError, InputErrorKind};
use crate::Context;

/// The user agreed to visit a page: [`Elicit::url`]. What was done there only the page's own server knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Visiting;

/// A page to visit, for what must not go through the client (2025-11-25 on).
#[derive(Clone, Debug)]
pub(super) struct Page {
    pub(super) url: String,
    /// What the client will be told that it is done; only in 2025-11-25.
    pub(super) id: Option<String>,
}

impl Page {
    /// The question as the client's revision has it, if the client can be asked.
    pub(super) fn params(self, context: &Context, message: String) -> Result<ElicitUrlParams, InputError> {
        Need::Url.check(context, "the user is to visit a page", ProtocolVersion::V2025_11_25)?;
        if let Err(error) = url::Url::parse(&self.url) {
            let why = format!("the page's URL {:?}: {error}", self.url);
            return Err(InputError::fault(InputErrorKind::Misuse, why));
        }
        let elicitation_id = has_ids(context).then(|| self.id.unwrap_or_else(|| Uuid::new_v4().to_string()));
        Ok(ElicitUrlParams { elicitation_id, ..ElicitUrlParams::new(message, self.url) })
    }
}

/// Whether questions have ids by which the client is told that they are done: in one revision.
fn has_ids(context: &Context) -> bool {
    context.protocol_version().wire().url_required
}

impl Context {
    /// Lets the request go on only after the user has visited a page, such as one that connects an account.
    ///
    /// In a session of 2025-11-25 this always fails, with the error that tells the client to send the user there and then the request again
    /// (`-32042`): look first whether it is needed. In 2026-07-28, which has no such error, it asks like [`elicit`](Self::elicit), and is
    /// `Ok` when the user agrees; what was done there is for the page's server to say.
    ///
    /// ```
    /// use oxmcp::Context;
    /// use oxmcp::server::{Elicit, ToolError};
    ///
    /// # async fn is_connected() -> bool { false }
    /// async fn files(context: Context) -> Result<String, ToolError> {
    ///     if !is_connected().await {
    ///         let page = Elicit::url("Connect your account to see your files.", "https://mcp.example.com/connect");
    ///         context.require_visit(page.elicitation_id("connect-7")).await?;
    ///     }
    ///     Ok("your files".to_owned())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`UrlRequired`](InputErrorKind::UrlRequired) in 2025-11-25, and those of [`elicit`](Self::elicit).
    pub async fn require_visit(&self, page: Elicit<Visiting>) -> Result<(), InputError> {
        if !has_ids(self) {
            let Visiting = self.elicit(page).await?.accepted()?;
            return Ok(());
        }
        let params = page.into_page(self)?;
        let message = params.message.clone();
        let data = UrlElicitationRequiredData {
            elicitations: vec![params],
            ..UrlElicitationRequiredData::default()
        };
        let data = RawJson::of(&data).map_err(|error| {
            InputError::fault(InputErrorKind::Misuse, format!("the page has no JSON: {error}"))
        })?;
        let error = ErrorObject::new(codes::URL_ELICITATION_REQUIRED, message).with_data(data);
        Err(InputError::of_request(InputErrorKind::UrlRequired, error))
    }

    /// Tells the client that what was to be done on a page is done (2025-11-25, elicitation, "Completion Notifications"), also after the
    /// request is answered. False when the client is not told: in other revisions, if it did not declare that it can show pages, or if
    /// nothing leads to it any more.
    pub fn elicitation_complete(&self, elicitation_id: impl Into<String>) -> bool {
        if !has_ids(self) || Need::Url.check(self, "", ProtocolVersion::V2025_11_25).is_err() {
            return false;
        }
        let elicitation_id = elicitation_id.into();
        let params = ElicitationCompleteParams { elicitation_id, ..ElicitationCompleteParams::default() };
        match serde_json::to_vec(&params) {
            Ok(params) => self.peer().tell(Method::ElicitationComplete, &params),
            Err(_) => false,
        }
    }
}
