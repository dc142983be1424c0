use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use oxmcp_proto::jsonrpc::{
    MethodName, Notification, RawJson, RawObject, Request, RequestId, write_name, write_on_one_line,
};
use oxmcp_proto::model::Implementation;
use oxmcp_proto::{Method, ProtocolVersion};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Carrier, Facts};
use crate::{Error, Result};

/// A message on its way through the layers: a request or a notification, coming in or going out.
#[derive(Clone, Debug)]
pub struct LayerRequest {
    direction: Direction,
    method: MethodName,
    params: RawJson,
    id: Id,
    facts: Facts,
}

/// Which way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the peer to this side.
    Incoming,
    /// From this side to the peer.
    Outgoing,
}

/// What is known of the id of a message.
#[derive(Clone, Debug)]
pub(crate) enum Id {
    /// It is a notification.
    Notification,
    /// It has this one.
    Given(RequestId),
    /// It gets one when it is sent.
    WhenSent(Arc<OnceLock<i64>>),
    /// It has none that is known here.
    Unknown,
}

impl LayerRequest {
    pub(crate) fn new(
        direction: Direction,
        method: MethodName,
        params: Option<RawJson>,
        id: Id,
        facts: Facts,
    ) -> Self {
        let params = params.unwrap_or_else(RawJson::empty_object);
        Self { direction, method, params, id, facts }
    }

    /// Which way it goes.
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// Whether it wants no answer.
    pub fn is_notification(&self) -> bool {
        matches!(self.id, Id::Notification)
    }

    /// The name of its method.
    pub fn method(&self) -> &str {
        self.method.as_str()
    }

    /// Its method, if the spec has it.
    pub fn known_method(&self) -> Option<Method> {
        self.method.known()
    }

    /// Its parameters; an object without members when there are none.
    ///
    /// In an outgoing request, the members of `_meta` that the library writes itself are not there yet: the progress token, and who this client
    /// is, what it can do, which revision it speaks and which log messages it wants.
    pub fn params(&self) -> &RawJson {
        &self.params
    }

    /// Gives it other parameters.
    ///
    /// # Errors
    ///
    /// [`Misuse`](crate::ErrorKind::Misuse) if they are no JSON object.
    pub fn set_params(&mut self, params: impl Serialize) -> Result<()> {
        let no_json = |error| Error::misuse("the parameters have no JSON").with_source(error);
        let params = RawJson::of(&params).map_err(no_json)?;
        if !params.is_object() {
            return Err(Error::misuse("the parameters of a message have to be a JSON object"));
        }
        // Notifications are written as they are.
        let mut line = Vec::with_capacity(params.as_bytes().len());
        params.write_on_one_line(&mut line);
        self.params = RawJson::from_written(line);
        Ok(())
    }

    /// The `_meta` of its parameters.
    pub fn meta(&self) -> Option<RawJson> {
        #[derive(Deserialize)]
        struct Params<'a> {
            #[serde(borrow, default, rename = "_meta")]
            meta: Option<&'a RawValue>,
        }
        let params: Params<'_> = self.params.to().ok()?;
        params.meta.map(|meta| self.params.part(meta))
    }

    /// Adds a member to the `_meta` of its parameters, or replaces it.
    ///
    /// # Errors
    ///
    /// [`Misuse`](crate::ErrorKind::Misuse) if the value has no JSON, or the parameters have a `_meta` that is no object.
    pub fn set_meta(&mut self, key: &str, value: impl Serialize) -> Result<()> {
        let misuse = |error| Error::misuse(format!("{key:?} cannot be set in `_meta`")).with_source(error);
        let value = RawJson::of(&value).map_err(misuse)?;
        let written = with_meta(&self.params, key, &value).map_err(misuse)?;
        self.params = RawJson::from_written(written);
        Ok(())
    }

    /// The tool or prompt that it is about, or the URI of the resource. None for other methods; and where it cannot be read, in which case the
    /// request is refused further in.
    pub fn name(&self) -> Option<String> {
        // Each has one member alone, because what others hold must not hide it.
        #[derive(Deserialize)]
        struct Named<'a> {
            #[serde(borrow)]
            name: Cow<'a, str>,
        }
        #[derive(Deserialize)]
        struct Located<'a> {
            #[serde(borrow)]
            uri: Cow<'a, str>,
        }
        let name = match self.known_method()? {
            Method::CallTool | Method::GetPrompt => self.params.to::<Named<'_>>().ok()?.name,
            Method::ReadResource
            | Method::SubscribeResource
            | Method::UnsubscribeResource
            | Method::ResourceUpdated => self.params.to::<Located<'_>>().ok()?.uri,
            _ => return None,
        };
        Some(name.into_owned())
    }

    /// Its id. None for a notification, for a request that is not sent yet (look at a clone afterwards), for one of a server to its client,
    /// and for input that a client is asked for inside of a result.
    pub fn id(&self) -> Option<RequestId> {
        match &self.id {
            Id::Given(id) => Some(id.clone()),
            Id::WhenSent(id) => id.get().copied().map(RequestId::Number),
            Id::Notification | Id::Unknown => None,
        }
    }

    /// The revision it is in, as far as one is agreed on or it names one.
    pub fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.facts.version
    }

    /// The `Mcp-Session-Id` of the session it belongs to. Whoever knows it can use the session.
    pub fn session_id(&self) -> Option<&str> {
        self.facts.session_id.as_deref()
    }

    /// Who the other side says it is: the client, on a server; the server, on a client. Self-reported: for display and logs.
    pub fn peer_info(&self) -> Option<Implementation> {
        self.facts.peer_info.as_ref()?.to().ok()
    }

    /// What carries it.
    pub fn carrier(&self) -> Carrier {
        self.facts.carrier
    }

    pub(crate) fn method_name(&self) -> &MethodName {
        &self.method
    }

    pub(crate) fn into_params(self) -> RawJson {
        self.params
    }

    /// The incoming request that it was, with what layers made of its parameters.
    pub(crate) fn into_request(self, id: RequestId) -> Request {
        Request { id, method: self.method, params: Some(self.params) }
    }

    /// The incoming notification that it was, with what layers made of its parameters.
    pub(crate) fn into_notification(self) -> Notification {
        Notification { method: self.method, params: Some(self.params) }
    }
}

