use std::fmt;

/// A set of scopes, in the order in which they were named (RFC 6749, section 3.3).
#[derive(Clone, Debug, Default)]
pub struct Scopes(Vec<String>);

impl Scopes {
    /// The scopes of a list that is separated by spaces.
    pub fn parse(list: &str) -> Self {
        list.split_ascii_whitespace().collect()
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
}
