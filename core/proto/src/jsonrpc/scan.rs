use super::text::plain_length;

/// Says that JSON is well formed, and where its parts are, in one pass and keeping nothing: what a message holds is read by who
/// wants it, and most of what passes by is never read here.
///
/// It takes what RFC 8259 takes. An escape such as `\ud800` is well formed, although no text comes of it.
struct Scanner<'a> {
    json: &'a str,
    at: usize,
    nesting: Nesting,
    max_depth: usize,
}

/// Why a piece of text is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is no JSON.
    Malformed,
    /// It is nested deeper than the limit.
    TooDeep,
}

/// Goes through a text that is one object, and tells of each member: its key as it is written, without the quotes, and its value.
pub(super) fn members<'a>(
    json: &'a str,
    max_depth: usize,
    mut member: impl FnMut(&'a str, &'a str) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut scanner = Scanner::new(json, max_depth);
    if scanner.token()? != b'{' {
        return Err(Fault::Malformed);
    }
    scanner.enter(Container::Object)?;
    if scanner.peek()? == b'}' {
        scanner.at += 1;
        return scanner.end();
    }
    loop {
        let key = scanner.key()?;
        scanner.peek()?;
        let start = scanner.at;
        scanner.value()?;
        member(key, &json[start..scanner.at])?;
        match scanner.token()? {
            b',' => {}
            b'}' => return scanner.end(),
            _ => return Err(Fault::Malformed),
        }
    }
}

/// The one value that a text is, without the white space around it.
pub(super) fn value(json: &str) -> Result<&str, Fault> {
    let mut scanner = Scanner::new(json, usize::MAX);
    scanner.peek()?;
    let start = scanner.at;
    scanner.value()?;
    let value = &json[start..scanner.at];
    scanner.end().map(|()| value)
}

impl<'a> Scanner<'a> {
    fn new(json: &'a str, max_depth: usize) -> Self {
        Self { json, at: 0, nesting: Nesting::default(), max_depth }
    }

