//! One call: who calls whom, and what must come of it.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};
use serde_json::Value;

use super::program;
use crate::process::{self, Service, Step};
use crate::project::{self, Language};

/// Where the third-party servers are pinned.
pub(super) const PEERS: &str = "examples/peers";

/// How many lines of an answer are shown.
const SHOWN: usize = 4;

/// A client calls a tool of a server.
pub(super) struct Scene {
    pub(super) client: Language,
    pub(super) server: Server,
    pub(super) over: Transport,
    pub(super) tool: &'static str,
    pub(super) arguments: Value,
    /// What the call is for, to complete "count_words ...".
    pub(super) about: String,
    /// The revision that both must agree on.
    pub(super) revision: &'static str,
    /// How many reports of progress must come.
    pub(super) progress: usize,
    pub(super) answer: Answer,
}

/// Who answers.
pub(super) enum Server {
    /// The example server of a language.
    Example(Language),
    /// `@modelcontextprotocol/server-filesystem` on a folder.
    Filesystem(PathBuf),
    /// `@modelcontextprotocol/server-everything`.
    Everything,
}

/// What carries the messages.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    Stdio,
    Http,
}

/// What the tool must answer.
pub(super) enum Answer {
    /// These lines of text.
    Lines(Vec<String>),
    /// A text that is this JSON value.
    Json(Value),
}

impl Scene {
    /// The languages that take part.
    pub(super) fn languages(&self) -> Vec<Language> {
        match self.server {
            Server::Example(server) => vec![self.client, server],
            _ => vec![self.client],
        }
    }

    /// Makes the call and tells the reader. Returns whether everything holds.
    pub(super) fn play(&self, number: usize) -> bool {
        let over = match self.over {
            Transport::Stdio => "stdio",
            Transport::Http => "HTTP",
        };
        println!("{number:>2}. {} client calls {} over {over}", capital(self.client), self.server.describe());
        println!("    {} {}", self.tool, self.about);
        let holds = self.call().and_then(|output| self.check(&output));
        match &holds {
            Ok(()) => println!("    holds\n"),
            Err(error) => println!("    DOES NOT HOLD: {error:#}\n"),
        }
        holds.is_ok()
    }

    /// Runs the client against the server and returns what it printed.
    fn call(&self) -> Result<String> {
        let mut client = program::client(self.client);
        client.push(self.tool.into());
        client.push(self.arguments.to_string().into());
        let server = self.server.command();
        let mut service = None;
        match self.over {
            Transport::Stdio => client.extend(server),
            Transport::Http => {
                let port = process::free_port()?;
                let mut command = Command::new(&server[0]);
                command.args(&server[1..]).args(["--port", &port.to_string()]).current_dir(project::root());
                let running = service.insert(Service::start(command, "demo-server")?);
                running.wait_for_port(port, 20)?;
                client.push(format!("http://127.0.0.1:{port}/mcp").into());
            }
        }
        let outcome = Step::new(&client[0]).args(&client[1..]).seconds(30).quiet().run()?;
        if let Some(complaint) = outcome.complaint() {
            bail!("{complaint}\n{}", outcome.text);
        }
        if let Some(mut service) = service {
            service.check_alive()?;
        }
        Ok(outcome.stdout)
    }

    /// Shows what the client printed, and holds it against what must be.
    fn check(&self, output: &str) -> Result<()> {
        let mut server = None;
        let mut tools = None;
        let mut progress = 0;
        let mut answer = Vec::new();
        for line in output.lines() {
            if tools.is_none() {
                server = line.strip_prefix("server: ").or(server);
                tools = line.strip_prefix("tools: ");
            } else if answer.is_empty() && line.starts_with("progress: ") {
                progress += 1;
            } else {
                answer.push(line);
            }
            if answer.len() <= SHOWN {
                println!("      {}", clip(line));
            }
        }
        while answer.last().is_some_and(|line| line.is_empty()) {
            answer.pop();
        }
        if answer.len() > SHOWN {
            println!("      ... and {} more lines", answer.len() - SHOWN);
        }

        let wanted = format!(", revision {}", self.revision);
        if !server.is_some_and(|server| server.ends_with(&wanted)) {
            bail!("the server line must end with `{wanted}`; the client printed:\n{output}");
        }
        if !tools.is_some_and(|tools| tools.split(", ").any(|tool| tool == self.tool)) {
            bail!("`{}` is not among the tools; the client printed:\n{output}", self.tool);
        }
        if progress != self.progress {
            bail!("{progress} reports of progress came, not {}", self.progress);
        }
        match &self.answer {
            Answer::Lines(lines) if answer == *lines => Ok(()),
            Answer::Lines(lines) => bail!("the answer must be:\n{}", lines.join("\n")),
            Answer::Json(value) => match serde_json::from_str::<Value>(&answer.join("\n")) {
                Ok(got) if got == *value => Ok(()),
                _ => bail!("the answer must be {value}"),
            },
        }
    }
}

impl Server {
    fn describe(&self) -> String {
        match self {
            Self::Example(language) => format!("the {} server", capital(*language)),
            Self::Filesystem(_) => "@modelcontextprotocol/server-filesystem".to_owned(),
            Self::Everything => "@modelcontextprotocol/server-everything".to_owned(),
        }
    }

    fn command(&self) -> Vec<OsString> {
        let peer = |name: &str| project::path(PEERS).join("node_modules/.bin").join(name).into_os_string();
        match self {
            Self::Example(language) => program::server(*language),
            Self::Filesystem(folder) => vec![peer("mcp-server-filesystem"), folder.into()],
            Self::Everything => vec![peer("mcp-server-everything")],
        }
    }
}

fn capital(language: Language) -> String {
    let name = language.name();
    name[..1].to_uppercase() + &name[1..]
}

/// A line that fits the screen.
fn clip(line: &str) -> String {
    const WIDTH: usize = 100;
    if line.chars().count() <= WIDTH {
        return line.to_owned();
    }
    line.chars().take(WIDTH).chain("...".chars()).collect()
}
