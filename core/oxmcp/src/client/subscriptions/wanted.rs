use std::collections::{BTreeMap, BTreeSet};

use oxmcp_proto::jsonrpc::RawJson;
use oxmcp_proto::model::{SubscriptionFilter, SubscriptionsListenParams};

/// What a client wants to be told of. The lists stay what they are; resources come and go.
#[derive(Default)]
pub(super) struct Wanted {
    /// Grows with each change.
    pub(super) generation: u64,
    /// The generation in which somebody last asked for something.
    pub(super) asked: u64,
    pub(super) tools: bool,
    pub(super) prompts: bool,
    pub(super) resources: bool,
    pub(super) uris: BTreeMap<String, Wish>,
    /// Resources that nobody wants any more, and of which the server still has to be told so (handshake era).
    pub(super) leaving: BTreeSet<String>,
}

/// A resource that is wanted.
#[derive(Default)]
pub(super) struct Wish {
    /// The generations of those who wait for the server to agree.
    waiting: Vec<u64>,
    /// The server has agreed, so that it is wanted until somebody says otherwise.
    is_agreed: bool,
    /// The server may take the client to be subscribed, for somebody who does not wait any more, without having said so to anybody who does
    /// (handshake era).
    may_be_subscribed: bool,
}

/// What a stream of notifications is to be opened for.
pub(super) struct Asked {
    pub(super) generation: u64,
    /// The parameters of `subscriptions/listen`; `None` if there is nothing to hear.
    pub(super) params: Option<RawJson>,
    /// Whether somebody waits for the server to agree.
    pub(super) is_waited_for: bool,
}

impl Wanted {
    /// Wants to hear of a resource, unless that makes more than `limit`; gives its generation.
    pub(super) fn want(&mut self, uri: &str, limit: usize) -> Option<u64> {
        if self.uris.len() + self.leaving.len() >= limit && !self.uris.contains_key(uri) {
            return None;
        }
        self.generation += 1;
        self.asked = self.generation;
        self.uris.entry(uri.to_owned()).or_default().waiting.push(self.generation);
        Some(self.generation)
    }

    /// The server has agreed to what was wanted in a generation. False if it is not wanted any more.
    pub(super) fn agree(&mut self, uri: &str, generation: u64) -> bool {
        let Some(wish) = self.uris.get_mut(uri) else { return false };
        wish.waiting.retain(|waiting| *waiting != generation);
        wish.is_agreed = true;
        true
    }

    /// Whoever wanted it in a generation does not any more; the server may take the client to be subscribed because of that. It stays wanted for
    /// others. True if there are none, and the server has to be told so.
    pub(super) fn give_up(&mut self, uri: &str, generation: u64, may_be_subscribed: bool) -> bool {
        let Some(wish) = self.uris.get_mut(uri) else { return false };
        wish.waiting.retain(|waiting| *waiting != generation);
        wish.may_be_subscribed |= may_be_subscribed;
        if !wish.waiting.is_empty() || wish.is_agreed {
            return false;
        }
        let leaves = wish.may_be_subscribed;
        self.forget(uri);
        if leaves {
            self.leaving.insert(uri.to_owned());
        }
        leaves
    }

    /// The server was told.
    pub(super) fn left(&mut self, uri: &str) {
        self.leaving.remove(uri);
        self.generation += 1;
    }

    pub(super) fn is_leaving(&self, uri: &str) -> bool {
        self.leaving.contains(uri)
    }

    /// Nobody wants it any more.
    pub(super) fn forget(&mut self, uri: &str) {
        if self.uris.remove(uri).is_some() {
            self.generation += 1;
        }
    }

    pub(super) fn wants(&self, uri: &str) -> bool {
        self.uris.contains_key(uri)
    }

    /// The resources of which the server agreed to tell.
    pub(super) fn agreed(&self) -> Vec<String> {
        let agreed = self.uris.iter().filter(|(_, wish)| wish.is_agreed);
        agreed.map(|(uri, _)| uri.clone()).collect()
    }

