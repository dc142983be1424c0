//! Header values: what is written is read back, and two readers of one field never disagree.

#![no_main]

use libfuzzer_sys::fuzz_target;
use oxmcp::fuzzing::{decode_header, encode_header, event_id};

fuzz_target!(|data: &[u8]| {
    if let Some(value) = decode_header(data) {
        assert_eq!(decode_header(&encode_header(&value)), Some(value));
    }
    if let Ok(value) = std::str::from_utf8(data) {
        let written = encode_header(value);
        assert!(written.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t')), "{written:?}");
        assert_eq!(decode_header(&written).as_deref(), Some(value));
    }
    if let Some(id) = event_id(data) {
        assert_eq!(event_id(id.as_bytes()).as_ref(), Some(&id));
    }
});
