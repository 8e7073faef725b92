//! Where in a file the bytes are that a medium does not give back as they were written.

use super::examined::Examined;
use crate::bundle::problem::{Problem, ProblemKind};

impl Examined {
    /// `problem` with the bytes that it is about, where the bundle is read past memory and that has
    /// others, or the file is a part of another one.
    pub(super) fn traced(&self, mut problem: Problem) -> Problem {
        if !self.tree.is_past_cache() || problem.kind != ProblemKind::Damaged {
            return problem;
        }
        let path = &problem.path;
        let differing = self.tree.differing(path);
        if let Some(part) = &differing {
            let (first, last) = (part.start(), part.end());
            problem.detail.push_str(&format!(
                "; the medium gives back other bytes than were written, from {first} to {last} of it"
            ));
        }
        let size = self.tree.size(path).unwrap_or(0);
        if let (false, Some(last)) = (self.tree.is_folder(), size.checked_sub(1)) {
            let begin = self.tree.position(path);
            let part = differing.unwrap_or(0..=last);
            let (first, last) = (begin + part.start(), begin + part.end());
            problem.detail.push_str(&format!(" (bytes {first} to {last} of the packed file)"));
        }
        problem
    }
}
