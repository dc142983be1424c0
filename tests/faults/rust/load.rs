//! `faults-load PORT SESSIONS CALLS`: at a server on this machine, opens SESSIONS sessions and ends none, then makes CALLS calls of
//! `echo` without any, over a few connections that are kept. Prints a line after each, and fails at the first wrong answer.

use std::env;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

type Failed = Box<dyn std::error::Error + Send + Sync>;

const CONNECTIONS: usize = 8;

const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"load","version":"0"}}}"#;

const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":"load"},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"load","version":"0"},"io.modelcontextprotocol/clientCapabilities":{}}}}"#;

const CALL_HEADERS: &str = "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: echo\r\n";

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let mut args = env::args().skip(1).map(|arg| arg.parse::<usize>());
    let usage = "usage: faults-load PORT SESSIONS CALLS";
    let (port, sessions, calls) =
        (args.next().ok_or(usage)??, args.next().ok_or(usage)??, args.next().ok_or(usage)??);
    all(port, sessions, request("", INITIALIZE), "protocolVersion").await?;
    println!("{sessions} sessions");
    // In two halves, so that what grows with their number can be told from what they take.
    for half in 1..=2 {
        all(port, calls / 2, request(CALL_HEADERS, CALL), r#""text":"load""#).await?;
        println!("{} calls", half * (calls / 2));
    }
    Ok(())
}

fn request(headers: &str, body: &str) -> String {
    format!(
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Accept: application/json, text/event-stream\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Sends a request so many times; each answer has to hold `expected`.
async fn all(port: usize, count: usize, request: String, expected: &'static str) -> Result<(), Failed> {
    let mut connections = Vec::new();
    for number in 0..CONNECTIONS {
        let share = count / CONNECTIONS + usize::from(number < count % CONNECTIONS);
        let request = request.clone();
        connections.push(tokio::spawn(async move {
            let mut stream = BufReader::new(TcpStream::connect(format!("127.0.0.1:{port}")).await?);
            stream.get_ref().set_nodelay(true)?;
            for _ in 0..share {
                stream.get_mut().write_all(request.as_bytes()).await?;
                let body = response(&mut stream).await?;
                if !body.contains(expected) {
                    return Err(Failed::from(format!("a wrong answer: {body}")));
                }
            }
            Ok(())
        }));
    }
    for connection in connections {
        connection.await??;
    }
    Ok(())
}

/// The body of the next response, which says its length.
async fn response(stream: &mut BufReader<TcpStream>) -> Result<String, Failed> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Err("the server closed the connection".into());
        }
        match line.trim_end() {
            "" => break,
            line => {
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse()?;
                }
            }
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok(String::from_utf8(body)?)
}
