//! Which scenarios the suite asks for in a revision.

use anyhow::{Result, bail};

use super::{Role, suite};

/// The requirement set of one revision: the scenarios that are scored.
pub(super) struct Requirements {
    pub(super) revision: &'static str,
    server: Vec<String>,
    client: Vec<String>,
}

impl Requirements {
    /// Asks the suite.
    pub(super) fn read(revision: &'static str) -> Result<Self> {
        let text = suite()?.args(["list", "--requirements", revision]).quiet().check()?.text;
        let mut requirements = Self { revision, server: Vec::new(), client: Vec::new() };
        let mut section: Option<&mut Vec<String>> = None;
        for line in text.lines() {
            if line.starts_with("Server scenarios") {
                section = Some(&mut requirements.server);
            } else if line.starts_with("Client scenarios") {
                section = Some(&mut requirements.client);
            } else if line.starts_with("Run and reported, but never scored") {
                section = None;
            } else if let (Some(names), Some(name)) = (section.as_deref_mut(), line.trim().strip_prefix("- "))
            {
                names.push(name.to_owned());
            }
        }
        if requirements.server.is_empty() || requirements.client.is_empty() {
            bail!("the conformance suite's list for {revision} could not be read:\n{text}");
        }
        Ok(requirements)
    }

    pub(super) fn scenarios(&self, role: Role) -> &[String] {
        match role {
            Role::Server => &self.server,
            Role::Client => &self.client,
        }
    }
}
