//! Server-sent events: the same come out however they arrive, none is larger than the limit, and one that is written is read.

#![no_main]

use libfuzzer_sys::fuzz_target;
use oxmcp::fuzzing::{event, events};

fuzz_target!(|data: &[u8]| {
    let Some((&first, stream)) = data.split_first() else { return };
    let piece = usize::from(first) + 1;
    let whole = events(1 << 20, [stream]);
    assert_eq!(events(1 << 20, stream.chunks(piece)), whole);
    let few = events(100, stream.chunks(piece));
    assert!(few.data.iter().all(|data| data.len() <= 100));

    let line: Vec<u8> = stream.iter().copied().filter(|byte| !matches!(byte, b'\n' | b'\r')).collect();
    let read = events(1 << 20, [&event(&line)[..]]);
    let expected = if line.is_empty() { vec![] } else { vec![line] };
    assert_eq!(read.data, expected);
});
