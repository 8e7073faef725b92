//! [`Safe`], the only way in which text from outside reaches a terminal.

use std::fmt;

/// Shows text from outside with every control, escape and direction-changing character spelled
/// out, so that no name, label or server message can move the cursor, retitle a window or hide
/// a word (CVE-2021-25743 and its kin).
#[derive(Clone, Copy)]
pub struct Safe<'a>(pub &'a str);

/// Whether `c` may reach a terminal as it is.
fn is_plain(c: char) -> bool {
    !(c.is_control()
        || matches!(c,
            '\u{00ad}' | '\u{061c}' | '\u{180e}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'))
}

impl fmt::Display for Safe<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            if is_plain(c) {
                fmt::Write::write_char(f, c)?;
            } else {
                write!(f, "{}", c.escape_unicode())?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Safe<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// [`Safe`] as an owned string, cut after `limit` characters.
#[must_use]
pub fn safe(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((cut, _)) => format!("{}…", Safe(&text[..cut])),
        None => Safe(text).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_moves_a_cursor_gets_through() {
        assert_eq!(safe("\x1b]0;x\x07", 99), "\\u{1b}]0;x\\u{7}");
        assert_eq!(safe("FAILED\rOK", 99), "FAILED\\u{d}OK");
        assert_eq!(safe("a\u{202e}b\u{9b}c\u{2066}", 99), "a\\u{202e}b\\u{9b}c\\u{2066}");
        assert_eq!(safe("größe 漢字", 99), "größe 漢字");
        assert_eq!(safe("abcdef", 3), "abc…");
    }
}
