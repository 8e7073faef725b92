//! Bundles that a signer made wrong.

use std::collections::BTreeMap;

use super::super::*;
use crate::bundle::base::{Base, LeansOn, Witness};
use crate::bundle::blob_list::BlobList;
use crate::bundle::contents::Contents;
use crate::bundle::contents::{LeftOut, Reason, Referrer};
use crate::bundle::head::Head;
use crate::bundle::inventory::{Inventory, SUMS};
use crate::bundle::keys::PrivateKey;
use crate::bundle::problem::{Problem, ProblemKind};
use crate::bundle::samples;
use crate::bundle::statement::Predicate;
use crate::bundle::statement::Statement;
use crate::places::layout::blob_path;
use crate::words::digest::Digest;
use crate::words::document::Descriptor;
use crate::words::document::Document;
use crate::words::error::Class;
use crate::words::media::{OCI_INDEX, OCI_MANIFEST};
use crate::words::moment::moment;
use crate::words::progress::Silent;
use serde_json::json;

const NOW: &str = "2026-11-21T00:00:00Z";

fn document(raw: &serde_json::Value, media_type: &str) -> Document {
    Document::parse(raw.to_string().into_bytes(), media_type).unwrap()
}

fn manifest(layers: &[Descriptor]) -> Document {
    let config = Descriptor::of("a/b", b"{}");
    document(&json!({"schemaVersion": 2, "config": config, "layers": layers}), OCI_MANIFEST)
}

fn index(children: &[Descriptor]) -> Document {
    document(&json!({"schemaVersion": 2, "manifests": children}), OCI_INDEX)
}

/// A signed bundle in a folder, whatever it says.
struct Forged {
    folder: tempfile::TempDir,
    key: PrivateKey,
}

impl Forged {
    fn new(images: &[(&str, &Descriptor)], documents: &[&Document]) -> Forged {
        Forged::saying(images, documents, |_| {})
    }

    /// As [`new`](Forged::new), and `say` changes what is signed.
    fn saying(
        images: &[(&str, &Descriptor)],
        documents: &[&Document],
        say: impl Fn(&mut Predicate),
    ) -> Forged {
        Forged::with(images, documents, None, say)
    }

    /// As [`new`](Forged::new), with this `referrer`.
    fn referring(
        images: &[(&str, &Descriptor)],
        documents: &[&Document],
        referrer: Referrer,
    ) -> Forged {
        Forged::with(images, documents, Some(referrer), |_| {})
    }

