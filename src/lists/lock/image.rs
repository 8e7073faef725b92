//! [`LockedImage`]: one image of a lock.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::lists::spot::Spot;
use crate::words::digest::Digest;
use crate::words::error::Error;
use crate::words::platform::Platform;
use crate::words::reference::Reference;

/// Largest size that a lock tells: what TOML has room for.
const MAX_BYTES: u64 = i64::MAX as u64;

/// One image of a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct LockedImage {
    /// Its name, with its tag; with its digest where it has none.
    pub name: Reference,
    /// The digest of its manifest or index.
    pub digest: Digest,
    /// The type of that document.
    pub media_type: String,
    /// What it runs on.
    pub platforms: Vec<Platform>,
    /// Bytes of all that it needs, manifests among them.
    pub bytes: u64,
    /// Bytes of what it alone adds to the others.
    pub alone: u64,
    /// Whether all who asked for it named the digest, too: what its tag stands for is no matter then.
    pub pinned: bool,
    /// What refers to it.
    pub referrers: Vec<LockedReferrer>,
    /// Who asked for it.
    pub asked: Vec<LockedWish>,
}

/// What refers to a locked image.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct LockedReferrer {
    /// The digest of its manifest.
    pub digest: Digest,
    /// What it is, as its manifest says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
}

/// Who asked for a locked image.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct LockedWish {
    /// The list, as it was called; nothing where it was no list but the command line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Its line, from 1 on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// What asks for it there, as in `services.web`, where the line does not say it all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub what: Option<String>,
    /// What was asked for, as it is written: a name, or a rule for tags.
    pub text: String,
}

impl LockedReferrer {
    /// The referrer `digest`, which is an `artifact_type`.
    #[must_use]
    pub fn new(digest: Digest, artifact_type: Option<String>) -> LockedReferrer {
        LockedReferrer { digest, artifact_type }
    }
}

impl LockedWish {
    /// That `text` was asked for at `spot`, or on the command line.
    #[must_use]
    pub fn new(text: &str, spot: Option<&Spot>) -> LockedWish {
        LockedWish {
            file: spot.map(|spot| spot.file.to_string()),
            line: spot.map(|spot| spot.line as u64),
            what: spot.map(|spot| spot.what.clone()).filter(|what| !what.is_empty()),
            text: text.to_owned(),
        }
    }
}

impl fmt::Display for LockedWish {
    /// As in `images.txt: line 3`, or `alpine:3.20`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.file, self.line) {
            (Some(file), Some(line)) => {
                let line = usize::try_from(line).unwrap_or(usize::MAX);
                let what = self.what.as_deref().unwrap_or_default();
                f.write_str(&Spot::new(&Arc::from(file.as_str()), line, what).told())
            }
            _ => f.write_str(&self.text),
        }
    }
}

impl LockedImage {
    /// The image called `name`, which stands for `digest`, a document of the type `media_type`. The fields
    /// say more.
    #[must_use]
    pub fn new(name: Reference, digest: Digest, media_type: impl Into<String>) -> LockedImage {
        LockedImage {
            name: name.kept(),
            digest,
            media_type: media_type.into(),
            platforms: Vec::new(),
            bytes: 0,
            alone: 0,
            pinned: false,
            referrers: Vec::new(),
            asked: Vec::new(),
        }
    }

    /// Its name with its digest: that very image.
    #[must_use]
    pub fn exact(&self) -> Reference {
        Reference { digest: Some(self.digest), ..self.name.clone() }
    }

    /// Who asked for it, in words.
    #[must_use]
    pub fn askers(&self) -> String {
        /// Most of them that are named: errors are read by people.
        const MOST: usize = 10;
        let all = self.asked.iter().take(MOST).map(ToString::to_string);
        let mut all = all.collect::<Vec<_>>().join(", ");
        if let Some(more) = self.asked.len().checked_sub(MOST).filter(|more| *more > 0) {
            all += &format!(" and {more} more");
        }
        all
    }

    /// Puts what it has several of in order, and sizes within what a lock has room for.
    pub(super) fn sort(&mut self) {
        for all in [&mut self.bytes, &mut self.alone] {
            *all = (*all).min(MAX_BYTES);
        }
        // Whoever made the image may have written anything.
        self.platforms.retain(|it| platform(&it.to_string()).as_ref() == Ok(it));
        self.platforms.sort();
        self.platforms.dedup();
        self.referrers.sort();
        self.referrers.dedup();
        self.asked.sort();
        self.asked.dedup();
    }
}

/// A locked image as it is written.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SpelledImage {
    name: String,
    digest: Digest,
    media_type: String,
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    platforms: Vec<String>,
    bytes: u64,
    alone: u64,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pinned: bool,
    #[serde(rename = "referrer", default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    referrers: Vec<LockedReferrer>,
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    asked: Vec<LockedWish>,
}

impl SpelledImage {
    pub(super) fn of(image: &LockedImage) -> SpelledImage {
        SpelledImage {
            name: image.name.to_string(),
            digest: image.digest,
            media_type: image.media_type.clone(),
            platforms: image.platforms.iter().map(ToString::to_string).collect(),
            bytes: image.bytes,
            alone: image.alone,
            pinned: image.pinned,
            referrers: image.referrers.clone(),
            asked: image.asked.clone(),
        }
    }

    /// The image; why it is none, where something is not spelled as it is written.
    pub(super) fn read(self) -> Result<LockedImage, String> {
        let name: Reference = self.name.parse().map_err(|e: Error| e.spelled())?;
        spelled("name", &self.name, name.to_string())?;
        if name.digest.is_some_and(|digest| name.tag.is_some() || digest != self.digest) {
            return Err(format!("the name {name} says a digest of its own"));
        }
        let platforms = self.platforms.iter().map(|text| platform(text));
        if self.asked.iter().any(|it| it.file.is_some() != it.line.is_some()) {
            return Err(format!("of who asked for {name} there is a file without a line"));
        }
        Ok(LockedImage {
            platforms: platforms.collect::<Result<_, _>>()?,
            bytes: self.bytes,
            alone: self.alone,
            pinned: self.pinned,
            referrers: self.referrers,
            asked: self.asked,
            ..LockedImage::new(name, self.digest, self.media_type)
        })
    }
}

/// The platform that is written as `text`; why it is none.
pub(super) fn platform(text: &str) -> Result<Platform, String> {
    let read: Platform = text.parse().map_err(|e: Error| e.spelled())?;
    spelled("platform", text, read.to_string())?;
    Ok(read)
}

/// That `text` is written as it `is`, so that no two spellings stand for one thing.
fn spelled(what: &str, text: &str, is: String) -> Result<(), String> {
    match is == text {
        true => Ok(()),
        false => Err(format!("the {what} {text:?} is written {is}")),
    }
}
