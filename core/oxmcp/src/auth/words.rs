/// Characters of what a server says that are shown to people.
const MAX_SHOWN: usize = 256;

/// What a server says, for people: a line that is not too long.
pub(super) fn printable(words: &str) -> String {
    words.chars().filter(|char| !char.is_control()).take(MAX_SHOWN).collect()
}
