//! `policy check`: what policies say of a bundle, or of images that are to be exported.

use serde::Serialize;

use crate::bundle::bases::Bases;
use crate::bundle::check::{self, Trust};
use crate::medium::Medium;
use crate::places::registry::Client;
use crate::tools::parallel::all_cores;
use crate::verbs::admission::{Admission, PartReading, facts_of};
use crate::verbs::evidence::Evidence;
use crate::verbs::export::{self, survey};
use crate::words::digest::Digest;
use crate::words::error::{Error, Result};
use crate::words::moment::Moment;
use crate::words::progress::Progress;
use crate::work::policy::{BrokenPolicyRule, ImageFacts, Judgement, PolicySubject, Unjudged};

/// What is to be judged.
#[derive(Debug)]
#[non_exhaustive]
pub enum ToJudge {
    /// What a bundle holds.
    Bundle(Box<BundleToJudge>),
    /// What this export would carry. Nothing is written.
    Images(Box<export::Request>),
    /// The names that this export asks for; no registry is.
    Names(Box<export::Request>),
}

/// A bundle that is to be judged.
#[derive(Debug)]
#[non_exhaustive]
pub struct BundleToJudge {
    /// The bundle.
    pub medium: Medium,
    /// Who must have signed it.
    pub trust: Trust,
    /// The earlier bundles and layouts that give what it does not carry.
    pub bases: Vec<Medium>,
}

impl BundleToJudge {
    /// That on `medium`, signed as `trust` asks, with nothing beside it.
    #[must_use]
    pub fn new(medium: impl Into<Medium>, trust: Trust) -> BundleToJudge {
        BundleToJudge { medium: medium.into(), trust, bases: Vec::new() }
    }
}

/// What is to be judged, and by what.
#[derive(Debug)]
#[non_exhaustive]
pub struct Request {
    /// What.
    pub what: ToJudge,
    /// By what.
    pub admission: Admission,
    /// The time, for ages.
    pub now: Moment,
}

impl Request {
    /// Judges `what` by the policies of `admission`, at the time `now`.
    #[must_use]
    pub fn new(what: ToJudge, admission: Admission, now: Moment) -> Request {
        Request { what, admission, now }
    }
}

/// What one policy says.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct JudgedByPolicy {
    /// Its file.
    pub file: String,
    /// The SHA-256 of that.
    pub policy: Digest,
    /// How many rules it has.
    pub rules: usize,
    /// What is broken, what keeps images out first.
    pub broken: Vec<BrokenPolicyRule>,
    /// The rules of which names alone say nothing.
    pub unjudged: Vec<Unjudged>,
    /// The rules that are for none of the images.
    pub idle: Vec<String>,
}

/// What policies say.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct PolicyReport {
    /// Which bundle it is about, where it is about one.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
    /// How many images were judged.
    pub images: usize,
    /// What each policy says.
    pub policies: Vec<JudgedByPolicy>,
    #[serde(skip)]
    refusal: Option<Error>,
}

impl PolicyReport {
    /// That something would not be let in, as the failure that an export or import would end with.
    #[must_use]
    pub fn refusal(&self) -> Option<&Error> {
        self.refusal.as_ref()
    }
}

/// Judges as `request` says. Layers are not read.
///
/// ```
/// use std::path::Path;
/// use std::sync::Arc;
/// use std::time::SystemTime;
///
/// use sealift::bundle::check::Trust;
/// use sealift::places::registry::{Client, Settings};
/// use sealift::verbs::admission::Admission;
/// use sealift::verbs::policy::{BundleToJudge, Request, ToJudge, check};
/// use sealift::words::progress::Silent;
/// use sealift::work::policy::AdmissionPolicy;
///
/// let rules = b"version = 1\n[[rule]]\nname = \"no-root\"\nno-root = true\n";
/// let policy = AdmissionPolicy::read(Path::new("site.toml"), rules, &|_| unreachable!("no key is named"))?;
/// let bundle = BundleToJudge::new("testdata/formats/v1/packed.tar", Trust::UnsafeAnySigner);
/// let what = ToJudge::Bundle(Box::new(bundle));
/// let admission = Admission::new(vec![policy], None);
/// let request = Request::new(what, admission, SystemTime::now().try_into()?);
/// let client = Client::new(Settings::default(), Arc::new(Silent))?;
/// let told = check(&request, &client, &Silent)?;
/// assert!(told.refusal().is_some(), "its images name no user");
/// # Ok::<(), sealift::words::error::Error>(())
/// ```
///
/// # Errors
/// Those of the bundle, as [`check::examine_expired`]; those of the images, as an export has them.
/// That rules are broken is none: [`PolicyReport::refusal`] says that.
pub fn check(request: &Request, client: &Client, progress: &dyn Progress) -> Result<PolicyReport> {
    // 1. What is known of the images?
    let Known { evidence, images, bundle } = known(request, client, progress)?;

    // 2. What does each policy say of them?
    let admission = &request.admission;
    let subject = PolicySubject::new(&images, bundle, request.now);
    let judged = admission.policies.iter().map(|policy| policy.judge(subject));
    let judged: Vec<Judgement> = judged.collect();
    let broken: Vec<_> = judged.iter().map(|it| it.broken.clone()).collect();
    let refusal = admission.refused(&broken);
    let policies = admission.policies.iter().zip(judged);
    let policies = policies.map(|(policy, judged)| JudgedByPolicy {
        file: policy.file.display().to_string(),
        policy: policy.digest,
        rules: policy.rules.len(),
        broken: judged.broken,
        unjudged: judged.unjudged,
        idle: judged.idle,
    });
    let policies = policies.collect();
    Ok(PolicyReport { evidence, images: images.len(), policies, refusal })
}

/// What is known of the images.
struct Known {
    evidence: Option<Evidence>,
    images: Vec<ImageFacts>,
    /// Bytes that are carried, where they are known.
    bundle: Option<u64>,
}

fn known(request: &Request, client: &Client, progress: &dyn Progress) -> Result<Known> {
    let policies = &request.admission.policies;
    match &request.what {
        ToJudge::Bundle(it) => {
            let BundleToJudge { medium, trust, bases } = &**it;
            let bundle = check::examine_expired(medium, trust)?.into_trusted()?;
            let cancel = progress.handle();
            let bundle = bundle.beside(Bases::open(bases, medium, &cancel)?);
            let contents = bundle.contents();
            let reading = PartReading::of_bundle(&bundle, all_cores(), &cancel);
            let images = facts_of(contents, policies, &reading)?;
            let evidence = Evidence::of(medium, bundle.about(), request.now);
            let bytes = bundle.about().statement().predicate.inventory.bytes;
            Ok(Known { evidence: Some(evidence), images, bundle: Some(bytes) })
        }
        ToJudge::Images(export) => {
            let (images, bytes) = survey(export, policies, client, progress)?;
            Ok(Known { evidence: None, images, bundle: Some(bytes) })
        }
        ToJudge::Names(export) => {
            let names = export::names_of(export, client, progress)?;
            let images = names.iter().map(ImageFacts::named).collect();
            Ok(Known { evidence: None, images, bundle: None })
        }
    }
}