    fn with(
        images: &[(&str, &Descriptor)],
        documents: &[&Document],
        referrer: Option<Referrer>,
        say: impl Fn(&mut Predicate),
    ) -> Forged {
        let contents = Contents {
            referrers: referrer.into_iter().collect(),
            images: images
                .iter()
                .map(|(name, root)| samples::image(name.parse().unwrap(), root))
                .collect(),
            documents: documents.iter().map(|d| (d.descriptor().digest, (*d).clone())).collect(),
            blobs: BlobList::whole(vec![Descriptor::of("a/b", b"{}")]),
            ..Contents::default()
        };
        let configs = BTreeMap::from([(Digest::of(b"{}"), b"{}"[..].into())]);
        let key = PrivateKey::generate().unwrap();
        let mut predicate = Predicate::of(&contents, moment(NOW), None);
        say(&mut predicate);
        let head = Head::make(&contents, &configs, &predicate, &key);
        let forged = Forged { folder: tempfile::tempdir().unwrap(), key };
        for (path, bytes) in head.files {
            let path = forged.folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        forged
    }

    fn examine(&self) -> Result<Examined> {
        let trust = Trust::Keys(vec![self.key.public().clone()]);
        examine(&Medium::at(self.folder.path()), &trust, moment(NOW))
    }

    /// The findings of a verification.
    fn problems(&self) -> Vec<Problem> {
        let mut examined = self.examine().unwrap();
        examined.hash_everything(2, &Silent).unwrap();
        examined.problems().to_vec()
    }
}

#[test]
fn a_whole_bundle_has_no_problem() {
    let one = manifest(&[]);
    let both = index(&[one.descriptor().clone()]);

    let forged = Forged::new(
        &[("localhost/a:1", one.descriptor()), ("localhost/a:2", both.descriptor())],
        &[&one, &both],
    );

    assert_eq!(forged.problems(), []);
}

#[test]
fn an_image_that_is_nowhere_in_the_bundle_is_missing() {
    let (one, other) = (manifest(&[]), index(&[]));

    let forged = Forged::new(
        &[("localhost/a:1", one.descriptor()), ("localhost/b:1", other.descriptor())],
        &[&one],
    );

    let problems = forged.problems();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(problems[0].kind, ProblemKind::Missing);
    assert_eq!(problems[0].path, blob_path(&other.descriptor().digest));
    assert_eq!(problems[0].images, ["localhost/b:1"]);
}

#[test]
fn an_image_that_is_called_no_manifest_is_refused() {
    let one = manifest(&[]);
    let disguised = Descriptor { media_type: "text/plain".into(), ..one.descriptor().clone() };

    let forged = Forged::new(&[("localhost/a:1", &disguised)], &[&one]);

    assert_eq!(forged.problems()[0].kind, ProblemKind::Damaged);
}

#[test]
fn two_sizes_or_types_for_one_digest_are_refused() {
    let one = manifest(&[]);
    let real = one.descriptor().clone();
    let larger = Descriptor { size: real.size + 1, ..real.clone() };
    let docker =
        Descriptor { media_type: crate::words::media::DOCKER_MANIFEST.into(), ..real.clone() };
    for lie in [larger, docker] {
        let (honest, lying) = (index(std::slice::from_ref(&real)), index(&[lie]));

        let forged = Forged::new(
            &[("localhost/a:1", honest.descriptor()), ("localhost/b:1", lying.descriptor())],
            &[&honest, &lying, &one],
        );

        let problems = forged.problems();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(problems[0].path, blob_path(&real.digest));
    }
}

#[test]
fn a_hole_of_any_size_is_refused_unread() {
    let one = manifest(&[]);
    let forged = Forged::new(&[("localhost/a:1", one.descriptor())], &[&one]);
    let blob = blob_path(&one.descriptor().digest);
    for path in ["index.json", "manifest.json", blob.as_str()] {
        let file = std::fs::File::options().write(true).open(forged.folder.path().join(path));
        file.unwrap().set_len(1 << 42).unwrap();
    }

    let begun = std::time::Instant::now();
    let problems = forged.problems();

    assert_eq!(problems.len(), 3, "{problems:?}");
    assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
}

#[test]
fn a_list_of_files_without_the_layout_is_refused() {
    let one = manifest(&[]);
    for (path, other) in [("index.json", "{}"), ("oci-layout", "{\"imageLayoutVersion\":\"2\"}")] {
        let forged = Forged::new(&[("localhost/a:1", one.descriptor())], &[&one]);
        let at = |path: &str| forged.folder.path().join(path);
        let mut sums = Inventory::from_bytes(&std::fs::read(at(SUMS)).unwrap()).unwrap();
        sums.insert(path, Digest::of(other.as_bytes()));
        let envelope = crate::bundle::head::envelope_path(&forged.key.public().id());
        let old =
            crate::bundle::envelope::Envelope::from_bytes(&std::fs::read(at(&envelope)).unwrap());
        let statement = Statement::from_payload(old.unwrap().payload()).unwrap();
        let payload =
            statement.predicate.to_statement(&Digest::of(&sums.to_bytes()), &statement.index);
        let signed = crate::bundle::envelope::Envelope::sign(&payload, &forged.key);
        std::fs::write(at(&envelope), signed.to_bytes()).unwrap();
        std::fs::write(at(SUMS), sums.to_bytes()).unwrap();
        std::fs::write(at(path), other).unwrap();

        assert_eq!(forged.examine().unwrap_err().class(), Class::Untrusted, "{path}");
    }
}

#[test]
fn counts_that_are_not_those_of_the_list_are_not_believed() {
    let one = manifest(&[]);
    let images = [("localhost/a:1", one.descriptor())];
    let lies: [fn(&mut Predicate); 2] = [|it| it.inventory.blobs += 1, |it| it.inventory.files = 1];
    for say in lies {
        let error = Forged::saying(&images, &[&one], say).examine().map(drop).unwrap_err();

        assert_eq!(error.class(), Class::Untrusted, "{error}");
    }
}

#[test]
fn no_layer_of_an_image_is_left_out_by_saying_so() {
    // One that nobody has, and that is said to be somebody else's.
    let layer = Descriptor::of("a/tar", b"a layer");
    let one = manifest(std::slice::from_ref(&layer));
    let left_out = LeftOut {
        digest: layer.digest,
        media_type: layer.media_type.to_string(),
        size: layer.size,
        platform: None,
        reason: Reason::Foreign,
    };
    for reason in [Reason::Foreign, Reason::Platform] {
        let forged = Forged::saying(&[("localhost/a:1", one.descriptor())], &[&one], |predicate| {
            predicate.images[0].left_out = vec![LeftOut { reason, ..left_out.clone() }];
        });

        let problems = forged.problems();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(problems[0].kind, ProblemKind::Missing);

        // Where the other side is to have it, that is asked.
        let on = LeansOn { kind: Witness::Bundle, digest: Digest::of(b"x"), position: None };
        let delta = Forged::saying(&[("localhost/a:1", one.descriptor())], &[&one], |predicate| {
            predicate.images[0].left_out = vec![LeftOut { reason, ..left_out.clone() }];
            predicate.base = Base::of(vec![on.clone()], vec![layer.digest]);
        });
        assert_eq!(delta.problems(), []);
        let contents = delta.examine().unwrap().contents().clone();
        assert!(contents.blobs.lacking().eq([&layer]));
    }
}

#[test]
fn what_refers_to_an_image_is_in_the_repository_of_one() {
    let one = manifest(&[]);
    let about = one.descriptor();
    let referrer = |repository: &str| Referrer {
        repository: repository.to_owned(),
        tag: None,
        digest: about.digest,
        media_type: about.media_type.to_string(),
        size: about.size,
        subject: Digest::of(b"whatever"),
        artifact_type: None,
    };
    for (repository, is_fine) in
        [("localhost/a", true), ("localhost/b", false), ("\u{1b}[2J", false)]
    {
        let forged = Forged::referring(&[("localhost/a:1", about)], &[&one], referrer(repository));

        let class = forged.examine().err().map(|error| error.class());
        assert_eq!(class, (!is_fine).then_some(Class::Untrusted), "{repository}");
    }
}
