//! The example client calls the example server, as anyone would: two programs, over both transports.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

const SERVER: &str = env!("CARGO_BIN_EXE_example-server");
const AXUM: &str = env!("CARGO_BIN_EXE_example-axum");
const CLIENT: &str = env!("CARGO_BIN_EXE_example-client");

/// What the client prints before the answer.
const GREETING: &str = "server: text-facts 0.1.0, revision 2026-07-28\ntools: count_words, find_text\n";

#[test]
fn count_words_answers_over_both_transports() {
    let arguments = r#"{"text": "one two\nthree ø"}"#;
    let served = Served::start(SERVER);
    for target in [SERVER, &served.url] {
        let output = call("count_words", arguments, target);
        let answer = text(&output.stdout).strip_prefix(GREETING).unwrap();
        let counts: serde_json::Value = serde_json::from_str(answer).unwrap();
        assert_eq!(counts, serde_json::json!({"lines": 2, "words": 4, "characters": 15}));
        assert!(output.status.success());
    }
}

#[test]
fn find_text_reports_each_file_and_answers_the_hits() {
    let folder = Folder::new("find_text");
    fs::write(folder.0.join("b.md"), "needle\nhay\nmore needles").unwrap();
    fs::write(folder.0.join("a.md"), "hay\n").unwrap();
    fs::create_dir(folder.0.join("needle")).unwrap();
    let arguments = serde_json::json!({"folder": folder.0, "text": "needle"}).to_string();
    let served = Served::start(SERVER);
    for target in [SERVER, &served.url] {
        let output = call("find_text", &arguments, target);
        let progress = "progress: 1/2 a.md\nprogress: 2/2 b.md\n";
        let hits = "b.md:1: needle\nb.md:3: more needles\n";
        assert_eq!(text(&output.stdout), format!("{GREETING}{progress}{hits}"));
        assert!(output.status.success());
    }
}

#[test]
fn what_goes_wrong_is_said_on_stderr_and_by_the_exit_code() {
    let missing = call("find_text", r#"{"folder": "/nowhere", "text": ""}"#, SERVER);
    assert!(text(&missing.stderr).contains("find_text failed: cannot read /nowhere: No such file"));
    assert_eq!(missing.status.code(), Some(1));
    let unknown = call("guess", "{}", SERVER);
    assert!(text(&unknown.stderr).contains("unknown tool: guess"));
    assert_eq!(unknown.status.code(), Some(1));
    let nobody = call("guess", "{}", "/nowhere/server");
    assert!(text(&nobody.stderr).contains("could not be started"));
    assert_eq!(nobody.status.code(), Some(1));
}

#[test]
fn a_server_is_mounted_in_another_application() {
    let served = Served::start(AXUM);
    let output = call("shout", r#"{"text": "hear, hear"}"#, &served.url);
    assert!(output.status.success(), "{output:?}");
    assert!(text(&output.stdout).ends_with("HEAR, HEAR\n"), "{output:?}");
    let host = served.url.strip_prefix("http://").unwrap().strip_suffix("/mcp").unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    write!(stream, "GET /health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("in good health"), "{answer}");
}

fn call(tool: &str, arguments: &str, target: &str) -> Output {
    Command::new(CLIENT).args([tool, arguments, target]).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// A server that listens at a free port.
struct Served {
    process: Child,
    url: String,
}

impl Served {
    fn start(program: &str) -> Self {
        let mut process = Command::new(program).args(["--port", "0"]).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stderr.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening at ").unwrap().to_owned();
        Self { process, url }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// A folder that is gone after the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("oxmcp-examples-{name}-{}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}
