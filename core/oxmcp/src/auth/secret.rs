use std::fmt;

/// Bytes of a secret that is looked for in what a server says. Shorter ones keep nothing safe, and stand in words that have nothing to do with
/// them.
pub(crate) const MIN_CONCEALED: usize = 6;

/// A token, a code, a password or a key: whatever must not be seen. It shows itself nowhere: not in `Debug` output, not in an error.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps `secret` from being shown.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// What it is.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(secret: String) -> Self {
        Self(secret)
    }
}

impl From<&str> for Secret {
    fn from(secret: &str) -> Self {
        Self(secret.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}
