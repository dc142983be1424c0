//! `requestState`: what a server made is taken, and nothing else; what is inside may be anything.

#![no_main]

use libfuzzer_sys::fuzz_target;
use oxmcp::server::fuzzing::Server;

fuzz_target!(|data: &[u8]| {
    let server = Server::default();
    if let Ok(text) = std::str::from_utf8(data) {
        assert!(!server.takes(text), "what was never sealed is taken");
    }

    let made = server.make().expect("the system has no randomness");
    assert!(server.takes(&made));
    let mut changed = made.clone().into_bytes();
    for change in data.chunks_exact(3) {
        let at = usize::from(u16::from_le_bytes([change[0], change[1]])) % changed.len();
        // Most of what stays text is of the same alphabet.
        changed[at] = change[2] & 0x7f;
    }
    let changed = String::from_utf8(changed).expect("ASCII");
    assert_eq!(server.takes(&changed), changed == made, "a change was not seen");

    let sealed = server.seal(data).expect("the system has no randomness");
    server.takes(&sealed);
});
