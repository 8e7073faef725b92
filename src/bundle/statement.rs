//! [`Statement`]: the signed description of a bundle, an in-toto Statement v1.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::base::Base;
use super::contents::{Contents, Image, Referrer, Skipped};
use super::in_toto::{self, STATEMENT_TYPE, StatementSubject};
use super::inventory::SUMS;
use super::position::StreamPosition;
use super::screening::Screening;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result};
use crate::words::json::check_strict;
use crate::words::moment::Moment;
use crate::words::phrase::phrase;
use crate::words::remedy::Remedy;
use crate::words::stream::StreamName;

/// `predicateType` of ours.
const PREDICATE_TYPE: &str = "urn:sealift:bundle:v1";
/// `predicateType` of ours where it has a member that readers of the first version refuse.
const SECOND_TYPE: &str = "urn:sealift:bundle:v2";
/// `predicateType` of ours where it has a member that readers of the second version refuse.
const THIRD_TYPE: &str = "urn:sealift:bundle:v3";
/// `predicateType` of ours where it has a member that readers of the third version refuse.
const FOURTH_TYPE: &str = "urn:sealift:bundle:v4";
/// Most characters of a reason for which an image was skipped.
const MAX_REASON: usize = 1_000;
/// The way out where a statement is of a version that is not known here.
const LATER: &str = "a newer sealift may have made it; use that version";
/// Most images that are subjects. Verifiers of the sigstore family refuse a statement with more
/// than 1,024 subjects; the predicate names every image in any case.
const MAX_IMAGE_SUBJECTS: usize = 1000;

/// What a bundle is, as its signer says. `docs/FORMAT.md` describes each member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct Predicate {
    /// The stream it belongs to; `default` outside of any.
    pub stream: StreamName,
    /// The stream's epoch: one more wherever the sender had to begin to count again.
    pub epoch: u64,
    /// Its number in the epoch, from 1; 0 outside of any stream.
    pub sequence: u64,
    /// The bundle before it, of the same epoch; `None` for the first and outside of any stream.
    pub previous: Option<Previous>,
    /// When it was made.
    pub created_at: Moment,
    /// When it stops being acceptable.
    pub expires_at: Option<Moment>,
    /// How much it holds.
    pub inventory: Totals,
    /// Its images.
    pub images: Vec<Image>,
    /// What came along with them.
    pub referrers: Vec<Referrer>,
    /// What it leans on, if it does not carry all that its images need.
    pub base: Option<Base>,
    /// What made it.
    pub tool: Tool,
    /// What was asked for with all of a place, and could not be read. With it, it is version 2.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<Skipped>,
    /// What the images were held against before they were let in. With it, it is version 3.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub screenings: Vec<Screening>,
    /// The SHA-256 of each lock that was among the lists which asked for the images, in order. With it, it is
    /// version 4.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locks: Vec<Digest>,
}

/// The bundle before this one in its stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct Previous {
    /// Its number.
    pub sequence: u64,
    /// The digest of its statement.
    pub statement: Digest,
}

/// How much a bundle holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct Totals {
    /// Lines in `SHA256SUMS`.
    pub files: u64,
    /// Blobs, manifests among them.
    pub blobs: u64,
    /// Bytes of all blobs.
    pub bytes: u64,
}

/// The program that made a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// What a statement is of.
#[derive(Deserialize)]
struct Types<'a> {
    #[serde(rename = "_type", borrow)]
    r#type: Cow<'a, str>,
    #[serde(rename = "predicateType", borrow)]
    predicate_type: Cow<'a, str>,
}

/// What a statement says.
#[derive(Deserialize)]
struct Claim {
    subject: Vec<StatementSubject>,
    predicate: Predicate,
}

/// A parsed statement: what the signature vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statement {
    /// The digest of `SHA256SUMS`.
    pub sums: Digest,
    /// The digest of `index.json`.
    pub index: Digest,
    /// The rest.
    pub predicate: Predicate,
    /// The digest of the statement's own bytes, its identity.
    pub digest: Digest,
}

impl Tool {
    /// This program.
    #[must_use]
    pub fn own() -> Tool {
        Tool { name: "sealift".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() }
    }
}

