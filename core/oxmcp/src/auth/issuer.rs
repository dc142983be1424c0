/// Whether two names are of the same issuer: the same text, except for the slash at the end of one that has no path. Who writes such a name
/// down leaves it away or not, and tokens of common servers have it where their metadata has not (RFC 3986, section 6.2.3: both are the same
/// URL). Everything else of a name has a meaning (RFC 8414, section 3.3).
pub(super) fn is_same_issuer(one: &str, other: &str) -> bool {
    one == other || respelled(one).is_some_and(|one| one == other)
}

/// The other spelling of an issuer's name, if it has one.
pub(super) fn respelled(issuer: &str) -> Option<String> {
    let (_, rest) = issuer.split_once("://")?;
    match rest.find(['/', '?', '#']) {
        None if !rest.is_empty() => Some(format!("{issuer}/")),
        Some(at) if at > 0 && &rest[at..] == "/" => Some(issuer[..issuer.len() - 1].to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_after_the_host_says_nothing_and_everything_else_does() {
        for (one, other) in [
            ("https://a.example/", "https://a.example"),
            ("https://a.example:8443/", "https://a.example:8443"),
            ("https://a.example/t", "https://a.example/t"),
            ("https://a.example/t/", "https://a.example/t/"),
        ] {
            assert!(is_same_issuer(one, other) && is_same_issuer(other, one), "{one} {other}");
        }
        for (one, other) in [
            ("https://a.example/t", "https://a.example/t/"),
            ("https://a.example", "https://a.example//"),
            ("https://a.example", "https://A.example"),
            ("https://a.example", "https://A.example/"),
            ("https://a.example", "https://a.example:443"),
            ("https://a.example", "http://a.example"),
            ("https://a.example", "https://a.example?"),
            ("https://a.example", "https://a.example/?"),
            ("https://a.example?x", "https://a.example?x/"),
            ("https://a.example/#", "https://a.example#"),
            ("https://", "https:///"),
            ("a.example", "a.example/"),
            ("https://a.example", ""),
        ] {
            assert!(!is_same_issuer(one, other) && !is_same_issuer(other, one), "{one} {other}");
        }
    }
}
