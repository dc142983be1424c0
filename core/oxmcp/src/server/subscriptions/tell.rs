use std::convert::Infallible;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, ready};

use oxmcp_proto::Method;
use oxmcp_proto::jsonrpc::{RequestId, write_json_string};
use oxmcp_proto::model::keys;

use super::Listener;
use super::listener::Change;
use crate::server::{Lost, Peer, Told};

/// Tells a client what its listener hears of, as far as it keeps up, until the future is dropped. `subscription` is the request that asked for
/// it; a session's has none.
pub(super) async fn tell(
    listener: &Arc<Listener>,
    peer: &dyn Peer,
    subscription: Option<&RequestId>,
) -> Infallible {
    let teller = listener.teller();
    poll_fn(|cx| {
        let mut tried_again = false;
        loop {
            ready!(peer.poll_room(cx));
            let change = ready!(teller.poll_next(cx));
            let (method, params) = match &change {
                Change::List(method) => (*method, params(subscription, None)),
                Change::Resource(uri) => (Method::ResourceUpdated, params(subscription, Some(uri))),
            };
            let lost = || -> Lost {
                let (listener, change) = (listener.clone(), change.clone());
                Box::new(move || listener.lost(&change))
            };
            match peer.notify_or(method, &params, &lost) {
                Told::Yes => {}
                Told::NotNow => listener.put_back(&change),
                Told::No => {
                    listener.put_back(&change);
                    // Room that has come just now wakes nobody. But there is always room for who is gone.
                    if peer.poll_room(cx).is_pending() || tried_again {
                        return Poll::Pending;
                    }
                    tried_again = true;
                }
            }
        }
    })
    .await
}

fn params(subscription: Option<&RequestId>, uri: Option<&str>) -> Vec<u8> {
    let mut params = vec![b'{'];
    if let Some(subscription) = subscription {
        params.extend_from_slice(br#""_meta":"#);
        write_subscription(subscription, &mut params);
        params.push(b'}');
    }
    if let Some(uri) = uri {
        if params.len() > 1 {
            params.push(b',');
        }
        params.extend_from_slice(br#""uri":"#);
        write_json_string(uri, &mut params);
    }
    params.push(b'}');
    params
}

/// Writes the beginning of a `_meta` object that says to which subscription a message belongs.
pub(in crate::server) fn write_subscription(subscription: &RequestId, out: &mut Vec<u8>) {
    out.push(b'{');
    write_json_string(keys::SUBSCRIPTION_ID, out);
    out.push(b':');
    subscription.write(out);
}

#[cfg(test)]
mod tests {
    use std::future::ready;
    use std::sync::Mutex;

    use futures_util::FutureExt;
    use futures_util::future::BoxFuture;
    use oxmcp_proto::jsonrpc::RawJson;
    use oxmcp_proto::link::CallError;

    use super::*;
    use crate::server::List;
    use crate::server::subscriptions::{Hub, Kinds};

    /// A client before whom layers have no room once, and have it again by the time that somebody asks.
    #[derive(Default)]
    struct Crowded {
        had_no_room: Mutex<bool>,
        told: Mutex<Vec<Method>>,
    }

    impl Peer for Crowded {
        fn notify(&self, _: Method, _: &[u8]) -> bool {
            unreachable!("it must not get lost")
        }

        fn notify_or(&self, method: Method, _: &[u8], _: &dyn Fn() -> Lost) -> Told {
            if !std::mem::replace(&mut *self.had_no_room.lock().unwrap(), true) {
                return Told::NotNow;
            }
            self.told.lock().unwrap().push(method);
            Told::Yes
        }

        fn tell(&self, _: Method, _: &[u8]) -> bool {
            unreachable!("it must not get lost")
        }

        fn ask(&self, _: Method, _: RawJson) -> BoxFuture<'static, Result<RawJson, CallError>> {
            Box::pin(ready(Err(CallError::Overloaded)))
        }
    }

    #[test]
    fn what_there_is_no_room_for_is_told_when_there_is() {
        let hub = Arc::<Hub>::default();
        let listener = hub.listen(Kinds { tools: true, ..Kinds::default() }, 0);
        hub.changed(List::Tools);
        let client = Crowded::default();
        assert!(tell(&listener, &client, None).now_or_never().is_none());
        assert_eq!(*client.told.lock().unwrap(), [Method::ToolListChanged]);
    }
}
