use std::fmt;

/// Scopes of one list of a peer's that are looked at.
const MAX_SCOPES: usize = 256;

/// Bytes of one of them.
const MAX_BYTES: usize = 256;

/// A set of scopes, in the order in which they were named (RFC 6749, section 3.3).
#[derive(Clone, Debug, Default)]
pub struct Scopes(Vec<String>);

impl Scopes {
    /// The scopes of a list that is separated by spaces.
    pub fn parse(list: &str) -> Self {
        list.split_ascii_whitespace().collect()
    }

    /// What a peer names, and puts before a user, into a request, or into a store: the first 256 of the scopes that are ones (RFC 6749,
    /// section 3.3) and have at most 256 bytes. Nobody has use for more, and a set takes the time of the square of its size.
    pub(crate) fn of_peer<S: AsRef<str>>(scopes: impl IntoIterator<Item = S>) -> Self {
        let mut set = Self::default();
        for scope in scopes {
            let scope = scope.as_ref();
            if set.0.len() == MAX_SCOPES {
                tracing::debug!("a peer names more than {MAX_SCOPES} scopes; the rest is not looked at");
                break;
            }
            if is_scope(scope) {
                set.insert(scope);
            }
        }
        set
    }

    /// The same of a list that is separated by spaces.
    pub(crate) fn parse_of_peer(list: &str) -> Self {
        Self::of_peer(list.split_ascii_whitespace())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `scope` is among them.
    pub fn contains(&self, scope: &str) -> bool {
        self.0.iter().any(|known| known == scope)
    }

    /// Whether every scope of `others` is among them.
    pub fn contains_all(&self, others: &Scopes) -> bool {
        others.iter().all(|scope| self.contains(scope))
    }

    /// The scopes one by one.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Adds `scope`, if it is not there yet.
    pub(crate) fn insert(&mut self, scope: &str) {
        if !self.contains(scope) {
            self.0.push(scope.to_owned());
        }
    }

    /// These and `others`.
    pub(crate) fn union(mut self, others: &Scopes) -> Self {
        others.iter().for_each(|scope| self.insert(scope));
        self
    }
}

fn is_scope(text: &str) -> bool {
    let is_allowed = |byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    (1..=MAX_BYTES).contains(&text.len()) && text.bytes().all(is_allowed)
}

impl<S: AsRef<str>> FromIterator<S> for Scopes {
    fn from_iter<I: IntoIterator<Item = S>>(scopes: I) -> Self {
        let mut set = Self::default();
        scopes.into_iter().for_each(|scope| set.insert(scope.as_ref()));
        set
    }
}

impl<const N: usize> From<[&str; N]> for Scopes {
    fn from(scopes: [&str; N]) -> Self {
        scopes.into_iter().collect()
    }
}

/// Two sets are the same in any order.
impl PartialEq for Scopes {
    fn eq(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.contains_all(other)
    }
}

impl Eq for Scopes {}

/// The list that goes into a `scope` parameter.
impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_union_keeps_what_was_there_and_names_nothing_twice() {
        let asked = Scopes::parse("files:read  profile").union(&Scopes::from(["files:write", "files:read"]));
        assert_eq!(asked.to_string(), "files:read profile files:write");
        assert_eq!(asked, Scopes::from(["profile", "files:write", "files:read"]));
        assert!(asked.contains_all(&Scopes::from(["profile"])));
        assert!(!Scopes::default().contains_all(&asked));
    }

    #[test]
    fn a_peer_names_no_more_than_there_is_use_for() {
        let many: String = (0..100_000).map(|scope| format!("scope-{scope} ")).collect();
        assert_eq!(Scopes::parse_of_peer(&many).iter().count(), MAX_SCOPES);
        assert_eq!(Scopes::of_peer(vec!["again"; 100_000]).to_string(), "again");
        let long = "x".repeat(MAX_BYTES + 1);
        let odd = [
            "files:read",
            "",
            "a b",
            "\u{7}",
            "q\"",
            "b\\",
            "grün",
            &long,
            &long[1..],
            "https://a.example/x.y",
        ];
        assert_eq!(Scopes::of_peer(odd), Scopes::from(["files:read", &long[1..], "https://a.example/x.y"]));
    }
}
