//! How what a bundle says becomes text of a page: nothing in it can be markup, a link or a control
//! character. The templates use these by their names (`askama.toml`), wherever they show anything.

use std::fmt::{self, Write};

use askama::filters::{Escaper, Html};

use crate::words::escape::Safe;

/// Text in HTML and SVG, between tags or in a quoted attribute.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PageText;

/// Text in Markdown, outside of code.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MarkdownText;

impl Escaper for PageText {
    fn write_escaped_str<W: Write>(&self, dest: W, text: &str) -> fmt::Result {
        struct Page<W>(W);
        impl<W: Write> Write for Page<W> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                Html.write_escaped_str(&mut self.0, text)
            }
        }
        write!(Page(dest), "{}", Safe(text))
    }
}

/// Any punctuation of ASCII may have a backslash (CommonMark, "Backslash escapes"); that has one which
/// may be a mark.
impl Escaper for MarkdownText {
    fn write_escaped_str<W: Write>(&self, mut dest: W, text: &str) -> fmt::Result {
        let text = Safe(text).to_string();
        let number = text.bytes().take_while(u8::is_ascii_digit).count();
        for (at, c) in text.char_indices() {
            let rest = &text[at..];
            match c {
                '<' => dest.write_str("&lt;")?,
                '>' => dest.write_str("&gt;")?,
                '&' => dest.write_str("&amp;")?,
                // What GitHub makes a mention, a reference or a link of.
                '@' | '#' | '$' => write!(dest, "\\{c}")?,
                ':' if rest.starts_with(":/") => dest.write_str("\\:")?,
                '.' if text[..at].to_ascii_lowercase().ends_with("www") => dest.write_str("\\.")?,
                // What is a list or a heading at the beginning.
                '-' | '+' | '=' if at == 0 => write!(dest, "\\{c}")?,
                '.' if at > 0 && at == number && (rest == "." || rest.starts_with(". ")) => {
                    write!(dest, "\\{c}")?
                }
                '\\' | '`' | '*' | '_' | '~' | '|' | '[' | ']' | '(' | ')' | '!' | '{' | '}' => {
                    write!(dest, "\\{c}")?;
                }
                c => dest.write_char(c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelled(escaper: impl Escaper, text: &str) -> String {
        let mut out = String::new();
        escaper.write_escaped_str(&mut out, text).unwrap();
        out
    }

    #[test]
    fn a_page_shows_markup_and_controls_as_text() {
        assert_eq!(spelled(PageText, "<b a='x\">&"), "&#60;b a=&#39;x&#34;&#62;&#38;");
        assert_eq!(spelled(PageText, "a\u{202e}b\n"), "a\\u{202e}b\\u{a}");
        assert_eq!(spelled(PageText, "größe"), "größe");
    }

    #[test]
    fn markdown_shows_its_own_marks_as_text() {
        for (text, expected) in [
            ("[x](http://y)", r"\[x\]\(http\://y\)"),
            ("| `z` <b> *a* _b_", r"\| \`z\` &lt;b&gt; \*a\* \_b\_"),
            ("WWW.example.com", r"WWW\.example.com"),
            ("x@example.com #1", r"x\@example.com \#1"),
            ("# heading", r"\# heading"),
            ("- item", r"\- item"),
            ("12. item", r"12\. item"),
            ("<https://x>", r"&lt;https\://x&gt;"),
            ("quay.io/acme/a-b:1.0", "quay.io/acme/a-b:1.0"),
            ("1.0", "1.0"),
            ("2026-11-26T10:00:00Z", "2026-11-26T10:00:00Z"),
            ("a\n# b", r"a\\u\{a\}\# b"),
        ] {
            assert_eq!(spelled(MarkdownText, text), expected, "{text}");
        }
    }
}
