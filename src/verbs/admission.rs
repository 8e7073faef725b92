//! [`Admission`]: the policies that images are held against before they are let in.

mod gathered;
mod reading;
mod signed;

use std::collections::BTreeSet;

pub(super) use self::gathered::facts_of;
pub(super) use self::reading::PartReading;
use crate::bundle::contents::Contents;
use crate::bundle::image_signature::SignedNames;
use crate::bundle::ledger::{LedgerEvent, LedgerOverride};
use crate::bundle::screening::Screening;
use crate::words::error::{Class, Error, Result, RuleRefusal, Subject};
use crate::words::moment::Moment;
use crate::words::phrase::phrase;
use crate::words::progress::{Event, Progress};
use crate::words::reference::Reference;
use crate::words::remedy::Remedy;
use crate::work::graph::Wanted;
use crate::work::policy::{
    AdmissionPolicy, BrokenPolicyRule, ImageFacts, PolicyAction, PolicySubject,
};

/// Most warnings that are told one by one, and that a statement or a ledger names: a policy that warns of
/// more is wrong itself, and `policy check` shows all.
const MAX_WARNINGS: usize = 500;
/// What is not checked of a signature.
const LOG: &str = "that a transparency log has it";

/// The policies that images are held against before they are let in: all have to be kept.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Admission {
    /// The policies.
    pub policies: Vec<AdmissionPolicy>,
    /// Why it goes on though a rule is broken; nothing where it does not.
    pub warn_only: Option<String>,
}

/// What came of it where images were let in.
#[derive(Debug, Clone, Default)]
pub(super) struct Admitted {
    /// What each policy said.
    pub(super) screenings: Vec<Screening>,
    /// Why rules were broken all the same, where any was.
    overridden: Option<String>,
}

impl Admission {
    /// These `policies`, or in spite of them for the reason `warn_only`.
    #[must_use]
    pub fn new(policies: Vec<AdmissionPolicy>, warn_only: Option<String>) -> Admission {
        Admission { policies, warn_only }
    }

    /// Whether any policy asks who signed an image, or what comes along with it.
    pub(super) fn asks_signatures(&self) -> bool {
        let mut rules = self.policies.iter().flat_map(|policy| &policy.rules);
        rules.any(|rule| rule.signed_by().is_some() || rule.attested_by().is_some())
    }

    /// Refuses images that are not let in for their names alone.
    ///
    /// # Errors
    /// [`Class::Untrusted`], with every rule that is broken.
    pub(super) fn of_names(&self, wanted: &[Wanted], now: Moment) -> Result<()> {
        if self.policies.is_empty() || self.warn_only.is_some() {
            return Ok(());
        }
        let facts: Vec<ImageFacts> = wanted.iter().map(|it| ImageFacts::named(&it.name)).collect();
        self.refused(&self.broken(PolicySubject::new(&facts, None, now))).map_or(Ok(()), Err)
    }

    /// Lets the images of `contents` in, of which `reading` gives the small parts.
    ///
    /// # Errors
    /// [`Class::Untrusted`], with every rule that is broken; those of reading.
    pub(super) fn of_contents(
        &self,
        contents: &Contents,
        reading: &PartReading<'_>,
        now: Moment,
    ) -> Result<Admitted> {
        if self.policies.is_empty() {
            return Ok(Admitted::default());
        }
        let facts = facts_of(contents, &self.policies, reading)?;
        let broken = self.broken(PolicySubject::new(&facts, Some(contents.bytes()), now));
        let is_denied = broken.iter().flatten().any(|it| it.action == PolicyAction::Deny);
        if let (true, Some(error)) = (self.warn_only.is_none(), self.refused(&broken)) {
            return Err(error);
        }
        let all = self.policies.iter().zip(&broken);
        let screenings = all.map(|(policy, broken)| {
            let warnings: Vec<String> = broken.iter().map(|it| self.told(it)).collect();
            let (warnings, warn_only) = (capped(warnings), self.warn_only.is_some());
            Screening::Policy { policy: policy.digest, warnings, warn_only }
        });
        let signed = self.policies.iter().flat_map(|policy| signatures(policy, &facts));
        let screenings = screenings.chain(signed).collect();
        Ok(Admitted { screenings, overridden: self.warn_only.clone().filter(|_| is_denied) })
    }

    /// What each policy says is broken.
    fn broken(&self, subject: PolicySubject<'_>) -> Vec<Vec<BrokenPolicyRule>> {
        self.policies.iter().map(|policy| policy.judge(subject).broken).collect()
    }

