use oxmcp_proto::Method;
use oxmcp_proto::jsonrpc::RawJson;
use oxmcp_proto::model::{CompleteParams, CompleteResult, CompletionArgument, CompletionReference, Extra};

use super::{Call, Client, Request};
use crate::{Error, Result};

impl Client {
    /// Proposes values for an argument of a prompt, or a variable of a resource template, of which `value` is typed so far.
    ///
    /// ```
    /// # use oxmcp::{Client, Server, server::{Completing, prompt}};
    /// use oxmcp::model::CompletionReference;
    ///
    /// # #[derive(serde::Deserialize, schemars::JsonSchema)]
    /// # struct Place { country: String, city: String }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), oxmcp::Error> {
    /// # let cities = |typed: Completing| async move {
    /// #     if typed.arguments["country"] == "fr" { vec!["Paris"] } else { vec!["Padua"] }
    /// # };
    /// # let server = Server::new("demo", "1.0.0")
    /// #     .with(prompt("weather", |place: Place| async move { place.city }).complete("city", cities));
    /// # let client = Client::connect(server).await?;
    /// let weather = CompletionReference::prompt("weather");
    /// let cities = client.complete(weather, "city", "Pa").context("country", "fr").await?;
    /// assert_eq!(cities.completion.values, ["Paris"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn complete(
        &self,
        reference: CompletionReference,
        argument: impl Into<String>,
        value: impl Into<String>,
    ) -> Request<CompleteResult> {
        let argument = CompletionArgument {
            name: argument.into(),
            value: value.into(),
            ..CompletionArgument::default()
        };
        let params = CompleteParams { reference, argument, context: None, meta: None, extra: Extra::new() };
        Request::new(self, Method::Complete, &params)
    }
}

impl Request<CompleteResult> {
    /// Says what another argument is, or another variable of the template (2025-06-18 on).
    pub fn context(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let add = |call: Call| -> Result<Call> {
            let unusual = |error| Error::misuse("the parameters have no JSON").with_source(error);
            let mut params: CompleteParams = call.params.to().map_err(unusual)?;
            let context = params.context.get_or_insert_default();
            context.arguments.get_or_insert_default().insert(name.into(), value.into());
            Ok(Call { params: RawJson::of(&params).map_err(unusual)?, ..call })
        };
        Self { call: self.call.and_then(add), ..self }
    }
}
