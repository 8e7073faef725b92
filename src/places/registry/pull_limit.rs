//! [`PullLimit`]: how many manifests a registry still gives out, as Docker Hub says in
//! `ratelimit-limit` and `ratelimit-remaining` (`100;w=21600`).

use super::http::answer::Answer;

/// A registry's word on how often it may still be asked for manifests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PullLimit {
    /// Manifests that may still be fetched.
    pub remaining: u64,
    /// Manifests in all, for each window.
    pub limit: Option<u64>,
    /// The window in seconds.
    pub window: Option<u64>,
}

impl PullLimit {
    /// What the headers of `answer` say, if anything.
    pub(super) fn of(answer: &Answer) -> Option<PullLimit> {
        let (remaining, window) = parse(answer.header("ratelimit-remaining")?)?;
        let limit = answer.header("ratelimit-limit").and_then(parse);
        let window = window.or(limit.and_then(|(_, window)| window));
        Some(PullLimit { remaining, limit: limit.map(|(limit, _)| limit), window })
    }
}

/// `76;w=21600`: a number, and a window in seconds where one is given.
fn parse(value: &str) -> Option<(u64, Option<u64>)> {
    let (number, rest) = value.split_once(';').unwrap_or((value, ""));
    let window = rest.split(';').find_map(|part| part.trim().strip_prefix("w=")?.parse().ok());
    Some((number.trim().parse().ok()?, window))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_headers_of_docker_hub_are_understood() {
        assert_eq!(parse("76;w=21600"), Some((76, Some(21600))));
        assert_eq!(parse(" 0 "), Some((0, None)));
        assert_eq!(parse("100;x=1; w=60"), Some((100, Some(60))));
        for bad in ["", "many", "-1", "1.5;w=2"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
