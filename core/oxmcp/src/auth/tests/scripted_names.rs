use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use hyper_util::client::legacy::connect::dns::Name;

use crate::auth::names::Names;

/// An address on the internet, where nobody is asked in a test.
pub(super) const PUBLIC: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(8, 8, 8, 8));

/// Names of which each leads to what a test says.
#[derive(Clone, Default)]
pub(super) struct ScriptedNames {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    /// The answers, one after the other; the last is given for ever.
    answers: Mutex<VecDeque<Vec<IpAddr>>>,
    asked: Mutex<Vec<String>>,
    internet: Option<IpAddr>,
}

impl ScriptedNames {
    /// Every name leads to the first of these answers when it is looked up first, and so on.
    pub(super) fn new(answers: impl IntoIterator<Item = Vec<IpAddr>>) -> Self {
        let answers = Mutex::new(answers.into_iter().collect());
        Self { inner: Arc::new(Inner { answers, ..Inner::default() }) }
    }

    /// Whoever connects to [`PUBLIC`] gets to this address of this machine.
    pub(super) fn with_internet_at(self, address: IpAddr) -> Self {
        let answers = Mutex::new(self.inner.answers.lock().unwrap().clone());
        Self { inner: Arc::new(Inner { answers, internet: Some(address), ..Inner::default() }) }
    }

    /// The names that were looked up.
    pub(super) fn asked(&self) -> Vec<String> {
        self.inner.asked.lock().unwrap().clone()
    }
}

impl Names for ScriptedNames {
    fn resolve(&self, name: Name) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        self.inner.asked.lock().unwrap().push(name.to_string());
        let mut answers = self.inner.answers.lock().unwrap();
        let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        // The port is that of the URL, whatever is said here.
        let answer = answer.unwrap().into_iter().map(|address| SocketAddr::new(address, 0)).collect();
        Box::pin(async move { Ok(answer) })
    }

    fn route(&self, address: SocketAddr) -> SocketAddr {
        match self.inner.internet {
            Some(internet) if address.ip() == PUBLIC => SocketAddr::new(internet, address.port()),
            _ => address,
        }
    }
}