impl Predicate {
    /// Describes `contents`, made at `created_at`.
    #[must_use]
    pub fn of(contents: &Contents, created_at: Moment, expires_at: Option<Moment>) -> Predicate {
        let blobs = (contents.documents.len() + contents.blobs.carried().count()) as u64;
        // oci-layout, index.json and manifest.json stand beside the blobs.
        let beside = 3 + contents.roots.len() as u64;
        Predicate {
            stream: StreamName::none(),
            epoch: 0,
            sequence: 0,
            previous: None,
            created_at,
            expires_at,
            inventory: Totals { files: blobs + beside, blobs, bytes: contents.bytes() },
            images: contents.images.clone(),
            referrers: contents.referrers.clone(),
            base: None,
            tool: Tool::own(),
            skipped: Vec::new(),
            screenings: Vec::new(),
            locks: Vec::new(),
        }
    }

    /// The same, and names what was `skipped`.
    #[must_use]
    pub fn without(mut self, mut skipped: Vec<Skipped>) -> Predicate {
        for skipped in &mut skipped {
            skipped.reason = skipped.reason.chars().take(MAX_REASON).collect();
        }
        skipped.sort();
        skipped.dedup();
        self.skipped = skipped;
        self
    }

    /// The same, and tells of `screenings`.
    #[must_use]
    pub fn screened(self, screenings: Vec<Screening>) -> Predicate {
        Predicate { screenings: Screening::in_order(screenings), ..self }
    }

    /// The same, and tells of these `screenings`, too.
    #[must_use]
    pub fn screened_too(mut self, screenings: Vec<Screening>) -> Predicate {
        let mut all = std::mem::take(&mut self.screenings);
        all.extend(screenings);
        self.screened(all)
    }

    /// The same, asked for by these `locks`, among others.
    #[must_use]
    pub fn locked(self, mut locks: Vec<Digest>) -> Predicate {
        locks.sort();
        locks.dedup();
        Predicate { locks, ..self }
    }

    /// The same, standing at `position`, after `previous`.
    #[must_use]
    pub fn at(self, position: StreamPosition, previous: Option<Previous>) -> Predicate {
        let StreamPosition { stream, epoch, sequence } = position;
        Predicate { stream, epoch, sequence, previous, ..self }
    }

    /// The same, leaning on `base`.
    #[must_use]
    pub fn upon(self, base: Option<Base>) -> Predicate {
        Predicate { base, ..self }
    }

    /// Where in a stream it stands, if in any.
    #[must_use]
    pub fn position(&self) -> Option<StreamPosition> {
        (self.sequence > 0).then(|| StreamPosition {
            stream: self.stream.clone(),
            epoch: self.epoch,
            sequence: self.sequence,
        })
    }

    /// The first member that does not go with the others: a number without the bundle before it, an
    /// epoch outside of any stream, a base that is not spelled as it is written.
    fn odd(&self) -> Option<&'static str> {
        let before = self.previous.as_ref().map_or(0, |previous| previous.sequence);
        let is_outside = self.sequence == 0;
        [
            ("stream", is_outside && self.stream != StreamName::none()),
            ("epoch", is_outside && self.epoch != 0),
            ("previous", self.previous.is_some() != (self.sequence > 1)),
            ("previous", before.checked_add(1) != Some(self.sequence.max(1))),
            ("base", self.base.as_ref().is_some_and(|base| !base.is_sound())),
        ]
        .into_iter()
        .find_map(|(member, is_odd)| is_odd.then_some(member))
    }

    /// The first version whose readers know all members.
    fn version(&self) -> &'static str {
        match (self.locks.is_empty(), self.screenings.is_empty(), self.skipped.is_empty()) {
            (false, ..) => FOURTH_TYPE,
            (true, false, _) => THIRD_TYPE,
            (true, true, false) => SECOND_TYPE,
            (true, true, true) => PREDICATE_TYPE,
        }
    }

    /// The statement's bytes, which are signed and kept as they are.
    #[must_use]
    pub fn to_statement(&self, sums: &Digest, index: &Digest) -> Vec<u8> {
        let mut subjects =
            vec![StatementSubject::new(SUMS, sums), StatementSubject::new("index.json", index)];
        let images = self.images.iter().take(MAX_IMAGE_SUBJECTS);
        subjects.extend(
            images.map(|image| StatementSubject::new(image.name.to_string(), &image.digest)),
        );
        in_toto::to_bytes(&subjects, self.version(), self)
    }
}

