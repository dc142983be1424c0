use std::borrow::Cow;

use serde::Deserialize;

use super::scan::{self, Fault};

/// The members of a message that JSON-RPC knows, as they are written. `null` is absence, but for the id.
#[derive(Default)]
pub(super) struct Envelope<'a> {
    pub(super) jsonrpc: Option<&'a str>,
    pub(super) id: Option<&'a str>,
    pub(super) method: Option<&'a str>,
    pub(super) params: Option<&'a str>,
    pub(super) result: Option<&'a str>,
    pub(super) error: Option<&'a str>,
    /// One that is there twice.
    pub(super) twice: Option<Cow<'a, str>>,
}

impl<'a> Envelope<'a> {
    /// Reads a message, once: what is well formed here needs no second look.
    pub(super) fn read(json: &'a str, max_depth: usize) -> Result<Self, Fault> {
        let mut envelope = Self::default();
        scan::members(json, max_depth, |key, value| {
            let key = unescaped(key)?;
            let slot = match &*key {
                "jsonrpc" => &mut envelope.jsonrpc,
                "id" => &mut envelope.id,
                "method" => &mut envelope.method,
                "params" => &mut envelope.params,
                "result" => &mut envelope.result,
                "error" => &mut envelope.error,
                _ => return Ok(()),
            };
            if slot.replace(value).is_some() {
                envelope.twice = Some(key);
            }
            Ok(())
        })?;
        let Self { jsonrpc, method, params, result, error, .. } = &mut envelope;
        for slot in [jsonrpc, method, params, result, error] {
            *slot = slot.filter(|value| *value != "null");
        }
        Ok(envelope)
    }
}

/// The text of a string that is written in JSON.
pub(super) fn text(json: &str) -> Result<Cow<'_, str>, serde_json::Error> {
    match json.strip_prefix('"').and_then(|json| json.strip_suffix('"')) {
        Some(text) if !text.contains('\\') => Ok(text.into()),
        _ => String::deserialize(&mut serde_json::Deserializer::from_str(json)).map(Cow::from),
    }
}

fn unescaped(key: &str) -> Result<Cow<'_, str>, Fault> {
    if !key.contains('\\') {
        return Ok(key.into());
    }
    text(&format!("\"{key}\"")).map(|key| key.into_owned().into()).map_err(|_| Fault::Malformed)
}
