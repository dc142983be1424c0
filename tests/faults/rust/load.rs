//! `faults-load PORT PART...`: load for a server on this machine, over a few connections that are kept. `sessions=N` opens that many sessions
//! and ends none, `calls=N` makes that many calls of `echo` without any. After each part it prints a line, which for sessions ends in the ids of
//! the first and the last, and waits for one before it goes on. Fails at the first wrong answer.

use std::env;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

type Failed = Box<dyn std::error::Error + Send + Sync>;

const CONNECTIONS: usize = 8;

const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"load","version":"0"}}}"#;

const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":"load"},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"load","version":"0"},"io.modelcontextprotocol/clientCapabilities":{}}}}"#;

const CALL_HEADERS: &str = "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: echo\r\n";

/// The ids of the sessions that were opened first and last.
type Sessions = Arc<Mutex<Option<(String, String)>>>;

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let usage = "usage: faults-load PORT PART...";
    let mut args = env::args().skip(1);
    let port: u16 = args.next().ok_or(usage)?.parse()?;
    for part in args {
        let (what, count) = part.split_once('=').ok_or(usage)?;
        let (request, expected) = match what {
            "sessions" => (request("", INITIALIZE), "protocolVersion"),
            "calls" => (request(CALL_HEADERS, CALL), r#""text":"load""#),
            _ => return Err(usage.into()),
        };
        let sessions = Sessions::default();
        all(port, count.parse()?, request, expected, &sessions).await?;
        match &*sessions.lock().unwrap_or_else(PoisonError::into_inner) {
            Some((first, last)) => println!("{count} {what} {first} {last}"),
            None => println!("{count} {what}"),
        }
        std::io::stdin().read_line(&mut String::new())?;
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
async fn all(
    port: u16,
    count: usize,
    request: String,
    expected: &'static str,
    sessions: &Sessions,
) -> Result<(), Failed> {
    let mut connections = Vec::new();
    for number in 0..CONNECTIONS {
        let share = count / CONNECTIONS + usize::from(number < count % CONNECTIONS);
        let (request, sessions) = (request.clone(), sessions.clone());
        connections.push(tokio::spawn(async move {
            let mut stream = BufReader::new(TcpStream::connect(format!("127.0.0.1:{port}")).await?);
            stream.get_ref().set_nodelay(true)?;
            for _ in 0..share {
                stream.get_mut().write_all(request.as_bytes()).await?;
                let (session, body) = response(&mut stream).await?;
                if !body.contains(expected) {
                    return Err(Failed::from(format!("a wrong answer: {body}")));
                }
                if let Some(session) = session {
                    let mut sessions = sessions.lock().unwrap_or_else(PoisonError::into_inner);
                    let (_, last) = sessions.get_or_insert_with(|| (session.clone(), String::new()));
                    *last = session;
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

/// The session that the next response opens, if it opens one, and its body. It says its length.
async fn response(stream: &mut BufReader<TcpStream>) -> Result<(Option<String>, String), Failed> {
    let (mut length, mut session) = (0, None);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Err("the server closed the connection".into());
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        let Some((name, value)) = line.split_once(':') else { continue };
        match &*name.to_ascii_lowercase() {
            "content-length" => length = value.trim().parse()?,
            "mcp-session-id" => session = Some(value.trim().to_owned()),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok((session, String::from_utf8(body)?))
}
