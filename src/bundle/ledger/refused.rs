//! What an entry tells of refusals: as much as one has room for.

use crate::words::error::RuleRefusal;

/// Most refusals that an entry names: a policy that refuses more is wrong itself, or the images are.
const MAX_REFUSALS: usize = 500;
/// Most names of images in them: a scanner may find something in a layer that half of a bundle has.
const MAX_IMAGES: usize = 10_000;
/// Most characters of a text in one.
const MAX_TEXT: usize = 1_000;

/// Those of `refusals` that an entry has room for, with as many names of images.
pub(super) fn kept(refusals: &[RuleRefusal]) -> Vec<RuleRefusal> {
    let short = |text: &String| text.chars().take(MAX_TEXT).collect();
    let mut room = MAX_IMAGES;
    let kept = refusals.iter().take(MAX_REFUSALS).map(|refusal| {
        let images: Vec<String> = refusal.images.iter().take(room).map(short).collect();
        room -= images.len();
        let mut kept = RuleRefusal::new(short(&refusal.rule), images, short(&refusal.what));
        (kept.policy, kept.tool) = (refusal.policy, refusal.tool.as_ref().map(short));
        kept
    });
    kept.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::ledger::{LedgerEvent, LedgerStage, LedgerVerb};
    use crate::words::error::{Class, Error};

    #[test]
    fn an_entry_has_room_for_all_that_it_tells_of() {
        let images = |n: u32| match n {
            0..3 => (0..6_000).map(|n| format!("image {n}")).collect(),
            _ => vec!["x".repeat(2_000)],
        };
        let all =
            (0..600).map(|n| RuleRefusal::new(format!("rule {n}"), images(n), "y".repeat(2_000)));
        let error = Error::new(Class::Untrusted, "not let in").refusing(all);

        let event = LedgerEvent::new(LedgerVerb::Export, LedgerStage::Failed).failed(&error);

        assert_eq!((event.counts["refused"], event.refusals.len()), (600, 500));
        let named: Vec<usize> = event.refusals.iter().map(|it| it.images.len()).collect();
        assert_eq!(named[..4], [6_000, 4_000, 0, 0]);
        assert!(event.refusals.iter().all(|it| it.what.len() == 1_000));
        assert!(serde_json::to_vec(&event).unwrap().len() < 16 << 20);
    }
}
