//! `WWW-Authenticate` headers (RFC 9110, section 11.6.1), as MCP's servers send them.

use std::fmt::Write as _;

use http::header::WWW_AUTHENTICATE;
use http::{HeaderMap, HeaderValue};

use super::Scopes;

/// Parameters of one challenge that are looked at. More of them are not read.
const MAX_PARAMETERS: usize = 32;

/// Challenges for schemes of OAuth that are looked at.
const MAX_CHALLENGES: usize = 8;

/// The schemes of OAuth.
const SCHEMES: [&str; 2] = ["Bearer", "DPoP"];

/// What a server wants of whoever asks it (RFC 6750, section 3; RFC 9728, section 5.1; RFC 9449, section 7.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Challenge {
    /// `Bearer` or `DPoP`.
    pub(crate) scheme: String,
    /// Why the request was refused: `invalid_token`, `insufficient_scope`, `use_dpop_nonce`.
    pub(crate) error: Option<String>,
    /// The same for people.
    pub(crate) error_description: Option<String>,
    /// The scopes that the request needs.
    pub(crate) scope: Option<Scopes>,
    /// Where the metadata of the protected resource is.
    pub(crate) resource_metadata: Option<String>,
}

impl Challenge {
    /// The challenge among `headers` that is for the scheme that was `used`, or else the first one that names a scheme of OAuth. Servers that
    /// take both schemes send one for each (RFC 9449, section 7.1); what the one does not say, the others may say for it.
    pub(crate) fn find(headers: &HeaderMap, used: Option<&str>) -> Option<Self> {
        let values = headers.get_all(WWW_AUTHENTICATE).iter();
        let challenges = values.filter_map(|value| value.to_str().ok()).flat_map(parse);
        let is_known = |challenge: &Self| SCHEMES.iter().any(|scheme| challenge.is_of(scheme));
        let mut known: Vec<Self> = challenges.filter(is_known).take(MAX_CHALLENGES).collect();
        let at = used.and_then(|used| known.iter().position(|challenge| challenge.is_of(used)));
        let mut found = if known.is_empty() { return None } else { known.remove(at.unwrap_or(0)) };
        for other in known {
            found.error = found.error.or(other.error);
            found.error_description = found.error_description.or(other.error_description);
            found.scope = found.scope.or(other.scope);
            found.resource_metadata = found.resource_metadata.or(other.resource_metadata);
        }
        Some(found)
    }

    /// Whether it is for a scheme of that name.
    pub(crate) fn is_of(&self, scheme: &str) -> bool {
        self.scheme.eq_ignore_ascii_case(scheme)
    }

    /// The header that says it.
    pub(crate) fn to_header(&self) -> HeaderValue {
        let mut text = self.scheme.clone();
        let scope = self.scope.as_ref().map(Scopes::to_string);
        let algs = self.is_of("DPoP").then(|| super::server::ALGS.to_owned());
        let parameters = [
            ("error", &self.error),
            ("error_description", &self.error_description),
            ("scope", &scope),
            ("resource_metadata", &self.resource_metadata),
            ("algs", &algs),
        ];
        let mut separator = ' ';
        for (name, value) in parameters {
            let Some(value) = value else { continue };
            // A string is written by itself.
            let _ = write!(text, "{separator}{name}={}", Quoted(value));
            separator = ',';
        }
        HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("Bearer"))
    }

    fn set(&mut self, name: &str, value: String) {
        match name.to_ascii_lowercase().as_str() {
            "error" => self.error = Some(value),
            "error_description" => self.error_description = Some(value),
            "scope" => self.scope = Some(Scopes::parse_of_peer(&value)),
            "resource_metadata" => self.resource_metadata = Some(value),
            _ => {}
        }
    }
}

/// A quoted string, of what a header may hold.
struct Quoted<'a>(&'a str);

impl std::fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_char('"')?;
        for char in self.0.chars() {
            match char {
                '"' | '\\' => write!(f, "\\{char}")?,
                ' '..='~' => f.write_char(char)?,
                _ => f.write_char('?')?,
            }
        }
        f.write_char('"')
    }
}

/// The challenges of one header. What is none is passed over: a client that finds nothing goes on without.
fn parse(header: &str) -> Vec<Challenge> {
    let mut challenges: Vec<Challenge> = Vec::new();
    let mut rest = header;
    let mut parameters = 0;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let Some((token, after)) = token(rest) else { return challenges };
        let after_token = after.trim_start_matches([' ', '\t']);
        match after_token.strip_prefix('=') {
            Some(value) if !challenges.is_empty() && parameters < MAX_PARAMETERS => {
                let Some((value, after)) = value_of(value.trim_start_matches([' ', '\t'])) else {
                    return challenges;
                };
                if let Some(challenge) = challenges.last_mut() {
                    challenge.set(token, value);
                }
                parameters += 1;
                rest = after;
            }
            Some(_) => return challenges,
            None => {
                challenges.push(Challenge { scheme: token.to_owned(), ..Challenge::default() });
                parameters = 0;
                rest = after;
            }
        }
    }
}

