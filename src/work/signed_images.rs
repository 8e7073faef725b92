//! [`signed_images`]: images held against rules for their signatures. Pure but for what reads small blobs.

use super::signature_rule::SignatureRule;
use crate::bundle::contents::{Contents, Image};
use crate::bundle::image_signature::{ReadPart, Unsigned};
use crate::bundle::screening::Screening;
use crate::tools::parallel;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result, RuleRefusal, Side, Subject};
use crate::words::progress::{Event, Progress};

/// Holds the `images` of `contents` against all `rules`, each image against every rule that is for it, with
/// `jobs` at a time; tells which signatures were found. `subject` says which digest has to be signed: that
/// of the image as it was at its source. `progress` is told.
///
/// # Errors
/// [`Class::Untrusted`], naming every image that is not signed as demanded, and the rule; [`Class::Usage`] for
/// rules that are for none of all images of `contents`: one that is spelled wrongly would let everything
/// through. Those of `read`.
pub fn signed_images(
    rules: &[SignatureRule],
    contents: &Contents,
    images: &[Image],
    subject: impl Fn(&Image) -> Digest + Sync,
    read: &ReadPart<'_>,
    jobs: usize,
    progress: &dyn Progress,
) -> Result<Vec<Screening>> {
    idle_rules(rules, &contents.images)?;
    let items = images.len() as u64;
    progress.event(Event::Phase { name: "checking signatures of images", bytes: 0, items });
    let tasks = images.iter().flat_map(|image| {
        let rules = rules.iter().filter(|rule| rule.is_for(image));
        rules.map(move |rule| (image, rule))
    });
    let tasks: Vec<(&Image, &SignatureRule)> = tasks.collect();
    let tried = parallel::map(jobs, &tasks, |(image, rule)| {
        let digest = subject(image);
        let found = rule.ask(contents, digest, &image.name, read);
        let found = found.map_err(|e| e.context(format!("signatures of {}", image.name)))?;
        Ok(match found {
            Ok(signature) => Ok(Screening::Signature {
                image: image.name.clone(),
                digest,
                rule: rule.to_string(),
                key: signature.key.hex(),
                form: signature.form.name().to_owned(),
                unchecked: rule.unchecked(),
            }),
            Err(why) => Err(refused(image, rule, &why)),
        })
    });
    progress.event(Event::Done);
    let tried = tried.map_err(|e: Error| e.on_unless_noted(Side::Source))?;
    let (mut screenings, mut faults) = (Vec::new(), Vec::new());
    for tried in tried {
        match tried {
            Ok(screening) => screenings.push(screening),
            Err(fault) => faults.push(fault),
        }
    }
    let summary = |count| {
        (Class::Untrusted, format!("{count} signatures that are demanded of images are not there"))
    };
    let refused = Error::all(faults, summary).map(|e| e.on_unless_noted(Side::Source));
    refused.map_or(Ok(screenings), Err)
}

/// Refuses `rules` that are for none of `images`.
fn idle_rules(rules: &[SignatureRule], images: &[Image]) -> Result<()> {
    let idle = rules.iter().filter(|rule| !images.iter().any(|image| rule.is_for(image)));
    let faults = idle.map(|rule| {
        Error::new(Class::Usage, format!("no image is meant by the rule for signatures {rule}"))
            .hint("correct its pattern, or leave it out: as it is, it lets everything through")
    });
    let summary = |count| (Class::Usage, format!("{count} rules for signatures mean no image"));
    Error::all(faults.collect(), summary).map_or(Ok(()), Err)
}

fn refused(image: &Image, rule: &SignatureRule, why: &Unsigned) -> Error {
    let text = format!("{} {}; {rule} demands one", image.name, why.in_words());
    let name = image.name.to_string();
    let refusal = RuleRefusal::new(rule.to_string(), vec![name.clone()], why.in_words());
    let error =
        Error::new(Class::Untrusted, text).subject(Subject::Image(name)).refusing([refusal]);
    match (why.way_out(), image.rewritten_from) {
        (None, Some(_)) if *why == Unsigned::NothingAttached => error.hint(
            "its index was written anew on export, which nobody signed; have it exported with its own",
        ),
        (Some(hint), _) => error.hint(hint),
        (None, _) => error.hint("have it signed as the rule says, or correct the rule"),
    }
}
