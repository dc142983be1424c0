//! Which scenarios the suite asks for in a revision.

use anyhow::{Result, bail};

use super::{Role, suite};
use crate::process::Step;

/// The scenarios of one revision.
pub(super) struct Requirements {
    pub(super) revision: &'static str,
    /// Whether they are a requirement set of the suite; older revisions have none, only scenarios that apply to them.
    is_set: bool,
    server: Vec<String>,
    client: Vec<String>,
    /// What the suite runs and reports with a requirement set but does not score.
    unscored_server: Vec<String>,
    unscored_client: Vec<String>,
}

impl Requirements {
    /// Asks the suite for the requirement set of a revision.
    pub(super) fn read(revision: &'static str) -> Result<Self> {
        let text = suite()?.args(["list", "--requirements", revision]).quiet().check()?.text;
        let (scored, unscored) = text.split_once("Run and reported, but never scored").unwrap_or((&text, ""));
        let mut requirements = Self { is_set: true, ..Self::listed(revision, scored) };
        for line in unscored.lines() {
            let Some((name, role)) = line.trim().strip_prefix("- ").and_then(|item| item.split_once(' '))
            else {
                continue;
            };
            match role {
                "[server]" => requirements.unscored_server.push(name.to_owned()),
                "[client]" => requirements.unscored_client.push(name.to_owned()),
                _ => {}
            }
        }
        if requirements.server.is_empty() || requirements.client.is_empty() {
            bail!("the conformance suite's list for {revision} could not be read:\n{text}");
        }
        Ok(requirements)
    }

    /// Asks the suite for the scenarios that apply to a revision without a requirement set.
    pub(super) fn read_applicable(revision: &'static str) -> Result<Self> {
        let text = suite()?.args(["list", "--spec-version", revision]).quiet().check()?.text;
        let requirements = Self::listed(revision, &text);
        if requirements.server.is_empty() {
            bail!("the conformance suite's list for {revision} could not be read:\n{text}");
        }
        Ok(requirements)
    }

    /// Reads sections of names, one for each role.
    fn listed(revision: &'static str, text: &str) -> Self {
        let (mut server, mut client) = (Vec::new(), Vec::new());
        let mut section: Option<&mut Vec<String>> = None;
        for line in text.lines() {
            if line.starts_with("Server scenarios") {
                section = Some(&mut server);
            } else if line.starts_with("Client scenarios") {
                section = Some(&mut client);
            } else if line.starts_with("Authorization server scenarios") {
                section = None;
            } else if let (Some(names), Some(item)) = (section.as_deref_mut(), line.trim().strip_prefix("- "))
            {
                names.extend(item.split(' ').next().map(str::to_owned));
            }
        }
        let (unscored_server, unscored_client) = (Vec::new(), Vec::new());
        Self { revision, is_set: false, server, client, unscored_server, unscored_client }
    }

    /// The scenarios of a role; with those that are not scored if `all`.
    pub(super) fn scenarios(&self, role: Role, all: bool) -> Vec<String> {
        let (scored, unscored) = match role {
            Role::Server => (&self.server, &self.unscored_server),
            Role::Client => (&self.client, &self.unscored_client),
        };
        scored.iter().chain(unscored.iter().filter(|_| all)).cloned().collect()
    }

    /// Has the suite run them.
    pub(super) fn choose(&self, step: Step) -> Step {
        if self.is_set {
            step.args(["--requirements", self.revision])
        } else {
            step.args(["--suite", "all", "--spec-version", self.revision])
        }
    }
}
