use http::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use url::{ParseError, Url};

use super::super::headers::{JSON, LAST_EVENT_ID, METHOD, NAME, PROTOCOL_VERSION, SESSION_ID};
use super::HttpError;
use crate::{Error, Result};

/// Checks the URL of an endpoint. What it says of a bad one does not repeat it, because it may hold a secret.
pub(super) fn endpoint(url: &str) -> Result<Uri> {
    let misuse = |why: &str| Error::misuse(format!("the server's URL {why}"));
    let mut url = Url::parse(url).map_err(|error| match error {
        ParseError::RelativeUrlWithoutBase => {
            misuse("is not a URL: it does not begin with https:// or the like; a program to start is given as a command")
        }
        error => misuse(&format!("is not a URL: {error}")),
    })?;
    let is_known = url.scheme() == "http" || (cfg!(feature = "tls") && url.scheme() == "https");
    if !is_known {
        let known =
            if cfg!(feature = "tls") { "http and https" } else { "http, as it was built without TLS" };
        return Err(misuse(&format!("has the scheme {:?}; this client speaks {known}", url.scheme())));
    }
    if !url.has_host() {
        return Err(misuse("has no host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(misuse("holds a user name or password; send an Authorization header instead"));
    }
    url.set_fragment(None);
    url.as_str().parse().map_err(|error| misuse(&format!("cannot be used: {error}")))
}

/// Where a server of HTTP+SSE takes messages, as it says in a stream that came from `base`.
///
/// # Errors
///
/// [`HttpError::Protocol`] if that is no URL, or of another origin: whoever speaks for a server must not send its clients elsewhere.
pub(super) fn named_endpoint(base: &Uri, named: &[u8]) -> std::result::Result<Uri, HttpError> {
    let wrong = |why: &str| {
        let named = String::from_utf8_lossy(named);
        HttpError::Protocol(format!("the server's endpoint {named:?} {why}"))
    };
    let base = Url::parse(&base.to_string()).map_err(|error| wrong(&format!("has no base: {error}")))?;
    let text = std::str::from_utf8(named).map_err(|_| wrong("is not text"))?;
    let mut url = base.join(text).map_err(|error| wrong(&format!("is not a URL: {error}")))?;
    if url.origin() != base.origin() {
        return Err(wrong("is of another origin than its stream"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("holds a user name or password"));
    }
    url.set_fragment(None);
    url.as_str().parse().map_err(|error| wrong(&format!("cannot be used: {error}")))
}

/// The headers of every POST: what the user gave, and what each of them has.
pub(super) fn fixed_headers(given: Vec<(String, String)>) -> Result<HeaderMap> {
    const OWN: [HeaderName; 10] = [
        ACCEPT,
        CONTENT_TYPE,
        CONTENT_LENGTH,
        HOST,
        TRANSFER_ENCODING,
        SESSION_ID,
        PROTOCOL_VERSION,
        METHOD,
        NAME,
        LAST_EVENT_ID,
    ];
    let mut headers = HeaderMap::with_capacity(given.len() + 8);
    for (name, value) in given {
        let misuse = |why: &str| Error::misuse(format!("the header {name:?} {why}"));
        let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| misuse("has no valid name"))?;
        if OWN.contains(&parsed) {
            return Err(misuse("is set by the client itself"));
        }
        if parsed == AUTHORIZATION && headers.contains_key(&parsed) {
            return Err(misuse("is given twice; servers take one (`bearer_token` gives it too)"));
        }
        let mut value =
            HeaderValue::from_str(&value).map_err(|_| misuse("has a value that no header can have"))?;
        value.set_sensitive(true);
        headers.append(parsed, value);
    }
    headers.insert(CONTENT_TYPE, JSON);
    headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_stays_at_its_origin() {
        let base = Uri::from_static("http://localhost:8000/app/sse?key=1");
        for (named, endpoint) in [
            ("/messages?session=a", "http://localhost:8000/messages?session=a"),
            ("messages", "http://localhost:8000/app/messages"),
            ("?session=a", "http://localhost:8000/app/sse?session=a"),
            ("http://localhost:8000/m#there", "http://localhost:8000/m"),
            ("//localhost:8000/m", "http://localhost:8000/m"),
        ] {
            assert_eq!(named_endpoint(&base, named.as_bytes()).unwrap(), endpoint, "{named}");
        }
        for named in [
            "http://example.org/m",
            "https://localhost:8000/m",
            "http://localhost:8001/m",
            "//example.org/m",
            "http://user:secret@localhost:8000/m",
            "file:///etc/passwd",
            "http://",
        ] {
            let error = named_endpoint(&base, named.as_bytes()).unwrap_err();
            assert!(matches!(error, HttpError::Protocol(_)), "{named}: {error}");
        }
        assert!(named_endpoint(&base, b"/\xff").is_err());
    }
}
