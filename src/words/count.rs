//! [`count`]: how many, with the word for it in its right form.

/// `1 part`, `2 parts`.
#[must_use]
pub fn count(number: impl Into<Number>, one: &str) -> String {
    let Number(number) = number.into();
    format!("{number} {one}{}", if number == 1 { "" } else { "s" })
}

/// `are`, or `is` behind one.
#[must_use]
pub fn are(number: impl Into<Number>) -> &'static str {
    if number.into().0 == 1 { "is" } else { "are" }
}

/// How many, from the types that count.
#[derive(Debug, Clone, Copy)]
pub struct Number(u64);

impl From<u64> for Number {
    fn from(number: u64) -> Number {
        Number(number)
    }
}

impl From<usize> for Number {
    fn from(number: usize) -> Number {
        Number(number as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular_and_all_else_plural() {
        let said = |n: u64| format!("{} {} there", count(n, "part"), are(n));

        assert_eq!(said(0), "0 parts are there");
        assert_eq!(said(1), "1 part is there");
        assert_eq!(said(2), "2 parts are there");
    }
}