    fn rest(&self) -> &'a [u8] {
        &self.json.as_bytes()[self.at..]
    }

    /// Goes to the next byte that is no white space.
    fn peek(&mut self) -> Result<u8, Fault> {
        for (passed, byte) in self.rest().iter().enumerate() {
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                self.at += passed;
                return Ok(*byte);
            }
        }
        Err(Fault::Malformed)
    }

    /// Takes that byte.
    fn token(&mut self) -> Result<u8, Fault> {
        let byte = self.peek()?;
        self.at += 1;
        Ok(byte)
    }

    fn end(mut self) -> Result<(), Fault> {
        if self.peek().is_ok() { Err(Fault::Malformed) } else { Ok(()) }
    }

    fn enter(&mut self, container: Container) -> Result<(), Fault> {
        self.nesting.enter(container);
        if self.nesting.depth > self.max_depth { Err(Fault::TooDeep) } else { Ok(()) }
    }

    /// Passes by a value, whatever is in it.
    fn value(&mut self) -> Result<(), Fault> {
        let outside = self.nesting.depth;
        loop {
            match self.token()? {
                b'{' => {
                    self.enter(Container::Object)?;
                    if self.peek()? != b'}' {
                        self.key()?;
                        continue;
                    }
                }
                b'[' => {
                    self.enter(Container::Array)?;
                    if self.peek()? != b']' {
                        continue;
                    }
                }
                b'"' => self.string()?,
                b't' => self.word(b"rue")?,
                b'f' => self.word(b"alse")?,
                b'n' => self.word(b"ull")?,
                first @ (b'-' | b'0'..=b'9') => self.number(first)?,
                _ => return Err(Fault::Malformed),
            }
            loop {
                if self.nesting.depth == outside {
                    return Ok(());
                }
                match (self.token()?, self.nesting.innermost()) {
                    (b',', Container::Array) => break,
                    (b',', Container::Object) => {
                        self.key()?;
                        break;
                    }
                    (b'}', Container::Object) | (b']', Container::Array) => self.nesting.leave(),
                    _ => return Err(Fault::Malformed),
                }
            }
        }
    }

    /// Passes by a key and its colon; gives what stands between the quotes.
    fn key(&mut self) -> Result<&'a str, Fault> {
        if self.token()? != b'"' {
            return Err(Fault::Malformed);
        }
        let start = self.at;
        self.string()?;
        let key = &self.json[start..self.at - 1];
        if self.token()? == b':' { Ok(key) } else { Err(Fault::Malformed) }
    }

    /// Passes by the rest of a string, whose first quote was taken.
    fn string(&mut self) -> Result<(), Fault> {
        loop {
            self.at += plain_length(self.rest());
            match self.rest() {
                [b'"', ..] => {
                    self.at += 1;
                    return Ok(());
                }
                [b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => self.at += 2,
                [b'\\', b'u', a, b, c, d, ..]
                    if [a, b, c, d].iter().all(|digit| digit.is_ascii_hexdigit()) =>
                {
                    self.at += 6;
                }
                _ => return Err(Fault::Malformed),
            }
        }
    }

    fn word(&mut self, rest: &[u8]) -> Result<(), Fault> {
        if !self.rest().starts_with(rest) {
            return Err(Fault::Malformed);
        }
        self.at += rest.len();
        Ok(())
    }

    /// Passes by the rest of a number.
    fn number(&mut self, first: u8) -> Result<(), Fault> {
        let leading = match first {
            b'-' => self.rest().first().copied().inspect(|_| self.at += 1),
            digit => Some(digit),
        };
        match leading {
            Some(b'0') => {}
            Some(b'1'..=b'9') => drop(self.digits()),
            _ => return Err(Fault::Malformed),
        }
        if let [b'.', ..] = self.rest() {
            self.at += 1;
            self.digits().ok_or(Fault::Malformed)?;
        }
        if let [b'e' | b'E', sign, ..] = self.rest() {
            self.at += if matches!(sign, b'+' | b'-') { 2 } else { 1 };
            self.digits().ok_or(Fault::Malformed)?;
        }
        Ok(())
    }

    /// Passes by digits; none if there are none.
    fn digits(&mut self) -> Option<()> {
        let count = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        (count > 0).then_some(())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Container {
    Array,
    Object,
}

/// Which containers one is inside of, a bit for each. Messages are rarely nested deeper than one word says.
#[derive(Default)]
struct Nesting {
    depth: usize,
    /// Of the innermost; the lowest bit is set for an object.
    word: u64,
    /// Of those further out, in their order.
    outer: Vec<u64>,
}

impl Nesting {
    fn enter(&mut self, container: Container) {
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.outer.push(self.word);
        }
        self.word = self.word << 1 | u64::from(container == Container::Object);
        self.depth += 1;
    }

    fn leave(&mut self) {
        self.word >>= 1;
        self.depth -= 1;
        if self.depth.is_multiple_of(64) {
            self.word = self.outer.pop().unwrap_or_default();
        }
    }

    fn innermost(&self) -> Container {
        if self.word & 1 == 1 { Container::Object } else { Container::Array }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::value::RawValue;

    use super::*;

    /// Whether serde_json takes it.
    fn is_json(text: &str) -> bool {
        serde_json::from_str::<&RawValue>(text).is_ok()
    }

    #[test]
    fn what_is_json_and_what_is_not_is_as_others_have_it() {
        let escapes = r#""\"\\\/\b\f\n\r\t\u00e9\uD83D""#;
        for text in [
            "0",
            "-0",
            "10.5",
            "1e5",
            "1E+5",
            "-1.5e-10",
            "01",
            "-",
            "1.",
            ".5",
            "1e",
            "1e+",
            "+1",
            "0x1",
            "--1",
            "1.e1",
            "true",
            "false",
            "null",
            "tru",
            "nul",
            "True",
            "NaN",
            "\"\"",
            escapes,
            r#""\x""#,
            r#""\u12G4""#,
            r#""\u123"#,
            "\"a",
            "\"\u{1}\"",
            "\"\u{7f}é世\"",
            "[]",
            "[1]",
            "[1,]",
            "[,1]",
            "[1 2]",
            "[",
            "]",
            "[}",
            "{]",
            "{}",
            "{\"a\":1}",
            "{\"a\":1,}",
            "{\"a\"}",
            "{\"a\":}",
            "{a:1}",
            "{1:1}",
            "{\"a\":1 \"b\":2}",
            "{,}",
            " \t\r\n1 \t\r\n",
            "\u{b}1",
            "\u{a0}1",
            "1 1",
            "",
            " ",
            "[[],{},[{\"a\":[{}]}]]",
            "\u{feff}1",
        ] {
            assert_eq!(value(text).is_ok(), is_json(text), "{text:?}");
            let nested = format!("{{\"k\": [{text}]}}");
            assert_eq!(value(&nested).is_ok(), is_json(&nested), "{nested:?}");
        }
    }

    #[test]
    fn strings_are_read_to_their_ends_however_long_they_are() {
        for length in (0..300).chain([1 << 16]) {
            for end in ["\"", "\\\"\"", "\u{1f}\"", "é\"", ""] {
                let text = format!("\"{}{end}", "x".repeat(length));
                assert_eq!(value(&text).is_ok(), is_json(&text), "{length} and {end:?}");
            }
        }
    }

    #[test]
    fn members_are_told_in_their_order_as_they_are_written() {
        let mut told = Vec::new();
        let json = "{ \"a\" : 1 ,\n\"\\u0061\":{\"b\" : [ 2 ]},\"\":\"}\"}\n";
        members(json, 3, |key, value| {
            told.push((key, value));
            Ok(())
        })
        .unwrap();
        assert_eq!(told, [("a", "1"), ("\\u0061", "{\"b\" : [ 2 ]}"), ("", "\"}\"")]);
        let depth = |limit| members(json, limit, |_, _| Ok(()));
        assert_eq!(depth(2), Err(Fault::TooDeep));
        for other in ["[]", "1", "", "{", "{}}", "{\"a\":1", "{} {}", "{\"a\":1]"] {
            assert_eq!(members(other, 9, |_, _| Ok(())), Err(Fault::Malformed), "{other:?}");
        }
        members(" {} ", 1, |_, _| Err(Fault::Malformed)).unwrap();
    }

    #[test]
    fn what_is_nested_deeply_is_closed_as_it_was_opened() {
        for depth in [1, 63, 64, 65, 128, 129, 1_000] {
            let open: String = (0..depth).map(|level| if level % 3 == 0 { "[" } else { "{\"a\":" }).collect();
            let close: String =
                (0..depth).rev().map(|level| if level % 3 == 0 { "]" } else { "}" }).collect();
            assert!(value(&format!("{open}1{close}")).is_ok(), "{depth}");
            for wrong in 0..depth {
                let mut close = close.clone().into_bytes();
                close[wrong] ^= b']' ^ b'}';
                let close = String::from_utf8(close).unwrap();
                assert!(value(&format!("{open}1{close}")).is_err(), "{depth}, {wrong}");
            }
        }
    }

    proptest! {
        #[test]
        fn no_text_is_taken_that_others_do_not_take(text in r#"[-+\[\]{}",:0-9.eEtrufalsn\\ bx\u{1}é]{0,24}"#) {
            prop_assert_eq!(value(&text).is_ok(), is_json(&text));
        }

        #[test]
        fn what_is_changed_a_little_is_judged_as_others_judge_it(
            at in 0usize..200, by in r#"[-\[\]{}",:0e.\\u \n]{0,2}"#, cut in 0usize..3,
        ) {
            let json = "{\"a\":[1,-2.5e+7,\"x\\u00e9\\n\",null,true,{\"b\":{}},[]],\"c\":\"\\\"\\\\\",\"d\":{\"e\":[[[{\"f\":false}]]]} }";
            let at = at.min(json.len());
            let changed = format!("{}{by}{}", &json[..at], &json[(at + cut).min(json.len())..]);
            prop_assert_eq!(value(&changed).is_ok(), is_json(&changed));
        }
    }
}