impl Statement {
    /// Reads the payload of a verified envelope. Everything that is ours is exact: types,
    /// members, and subjects that agree with the predicate.
    ///
    /// # Errors
    /// [`Class::Untrusted`]: a signature over something else is no signature of a bundle.
    pub fn from_payload(payload: &[u8]) -> Result<Statement> {
        let bad = |why: String| {
            Error::new(
                Class::Untrusted,
                format!("what is signed is no statement of a bundle: {why}"),
            )
        };
        // Nobody may be trusted yet, so nothing is kept but what a statement has room for.
        check_strict(payload).map_err(|e| bad(e.to_string()))?;
        let types: Types<'_> = serde_json::from_slice(payload).map_err(|e| bad(e.to_string()))?;
        let known = [PREDICATE_TYPE, SECOND_TYPE, THIRD_TYPE, FOURTH_TYPE];
        let is_known = known.contains(&&*types.predicate_type);
        if types.r#type != STATEMENT_TYPE || !is_known {
            return Err(bad("it is of another type".to_owned()).hint(LATER));
        }
        let Claim { subject: subjects, predicate } =
            serde_json::from_slice(payload).map_err(|e| bad(e.to_string()))?;
        if let Some(member) = predicate.odd() {
            return Err(bad(format!("its {member} does not go with the rest")).hint(LATER));
        }
        let subject = |name: &str| {
            let mut named = subjects.iter().filter(|subject| subject.name == name);
            let hex = named.next()?.sha256();
            named.next().is_none().then(|| Digest::from_hex(hex).ok()).flatten()
        };
        let (Some(sums), Some(index)) = (subject(SUMS), subject("index.json")) else {
            return Err(bad("SHA256SUMS or index.json is no subject".to_owned()));
        };
        // In order, each once: a name that stood twice would mean two images.
        if !predicate.images.is_sorted_by(|one, next| one.name < next.name)
            || !predicate.referrers.is_sorted_by(|one, next| one < next)
            || !predicate.skipped.is_sorted_by(|one, next| one < next)
            || !predicate.screenings.is_sorted_by(|one, next| one < next)
            || !predicate.locks.is_sorted_by(|one, next| one < next)
        {
            return Err(bad(
                "its images, referrers, screenings, locks or what it skipped are not in order, each once"
                    .to_owned(),
            ));
        }
        // Written out again it must be the same: subjects and predicate then agree, and no
        // member can hide between them.
        if predicate.to_statement(&sums, &index) != payload {
            return Err(bad("it is not spelled as sealift writes it".to_owned()));
        }
        Ok(Statement { sums, index, predicate, digest: Digest::of(payload) })
    }

    /// Whether the bundle is still acceptable at `now`.
    ///
    /// # Errors
    /// [`Class::Stale`] when it is not.
    pub fn not_expired(&self, now: Moment) -> Result<()> {
        match self.predicate.expires_at {
            Some(until) if until <= now => Err(expired(until)),
            _ => Ok(()),
        }
    }
}

