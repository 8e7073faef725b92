//! Whether bundle and destination have everything together: the proof that a delta is complete, before
//! anything is written.

use std::collections::{BTreeMap, BTreeSet};

use super::obstacle::Obstacle;
use super::{Count, Plan};
use crate::bundle::contents::Contents;
use crate::bundle::subset::needing;
use crate::words::count::count;
use crate::words::digest::Digest;
use crate::words::document::Descriptor;
use crate::words::error::Class;

impl Plan {
    /// Enters as an obstacle what would have to be sent and is not carried, image by image.
    pub(super) fn prove(&mut self, contents: &Contents) {
        let not_carried: BTreeMap<Digest, &Descriptor> =
            contents.blobs.lacking().map(|blob| (blob.digest, blob)).collect();
        let missing: BTreeSet<Digest> = self
            .sent()
            .map(|blob| blob.digest)
            .filter(|digest| not_carried.contains_key(digest))
            .collect();
        if missing.is_empty() {
            return;
        }
        let mut weight = Count::default();
        missing.iter().filter_map(|digest| not_carried.get(digest)).for_each(|it| weight.add(it));
        let findings = needing(contents, &missing).into_iter().flat_map(|(at, digests)| {
            let name = &at.of(&contents.images).name;
            let size = |digest: &Digest| not_carried.get(digest).map_or(0, |blob| blob.size);
            let line = move |digest: Digest| {
                format!("{name} needs blob {digest} ({} bytes)", size(&digest))
            };
            digests.into_iter().map(line).collect::<Vec<String>>()
        });
        let text = format!(
            "the bundle does not carry {} of {} bytes, and the destination does not have them",
            count(missing.len(), "blob"),
            weight.bytes
        );
        let hint = "bring an earlier bundle that has them along, or have the sender make one that \
                    carries them";
        let obstacle = Obstacle::new(Class::Incomplete, text, hint).about(findings);
        self.obstacles.push(obstacle);
    }
}
