//! Manifests and indexes: read, checked, and written.

use ureq::http::Method;

use super::call::{Call, CallTarget};
use super::fault::Parts;
use super::fault::unusable::is_page;
use super::host::HeadWorth;
use super::http::answer::Answer;
use super::pull_limit::PullLimit;
use super::session::Session;
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document, guess_type};
use crate::words::error::{Class, ErrorKind, Result, Subject};
use crate::words::media::DOCUMENT_TYPES;
use crate::words::phrase::phrase;
use crate::words::reference::Tag;
use crate::words::remedy::Remedy;

/// What a `HEAD` tells of what stands under a name.
pub(super) enum ManifestSeen {
    /// There is nothing.
    Nothing,
    /// Type, digest and size.
    Described(Descriptor),
    /// There is something that may not be pulled: Harbor answers 412 to whoever reads what a
    /// policy of the project keeps back until it is scanned or signed.
    Withheld,
}

/// Largest manifest of which as many are read at a time as there are threads; nearly all are smaller.
const SMALL_DOCUMENT: u64 = 256 << 10;

impl Session {
    /// The document under `reference`, a tag or a digest; `None` when there is none.
    ///
    /// # Errors
    /// [`Class::Damaged`] when its bytes are not those of `digest`, nor of the digest that the
    /// registry itself gives.
    pub(super) fn manifest(
        &self,
        reference: &str,
        digest: Option<Digest>,
    ) -> Result<Option<Document>> {
        Ok(self.manifest_and_version(reference, digest)?.map(|(document, _)| document))
    }

    /// As [`manifest`](Session::manifest), with the registry's name for this version of what
    /// stands under `reference`, where it gives one.
    pub(super) fn manifest_and_version(
        &self,
        reference: &str,
        digest: Option<Digest>,
    ) -> Result<Option<(Document, Option<String>)>> {
        let call = self.manifest_call(Method::GET, reference);
        let retry = self.shared.settings.retry;
        // The body may break off as well, so it is read inside the retried part.
        retry.run(&*self.shared.progress, || {
            let mut answer = self.call_once(&call)?;
            match answer.status {
                200 => {}
                404 => {
                    answer.discard();
                    return Ok(None);
                }
                412 => {
                    answer.discard();
                    return Err(self.end.withheld(&call.what));
                }
                _ => return Err(self.end.refusal(&call.what, answer)),
            }
            if answer.own {
                self.tagged.saw(&answer.headers);
                self.host.set_has_manifests();
            }
            let is_large = answer.length().is_none_or(|length| length > SMALL_DOCUMENT);
            let _alone = is_large.then(|| self.shared.large_document.lock());
            let bytes = self.read_document(&call.what, &mut answer)?;
            let found = Digest::of(&bytes);
            let told = answer.header("docker-content-digest").and_then(|d| d.parse().ok());
            for want in [digest, told].into_iter().flatten() {
                if want != found && is_page(&bytes) {
                    return Err(self.end.unusable(&call.what, "a manifest", true, ""));
                }
                if want != found {
                    let why = format!("the bytes have the digest {found}, not {want}");
                    return Err(self.end.error(Class::Damaged, &call.what, why));
                }
            }
            let media_type = media_type(&answer, &bytes);
            // A weak one says that two versions mean the same, not that they are the same.
            let version = answer.header("etag").filter(|tag| !tag.starts_with("W/"));
            let version = version.map(str::to_owned);
            let is_page = is_page(&bytes);
            // Else these are the bytes that are meant, and the manifest itself is bad.
            let is_doubtful = digest.is_none() && told.is_none();
            match Document::parse(bytes, &media_type) {
                Ok(document) => Ok(Some((document, version))),
                Err(e) if is_doubtful && e.class() == Class::Damaged => {
                    Err(self.end.unusable(&call.what, "a manifest", is_page, &e.spelled()))
                }
                Err(e) => {
                    let error = e.context(format!("{}: {}", self.end, call.what));
                    Err(self.end.noted(error).subject(Subject::Digest(found)))
                }
            }
        })
    }

    /// As [`manifest`](Session::manifest), and it has to be there.
    ///
    /// # Errors
    /// Also [`Class::Incomplete`] when it is not.
    pub(super) fn required(&self, reference: &str, digest: Option<Digest>) -> Result<Document> {
        let document = self.manifest(reference, digest)?;
        document.ok_or_else(|| {
            let what = self.manifest_name(reference);
            self.end
                .error(Class::Incomplete, &what, "no such image")
                .subject(Subject::Image(format!("{}/{what}", self.end.registry)))
                .hint("check the name and the tag")
        })
    }

    /// As [`required`](Session::required), of a name that was asked for: its tag is there, then.
    ///
    /// # Errors
    /// As there.
    pub(super) fn named(&self, reference: &str, digest: Option<Digest>) -> Result<Document> {
        let at_hand = match digest {
            Some(digest) => self.at_hand(&digest, ""),
            None => self.tagged_at_hand(reference)?,
        };
        let document = at_hand.map_or_else(|| self.required(reference, digest), Ok)?;
        if digest.is_none() {
            self.saw_tag(reference);
        }
        Ok(document)
    }

