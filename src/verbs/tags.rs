//! `tags`: what a repository calls its images.

use std::cmp::Ordering;

use serde::Serialize;

use crate::places::registry::Client;
use crate::words::error::{Result, Side};
use crate::words::reference::{Reference, Tag};

/// The tags of a repository.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RepositoryTags {
    /// `host/path`.
    pub repository: String,
    /// All of them, numbers inside of them in the order of numbers.
    pub tags: Vec<Tag>,
}

/// All tags of the repository that `name` is in, whatever tag or digest it has itself.
///
/// # Errors
/// As [`RegistryRepository::tags`](crate::places::registry::RegistryRepository::tags).
pub fn tags(name: &Reference, client: &Client) -> Result<RepositoryTags> {
    // 1. Ask for all pages.
    let mut tags = client.repository(&name.registry, &name.repository, Side::Source).tags()?;

    // 2. In an order that people expect; registries have each their own.
    tags.sort_by(|a, b| natural(a.as_str(), b.as_str()));
    tags.dedup();
    Ok(RepositoryTags { repository: name.name(), tags })
}

/// Compares text byte by byte, but runs of digits as numbers: `1.9` comes before `1.10`.
pub(super) fn natural(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a.as_bytes(), b.as_bytes());
    while let (Some(x), Some(y)) = (left.first(), right.first()) {
        let order = match x.is_ascii_digit() && y.is_ascii_digit() {
            true => {
                let (number, other) = (digits(&mut left), digits(&mut right));
                number.len().cmp(&other.len()).then(number.cmp(other))
            }
            false => {
                (left, right) = (&left[1..], &right[1..]);
                x.cmp(y)
            }
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    // `01` and `1` are the same number and still two tags.
    left.len().cmp(&right.len()).then(a.cmp(b))
}

/// Takes the digits at the front, and gives them without leading zeros.
fn digits<'a>(text: &mut &'a [u8]) -> &'a [u8] {
    let end = text.iter().position(|c| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    *text = rest;
    let zeros = number.iter().take_while(|c| **c == b'0').count();
    &number[zeros..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_tags_are_in_the_order_of_numbers() {
        let sorted = ["01", "1", "1.9", "1.10", "1.10-rc1", "2", "10", "latest", "v1.2", "v1.10"];

        let mut tags = sorted;
        tags.reverse();
        tags.sort_by(|a, b| natural(a, b));

        assert_eq!(tags, sorted);
    }
}
