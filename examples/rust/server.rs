//! Facts about text, as an MCP server. Usage: server [--port N]

use std::error::Error;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use oxmcp::server::{Json, ToolError};
use oxmcp::{Context, Server};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Deserialize, JsonSchema)]
struct CountWords {
    text: String,
}

#[derive(Serialize, JsonSchema)]
struct Counts {
    lines: usize,
    words: usize,
    characters: usize,
}

#[derive(Deserialize, JsonSchema)]
struct FindText {
    folder: PathBuf,
    text: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = Server::new("text-facts", "0.1.0")
        .tool("count_words", "Counts the lines, words and characters of a text.", count_words)
        .tool("find_text", "Tells which lines of the files in a folder hold a text.", find_text);

    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => server.serve_stdio().await?,
        ["--port", port] => {
            let listening = server.listen(port.parse::<u16>()?).await?;
            eprintln!("listening at {}", listening.url());
            std::future::pending::<()>().await;
        }
        _ => return Err("usage: server [--port N]".into()),
    }
    Ok(())
}

async fn count_words(CountWords { text }: CountWords) -> Json<Counts> {
    Json(Counts {
        lines: text.lines().count(),
        words: text.split_whitespace().count(),
        characters: text.chars().count(),
    })
}

async fn find_text(search: FindText, context: Context) -> Result<String, ToolError> {
    let failed =
        |what: &Path, error: io::Error| ToolError::failed(format!("cannot read {}: {error}", what.display()));
    let names = files_of(&search.folder).map_err(|error| failed(&search.folder, error))?;
    let mut hits = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let path = search.folder.join(name);
        let content = tokio::fs::read(&path).await.map_err(|error| failed(&path, error))?;
        let name = name.to_string_lossy();
        for (number, line) in (1..).zip(String::from_utf8_lossy(&content).lines()) {
            if line.contains(&search.text) {
                hits.push(format!("{name}:{number}: {line}"));
            }
        }
        context.progress((index + 1) as f64, Some(names.len() as f64), Some(&name));
    }
    Ok(hits.join("\n"))
}

/// The names of the files in a folder, sorted.
fn files_of(folder: &Path) -> io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in folder.read_dir()? {
        let entry = entry?;
        if entry.path().is_file() {
            names.push(entry.file_name());
        }
    }
    names.sort();
    Ok(names)
}
