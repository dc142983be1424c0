use std::borrow::Cow;

use oxmcp_proto::model::ResourceTemplate;
use percent_encoding::percent_decode_str;
use regex::{Regex, RegexBuilder};

use crate::server::texts::Texts;

/// The bytes that a compiled pattern may take.
const MAX_PATTERN: usize = 1 << 20;

/// A URI template (RFC 6570, levels 1 to 3) that tells which URIs it could have been expanded to, and with what. The time that takes is
/// linear in the length of the URI.
///
/// A variable's text is handed out decoded, so it is looked at first: what the template does not let through as written must not come in
/// encoded. `{id}`, `{.id}`, `{/id}` and `{;id}` are one segment: without `/` and `\`, neither `.` nor `..`. `{+path}` has slashes, but none
/// of its segments is `.` or `..`, and after a slash of the template it does not begin with another. `{?query}` and `{#fragment}` may be any
/// text. None has a NUL. Where a simple or reserved variable is, there is text; all others may be absent.
#[derive(Debug)]
pub(in crate::server) struct UriTemplate {
    pattern: Regex,
    /// One for each group of the pattern.
    groups: Vec<Group>,
}

/// What a group of the pattern captures.
#[derive(Debug)]
enum Group {
    Variable {
        name: String,
        kind: Kind,
    },
    /// `;name` or `;name=text`.
    Parameter(String),
    /// Pairs of names and texts, in any order.
    Query(Vec<String>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// No slash is in it.
    Segment,
    /// Slashes may be in it. `after_slash` says that one is before it.
    Path { after_slash: bool },
    /// Anything may be in it.
    Any,
}

impl UriTemplate {
    /// Reads a template; says what is wrong with it.
    pub(in crate::server) fn parse(template: &ResourceTemplate) -> Result<Self, String> {
        let mut parser = Parser::default();
        let mut rest = template.uri_template.as_str();
        while let Some((literal, after)) = rest.split_once('{') {
            let Some((expression, after)) = after.split_once('}') else {
                return Err("a `{` is not closed".to_owned());
            };
            parser.literal(literal)?;
            // The slashes of `file://` are not the path's.
            let after_slash = literal.ends_with('/') && !literal.ends_with("://");
            parser.expression(expression, after_slash, after)?;
            rest = after;
        }
        parser.literal(rest)?;
        let pattern = RegexBuilder::new(&format!("^{}$", parser.pattern))
            .size_limit(MAX_PATTERN)
            .dot_matches_new_line(true)
            .build()
            .map_err(|_| "it is too long".to_owned())?;
        Ok(Self { pattern, groups: parser.groups })
    }

    /// The names of its variables.
    pub(super) fn variables(&self) -> impl Iterator<Item = &str> + Clone {
        self.groups
            .iter()
            .flat_map(|group| match group {
                Group::Variable { name, .. } | Group::Parameter(name) => std::slice::from_ref(name),
                Group::Query(names) => names,
            })
            .map(String::as_str)
    }

    /// The variables that make the template this URI, decoded; `None` when none do.
    pub(super) fn matches(&self, uri: &str) -> Option<Texts> {
        let captures = self.pattern.captures(uri)?;
        let mut texts = Texts::new();
        for (group, captured) in self.groups.iter().zip(captures.iter().skip(1)) {
            let Some(captured) = captured.map(|captured| captured.as_str()) else { continue };
            match group {
                Group::Variable { name, kind } => {
                    let text = decode(captured).filter(|text| kind.allows(text))?;
                    texts.insert(name.clone(), text.into_owned());
                }
                Group::Parameter(name) => {
                    let text = captured.get(name.len() + 1..)?;
                    let text = decode(text.strip_prefix('=').unwrap_or(text))
                        .filter(|text| Kind::Segment.allows(text))?;
                    texts.insert(name.clone(), text.into_owned()).is_none().then_some(())?;
                }
                Group::Query(names) => {
                    for pair in captured.split('&') {
                        let (name, text) = pair.split_once('=').unwrap_or((pair, ""));
                        let name = names.iter().find(|known| *known == name)?;
                        let text = decode(text)?;
                        texts.insert(name.clone(), text.into_owned()).is_none().then_some(())?;
                    }
                }
            }
        }
        Some(texts)
    }
}

impl Kind {
    fn allows(self, text: &str) -> bool {
        let is_dots = |segment: &str| segment == "." || segment == "..";
        match self {
            Self::Segment => !text.contains(['/', '\\']) && !is_dots(text),
            Self::Path { after_slash } => {
                let begins_anew = after_slash && text.starts_with(['/', '\\']);
                !(begins_anew || text.split(['/', '\\']).any(is_dots))
            }
            Self::Any => true,
        }
    }
}

/// Takes the percent signs away. `None` when they are no encoding of text, or of one with a NUL.
fn decode(encoded: &str) -> Option<Cow<'_, str>> {
    let is_encoded =
        |after: &str| after.len() >= 2 && after.as_bytes()[..2].iter().all(u8::is_ascii_hexdigit);
    if !encoded.split('%').skip(1).all(is_encoded) {
        return None;
    }
    percent_decode_str(encoded).decode_utf8().ok().filter(|text| !text.contains('\0'))
}

