//! What is wrong with the bytes of a bundle's files: all that the signed list names are read, or those that are wanted.

use std::collections::BTreeSet;

use super::examined::Examined;
use super::reading::read_whole;
use crate::bundle::problem::Problem;
use crate::tools::parallel;
use crate::words::digest::Digest;
use crate::words::document::Descriptor;
use crate::words::error::Result;
use crate::words::progress::{Event, Progress};

/// What is done where every byte is read past memory.
const READING_BACK: &str = "reading back from the medium";

impl Examined {
    /// Reads every remaining file of the list and notes what is wrong, on `jobs` threads.
    ///
    /// # Errors
    /// Only a stop that was asked for: what is wrong is a problem, not an error.
    pub fn hash_everything(&mut self, jobs: usize, progress: &dyn Progress) -> Result<()> {
        // What is wrong already need not be read to be told.
        let known: BTreeSet<&str> = self.problems.iter().map(|p| p.path.as_str()).collect();
        let found = self.hash_files(|path| !known.contains(path), jobs, progress)?;
        self.problems.extend(found);
        self.name_images();
        Ok(())
    }

    /// Reads every file of the list of which the path `is_wanted`, and what stands in volumes beside the files.
    /// Gives what is wrong, of which it is not told yet which images it touches.
    ///
    /// # Errors
    /// As [`hash_everything`](Examined::hash_everything).
    pub(super) fn hash_files(
        &self,
        is_wanted: impl Fn(&str) -> bool,
        jobs: usize,
        progress: &dyn Progress,
    ) -> Result<Vec<Problem>> {
        let listed = self.sums.files().iter().filter(|(path, _)| is_wanted(path));
        let ahead: Vec<(&str, &Digest, u64)> = listed
            .filter_map(|(path, digest)| Some((path.as_str(), digest, self.tree.size(path)?)))
            .collect();
        let bytes = ahead.iter().fold(0, |sum: u64, (.., size)| sum.saturating_add(*size));
        let name = if self.tree.is_past_cache() { READING_BACK } else { "verifying" };
        progress.event(Event::Phase { name, bytes, items: ahead.len() as u64 });
        let found = parallel::map(jobs, &ahead, |(path, digest, size)| {
            let blob = Descriptor::new("", **digest, *size);
            let problem = self.hash_watched(path, &blob, progress);
            progress.event(Event::Finished { digest: **digest });
            progress.check().map(|()| problem)
        })?;
        self.tree.unbroken()?;
        progress.event(Event::Done);
        let mut found: Vec<Problem> = found.into_iter().flatten().collect();
        found.extend(self.hash_apart(jobs, progress)?);
        Ok(found)
    }

    /// Hashes a file, and notes the state that it was in if it is right.
    fn hash_watched(
        &self,
        path: &str,
        blob: &Descriptor,
        progress: &dyn Progress,
    ) -> Option<Problem> {
        let reader = match self.tree.open_file(path, 0) {
            Ok(reader) => reader,
            Err(e) => return Some(Problem::reading(path, &e)),
        };
        let watched = self.sound.as_deref().zip(reader.stretch());
        let watched = watched.map(|(sound, file)| (sound, sound.begin(&file), file));
        let mut problem = read_whole(reader, path, blob, progress).map(|it| self.traced(it));
        if let Some(problem) = &mut problem {
            self.name_suspects(problem);
        }
        if let (Some((sound, before, file)), None) = (watched, &problem) {
            sound.found(blob.digest, &file, before);
        }
        problem
    }
}
