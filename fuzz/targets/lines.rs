//! Lines with a limit: the same come out however they arrive, and none is longer than the limit.

#![no_main]

use libfuzzer_sys::fuzz_target;
use oxmcp::fuzzing::lines;

fuzz_target!(|data: &[u8]| {
    let Some((&first, stream)) = data.split_first() else { return };
    let (limit, piece) = (usize::from(first >> 4) * 8, usize::from(first & 15) + 1);
    let whole = lines(limit, [stream]);
    assert!(whole.iter().flatten().all(|line| line.len() <= limit));
    assert!(!whole.iter().flatten().any(|line| line.contains(&b'\n')));
    assert_eq!(lines(limit, stream.chunks(piece)), whole);
});
