//! Names at the destination: what they stand for now, and what is to become of them.

use super::delivery::Delivery;
use super::obstacle::Obstacle;
use super::outline;
use super::step::{NameAction, NameStep, OnExisting};
use crate::bundle::contents::Contents;
use crate::storage::holdings::{Held, Holdings};
use crate::tools::parallel;
use crate::words::cancel::Cancel;
use crate::words::error::{Result, Subject};
use crate::words::reference::{Reference, Tag};

/// Asks the destination what every name stands for now that is `asked` for. Delivery by delivery; the names
/// of the images come first, in their order.
pub(super) fn look_at<H: Holdings + ?Sized>(
    contents: &Contents,
    deliveries: &[Delivery<H>],
    is_asked: impl Fn(&NameStep) -> bool,
    jobs: usize,
    cancel: &Cancel,
) -> Result<Vec<Vec<NameStep>>> {
    let mut names: Vec<_> =
        deliveries.iter().map(|delivery| outline::names(contents, delivery)).collect();
    let asked = names.iter().zip(deliveries).filter(|(_, delivery)| !delivery.absent);
    let questions: Vec<(&Delivery<H>, Reference)> = asked
        .flat_map(|(steps, delivery)| steps.iter().map(move |step| (delivery, step)))
        .filter(|(_, step)| is_asked(step))
        .map(|(delivery, step)| (delivery, step.to.clone()))
        .collect();
    let now = parallel::map(jobs, &questions, |(delivery, name)| {
        cancel.check()?;
        delivery.there.held(name)
    })?;
    let asked = names.iter_mut().zip(deliveries).filter(|(_, delivery)| !delivery.absent);
    let steps =
        asked.flat_map(|(steps, delivery)| steps.iter_mut().map(move |step| (step, delivery)));
    let steps = steps.filter(|(step, _)| is_asked(step));
    for ((step, delivery), now) in steps.zip(now) {
        enter(step, delivery, now, contents)?;
    }
    Ok(names)
}

/// Enters what a name stands for, and what follows. Where nobody may read it, an image that is not
/// there at all is another one; one that is there is taken to be the one that was named.
fn enter<H: Holdings + ?Sized>(
    step: &mut NameStep,
    delivery: &Delivery<H>,
    now: Held,
    contents: &Contents,
) -> Result<()> {
    step.withheld = matches!(now, Held::Withheld(_));
    step.now = match now {
        Held::Nothing => None,
        Held::Known(now) => Some(now),
        Held::Withheld(now) => now,
    };
    step.action = match (now, step.now) {
        (Held::Nothing, _) => NameAction::Create,
        (_, Some(now)) if now == step.digest => NameAction::Present,
        (_, Some(_)) => NameAction::Replace,
        (_, None) => {
            let document = contents.documents.get(&step.digest);
            let there = document.map(|document| delivery.there.has_document(document.descriptor()));
            match there.transpose()? {
                Some(true) => NameAction::Present,
                _ => NameAction::Replace,
            }
        }
    };
    Ok(())
}

/// Decides about the names that stand for other images. Gives what is in the way: those that
/// may not be moved, and those that the destination lets nobody move.
pub(super) fn settle<H: Holdings + ?Sized>(
    names: &mut [Vec<NameStep>],
    contents: &Contents,
    deliveries: &[Delivery<H>],
    existing: OnExisting,
) -> Result<Vec<Obstacle>> {
    let (mut taken, mut fixed) = (Vec::new(), Vec::new());
    for (names, delivery) in names.iter_mut().zip(deliveries) {
        let conflict = |name: &NameStep| {
            (Subject::Image(name.to.to_string()), name.conflict(&*delivery.there))
        };
        for name in names.iter_mut().filter(|name| name.action == NameAction::Replace) {
            // A list of referrers is merged, never replaced.
            if name.is_list() {
                continue;
            }
            match existing {
                OnExisting::Skip => name.action = NameAction::Keep,
                OnExisting::KeepDigest => name.action = NameAction::ByDigest,
                OnExisting::DigestTag => {
                    name.to = name.to.with_tag(Tag::of_digest(&name.digest));
                    enter(name, delivery, delivery.there.held(&name.to)?, contents)?;
                    if name.action == NameAction::Replace {
                        taken.push(conflict(name));
                    }
                }
                _ if delivery.there.is_fixed(&name.to)? => fixed.push(conflict(name)),
                OnExisting::Error => taken.push(conflict(name)),
                OnExisting::Overwrite => {}
            }
        }
    }
    let untagged = deliveries.iter().all(|delivery| delivery.there.keeps_untagged());
    let (fixed_names, fixed): (Vec<_>, Vec<_>) = fixed.into_iter().unzip();
    let (taken_names, taken): (Vec<_>, Vec<_>) = taken.into_iter().unzip();
    let obstacles = [
        Obstacle::immutable(fixed).with_subjects(fixed_names),
        Obstacle::taken(taken, untagged).with_subjects(taken_names),
    ];
    Ok(obstacles.into_iter().filter(|obstacle| !obstacle.findings.is_empty()).collect())
}