    /// The document that `descriptor` describes in digest, size and type.
    pub(super) fn described(&self, descriptor: &Descriptor) -> Result<Document> {
        let reference = descriptor.digest.to_string();
        let at_hand = self.at_hand(&descriptor.digest, &descriptor.media_type);
        if let Some(document) = at_hand.filter(|it| it.descriptor().size == descriptor.size) {
            return Ok(document);
        }
        let document = self.required(&reference, Some(descriptor.digest))?;
        let found = document.descriptor();
        if found.size != descriptor.size || found.media_type != descriptor.media_type {
            let why = format!(
                "{} of {} bytes where {} of {} were announced",
                found.media_type, found.size, descriptor.media_type, descriptor.size
            );
            return Err(self.end.error(Class::Damaged, &self.manifest_name(&reference), why));
        }
        Ok(document)
    }

    /// Type, digest and size of what stands under `reference`, if anything does.
    pub(super) fn head_manifest(&self, reference: &str) -> Result<Option<Descriptor>> {
        match self.look_at_manifest(reference)? {
            ManifestSeen::Nothing => Ok(None),
            ManifestSeen::Described(found) => Ok(Some(found)),
            ManifestSeen::Withheld => Err(self.end.withheld(&self.manifest_name(reference))),
        }
    }

    /// As [`head_manifest`](Session::head_manifest), and what may not be pulled is no failure.
    pub(super) fn look_at_manifest(&self, reference: &str) -> Result<ManifestSeen> {
        let described = |found: Option<Descriptor>| {
            found.map_or(ManifestSeen::Nothing, ManifestSeen::Described)
        };
        let get = || Ok(described(self.manifest(reference, None)?.map(|d| d.descriptor().clone())));
        if matches!(self.host.head(), HeadWorth::Lies | HeadWorth::Exposed) {
            return get();
        }
        let call = self.manifest_call(Method::HEAD, reference);
        let answer = self.call(&call)?;
        match answer.status {
            200 => {
                self.host.set_head(HeadWorth::Honest);
                self.host.set_has_manifests();
            }
            404 => return Ok(ManifestSeen::Nothing),
            412 if answer.own => return Ok(ManifestSeen::Withheld),
            // Some proxies know no HEAD, and some storages have it signed for themselves.
            405 | 501 => return get(),
            400..=499 if !answer.own => return get(),
            _ => return Err(self.end.refusal(&call.what, answer)),
        }
        let digest = answer.header("docker-content-digest").and_then(|d| d.parse().ok());
        match (digest, answer.size()) {
            (Some(digest), Some(size)) if size > 0 => {
                Ok(ManifestSeen::Described(Descriptor::new(media_type(&answer, &[]), digest, size)))
            }
            _ => get(),
        }
    }

    /// As [`look_at_manifest`](Session::look_at_manifest), where a wrong "no" would do harm: GET
    /// has the last word about the first that HEAD does not find on a host. Where that agrees, HEAD
    /// is believed, until [`weigh_head`](Session::weigh_head) proves the one or the other.
    pub(super) fn surely_look_at_manifest(&self, reference: &str) -> Result<ManifestSeen> {
        let found = self.look_at_manifest(reference)?;
        if !matches!(found, ManifestSeen::Nothing) {
            return Ok(found);
        }
        if let Some(_turn) = self.host.weigh_head(HeadWorth::Unknown) {
            let found = self.manifest(reference, None)?;
            self.host.set_head(if found.is_some() { HeadWorth::Lies } else { HeadWorth::Believed });
            return Ok(found.map_or(ManifestSeen::Nothing, |it| {
                ManifestSeen::Described(it.descriptor().clone())
            }));
        }
        match self.host.head() {
            HeadWorth::Lies | HeadWorth::Exposed => self.look_at_manifest(reference),
            _ => Ok(found),
        }
    }

    /// Stores `document` under `tag`, unless that stands for something that nobody saw.
    pub(super) fn publish_manifest(&self, tag: &Tag, document: &Document) -> Result<()> {
        // Lists of referrers were read, whatever HEAD says.
        if tag.subject().is_none() {
            self.weigh_head(tag, document)?;
        }
        self.put_manifest(tag.as_str(), document).map(drop)
    }

    /// Before `tag` is pushed: finds out by `document`, which is there under its digest, what HEAD
    /// is worth on a host where it was believed. Where it lied, the tag may stand for another image
    /// that nobody saw.
    ///
    /// # Errors
    /// [`Class::Refused`] when it does.
    fn weigh_head(&self, tag: &Tag, document: &Document) -> Result<()> {
        let digest = document.descriptor().digest;
        if let Some(_turn) = self.host.weigh_head(HeadWorth::Believed) {
            // What it finds is noted.
            let seen = self.look_at_manifest(&digest.to_string())?;
            if matches!(seen, ManifestSeen::Nothing) {
                let found = self.manifest(&digest.to_string(), Some(digest))?;
                found.into_iter().for_each(|_| self.host.set_head(HeadWorth::Lies));
            }
        }
        if self.host.head() != HeadWorth::Exposed {
            return Ok(());
        }
        match self.look_at_manifest(tag.as_str())? {
            ManifestSeen::Described(found) if found.digest != digest => {
                let why = format!(
                    "it stands for {} already, which the registry hid when it was asked by HEAD",
                    found.digest
                );
                let hint = phrase![
                    "nothing was overwritten; import this name alone (",
                    Remedy::Only,
                    "), then it is asked for in another way from the beginning"
                ];
                let what = self.manifest_name(tag.as_str());
                Err(self.end.error(Class::Refused, &what, why).hint(hint))
            }
            _ => Ok(()),
        }
    }