    fn told(&self, broken: &BrokenPolicyRule) -> String {
        match broken.action {
            PolicyAction::Deny if self.warn_only.is_some() => format!("{broken} (overridden)"),
            _ => broken.to_string(),
        }
    }

    /// All that is denied, as a failure, if anything is.
    pub(super) fn refused(&self, broken: &[Vec<BrokenPolicyRule>]) -> Option<Error> {
        let is_denied = |it: &&BrokenPolicyRule| it.action == PolicyAction::Deny;
        let all = self.policies.iter().zip(broken);
        let all: Vec<_> =
            all.filter(|(_, broken)| broken.iter().any(|it| is_denied(&it))).collect();
        let files: Vec<String> =
            all.iter().map(|(policy, _)| policy.file.display().to_string()).collect();
        let denied = all.iter().flat_map(|(policy, broken)| {
            broken.iter().filter(is_denied).map(move |it| (*policy, it))
        });
        let (mut lines, mut images, mut refusals) = (Vec::new(), BTreeSet::new(), Vec::new());
        for (policy, it) in denied {
            let image = it.image.as_ref().map(Reference::to_string);
            let refusal = RuleRefusal::new(&it.rule, image.into_iter().collect(), &it.what);
            refusals.push(refusal.of_policy(policy.digest));
            images.extend(it.image.as_ref().map(Reference::to_string));
            lines.push(match files.len() {
                1 => it.to_string(),
                _ => format!("{}: {it}", policy.file.display()),
            });
        }
        if lines.is_empty() {
            return None;
        }
        let what = match (images.len(), images.first()) {
            (0, _) => "the bundle is".to_owned(),
            (1, Some(image)) => format!("{image} is"),
            (count, _) => format!("{count} images are"),
        };
        let text = format!("{what} not let in by policy {}", files.join(" and "));
        Some(
            Error::new(Class::Untrusted, text)
                .details(lines)
                .refusing(refusals)
                .about(images.into_iter().map(Subject::Image))
                .hint(phrase![
                    "leave out what it names, or ask who keeps the policy; ",
                    Remedy::WarnOnly,
                    " goes on in spite of it, and has the reason recorded"
                ]),
        )
    }
}

impl Admitted {
    /// Tells `progress` of what was warned of.
    pub(super) fn tell(&self, progress: &dyn Progress) {
        for screening in &self.screenings {
            let Screening::Policy { warnings, .. } = screening else { continue };
            for warning in warnings {
                progress.event(Event::note(format!("policy warns: {warning}")));
            }
        }
    }

    /// Enters into `event` what was said, in place of what was entered before.
    pub(super) fn enter(&self, event: &mut LedgerEvent) {
        event.screenings.extend(self.screenings.iter().cloned());
        event.screenings = Screening::in_order(std::mem::take(&mut event.screenings));
        let done = LedgerOverride::new("warnOnly", self.overridden.as_deref());
        if self.overridden.is_some() && !event.overrides.contains(&done) {
            event.overrides.push(done);
        }
    }
}

/// The signatures by which the rules of `policy` were kept.
fn signatures(policy: &AdmissionPolicy, facts: &[ImageFacts]) -> Vec<Screening> {
    let mut found = Vec::new();
    for rule in &policy.rules {
        let Some((keys, names)) = rule.signed_by() else { continue };
        let asked = (keys.ids(), *names);
        for image in facts.iter().filter(|image| rule.is_for(image)) {
            let Some(parts) = &image.parts else { continue };
            let signature = parts.signatures.get(&asked);
            let (Some(Ok(signature)), Some(digest)) = (signature, parts.signed_as) else {
                continue;
            };
            let any = (*names == SignedNames::Any).then(|| "the name".to_owned());
            let unchecked = any.into_iter().chain([LOG.to_owned()]);
            found.push(Screening::Signature {
                image: image.name.clone(),
                digest,
                rule: format!("rule {} of policy {}", rule.name, policy.file.display()),
                key: signature.key.hex(),
                form: signature.form.name().to_owned(),
                unchecked: unchecked.collect(),
            });
        }
    }
    found
}

fn capped(mut warnings: Vec<String>) -> Vec<String> {
    let more = warnings.len().saturating_sub(MAX_WARNINGS);
    if more > 0 {
        warnings.truncate(MAX_WARNINGS);
        warnings.push(format!("{more} more"));
    }
    warnings
}
