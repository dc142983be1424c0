use std::io::IoSlice;

use bytes::Bytes;

/// Pieces whose places are kept for later.
const KEPT_PIECES: usize = 16;

/// Lines on their way to the peer: bytes, and among them pieces that are too large to copy.
#[derive(Debug, Default)]
pub struct Transmit {
    bytes: Vec<u8>,
    /// The pieces, each with how many of `bytes` come before it.
    pieces: Vec<(usize, Bytes)>,
    /// The bytes of all pieces.
    pieces_len: usize,
}

impl Transmit {
    /// Bytes in all.
    pub fn len(&self) -> usize {
        self.bytes.len() + self.pieces_len
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets everything, and keeps at most `capacity` bytes of memory for later, beside the places of a few pieces.
    pub fn clear(&mut self, capacity: usize) {
        self.bytes.clear();
        if self.bytes.capacity() > capacity {
            self.bytes = Vec::new();
        }
        self.pieces.clear();
        self.pieces.shrink_to(KEPT_PIECES);
        self.pieces_len = 0;
    }

    /// What follows the first `sent` bytes, in order, as far as `slices` hold it. Returns how many of them are filled.
    ///
    /// ```
    /// use std::io::IoSlice;
    /// use oxmcp_proto::link::Transmit;
    ///
    /// let mut slices = [IoSlice::new(&[]); 4];
    /// assert_eq!(Transmit::default().slices(0, &mut slices), 0);
    /// ```
    pub fn slices<'a>(&'a self, mut sent: usize, slices: &mut [IoSlice<'a>]) -> usize {
        let mut filled = 0;
        let mut add = |part: &'a [u8]| {
            let skipped = sent.min(part.len());
            sent -= skipped;
            if part.len() > skipped
                && let Some(slot) = slices.get_mut(filled)
            {
                *slot = IoSlice::new(&part[skipped..]);
                filled += 1;
            }
        };
        let mut from = 0;
        for (at, piece) in &self.pieces {
            add(&self.bytes[from..*at]);
            add(piece);
            from = *at;
        }
        add(&self.bytes[from..]);
        filled
    }

    /// Everything in one piece.
    pub fn into_bytes(self) -> Vec<u8> {
        if self.pieces.is_empty() {
            return self.bytes;
        }
        let mut whole = Vec::with_capacity(self.len());
        let mut from = 0;
        for (at, piece) in &self.pieces {
            whole.extend_from_slice(&self.bytes[from..*at]);
            whole.extend_from_slice(piece);
            from = *at;
        }
        whole.extend_from_slice(&self.bytes[from..]);
        whole
    }

    /// Where small things are written.
    pub(super) fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Adds a piece without copying it.
    pub(super) fn push(&mut self, piece: Bytes) {
        self.pieces_len += piece.len();
        self.pieces.push((self.bytes.len(), piece));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_say_what_is_left_wherever_sending_stopped() {
        let mut transmit = Transmit::default();
        transmit.push(Bytes::from_static(b"AB"));
        transmit.bytes().extend_from_slice(b"cd");
        transmit.push(Bytes::from_static(b"E"));
        transmit.push(Bytes::from_static(b"FG"));
        transmit.bytes().push(b'h');
        let whole = b"ABcdEFGh";
        assert_eq!(transmit.len(), whole.len());
        for sent in 0..=whole.len() {
            for room in 1..6 {
                let mut slices = vec![IoSlice::new(&[]); room];
                let filled = transmit.slices(sent, &mut slices);
                let left: Vec<u8> = slices[..filled].iter().flat_map(|slice| slice.to_vec()).collect();
                assert!(whole[sent..].starts_with(&left));
                assert!(!left.is_empty() || sent == whole.len());
                assert!(room < 5 || left == whole[sent..]);
            }
        }
        assert_eq!(transmit.into_bytes(), whole);
    }
}
