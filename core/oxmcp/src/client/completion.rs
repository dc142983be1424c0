use std::collections::BTreeMap;

use oxmcp_proto::Method;
use oxmcp_proto::model::{
    CompleteParams, CompleteResult, CompletionArgument, CompletionContext, CompletionReference, Extra,
};

use super::{Client, Request};

impl Client {
    /// Proposes values for an argument of a prompt, or a variable of a resource template, that is being typed. `known` are the values of
    /// others (2025-06-18 on).
    pub fn complete<N: Into<String>, V: Into<String>>(
        &self,
        reference: CompletionReference,
        argument: impl Into<String>,
        value: impl Into<String>,
        known: impl IntoIterator<Item = (N, V)>,
    ) -> Request<CompleteResult> {
        let known: BTreeMap<String, String> =
            known.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        let context = (!known.is_empty())
            .then(|| CompletionContext { arguments: Some(known), ..CompletionContext::default() });
        let argument = CompletionArgument {
            name: argument.into(),
            value: value.into(),
            ..CompletionArgument::default()
        };
        let params = CompleteParams { reference, argument, context, meta: None, extra: Extra::new() };
        Request::new(self, Method::Complete, &params)
    }
}
