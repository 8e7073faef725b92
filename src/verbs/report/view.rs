//! [`View`]: what the templates ask, which hold no arithmetic of their own.

use std::borrow::Borrow;

use super::bundle_report::BundleReport;
use super::check_walk::CheckWalk;
use super::image::ReportedImage;
use super::manifest::ReportedManifest;
use super::picture::{Bar, bars};
use super::screened::ScreenedText;
use crate::bundle::contents::Reason;
use crate::verbs::inspect::KnownReferrer;
use crate::words::bytes::Bytes;
use crate::words::count::count;
use crate::words::reference::Repository;
use crate::words::run_config::cut;
use crate::work::diff::{ChangeKind, Difference, ImageChange};

/// What the templates show.
#[derive(Debug)]
pub(super) struct View<'r> {
    pub(super) report: &'r BundleReport,
    /// The rows of the picture, and how many more there are.
    pub(super) bars: Vec<Bar<'r>>,
    pub(super) bars_left: usize,
    pub(super) walk: CheckWalk,
    /// The address at which the bundle is served, where it is.
    pub(super) served_at: Option<&'r str>,
    /// Whether it is by TLS.
    pub(super) by_tls: bool,
}

impl<'r> View<'r> {
    pub(super) fn of(report: &'r BundleReport, served_at: Option<&'r str>) -> View<'r> {
        let (bars, bars_left) = bars(&report.usage);
        View { report, bars, bars_left, walk: CheckWalk::of(report), served_at, by_tls: false }
    }

    /// What the bundle is called.
    pub(super) fn name(&self) -> String {
        let path = self.report.evidence.bundle.path();
        let name = path.file_name().unwrap_or(path.as_os_str());
        cut(&name.to_string_lossy())
    }

    /// A size in a few characters.
    pub(super) fn size(&self, bytes: &u64) -> String {
        format!("{:#}", Bytes(*bytes))
    }

    /// A size to the byte.
    pub(super) fn exact(&self, bytes: &u64) -> String {
        Bytes(*bytes).to_string()
    }

    /// `1 image`, `2 images`.
    pub(super) fn number(&self, number: impl Borrow<usize>, noun: &str) -> String {
        count(*number.borrow(), noun)
    }

    /// Free text, which is cut where it is too long.
    pub(super) fn text(&self, text: &str) -> String {
        cut(text)
    }

    pub(super) fn list(&self, words: &[String]) -> String {
        words.join(", ")
    }

    /// A command as a list in JSON, as a config has it: where an argument ends is to be seen.
    pub(super) fn command(&self, words: &[String]) -> String {
        serde_json::to_string(words).unwrap_or_default()
    }

    /// When the image was made, and how long before the report.
    pub(super) fn age(&self, manifest: &ReportedManifest) -> Option<String> {
        let created = manifest.run.as_ref()?.created?;
        let now = self.report.reported_at;
        Some(match manifest.days(now) {
            Some(days) => {
                let days = count(usize::try_from(days).unwrap_or(usize::MAX), "day");
                format!("{created}, {days} before this report")
            }
            None if created > now => format!("{created}, which is in the future"),
            None => format!("{created}, which stands for no date"),
        })
    }

    /// What accompanies an image, in words.
    pub(super) fn kind<'k>(&self, known: &'k KnownReferrer) -> &'k str {
        known.kind.or(known.referrer.artifact_type.as_deref()).unwrap_or("of no type")
    }

    /// How many things were left out of an image, and why.
    pub(super) fn left_out(&self, image: &ReportedImage) -> Option<String> {
        let all = &image.sized.image.left_out;
        let of = |reason: Reason| all.iter().filter(|it| it.reason == reason).count();
        let [platforms, foreign] = [of(Reason::Platform), of(Reason::Foreign)];
        let mut said = Vec::new();
        if platforms > 0 {
            said.push(format!(
                "{} for platforms that were not chosen",
                count(platforms, "manifest")
            ));
        }
        if foreign > 0 {
            let layers = count(foreign, "layer");
            said.push(format!("{layers} that only their owner hands out"));
        }
        (!said.is_empty()).then(|| said.join("; "))
    }

    /// What the images were held against.
    pub(super) fn screened(&self) -> Vec<ScreenedText> {
        self.report.screenings.iter().map(ScreenedText::of).collect()
    }

    /// What became of an image since the earlier bundle, where that is worth a mark.
    pub(super) fn mark(&self, image: &ReportedImage) -> Option<&'static str> {
        match image.change? {
            ChangeKind::Added => Some("new"),
            ChangeKind::Moved => Some("moved"),
            ChangeKind::Parts => Some("other platforms"),
            _ => None,
        }
    }

    /// The name under which engines pull an image from the address at which it is served. Artifacts are
    /// nothing for engines.
    pub(super) fn pull(&self, image: &ReportedImage) -> Option<String> {
        let address = self.served_at?;
        if image.manifests.iter().all(|it| it.artifact_type.is_some()) {
            return None;
        }
        let name = &image.sized.image.name;
        let full = name.name();
        // A host with a port is no part of a repository's name: the path is all there is then.
        let path =
            full.parse::<Repository>().map_or_else(|_| name.repository.to_string(), |_| full);
        Some(match &name.tag {
            Some(tag) => format!("{address}/{path}:{tag}"),
            None => format!("{address}/{path}@{}", image.sized.image.digest),
        })
    }

    pub(super) fn changed(&self, of: &'r Difference, kind: &str) -> Vec<&'r ImageChange> {
        let wanted = |change: ChangeKind| match kind {
            "added" => change == ChangeKind::Added,
            "moved" => change == ChangeKind::Moved,
            "parts" => change == ChangeKind::Parts,
            "removed" => change == ChangeKind::Removed,
            _ => false,
        };
        of.images.iter().filter(|image| wanted(image.change)).collect()
    }
}