/// That a bundle is not acceptable any more, since `until`.
pub(crate) fn expired(until: Moment) -> Error {
    Error::new(Class::Stale, format!("the bundle expired at {until}")).hint(phrase![
        "ask the sender for a newer one; ",
        Remedy::Inspect,
        " shows what is in this one"
    ])
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::bundle::base::{LeansOn, Witness};
    use crate::words::moment::moment;
    use crate::words::reference::Reference;

    fn predicate() -> Predicate {
        let contents = Contents {
            images: vec![Image {
                name: "alpine:3.20".parse().unwrap(),
                digest: Digest::of(b"a"),
                media_type: "m".to_owned(),
                size: 1,
                platforms: vec!["linux/arm64/v8".parse().unwrap()],
                source: "docker://x".to_owned(),
                left_out: Vec::new(),
                rewritten_from: None,
                made: false,
            }],
            ..Contents::default()
        };
        Predicate::of(&contents, moment("2026-11-21T00:00:00Z"), None)
    }

    #[test]
    fn a_statement_survives_its_bytes() {
        let payload = predicate().to_statement(&Digest::of(b"s"), &Digest::of(b"i"));

        let statement = Statement::from_payload(&payload).unwrap();

        assert_eq!(statement.predicate, predicate());
        assert_eq!(statement.sums, Digest::of(b"s"));
        let value: Value = serde_json::from_slice(&payload).unwrap();
        assert_eq!(value["subject"][2]["name"], "docker.io/library/alpine:3.20");
    }

    #[test]
    fn a_time_that_is_none_or_spelled_otherwise_is_refused() {
        let expiring =
            Predicate { expires_at: Some(moment("2027-01-01T00:00:00Z")), ..predicate() };
        let payload = expiring.to_statement(&Digest::of(b"s"), &Digest::of(b"i"));
        let text = String::from_utf8(payload).unwrap();
        assert!(Statement::from_payload(text.as_bytes()).is_ok());
        for good in ["2026-11-21T00:00:00Z", "2027-01-01T00:00:00Z"] {
            for bad in ["", "2026-02-29T00:00:00Z", "2026-01-01T00:00:00+00:00", "2026-1-1"] {
                let text = text.replace(good, bad);
                let error = Statement::from_payload(text.as_bytes()).unwrap_err();
                assert_eq!(error.class(), Class::Untrusted);
                assert!(error.to_string().contains("whole seconds"), "{error}");
            }
        }
    }

    #[test]
    fn a_bundle_expires_at_its_second() {
        let mut predicate = predicate();
        predicate.expires_at = Some(moment("2026-12-01T00:00:00Z"));
        let payload = predicate.to_statement(&Digest::of(b"s"), &Digest::of(b"i"));
        let statement = Statement::from_payload(&payload).unwrap();

        statement.not_expired(moment("2026-11-30T23:59:59Z")).unwrap();
        let error = statement.not_expired(moment("2026-12-01T00:00:00Z")).unwrap_err();
        assert_eq!(error.class(), Class::Stale);
    }

    #[test]
    fn a_name_that_stands_twice_is_refused() {
        let mut predicate = predicate();
        predicate.images.push(Image { digest: Digest::of(b"b"), ..predicate.images[0].clone() });
        let payload = predicate.to_statement(&Digest::of(b"s"), &Digest::of(b"i"));

        let error = Statement::from_payload(&payload).unwrap_err();

        assert!(error.to_string().contains("each once"), "{error}");
    }

    #[test]
    fn every_member_is_described_in_the_format() {
        let page = include_str!("../../docs/FORMAT.md");
        let on = LeansOn { kind: Witness::Line, digest: Digest::of(b"x"), position: None };
        let base = Base::of(vec![on], vec![Digest::of(b"a")]);
        let locked = screened().locked(vec![Digest::of(b"l")]);
        let value = serde_json::to_value(locked.upon(base)).unwrap();
        let of = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        let base = &value["base"];
        let all = [&value, &value["images"][0], &value["skipped"][0], base, &base["on"][0]];
        let all = all.into_iter().chain(value["screenings"].as_array().unwrap());
        let members = all.flat_map(of);

        for member in members {
            assert!(page.contains(&format!("`{member}`")), "{member}");
        }
        assert!(page.contains(PREDICATE_TYPE) && page.contains(SECOND_TYPE));
        assert!(page.contains(THIRD_TYPE) && page.contains(FOURTH_TYPE));
    }

    fn screened() -> Predicate {
        let (image, digest): (Reference, _) = ("a:1".parse().unwrap(), Digest::of(b"a"));
        let signature = Screening::Signature {
            image: image.clone(),
            digest,
            rule: "a=k.pem".to_owned(),
            key: "00".to_owned(),
            form: "simple-signing".to_owned(),
            unchecked: vec!["the log".to_owned()],
        };
        let scan = Screening::Scan {
            image,
            digest,
            command: "x".repeat(2_000),
            tool: "clamscan 1".to_owned(),
            layers: 3,
        };
        let warnings = vec!["tags: a:1 is latest".to_owned()];
        let policy = Screening::Policy { policy: digest, warnings, warn_only: true };
        skipping().screened(vec![policy, scan.clone(), signature, scan])
    }

    #[test]
    fn what_images_were_held_against_makes_it_the_third_version() {
        let (sums, index) = (Digest::of(b"s"), Digest::of(b"i"));

        let third = String::from_utf8(screened().to_statement(&sums, &index)).unwrap();

        assert!(third.contains("bundle:v3"), "{third}");
        let read = Statement::from_payload(third.as_bytes()).unwrap().predicate;
        assert_eq!(read, screened());
        assert_eq!(read.screenings.len(), 3);
        assert!(!third.contains(&"x".repeat(1_001)));
        for bad in [
            third.replace("bundle:v3", "bundle:v2"),
            third.replace("\"kind\":\"scan\"", "\"kind\":\"glance\""),
            third.replace("\"warnOnly\":true", "\"warnOnly\":true,\"more\":1"),
            third.replace("\"layers\":3", "\"layers\":3,\"layers\":3"),
        ] {
            assert!(Statement::from_payload(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn locks_that_asked_make_it_the_fourth_version() {
        let (sums, index) = (Digest::of(b"s"), Digest::of(b"i"));
        let (one, other) = (Digest::of(b"1"), Digest::of(b"2"));
        let locked = predicate().locked(vec![one, other, one]);

        let fourth = String::from_utf8(locked.to_statement(&sums, &index)).unwrap();

        assert!(fourth.contains("bundle:v4"), "{fourth}");
        let read = Statement::from_payload(fourth.as_bytes()).unwrap().predicate;
        assert_eq!(read, locked);
        assert_eq!(read.locks.len(), 2);
        let (first, last) = (read.locks[0].hex(), read.locks[1].hex());
        for bad in [
            fourth.replace("bundle:v4", "bundle:v3"),
            fourth.replace(&first, &last),
            fourth.replace(&first, &first.to_uppercase()),
        ] {
            assert_ne!(bad, fourth);
            assert!(Statement::from_payload(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    fn skipping() -> Predicate {
        let skipped = |image: &str| Skipped {
            source: "docker-archive:x".to_owned(),
            image: image.to_owned(),
            reason: "é".repeat(2_000),
        };
        predicate().without(vec![skipped("b"), skipped("a"), skipped("b")])
    }

    #[test]
    fn what_was_skipped_makes_it_the_second_version() {
        let (sums, index) = (Digest::of(b"s"), Digest::of(b"i"));
        let text = |it: &Predicate| String::from_utf8(it.to_statement(&sums, &index)).unwrap();

        let (first, second) = (text(&predicate()), text(&skipping()));

        assert!(first.contains("bundle:v1") && !first.contains("skipped"), "{first}");
        assert!(second.contains("bundle:v2"), "{second}");
        let read = Statement::from_payload(second.as_bytes()).unwrap().predicate;
        assert_eq!(read, skipping());
        assert_eq!(read.skipped.iter().map(|it| it.image.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(read.skipped[0].reason.chars().count(), MAX_REASON);
        for bad in [
            second.replace("bundle:v2", "bundle:v1"),
            first.replace("bundle:v1", "bundle:v2"),
            second.replace("\"image\":\"a\"", "\"image\":\"b\""),
            second.replace("\"image\":\"a\"", "\"image\":\"c\""),
        ] {
            assert!(Statement::from_payload(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_statement_of_a_later_version_says_what_to_do() {
        let payload = predicate().to_statement(&Digest::of(b"s"), &Digest::of(b"i"));
        let later = String::from_utf8(payload).unwrap().replace("bundle:v1", "bundle:v5");

        let error = Statement::from_payload(later.as_bytes()).unwrap_err();

        assert!(error.way_out().is_some_and(|hint| hint.contains("newer sealift")), "{error:?}");
    }

    #[test]
    fn numbers_and_bases_go_with_each_other_or_are_refused_by_the_name_of_their_member() {
        let digest = Digest::of(b"before");
        let after = |sequence| Some(Previous { sequence, statement: digest });
        let at = |stream: &str, epoch, sequence, previous| {
            let stream = stream.parse().unwrap();
            predicate().at(StreamPosition { stream, epoch, sequence }, previous)
        };
        let position =
            |sequence| Some(StreamPosition { stream: "prod".parse().unwrap(), epoch: 0, sequence });
        let one = LeansOn { kind: Witness::Bundle, digest, position: position(1) };
        let base = Base::of(vec![one.clone()], vec![Digest::of(b"b"), Digest::of(b"a")]);
        let spelled = |change: &dyn Fn(&mut Base)| {
            let mut base = base.clone().unwrap();
            change(&mut base);
            predicate().upon(Some(base))
        };
        let read = |predicate: &Predicate| {
            let payload = predicate.to_statement(&Digest::of(b"s"), &Digest::of(b"i"));
            Statement::from_payload(&payload).map(|statement| statement.predicate)
        };
        for good in [
            at("prod", 0, 1, None),
            at("prod", 3, 1, None),
            at("default", 0, 2, after(1)),
            at("prod", 1, 8, after(7)).upon(base.clone()),
            predicate().upon(base.clone()),
        ] {
            assert_eq!(read(&good).unwrap(), good);
        }
        assert!(Base::of(vec![one.clone()], Vec::new()).is_none());
        for (member, bad) in [
            ("stream", at("prod", 0, 0, None)),
            ("epoch", at("default", 1, 0, None)),
            ("previous", at("prod", 0, 1, after(0))),
            ("previous", at("prod", 0, 2, None)),
            ("previous", at("prod", 0, 2, after(2))),
            ("previous", at("default", 0, 0, after(7))),
            ("previous", at("prod", 0, u64::MAX, after(u64::MAX))),
            ("base", spelled(&|base| base.on.clear())),
            ("base", spelled(&|base| base.on.push(one.clone()))),
            ("base", spelled(&|base| base.lacks.clear())),
            ("base", spelled(&|base| base.lacks.reverse())),
            ("base", spelled(&|base| base.lacks = [base.lacks[0]; 2].to_vec())),
        ] {
            let error = read(&bad).unwrap_err();

            assert_eq!(error.class(), Class::Untrusted);
            assert!(error.message().contains(member), "{member}: {error}");
        }
    }

    #[test]
    fn a_statement_has_no_more_subjects_than_verifiers_take() {
        let image = predicate().images[0].clone();
        let named = |n| Image { name: format!("a:{n:04}").parse().unwrap(), ..image.clone() };
        let many = Predicate { images: (0..1_500).map(named).collect(), ..predicate() };

        let payload = many.to_statement(&Digest::of(b"s"), &Digest::of(b"i"));

        let value: Value = serde_json::from_slice(&payload).unwrap();
        assert_eq!(value["subject"].as_array().unwrap().len(), 2 + MAX_IMAGE_SUBJECTS);
        assert_eq!(Statement::from_payload(&payload).unwrap().predicate.images.len(), 1_500);
    }

    #[test]
    fn a_statement_that_unfolds_is_refused_before_it_does() {
        let payload = predicate().to_statement(&Digest::of(b"s"), &Digest::of(b"i"));
        let text = String::from_utf8(payload).unwrap();
        let bomb = format!("\"base\":[{}0]", "{\"\":0},".repeat(1_500_000));

        let error = Statement::from_payload(text.replace("\"base\":null", &bomb).as_bytes());

        assert!(error.unwrap_err().to_string().contains("too many values"));
    }

    #[test]
    fn anything_else_that_was_signed_is_refused() {
        let payload = predicate().to_statement(&Digest::of(b"s"), &Digest::of(b"i"));
        let text = String::from_utf8(payload).unwrap();
        for bad in [
            text.replace("Statement/v1", "Statement/v2"),
            text.replace("bundle:v1", "bundle:v2"),
            text.replace("\"epoch\":0", "\"epoch\":0,\"mystery\":1"),
            text.replace("\"epoch\":0", "\"epoch\":-1"),
            text.replace("\"name\":\"SHA256SUMS\"", "\"name\":\"index.json\""),
            text.replace("alpine:3.20\",\"digest\":{", "evil:1\",\"digest\":{"),
            text.replace("2026-11-21T00:00:00Z", "2026-11-21T00:00:00+01:00"),
            text.replace("\"base\":null,", ""),
            text.replace("alpine:3.20", "ALPINE:3.20"),
            format!("{text} "),
            "{}".to_owned(),
            String::new(),
        ] {
            assert_ne!(bad, text);
            assert!(Statement::from_payload(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
