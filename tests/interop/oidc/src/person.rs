use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use http::header::{LOCATION, SET_COOKIE};
use oxmcp::auth::{Callback, UserAgent, VisitError};
use url::Url;

use crate::web::{Answer, Web};

/// Where users are sent back to. Nobody listens there: the browser of a [`Person`] stops in front of it.
const REDIRECT_URI: &str = "http://127.0.0.1/authorized";

/// Pages that a person looks at before something must be wrong.
const PATIENCE: usize = 20;

/// A user with a browser, who follows redirects, logs in, and consents. Clones are the same person.
#[derive(Clone, Default)]
pub struct Person {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    web: Web,
    cookies: Mutex<BTreeMap<String, String>>,
    visits: AtomicUsize,
    refuses: AtomicBool,
}

impl Person {
    /// How this person authorizes a client.
    pub fn user_agent(&self) -> impl UserAgent {
        let person = self.clone();
        Callback::new(REDIRECT_URI, move |url| {
            let person = person.clone();
            async move { person.visit(url).await }
        })
    }

    /// How often this person was asked.
    pub fn visits(&self) -> usize {
        self.inner.visits.load(Ordering::Relaxed)
    }

    /// Consents to nothing any more.
    pub fn refuse(&self) {
        self.inner.refuses.store(true, Ordering::Relaxed);
    }

    /// Goes to `url`, and wherever it leads, until that is back at the client.
    async fn visit(&self, mut url: Url) -> Result<Url, VisitError> {
        self.inner.visits.fetch_add(1, Ordering::Relaxed);
        for _ in 0..PATIENCE {
            if url.as_str().starts_with(REDIRECT_URI) {
                return Ok(url);
            }
            let mut page = self.inner.web.get(&url, &self.cookies()).await?;
            self.keep_cookies(&page);
            if page.status.is_success() {
                page = self.inner.web.post(&url, &self.cookies(), &self.form()).await?;
                self.keep_cookies(&page);
            }
            let next = page.headers.get(LOCATION).filter(|_| page.status.is_redirection());
            let next = next.ok_or_else(|| format!("the server is stuck: {page:?}"))?;
            url = url.join(next.to_str()?)?;
        }
        Err("the server leads nowhere".into())
    }

    /// What this person writes into any form.
    fn form(&self) -> [(&'static str, &'static str); 2] {
        let consents = !self.inner.refuses.load(Ordering::Relaxed);
        [("login", "ada"), ("consent", if consents { "yes" } else { "no" })]
    }

    fn cookies(&self) -> String {
        let cookies = self.inner.cookies.lock().unwrap_or_else(PoisonError::into_inner);
        let pairs: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join("; ")
    }

    fn keep_cookies(&self, page: &Answer) {
        let mut cookies = self.inner.cookies.lock().unwrap_or_else(PoisonError::into_inner);
        for cookie in page.headers.get_all(SET_COOKIE).iter().filter_map(|cookie| cookie.to_str().ok()) {
            let pair = cookie.split(';').next().unwrap_or_default();
            match pair.split_once('=') {
                Some((name, "")) => drop(cookies.remove(name)),
                Some((name, value)) => drop(cookies.insert(name.to_owned(), value.to_owned())),
                None => {}
            }
        }
    }
}