#[derive(Default)]
struct Parser {
    pattern: String,
    groups: Vec<Group>,
    names: Vec<String>,
    has_query: bool,
}

impl Parser {
    fn literal(&mut self, literal: &str) -> Result<(), String> {
        if literal.contains('}') {
            return Err("a `}` is not opened".to_owned());
        }
        self.pattern.push_str(&regex::escape(literal));
        Ok(())
    }

    /// An expression, what is before it and the template after it.
    fn expression(&mut self, expression: &str, after_slash: bool, rest: &str) -> Result<(), String> {
        let operator = expression.chars().next().filter(|first| "+#./;?&=,!@|".contains(*first));
        let names = expression[operator.map_or(0, char::len_utf8)..].split(',');
        let names = names.map(|name| self.name(name)).collect::<Result<Vec<_>, _>>()?;
        let several = names.len() > 1;
        match operator {
            None => self.list(names, if several { "[^/?#,]+" } else { "[^/?#]+" }, Kind::Segment),
            Some('+') => {
                // What comes later must find its own beginning.
                let text = match (several, rest.contains('&'), rest.contains(['?', '#'])) {
                    (true, ..) => "[^?#&,]+",
                    (false, true, _) => "[^?#&]+",
                    (false, false, true) => "[^?#]+",
                    (false, false, false) => ".+",
                };
                self.list(names, text, Kind::Path { after_slash });
            }
            Some('#') => {
                self.pattern.push_str("(?:#");
                self.list(names, if several { "[^,]+" } else { ".+" }, Kind::Any);
                self.pattern.push_str(")?");
            }
            Some('.') => self.each(names, r"\.", if several { "[^/?#.]+" } else { "[^/?#]+" }),
            Some('/') => self.each(names, "/", "[^/?#]+"),
            Some(';') => {
                for name in names {
                    self.pattern.push_str(&format!("(;{}(?:=[^/?#;]*)?)?", regex::escape(&name)));
                    self.groups.push(Group::Parameter(name));
                }
            }
            Some(first @ ('?' | '&')) => {
                if std::mem::replace(&mut self.has_query, true) {
                    return Err("it has two expressions for the query; name all variables in one".to_owned());
                }
                self.pattern.push_str(if first == '?' { r"(?:\?([^#]*))?" } else { "(?:&([^#]*))?" });
                self.groups.push(Group::Query(names));
            }
            Some(other) => return Err(format!("`{{{expression}}}`: RFC 6570 keeps `{other}` for later")),
        }
        Ok(())
    }