    /// Stores `document` under `reference`, byte for byte; whether the registry took note of its
    /// subject.
    ///
    /// # Errors
    /// [`Class::Refused`] when it is not taken; [`Class::Damaged`] when the registry stored
    /// something else.
    pub(super) fn put_manifest(&self, reference: &str, document: &Document) -> Result<bool> {
        Ok(self.put_manifest_if(reference, document, None)?.unwrap_or(false))
    }

    /// As [`put_manifest`](Session::put_manifest), but only while `version` stands there; nothing
    /// when it does not any more.
    pub(super) fn put_manifest_if(
        &self,
        reference: &str,
        document: &Document,
        version: Option<&str>,
    ) -> Result<Option<bool>> {
        let what = self.manifest_name(reference);
        let mut headers = vec![("content-type", document.descriptor().media_type.to_string())];
        headers.extend(version.map(|version| ("if-match", version.to_owned())));
        let call = Call {
            method: Method::PUT,
            target: CallTarget::Path(format!("manifests/{reference}")),
            headers,
            body: Some(document.raw()),
            scopes: self.scopes(true),
            what,
        };
        let parts = match document.children().iter().any(|part| part.is_foreign()) {
            true => Parts::LeftOut,
            false => Parts::Sent,
        };
        let is_other = |status| status == 412 && version.is_some();
        let is_oci = !document.descriptor().media_type.contains("docker");
        let answer = self.send_document(&call, parts, is_other).map_err(|e| {
            match e.kind() == ErrorKind::TypeNotTaken {
                // What is OCI's already is made no more so.
                true if is_oci => e.hint(phrase![
                    "its type is OCI's own; leave the image behind with ",
                    Remedy::Except,
                    ", or ask whoever runs the registry what it takes"
                ]),
                _ => e,
            }
        })?;
        if is_other(answer.status) {
            answer.discard();
            return Ok(None);
        }
        self.check_stored(&answer, document.descriptor().digest, &call.what)?;
        let noted = answer.headers.contains_key("oci-subject");
        answer.discard();
        Ok(Some(noted))
    }

    /// Asks, by a `HEAD` that costs nothing, how many manifests may still be fetched.
    pub(super) fn ask_quota(&self, reference: &str) -> Result<Option<PullLimit>> {
        let call = self.manifest_call(Method::HEAD, reference);
        // Once only: whoever does not answer is not asked for favours.
        self.call_once(&call)?.discard();
        Ok(self.host.quota())
    }

    /// Fails when the registry says that it stored something else than `digest`.
    pub(super) fn check_stored(&self, answer: &Answer, digest: Digest, what: &str) -> Result<()> {
        let told = answer.header("docker-content-digest").and_then(|d| d.parse::<Digest>().ok());
        match told.filter(|told| *told != digest) {
            Some(told) => {
                let why = format!("the registry stored {told} instead of {digest}");
                Err(self.end.error(Class::Damaged, what, why))
            }
            None => Ok(()),
        }
    }

    pub(super) fn manifest_call(&self, method: Method, reference: &str) -> Call<'static> {
        let what = self.manifest_name(reference);
        let mut call = self.read(method, format!("manifests/{reference}"), what);
        call.headers.push(("accept", DOCUMENT_TYPES.join(", ")));
        call
    }

    /// `library/alpine:3.20`, or with `@` and the digest.
    fn manifest_name(&self, reference: &str) -> String {
        let joint = if reference.contains(':') { '@' } else { ':' };
        format!("{}{joint}{reference}", self.repository)
    }
}

/// The type that the answer gives, in lower case, as types are compared. Where it gives none, or
/// only says that it is JSON, the document's own word counts, and then its members;
/// `Document::parse` then checks the one against the other.
pub(super) fn media_type(answer: &Answer, bytes: &[u8]) -> String {
    let told = answer.header("content-type").unwrap_or_default();
    let told = told.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match is_vague(&told) {
        true => guess_type(bytes).unwrap_or(told),
        false => told,
    }
}

/// Whether a type says no more than that there are bytes: what storages and static servers give
/// out for a file that they know nothing of.
pub(super) fn is_vague(media_type: &str) -> bool {
    const VAGUE: [&str; 7] = [
        "",
        "application/json",
        "application/octet-stream",
        "application/x-www-form-urlencoded",
        "binary/octet-stream",
        "text/json",
        "text/plain",
    ];
    VAGUE.contains(&media_type)
}
