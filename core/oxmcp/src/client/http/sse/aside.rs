use std::collections::BTreeMap;

use bytes::Bytes;

/// Requests that wait until there is room to post them, in the order of their numbers, which is that in which they were made. There are never
/// more than the link has calls, because one that is cancelled leaves; their bytes are limited here.
pub(super) struct Aside {
    requests: BTreeMap<i64, Bytes>,
    bytes: usize,
    max_bytes: usize,
}

impl Aside {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self { requests: BTreeMap::new(), bytes: 0, max_bytes }
    }

    /// Takes a request. False, and it is dropped, when there is too much already.
    pub(super) fn push(&mut self, number: i64, line: Bytes) -> bool {
        if self.bytes >= self.max_bytes {
            return false;
        }
        self.bytes += line.len();
        self.requests.insert(number, line);
        true
    }

    pub(super) fn pop(&mut self) -> Option<(i64, Bytes)> {
        let (number, line) = self.requests.pop_first()?;
        self.bytes -= line.len();
        Some((number, line))
    }

    /// Drops a request. False if it is not here.
    pub(super) fn remove(&mut self, number: i64) -> bool {
        let Some(line) = self.requests.remove(&number) else { return false };
        self.bytes -= line.len();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_limited_and_given_back() {
        let mut aside = Aside::new(5);
        let line = || Bytes::from_static(b"four");
        assert!(aside.push(1, line()) && aside.push(2, line()));
        assert!(!aside.push(3, line()), "it is full");
        assert!(aside.remove(1) && !aside.remove(1));
        assert!(aside.push(4, line()));
        let numbers: Vec<_> = std::iter::from_fn(|| aside.pop()).map(|(number, _)| number).collect();
        assert_eq!(numbers, [2, 4]);
        assert_eq!(aside.bytes, 0);
    }
}
