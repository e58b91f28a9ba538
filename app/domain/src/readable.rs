//! Characters that people cannot see, or that make what follows read as something else.

/// Whether a character steers rather than says: control characters, and those that turn the direction of what
/// follows, by which a name could be made to read as another.
#[must_use]
pub fn misleads(c: char) -> bool {
    c.is_control() || matches!(c, '\u{61C}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Whether a character misleads or cannot be seen. Nothing that is set needs one, and with it two settings can look
/// the same and not be.
#[must_use]
pub fn is_hidden(c: char) -> bool {
    misleads(c) || has_no_ink(c)
}

/// The text of another system, fit to be shown among our own: a space for each character that misleads, and nothing
/// for those that cannot be seen.
pub fn plain(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars().filter(|c| misleads(*c) || !has_no_ink(*c)).map(|c| if misleads(c) { ' ' } else { c })
}

/// Whether anybody can see something in a text: it has more than spaces and characters without width or ink.
#[must_use]
pub fn says_something(text: &str) -> bool {
    text.chars().any(|c| !c.is_whitespace() && !misleads(c) && !has_no_ink(c))
}

const fn has_no_ink(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{34F}' | '\u{115F}' | '\u{1160}' | '\u{180E}' | '\u{2800}' | '\u{3164}' | '\u{FEFF}' | '\u{FFA0}'
        | '\u{200B}'..='\u{200F}' | '\u{2060}'..='\u{206F}' | '\u{FE00}'..='\u{FE0F}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_can_see_says_nothing() {
        for text in ["", "  ", "\u{200B}", " \u{FEFF}\n\u{3164}", "\u{2060}\u{FE0F}", "\u{202E}"] {
            assert!(!says_something(text), "{text:?}");
        }
        assert!(says_something("\u{26A0}\u{FE0F}") && says_something(" ü"));
    }

    #[test]
    fn text_of_others_is_shown_without_what_cannot_be_seen() {
        let said = "no \u{202E}lla fo\u{200B}r\u{2066} you\n\u{FEFF}\u{1b}[31mok ü";
        assert_eq!(plain(said).collect::<String>(), "no  lla for  you  [31mok ü");
        assert!(is_hidden('\u{200B}') && is_hidden('\u{202E}') && !is_hidden('a') && !is_hidden(' '));
    }

    #[test]
    fn what_turns_the_direction_misleads() {
        assert!(misleads('\u{202E}') && misleads('\n') && misleads('\u{2066}') && !misleads('ü') && !misleads(' '));
    }
}
