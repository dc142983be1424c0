//! A server of HTTP that answers as it is told, and keeps what it was asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;

/// A request: its path with query, `Authorization`, proof of possession, and body.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) authorization: String,
    pub(crate) dpop: String,
    pub(crate) body: String,
}

impl Seen {
    /// The value of a field of a form, or nothing.
    pub(crate) fn field(&self, name: &str) -> String {
        fields(&self.body).find(|(field, _)| field == name).map(|(_, value)| value).unwrap_or_default()
    }
}

/// The fields of a form or a query.
pub(crate) fn fields(form: &str) -> impl Iterator<Item = (String, String)> + '_ {
    form.split('&').filter_map(|pair| pair.split_once('=')).map(|(name, value)| (plain(name), plain(value)))
}

fn plain(text: &str) -> String {
    let text = text.replace('+', " ");
    let (mut rest, mut bytes) = (text.as_bytes(), Vec::new());
    while let Some((first, more)) = rest.split_first() {
        rest = more;
        if *first == b'%' {
            let hex = std::str::from_utf8(&more[..2]).unwrap();
            bytes.push(u8::from_str_radix(hex, 16).unwrap());
            rest = &more[2..];
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// Listens until it is dropped.
pub(crate) struct Listener {
    port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
    is_over: Arc<AtomicBool>,
}

impl Listener {
    /// `answer` gives the status and the JSON for each request.
    pub(crate) fn new(answer: impl Fn(&Seen) -> (u16, Value) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (seen, is_over) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (kept, over, answer) = (seen.clone(), is_over.clone(), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming() {
                if over.load(Ordering::Acquire) {
                    return;
                }
                let (kept, answer) = (kept.clone(), answer.clone());
                // A client that goes away is none of the test's.
                thread::spawn(move || stream.ok().and_then(|stream| serve(stream, &kept, &*answer)));
            }
        });
        Self { port, seen, is_over }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What it was asked so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Release);
        // It looks at that when somebody comes.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn serve(
    stream: TcpStream,
    kept: &Mutex<Vec<Seen>>,
    answer: &(dyn Fn(&Seen) -> (u16, Value) + Send + Sync),
) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut lines = reader.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty());
    let first = lines.next()?;
    let path = first.split(' ').nth(1)?;
    let mut seen = Seen { path: path.to_owned(), ..Seen::default() };
    let mut length = 0;
    for (name, value) in lines.by_ref().filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_ascii_lowercase(), value.trim().to_owned()))
    }) {
        match name.as_str() {
            "content-length" => length = value.parse().unwrap(),
            "authorization" => seen.authorization = value,
            "dpop" => seen.dpop = value,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    seen.body = String::from_utf8(body).unwrap();
    kept.lock().unwrap().push(seen.clone());
    let (status, json) = answer(&seen);
    let json = json.to_string();
    let head = format!("HTTP/1.1 {status} .\r\nContent-Type: application/json\r\nConnection: close");
    (&stream).write_all(format!("{head}\r\nContent-Length: {}\r\n\r\n{json}", json.len()).as_bytes()).ok()
}