fn token(text: &str) -> Option<(&str, &str)> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~/".contains(&byte);
    let end = text.bytes().position(|byte| !is_token(byte)).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

/// A token, or a quoted string without its quotes.
fn value_of(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        // Some servers leave the quotes away where they are needed.
        let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
        return (end > 0).then(|| (text[..end].to_owned(), &text[end..]));
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => value.push(chars.next()?.1),
            _ => value.push(char),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(header: &'static str) -> Option<Challenge> {
        let mut headers = HeaderMap::new();
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(header));
        Challenge::find(&headers, None)
    }

    /// The same in one header, or in one for each.
    fn found_after(used: &str, challenges: [&'static str; 2], are_apart: bool) -> Challenge {
        let mut headers = HeaderMap::new();
        if are_apart {
            for challenge in challenges {
                headers.append(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
            }
        } else {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::try_from(challenges.join(", ")).unwrap());
        }
        Challenge::find(&headers, Some(used)).unwrap()
    }

    #[test]
    fn of_several_challenges_that_of_the_scheme_that_was_used_counts() {
        let bearer = r#"Bearer realm="x", error="invalid_token", scope="a""#;
        let dpop = r#"DPoP algs="ES256", error="use_dpop_nonce", resource_metadata="https://example.com/m""#;
        for challenges in [[bearer, dpop], [dpop, bearer]] {
            for are_apart in [false, true] {
                for (used, error) in [("DPoP", "use_dpop_nonce"), ("bearer", "invalid_token")] {
                    let found = found_after(used, challenges, are_apart);
                    assert!(found.is_of(used), "{found:?}");
                    assert_eq!(found.error.as_deref(), Some(error), "{challenges:?}");
                    // What is said once is said for both.
                    assert_eq!(found.scope, Some(Scopes::from(["a"])));
                    assert_eq!(found.resource_metadata.as_deref(), Some("https://example.com/m"));
                }
            }
        }
        let found = found_after("DPoP", ["Basic", r#"Bearer error="insufficient_scope""#], true);
        assert_eq!((found.scheme.as_str(), found.error.as_deref()), ("Bearer", Some("insufficient_scope")));
    }

    #[test]
    fn a_challenge_is_read_in_the_forms_that_servers_write() {
        let bearer = found(
            r#"Basic realm="a, b", Bearer error="insufficient_scope", scope="files:read files:write" , resource_metadata=https://example.com/.well-known/oauth-protected-resource, error_description="say \"please\"""#,
        )
        .unwrap();
        assert_eq!(bearer.scheme, "Bearer");
        assert_eq!(bearer.error.as_deref(), Some("insufficient_scope"));
        assert_eq!(bearer.scope, Some(Scopes::from(["files:read", "files:write"])));
        assert_eq!(
            bearer.resource_metadata.as_deref(),
            Some("https://example.com/.well-known/oauth-protected-resource")
        );
        assert_eq!(bearer.error_description.as_deref(), Some("say \"please\""));
        assert_eq!(
            found("bearer").unwrap(),
            Challenge { scheme: "bearer".to_owned(), ..Challenge::default() }
        );
        assert_eq!(found(r#"DPoP algs="ES256", error="use_dpop_nonce""#).unwrap().scheme, "DPoP");
    }

    #[test]
    fn what_is_no_challenge_is_passed_over() {
        for header in ["", ",,,", "=", "Negotiate", r#"Bearer error="never closed"#, "error=\"x\""] {
            let challenge = found(header);
            assert!(challenge.is_none_or(|challenge| challenge.error.is_none()), "{header}");
        }
    }

    #[test]
    fn what_is_written_can_be_read() {
        let challenge = Challenge {
            scheme: "Bearer".to_owned(),
            error: Some("invalid_token".to_owned()),
            error_description: Some("it \"expired\" \\ long ago".to_owned()),
            scope: Some(Scopes::from(["a", "b"])),
            resource_metadata: Some("https://example.com/m".to_owned()),
        };
        let mut headers = HeaderMap::new();
        headers.insert(WWW_AUTHENTICATE, challenge.to_header());
        assert_eq!(Challenge::find(&headers, None), Some(challenge));
        let foreign =
            Challenge { error_description: Some("grün\r\nX: y".to_owned()), ..Challenge::default() };
        assert_eq!(foreign.to_header().to_str().unwrap(), r#" error_description="gr?n??X: y""#);
    }
}