/// The parameters with one more member in `_meta`, on one line.
fn with_meta(params: &RawJson, key: &str, value: &RawJson) -> Result<Vec<u8>, serde_json::Error> {
    let members: RawObject<'_> = params.to()?;
    let meta = members.member("_meta").map(|meta| serde_json::from_str::<Option<RawObject<'_>>>(meta.get()));
    let meta = meta.transpose()?.flatten().unwrap_or_default();
    let mut out = Vec::with_capacity(params.as_bytes().len() + key.len() + value.as_bytes().len() + 16);
    out.push(b'{');
    for (name, value) in members.0.iter().filter(|(name, _)| name != "_meta") {
        write_member(name, value.get(), &mut out);
    }
    write_name("_meta", &mut out);
    out.push(b'{');
    for (name, value) in meta.0.iter().filter(|(name, _)| name != key) {
        write_member(name, value.get(), &mut out);
    }
    write_member(key, value.as_str(), &mut out);
    out.extend_from_slice(b"}}");
    Ok(out)
}

fn write_member(name: &str, value: &str, out: &mut Vec<u8>) {
    write_name(name, out);
    write_on_one_line(value.as_bytes(), out);
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn request(params: &Value) -> LayerRequest {
        let facts = Facts { carrier: Carrier::Stream, session_id: None, version: None, peer_info: None };
        let params = RawJson::of(params).unwrap();
        LayerRequest::new(Direction::Incoming, Method::CallTool.into(), Some(params), Id::Unknown, facts)
    }

    #[test]
    fn a_member_of_meta_is_added_or_replaced() {
        for (before, after) in [
            (json!({}), json!({"_meta": {"k": 1}})),
            (json!({"a": 2, "_meta": null}), json!({"a": 2, "_meta": {"k": 1}})),
            (json!({"_meta": {"k": {}, "l": 3}, "a": 2}), json!({"a": 2, "_meta": {"l": 3, "k": 1}})),
        ] {
            let mut request = request(&before);
            request.set_meta("k", 1).unwrap();
            assert_eq!(request.params().to::<Value>().unwrap(), after);
        }
        assert_eq!(
            request(&json!({"_meta": 1})).set_meta("k", 1).unwrap_err().kind(),
            crate::ErrorKind::Misuse
        );
    }

    #[test]
    fn nothing_hides_the_name_of_a_tool() {
        for params in [
            r#"{"name": "delete"}"#,
            r#"{"name": "delete", "uri": 1}"#,
            r#"{"uri": "a", "uri": "b", "n\u0061me": "d\u0065lete", "_meta": []}"#,
        ] {
            let mut request = request(&json!({}));
            request.params = RawJson::parse(params.as_bytes().to_vec()).unwrap();
            assert_eq!(request.name().as_deref(), Some("delete"), "{params}");
        }
    }

    #[test]
    fn parameters_are_an_object_on_one_line() {
        let mut request = request(&json!({}));
        assert_eq!(request.set_params(json!([1])).unwrap_err().kind(), crate::ErrorKind::Misuse);
        request.set_params(RawJson::parse(&b"{\"a\":\n1}"[..]).unwrap()).unwrap();
        assert_eq!(request.params().as_str(), "{\"a\": 1}");
    }
}
