//! Which images each problem touches.

use std::collections::{BTreeMap, BTreeSet};

use crate::bundle::contents::{Contents, RootAt};
use crate::bundle::problem::{Problem, ProblemKind};
use crate::places::layout::blob_digest;
use crate::words::at::At;
use crate::words::digest::Digest;

/// Most names over all problems. A bundle of ten thousand images whose blobs were not copied has
/// sixty thousand problems, and each could name all images.
const MAX_NAMES: usize = 100_000;
/// How many names a problem gets in any case: as many as a line shows.
const MIN_NAMES: usize = 5;

/// Fills in the images of each problem. `signed` says of a path that is no blob whether it is
/// part of the bundle, so that all images depend on it.
///
/// What belongs to a manifest that cannot be read is not known; such a blob is put down to the
/// images of all those manifests, which cannot be used in any case.
pub(super) fn name(problems: &mut [Problem], contents: &Contents, signed: impl Fn(&str) -> bool) {
    let blobs: BTreeSet<Digest> = problems.iter().filter_map(|p| blob_digest(&p.path)).collect();
    let users: BTreeMap<Digest, Vec<RootAt>> = contents.needed_by(&blobs);
    let unread = users.iter().filter(|(digest, _)| !contents.documents.contains_key(digest));
    let doubtful: BTreeSet<RootAt> = unread.flat_map(|(_, users)| users).copied().collect();
    let doubtful: Vec<RootAt> = doubtful.into_iter().collect();
    let images = At::each(&contents.images);
    let everything: Vec<RootAt> = images.map(|(at, _)| RootAt::Image(at)).collect();
    let mut left = MAX_NAMES;
    // Of a volume it is known what it holds.
    for problem in problems.iter_mut().filter(|it| it.kind != ProblemKind::MissingVolume) {
        let touched = match blob_digest(&problem.path) {
            Some(digest) => match users.get(&digest) {
                Some(users) => users.as_slice(),
                None if problem.kind == ProblemKind::Extra => &[],
                None => &doubtful,
            },
            None if signed(&problem.path) => &everything,
            None => &[],
        };
        let shown = touched.len().min(left.max(MIN_NAMES));
        left = left.saturating_sub(shown);
        problem.images = touched[..shown].iter().map(|at| contents.root_name(*at)).collect();
        problem.images.dedup();
        problem.more_images = touched.len() - shown;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::contents::Image;

    fn image(number: usize) -> Image {
        Image {
            name: format!("localhost/a:{number}").parse().unwrap(),
            digest: Digest::of(&number.to_le_bytes()),
            media_type: "m".to_owned(),
            size: 1,
            platforms: Vec::new(),
            source: String::new(),
            left_out: Vec::new(),
            rewritten_from: None,
            made: false,
        }
    }

    fn missing(digest: Digest) -> Problem {
        Problem::new(
            ProblemKind::Missing,
            crate::places::layout::blob_path(&digest),
            "is not there",
        )
    }

    #[test]
    fn a_copy_without_any_blob_is_reported_in_bounded_memory() {
        let images: Vec<Image> = (0..10_000).map(image).collect();
        let mut problems: Vec<Problem> = images.iter().map(|i| missing(i.digest)).collect();
        problems.extend((0..50_000u32).map(|n| missing(Digest::of(&n.to_be_bytes()))));
        let contents = Contents { images, ..Contents::default() };

        name(&mut problems, &contents, |_| false);

        assert_eq!(problems[7].images, ["localhost/a:7"]);
        let names: usize = problems.iter().map(|problem| problem.images.len()).sum();
        assert!(names < MAX_NAMES + MIN_NAMES * problems.len(), "{names}");
        let last = &problems[problems.len() - 1];
        assert_eq!(last.images.len() + last.more_images, 10_000);
        assert!(last.to_string().ends_with("localhost/a:4 and 9995 more)"), "{last}");
    }

    #[test]
    fn what_was_added_is_needed_by_nobody() {
        let contents = Contents { images: vec![image(1)], ..Contents::default() };
        let mut problems = [
            Problem::new(ProblemKind::NotAFile, "blobs/link", "is a symbolic link, not a file"),
            Problem::new(ProblemKind::Damaged, "index.json", "is damaged"),
        ];

        name(&mut problems, &contents, |path| path == "index.json");

        assert!(problems[0].images.is_empty());
        assert_eq!(problems[1].images, ["localhost/a:1"]);
    }
}
