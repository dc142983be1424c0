/// Appends a JSON string.
///
/// Tool results are mostly text, so stretches that need no escape are found a block at a time and copied as they are.
pub fn write_json_string(string: &str, out: &mut Vec<u8>) {
    let mut rest = string.as_bytes();
    out.reserve(rest.len() + 2);
    out.push(b'"');
    loop {
        let (plain, special) = rest.split_at(plain_length(rest));
        out.extend_from_slice(plain);
        let Some((&byte, after)) = special.split_first() else { break };
        write_escape(byte, out);
        rest = after;
    }
    out.push(b'"');
}

/// Whether a string stands in JSON as it is, between quotes.
pub fn is_plain_text(string: &str) -> bool {
    plain_length(string.as_bytes()) == string.len()
}

/// Appends the name of the next member of an object that is being written, with what comes before and after it.
pub fn write_name(name: &str, out: &mut Vec<u8>) {
    if !out.ends_with(b"{") {
        out.push(b',');
    }
    write_json_string(name, out);
    out.push(b':');
}

/// The number of bytes before the first that does not stand in a JSON string as it is.
pub(super) fn plain_length(bytes: &[u8]) -> usize {
    // Most strings are short, and the end of one is not far.
    let (near, far) = bytes.split_at(bytes.len().min(16));
    if let Some(at) = near.iter().position(|byte| is_special(*byte)) {
        return at;
    }
    // The compiler makes few comparisons of a whole block.
    let mut plain = plain_blocks::<128>(far);
    plain += plain_blocks::<16>(&far[plain..]);
    let rest = &far[plain..];
    near.len() + plain + rest.iter().position(|byte| is_special(*byte)).unwrap_or(rest.len())
}

/// The number of bytes in blocks of `SIZE` before the first that has another.
fn plain_blocks<const SIZE: usize>(bytes: &[u8]) -> usize {
    let is_plain = |block: &&[u8]| !block.iter().fold(false, |any, byte| any | is_special(*byte));
    bytes.chunks_exact(SIZE).take_while(is_plain).count() * SIZE
}

/// Whether JSON has it in a string as an escape only (RFC 8259, section 7).
fn is_special(byte: u8) -> bool {
    (byte < b' ') | (byte == b'"') | (byte == b'\\')
}

fn write_escape(byte: u8, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let letter = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        0x0c => b'f',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        _ => {
            let digits = [HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]];
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', digits[0], digits[1]]);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', letter]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::write_json_string;

    fn written(string: &str) -> String {
        let mut out = b"before".to_vec();
        write_json_string(string, &mut out);
        String::from_utf8(out).unwrap().split_off("before".len())
    }

    #[test]
    fn every_character_is_written_as_serde_json_writes_it() {
        for character in (0..=0x2_ffff).filter_map(char::from_u32) {
            let string = character.to_string();
            assert_eq!(written(&string), serde_json::to_string(&string).unwrap());
        }
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read_back(string in r#"([a-zä世"\\\n\u{0}-\u{1f}\u{7f}]|[ -~]{20,40}){0,12}"#) {
            let json = written(&string);
            prop_assert_eq!(&json, &serde_json::to_string(&string).unwrap());
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), string);
        }
    }
}