    fn name(&mut self, name: &str) -> Result<String, String> {
        if name.ends_with('*') || name.contains(':') {
            return Err(format!(
                "`{name}`: modifiers (RFC 6570, level 4) are not supported; for text with slashes, write `{{+name}}`"
            ));
        }
        let is_good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'%');
        if name.is_empty() || !name.bytes().all(is_good) {
            return Err(format!("{name:?} is no name of a variable"));
        }
        if self.names.iter().any(|known| known == name) {
            return Err(format!("the variable `{name}` is there twice"));
        }
        self.names.push(name.to_owned());
        Ok(name.to_owned())
    }

    /// Variables with commas between them.
    fn list(&mut self, names: Vec<String>, text: &str, kind: Kind) {
        for (at, name) in names.into_iter().enumerate() {
            // Only the first stands directly after what is before the expression.
            let kind = match kind {
                Kind::Path { .. } if at > 0 => Kind::Path { after_slash: false },
                kind => kind,
            };
            let comma = if at > 0 { "," } else { "" };
            self.pattern.push_str(&format!("{comma}({text})"));
            self.groups.push(Group::Variable { name, kind });
        }
    }

    /// Variables that each begin with a character, and may be absent.
    fn each(&mut self, names: Vec<String>, first: &str, text: &str) {
        for name in names {
            self.pattern.push_str(&format!("(?:{first}({text}))?"));
            self.groups.push(Group::Variable { name, kind: Kind::Segment });
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn template(text: &str) -> UriTemplate {
        UriTemplate::parse(&ResourceTemplate::new(text, "t")).unwrap()
    }

    fn found(text: &str, uri: &str) -> Option<Vec<(String, String)>> {
        template(text).matches(uri).map(|texts| texts.into_iter().collect())
    }

    fn texts(members: &[(&str, &str)]) -> Option<Vec<(String, String)>> {
        Some(members.iter().map(|(name, text)| (name.to_string(), text.to_string())).collect())
    }

    #[test]
    fn each_form_finds_its_variables() {
        for (text, uri, members) in [
            ("a://b", "a://b", &[][..]),
            ("user://{id}", "user://7", &[("id", "7")]),
            ("user://{id}/x", "user://a%20b/x", &[("id", "a b")]),
            ("p://{x,y}", "p://1,2", &[("x", "1"), ("y", "2")]),
            ("p://{x}-{y}", "p://a-b-c", &[("x", "a-b"), ("y", "c")]),
            ("file:///{+path}", "file:///a/b%20c.txt", &[("path", "a/b c.txt")]),
            ("file://{+path}", "file:///a", &[("path", "/a")]),
            ("f://{+path}{?q}", "f://a/b?q=1", &[("path", "a/b"), ("q", "1")]),
            ("f://{+url}", "f://http://a?b=c#d", &[("url", "http://a?b=c#d")]),
            ("f://a{#part}", "f://a#b/c", &[("part", "b/c")]),
            ("f://a{#part}", "f://a", &[]),
            ("f://a{.ext}", "f://a.tar.gz", &[("ext", "tar.gz")]),
            ("f://a{.x,y}", "f://a.1.2", &[("x", "1"), ("y", "2")]),
            ("f://a{/x,y}", "f://a/1/2", &[("x", "1"), ("y", "2")]),
            ("f://a{/x,y}", "f://a/1", &[("x", "1")]),
            ("f://a{;x,y}", "f://a;x=1;y", &[("x", "1"), ("y", "")]),
            ("f://a{;x,xy}", "f://a;xy=1", &[("xy", "1")]),
            ("f://a{?x,y}", "f://a?y=2&x=a%2Fb%26c", &[("x", "a/b&c"), ("y", "2")]),
            ("f://a{?x}", "f://a", &[]),
            ("f://a?k=1{&x}", "f://a?k=1&x=..", &[("x", "..")]),
            ("f://{a.b}", "f://(1+1)", &[("a.b", "(1+1)")]),
        ] {
            assert_eq!(found(text, uri), texts(members), "{text} {uri}");
        }
    }

    #[test]
    fn nothing_comes_in_that_the_template_does_not_let_through() {
        for (text, uri) in [
            ("user://{id}", "user://"),
            ("user://{id}", "user://a/b"),
            ("user://{id}", "user://a%2Fb"),
            ("user://{id}", "user://a%5cb"),
            ("user://{id}", "user://.."),
            ("user://{id}", "user://%2e%2E"),
            ("user://{id}", "user://a%00"),
            ("user://{id}", "user://a%f"),
            ("user://{id}", "user://%ff"),
            ("user://{id}", "user://a?b"),
            ("user://{id}", "xuser://a"),
            ("user://{id}.txt", "user://aXtxt"),
            ("f://a{/x}", "f://a/%2e%2e"),
            ("file:///{+path}", "file:///../etc"),
            ("file:///{+path}", "file:///a/%2e./etc"),
            ("file:///{+path}", "file:///a%2f..%2fetc"),
            ("file:///{+path}", "file:///a%5C..%5Cetc"),
            ("file:///{+path}", "file:////etc"),
            ("file:///{+path}", "file:///%2Fetc"),
            ("f://a{?x}", "f://a?y=1"),
            ("f://a{?x}", "f://a?x=1&x=2"),
        ] {
            assert_eq!(found(text, uri), None, "{text} {uri}");
        }
    }

    #[test]
    fn a_template_that_cannot_be_matched_says_why() {
        for (text, why) in [
            ("a://{b", "not closed"),
            ("a://b}", "not opened"),
            ("a://{}", "no name"),
            ("a://{b}/{b}", "twice"),
            ("a://{path*}", "{+name}"),
            ("a://{b:3}", "level 4"),
            ("a://{=b}", "for later"),
            ("a://{?b}{&c}", "in one"),
        ] {
            let error = UriTemplate::parse(&ResourceTemplate::new(text, "t")).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
        let variables: Vec<String> = template("a://{b}{/c}{?d,e}").variables().map(str::to_owned).collect();
        assert_eq!(variables, ["b", "c", "d", "e"]);
    }

    proptest! {
        #[test]
        fn no_uri_makes_a_variable_leave_its_place(uri in r"(file:///)?([./%25eEfF\\?#&=a]|%2[eEfF]|%5[cC]|%00){0,24}") {
            for text in ["file:///{a}", "file:///{+a}", "file:///a{/a}{?b}"] {
                if let Some(a) = template(text).matches(&uri).and_then(|mut texts| texts.remove("a")) {
                    prop_assert!(!a.starts_with(['/', '\\']) && !a.contains('\0'));
                    prop_assert!(!a.split(['/', '\\']).any(|segment| segment == ".." || segment == "."));
                }
            }
        }
    }
}
