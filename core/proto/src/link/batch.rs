use rustc_hash::FxHashMap;

/// Bytes of answers kept back for batches, over all of them. Past it they go out before their batch is complete.
const MAX_KEPT: usize = 1 << 20;

/// The batches of the peer whose answers are not all sent.
#[derive(Debug, Default)]
pub(super) struct Batches {
    open: FxHashMap<BatchId, Batch>,
    next: u64,
    /// The batch whose members are being taken.
    reading: Option<BatchId>,
    /// Bytes of answers kept back, over all batches.
    kept: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct BatchId(u64);

#[derive(Debug, Default)]
struct Batch {
    /// Requests that are being served; one more while its members are being taken.
    waiting: usize,
    /// The answers so far, as an array that lacks its last bracket; empty when there are none.
    answers: Vec<u8>,
}

impl Batches {
    pub(super) fn begin(&mut self) {
        let id = BatchId(self.next);
        self.next += 1;
        self.reading = Some(id);
        self.open.insert(id, Batch { waiting: 1, ..Batch::default() });
    }

    /// The batch that was being read; it is left when nothing of it is in flight.
    pub(super) fn end(&mut self) -> Option<BatchId> {
        self.reading.take()
    }

    pub(super) fn reading(&self) -> Option<BatchId> {
        self.reading
    }

    /// One request more that a batch waits for.
    pub(super) fn join(&mut self, batch: Option<BatchId>) {
        if let Some(batch) = batch.and_then(|batch| self.open.get_mut(&batch)) {
            batch.waiting += 1;
        }
    }

    /// Keeps an answer until the batch is complete; writes what there is to `out` when it becomes too much to keep.
    pub(super) fn add(&mut self, batch: BatchId, write: impl FnOnce(&mut Vec<u8>), out: &mut Vec<u8>) {
        let Some(batch) = self.open.get_mut(&batch) else { return };
        let before = batch.answers.len();
        batch.answers.push(if before == 0 { b'[' } else { b',' });
        write(&mut batch.answers);
        self.kept += batch.answers.len() - before;
        if self.kept > MAX_KEPT {
            self.kept -= batch.flush(out);
        }
    }

    /// One thing less that a batch waits for; after the last, its answers go out.
    pub(super) fn leave(&mut self, id: BatchId, out: &mut Vec<u8>) {
        let Some(batch) = self.open.get_mut(&id) else { return };
        batch.waiting -= 1;
        if batch.waiting == 0 {
            self.kept -= batch.flush(out);
            self.open.remove(&id);
        }
    }
}

impl Batch {
    /// Writes the answers there are, on one line, and returns how many bytes were kept for them.
    fn flush(&mut self, out: &mut Vec<u8>) -> usize {
        let answers = std::mem::take(&mut self.answers);
        if !answers.is_empty() {
            out.extend_from_slice(&answers);
            out.extend_from_slice(b"]\n");
        }
        answers.len()
    }
}
