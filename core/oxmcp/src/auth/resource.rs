use url::Url;

use crate::{Error, Result};

/// Where a host has the metadata of what is on it.
const SUFFIX: &str = "/.well-known/oauth-protected-resource";

/// The resource that a server is, by its URL (RFC 8707, section 2; 2026-07-28, authorization, "Canonical Server URI").
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resource(Url);

impl Resource {
    /// The resource at the URL of an endpoint.
    pub(crate) fn at(url: &str) -> Result<Self> {
        let mut url = Url::parse(url)
            .map_err(|error| Error::misuse(format!("the server's URL is not a URL: {error}")))?;
        url.set_fragment(None);
        Ok(Self(url))
    }

    /// The URL of the endpoint.
    pub(crate) fn url(&self) -> &Url {
        &self.0
    }

    /// How it is named where nobody else has named it: without a slash at its end that means nothing.
    pub(crate) fn canonical(&self) -> String {
        let mut url = self.0.clone();
        url.set_query(None);
        let text = url.as_str();
        if url.path() == "/" { text.trim_end_matches('/').to_owned() } else { text.to_owned() }
    }

    /// Whether metadata for the resource `named` is for this one: it is of the same origin, and the same path or one above it. A
    /// token for whatever else is none of this server's.
    pub(crate) fn is_covered_by(&self, named: &str) -> bool {
        let Ok(named) = Url::parse(named) else { return false };
        if named.origin() != self.0.origin() || !named.username().is_empty() || named.fragment().is_some() {
            return false;
        }
        let own = self.0.path();
        let above = named.path().trim_end_matches('/');
        own.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Whether metadata that was found at `place` is good for this one: it [covers](Self::is_covered_by) it, and if it is for what is above,
    /// it is where the metadata of a host is (RFC 9728, section 3.3, wants it to be the same; servers whose metadata is at the root have
    /// the root's name there). A challenge may name any place: whoever has a path of a host must not come by tokens for all of it.
    pub(crate) fn takes(&self, named: &str, place: &Url) -> bool {
        let path = |url: &Url| url.path().trim_end_matches('/').to_owned();
        let is_same = Url::parse(named).is_ok_and(|named| path(&named) == path(&self.0));
        let well_known = place.path().strip_prefix(SUFFIX);
        let is_well_known = place.origin() == self.0.origin()
            && well_known.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        self.is_covered_by(named) && (is_same || is_well_known)
    }

    /// Where its metadata may be if it does not say: at its own path first, then at the root (RFC 9728, section 3.1).
    pub(crate) fn well_known(&self) -> Vec<Url> {
        let at = |path: &str| {
            let mut url = self.0.clone();
            url.set_path(path);
            url
        };
        let path = self.0.path().trim_end_matches('/');
        let mut root = at(SUFFIX);
        root.set_query(None);
        if path.is_empty() {
            return vec![root];
        }
        vec![at(&format!("{SUFFIX}{path}")), root]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_covered_by_itself_and_by_what_is_above_it() {
        let resource = Resource::at("https://Example.com/team/mcp#part").unwrap();
        assert_eq!(resource.canonical(), "https://example.com/team/mcp");
        for named in [
            "https://example.com/team/mcp",
            "https://example.com/team/",
            "https://example.com",
            "https://EXAMPLE.com:443/",
        ] {
            assert!(resource.is_covered_by(named), "{named}");
        }
        for named in [
            "https://example.com/team/mc",
            "https://example.com/other",
            "http://example.com/team/mcp",
            "https://example.com:8443/team/mcp",
            "https://evil.example/team/mcp",
            "https://example.com.evil.example/team/mcp",
            "https://user@example.com/team/mcp",
            "https://example.com/team/mcp#x",
            "example.com",
        ] {
            assert!(!resource.is_covered_by(named), "{named}");
        }
        assert_eq!(Resource::at("https://example.com/").unwrap().canonical(), "https://example.com");
    }

    #[test]
    fn only_its_host_speaks_for_what_is_above_a_resource() {
        let resource = Resource::at("https://example.com/team/mcp").unwrap();
        let takes = |named: &str, place: &str| resource.takes(named, &Url::parse(place).unwrap());
        for place in [
            "https://example.com/.well-known/oauth-protected-resource",
            "https://example.com/.well-known/oauth-protected-resource/team/mcp",
        ] {
            assert!(takes("https://example.com/team/mcp", place), "{place}");
            assert!(takes("https://example.com", place), "{place}");
            assert!(!takes("https://example.com/other", place), "{place}");
        }
        for place in [
            "https://example.com/team/metadata.json",
            "https://example.com/team/.well-known/oauth-protected-resource",
            "https://example.com/.well-known/oauth-protected-resources",
            "https://evil.example/.well-known/oauth-protected-resource",
        ] {
            assert!(takes("https://example.com/team/mcp/", place), "{place}");
            assert!(!takes("https://example.com", place), "{place}");
            assert!(!takes("https://example.com/team", place), "{place}");
        }
    }

    #[test]
    fn metadata_is_looked_for_at_the_path_and_then_at_the_root() {
        let well_known = |url: &str| -> Vec<String> {
            Resource::at(url).unwrap().well_known().into_iter().map(String::from).collect()
        };
        assert_eq!(
            well_known("https://example.com/team/mcp"),
            [
                "https://example.com/.well-known/oauth-protected-resource/team/mcp",
                "https://example.com/.well-known/oauth-protected-resource"
            ]
        );
        assert_eq!(
            well_known("https://example.com"),
            ["https://example.com/.well-known/oauth-protected-resource"]
        );
    }
}
