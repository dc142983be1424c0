//! The browser of the user of this machine, which comes back to a port of it.

use std::io;
use std::time::Duration;

use oxmcp::auth::{Authorization, Browser, UserAgent, Visit};
use oxmcp::{ErrorKind, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use url::Url;

use crate::grantor::Grantor;
use crate::resource::Resource;
use crate::user::{connect, settled};

const SHOWN: &str = "https://auth.example.com/authorize?state=right";

/// A visit of a user whose browser is open, with the address to which it comes back.
async fn visit() -> (JoinHandle<Result<Url>>, Url) {
    let (open, mut opened) = mpsc::unbounded_channel();
    let browser = Browser::new().open_with(move |url: &Url| open.send(url.clone()).map_err(io::Error::other));
    let visit: Box<dyn Visit> = browser.prepare(&[]).await.unwrap();
    let redirect_uri = Url::parse(visit.redirect_uri()).unwrap();
    let answer = tokio::spawn(visit.authorize(Url::parse(SHOWN).unwrap()));
    assert_eq!(settled(opened.recv()).await.unwrap().as_str(), SHOWN);
    (answer, redirect_uri)
}

/// The status of the answer to a request.
async fn request(to: &Url, method: &str, path: &str) -> u16 {
    let port = to.port().unwrap();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let request = format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 0\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    settled(stream.read_to_string(&mut answer)).await.unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn only_an_answer_with_the_right_state_is_heard() {
    let (answer, back) = visit().await;
    for (method, path, status) in [
        ("GET", "/callback?state=wrong&code=evil", 400),
        ("GET", "/callback?state=&code=evil", 400),
        ("GET", "/callback?code=evil", 400),
        ("GET", "/callback", 400),
        ("GET", "/other?state=right&code=evil", 404),
        ("GET", "/callback/?state=right&code=evil", 404),
        ("POST", "/callback?state=right&code=evil", 404),
        ("GET", "/favicon.ico?", 404),
    ] {
        assert_eq!(request(&back, method, path).await, status, "{method} {path}");
        assert!(!answer.is_finished(), "{method} {path}");
    }
    assert_eq!(request(&back, "GET", "/callback?state=right&code=good").await, 200);
    let answer = settled(answer).await.unwrap().unwrap();
    assert_eq!(answer.query(), Some("state=right&code=good"));
}

#[tokio::test]
async fn of_two_answers_the_first_counts() {
    let (answer, back) = visit().await;
    let port = back.port().unwrap();
    // A browser that opens connections before it has something to say does no harm.
    let _idle = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let mut streams = Vec::new();
    for _ in 0..2 {
        streams.push(TcpStream::connect(("127.0.0.1", port)).await.unwrap());
    }
    for (number, stream) in streams.iter_mut().enumerate() {
        let request = format!("GET /callback?state=right&code={number} HTTP/1.1\r\nHost: x\r\n\r\n");
        // The second may come when the first has ended the visit.
        let sent = stream.write_all(request.as_bytes()).await;
        assert!(number == 1 || sent.is_ok());
        if number == 0 {
            let mut page = String::new();
            settled(stream.read_to_string(&mut page)).await.unwrap();
            assert!(page.contains("You can close this window"), "{page}");
        }
    }
    let answer = settled(answer).await.unwrap().unwrap();
    assert_eq!(answer.query(), Some("state=right&code=0"));
}

#[tokio::test]
async fn a_browser_that_cannot_be_opened_is_told_and_one_that_never_comes_is_given_up() {
    let grantor = Grantor::new();
    let resource = Resource::new(&grantor);
    let broken = Browser::new().open_with(|url| Err(io::Error::other(format!("no display for {url}"))));
    let authorization = Authorization::code("Report Builder").user_agent(broken);
    let error = connect(resource.url(), authorization).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
    assert!(error.to_string().contains("browser") && error.to_string().contains("no display"), "{error}");
    assert!(!error.to_string().contains("state="), "{error}");

    let silent = Browser::new().open_with(|_| Ok(()));
    let authorization =
        Authorization::code("Report Builder").user_agent(silent).patience(Duration::from_millis(200));
    let error = connect(resource.url(), authorization).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
}

/// Whoever is on this machine can connect, and say nothing.
#[tokio::test]
async fn silent_connections_keep_no_browser_out() {
    let (answer, back) = visit().await;
    let mut silent = Vec::new();
    for _ in 0..40 {
        silent.push(TcpStream::connect(("127.0.0.1", back.port().unwrap())).await.unwrap());
    }
    assert_eq!(request(&back, "GET", "/callback?state=right&code=good").await, 200);
    let answer = settled(answer).await.unwrap().unwrap();
    assert_eq!(answer.query(), Some("state=right&code=good"));
}

#[tokio::test]
async fn a_client_is_authorized_by_a_browser() {
    let grantor = Grantor::new();
    let resource = Resource::new(&grantor);
    for is_waited_for in [false, true] {
        let (granting, runtime) = (grantor.clone(), tokio::runtime::Handle::current());
        let browser = Browser::new().open_with(move |url: &Url| {
            let back = granting.approve(url);
            let visited = async move {
                let path = format!("{}?{}", back.path(), back.query().unwrap());
                assert_eq!(request(&back, "GET", &path).await, 200);
            };
            match is_waited_for {
                false => drop(runtime.spawn(visited)),
                // As a browser in a terminal is.
                true => runtime.block_on(visited),
            }
            Ok(())
        });
        connect(resource.url(), Authorization::code("Report Builder").user_agent(browser)).await.unwrap();
    }
}