    pub(super) fn is_nothing(&self) -> bool {
        !self.tools && !self.prompts && !self.resources && self.uris.is_empty()
    }

    pub(super) fn ask(&self) -> Asked {
        let params = (!self.is_nothing()).then(|| {
            let params = SubscriptionsListenParams { notifications: self.filter(), ..Default::default() };
            // It has nothing but booleans and strings.
            RawJson::of(&params).unwrap_or_else(|_| RawJson::empty_object())
        });
        let is_waited_for = self.uris.values().any(|wish| !wish.waiting.is_empty());
        Asked { generation: self.generation, params, is_waited_for }
    }

    fn filter(&self) -> SubscriptionFilter {
        let wanted = |is_wanted: bool| is_wanted.then_some(true);
        SubscriptionFilter {
            tools_list_changed: wanted(self.tools),
            prompts_list_changed: wanted(self.prompts),
            resources_list_changed: wanted(self.resources),
            resource_subscriptions: (!self.uris.is_empty()).then(|| self.uris.keys().cloned().collect()),
            ..SubscriptionFilter::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_gives_up_takes_nothing_from_others() {
        let mut wanted = Wanted::default();
        let first = wanted.want("x:y", 1).unwrap();
        let second = wanted.want("x:y", 1).unwrap();
        assert_eq!(wanted.want("x:z", 1), None, "there is no room");
        assert!(!wanted.give_up("x:y", first, true));
        assert!(wanted.wants("x:y"), "another waits");
        let third = wanted.want("x:y", 1).unwrap();
        assert!(wanted.agree("x:y", second));
        assert!(!wanted.give_up("x:y", third, true));
        assert_eq!(wanted.agreed(), ["x:y"]);
        wanted.forget("x:y");
        assert!(wanted.is_nothing() && !wanted.agree("x:y", second));
    }

    #[test]
    fn who_gives_up_late_takes_nothing_from_whoever_came_after() {
        let mut wanted = Wanted::default();
        let first = wanted.want("x:y", 1).unwrap();
        wanted.forget("x:y");
        wanted.want("x:y", 1).unwrap();
        assert!(!wanted.give_up("x:y", first, true));
        assert!(wanted.wants("x:y"));
    }

    #[test]
    fn what_is_being_left_takes_room_until_the_server_knows() {
        let mut wanted = Wanted::default();
        let first = wanted.want("x:y", 1).unwrap();
        assert!(wanted.give_up("x:y", first, true));
        assert!(wanted.is_leaving("x:y") && !wanted.wants("x:y"));
        assert_eq!(wanted.want("x:z", 1), None);
        wanted.left("x:y");
        assert!(!wanted.is_leaving("x:y"));
        wanted.want("x:z", 1).unwrap();
    }

    #[test]
    fn the_last_who_gives_up_tells_the_server_for_those_before() {
        let mut wanted = Wanted::default();
        let first = wanted.want("x:y", 1).unwrap();
        let second = wanted.want("x:y", 1).unwrap();
        assert!(!wanted.give_up("x:y", first, true));
        assert!(wanted.give_up("x:y", second, false), "the server agreed with the first");
        assert!(wanted.is_leaving("x:y"));
        wanted.left("x:y");
        let third = wanted.want("x:y", 1).unwrap();
        assert!(!wanted.give_up("x:y", third, false), "the server knows nothing of it");
        assert!(!wanted.is_leaving("x:y") && !wanted.wants("x:y"));
    }

    #[test]
    fn only_what_is_asked_for_is_urgent() {
        let mut wanted = Wanted::default();
        let asked = wanted.want("x:y", 1).unwrap();
        wanted.forget("x:y");
        assert!(wanted.generation > asked);
        assert_eq!(wanted.asked, asked);
    }
}
