mod forged;
mod signatures;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::*;
use crate::bundle::base::{Base, LeansOn, Witness};
use crate::bundle::blob_list::BlobList;
use crate::bundle::contents::MAX_LEVELS;
use crate::bundle::envelope::{Envelope, MAX_ENVELOPES};
use crate::bundle::head::{Head, envelope_path};
use crate::bundle::inventory::SUMS;
use crate::bundle::keys::PrivateKey;
use crate::bundle::problem::ProblemKind;
use crate::bundle::samples::{CREATED, FOREIGN, LAYER, Sample};
use crate::bundle::statement::Predicate;
use crate::places::layout::blob_path;
use crate::words::digest::Digest;
use crate::words::document::Descriptor;
use crate::words::error::Class;
use crate::words::moment::moment;
use crate::words::progress::Silent;

const NOW: &str = "2026-12-01T00:00:00Z";

fn trust(sample: &Sample) -> Trust {
    Trust::Keys(vec![sample.key.public().clone()])
}

fn look(sample: &Sample, path: &Path) -> Result<Examined> {
    examine(&Medium::at(path), &trust(sample), moment(NOW))
}

/// What is wrong before layers are read: kinds and paths.
fn found(sample: &Sample, path: &Path) -> Vec<(ProblemKind, String)> {
    kinds(&look(sample, path).unwrap())
}

fn kinds(examined: &Examined) -> Vec<(ProblemKind, String)> {
    examined.problems().iter().map(|p| (p.kind, p.path.clone())).collect()
}

/// Changes one byte of a file: a size where there is one, so that JSON stays acceptable.
fn flip(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let size = br#""size":"#;
    match bytes.windows(size.len()).rposition(|part| part == size).map(|at| at + size.len()) {
        Some(digit) => bytes[digit] = if bytes[digit] == b'1' { b'2' } else { b'1' },
        None => *bytes.last_mut().unwrap() ^= 1,
    }
    fs::write(path, bytes).unwrap();
}

fn class(result: Result<Examined>) -> Class {
    result.unwrap_err().class()
}

fn envelope_of(sample: &Sample, path: &Path) -> PathBuf {
    path.join(envelope_path(&sample.key.public().id()))
}

#[test]
fn a_whole_bundle_has_no_problem_in_either_form() {
    let sample = Sample::new();

    for path in [sample.seal("bundle"), sample.seal("bundle.tar")] {
        let examined = look(&sample, &path).unwrap();

        assert_eq!(examined.problems(), &[]);
        assert_eq!(examined.signers(), [sample.key.public().id()]);
        assert_eq!(examined.contents().blobs, sample.contents.blobs);
        examined.into_trusted().unwrap().verify(2, &Silent).unwrap();
    }
}

#[test]
fn a_bundle_is_believed_only_until_it_expires() {
    let sample = Sample::new();
    let predicate =
        Predicate::of(&sample.contents, moment(CREATED), Some(moment("2026-12-31T00:00:00Z")));
    let head = sample.stock.head(&sample.contents, &predicate, &sample.key);
    sample.stock.seal(&head, &sample.at("b"));

    let at =
        |now: &str| examine(&Medium::at(sample.at("b")), &trust(&sample), moment(now)).map(drop);

    at("2026-12-30T23:59:59Z").unwrap();
    for now in ["2026-12-31T00:00:00Z", "2027-01-01T00:00:00Z"] {
        assert_eq!(at(now).unwrap_err().class(), Class::Stale, "{now}");
    }
}

#[test]
fn a_list_of_files_that_nobody_signed_is_not_read() {
    let sample = Sample::new();
    let path = sample.seal("b");
    let list = path.join(SUMS);
    let whole = fs::read_to_string(&list).unwrap();

    fs::write(path.join("zz"), "x").unwrap();
    fs::write(&list, format!("{whole}{}  zz\n", Digest::of(b"x").hex())).unwrap();
    assert_eq!(class(look(&sample, &path)), Class::Damaged);
    fs::remove_file(&list).unwrap();
    assert_eq!(class(look(&sample, &path)), Class::Incomplete);
    symlink(sample.at("elsewhere"), &list).unwrap();
    assert_eq!(class(look(&sample, &path)), Class::Damaged, "not merely missing");
}

#[test]
fn files_missing_added_and_linked_are_each_told_once() {
    let sample = Sample::new();
    let path = sample.seal("b");
    let mark = path.join("oci-layout");
    let layer = blob_path(&sample.contents.blobs.needed()[1].digest);

    fs::write(path.join("extra"), "").unwrap();
    fs::create_dir(path.join("repair")).unwrap();
    fs::write(path.join("repair/data"), "").unwrap();
    fs::write(path.join("repair/vol0.par2"), "").unwrap();
    fs::remove_file(path.join(&layer)).unwrap();
    fs::remove_file(&mark).unwrap();
    symlink(sample.at("elsewhere"), &mark).unwrap();

    let examined = look(&sample, &path).unwrap();
    let found = kinds(&examined);
    let found: Vec<_> = found.iter().map(|(kind, path)| (*kind, path.as_str())).collect();
    assert_eq!(
        found,
        [
            (ProblemKind::NotAFile, "oci-layout"),
            (ProblemKind::Missing, layer.as_str()),
            (ProblemKind::Extra, "extra"),
            (ProblemKind::Extra, "repair/data"),
        ]
    );
    assert_eq!(examined.recovery().collect::<Vec<_>>(), ["repair/vol0.par2"]);
    let images: Vec<&[String]> = examined.problems().iter().map(|p| &p.images[..]).collect();
    assert_eq!(images[0], ["x.example/a:1", "x.example/b:1"], "the layout as a whole");
    assert_eq!(images[1], ["x.example/a:1"]);
    assert_eq!(images[2], [] as [&str; 0]);
    assert_eq!(examined.into_trusted().unwrap_err().class(), Class::Damaged);
}

#[test]
fn what_is_only_missing_makes_a_bundle_incomplete() {
    let sample = Sample::new();
    let path = sample.seal("b");
    fs::remove_file(path.join(blob_path(&sample.contents.blobs.needed()[1].digest))).unwrap();

    let error = look(&sample, &path).unwrap().into_trusted().unwrap_err();

    assert_eq!(error.class(), Class::Incomplete);
}

#[test]
fn small_files_documents_and_configs_are_read_before_anything_moves() {
    for part in ["index.json", "manifest.json", "document", "config"] {
        let sample = Sample::new();
        let path = sample.seal("b");
        let damaged = match part {
            "document" => blob_path(&sample.a.digest),
            "config" => blob_path(&sample.contents.blobs.needed()[0].digest),
            file => file.to_owned(),
        };
        flip(&path.join(&damaged));

        assert_eq!(found(&sample, &path), [(ProblemKind::Damaged, damaged)], "{part}");
    }
}

#[test]
fn a_damaged_layer_is_found_by_reading_it_and_named_with_its_images() {
    let sample = Sample::new();
    let path = sample.seal("b");
    let layer = blob_path(&sample.contents.blobs.needed()[1].digest);
    flip(&path.join(&layer));
    flip(&path.join(blob_path(&sample.b.digest)));

    let mut examined = look(&sample, &path).unwrap();
    assert_eq!(examined.problems().len(), 1, "the document alone");
    examined.hash_everything(2, &Silent).unwrap();

    let document = blob_path(&sample.b.digest);
    assert_eq!(kinds(&examined), [(ProblemKind::Damaged, document), (ProblemKind::Damaged, layer)]);
    assert_eq!(examined.problems()[1].images, ["x.example/a:1"]);
}

#[test]
fn a_verified_bundle_had_every_byte_read() {
    let sample = Sample::new();
    let path = sample.seal("b");
    flip(&path.join(blob_path(&sample.contents.blobs.needed()[1].digest)));

    let trusted = look(&sample, &path).unwrap().into_trusted().unwrap();

    assert_eq!(trusted.verify(1, &Silent).unwrap_err().class(), Class::Damaged);
}

#[test]
fn what_others_read_is_not_read_and_all_else_is() {
    let sample = Sample::new();
    let path = sample.seal("b");
    let [first, second] = [1, 3].map(|at| sample.contents.blobs.needed()[at].digest);
    flip(&path.join(blob_path(&first)));
    let trusted = look(&sample, &path).unwrap().into_trusted().unwrap();
    let others = |read: Digest| trusted.verify_others(|it| *it == read, 1, &Silent);

    others(first).unwrap();
    let error = others(second).unwrap_err();

    assert_eq!(error.class(), Class::Damaged);
    assert!(error.findings()[0].contains(&blob_path(&first)), "{error:?}");
    assert!(error.findings()[0].contains("needed by x.example/a:1"), "{error:?}");
}

#[test]
fn blobs_below_an_unreadable_manifest_are_put_down_to_its_image() {
    let sample = Sample::new();
    let path = sample.seal("b");
    flip(&path.join(blob_path(&sample.b.digest)));
    let layer = sample.stock.get(&sample.b).children()[1].digest;
    fs::remove_file(path.join(blob_path(&layer))).unwrap();

    let examined = look(&sample, &path).unwrap();

    assert_eq!(examined.problems().len(), 2);
    for problem in examined.problems() {
        assert_eq!(problem.images, ["x.example/b:1"], "{problem}");
    }
}

#[test]
fn a_signed_list_without_a_blob_that_a_manifest_needs_is_not_whole() {
    let mut sample = Sample::new();
    let forgotten = sample.forget(1);

    assert_eq!(
        found(&sample, &sample.seal("b")),
        [(ProblemKind::Missing, blob_path(&forgotten.digest))]
    );
}

#[test]
fn a_missing_config_is_told_once() {
    let sample = Sample::new();
    let path = sample.seal("b");
    let config = blob_path(&sample.contents.blobs.needed()[0].digest);
    fs::remove_file(path.join(&config)).unwrap();

    assert_eq!(found(&sample, &path), [(ProblemKind::Missing, config)]);
}

#[test]
fn what_a_referrer_needs_is_named_with_its_repository() {
    let sample = Sample::new();
    let path = sample.seal("b");
    let signature = &sample.contents.referrers[0];
    let layer = sample.contents.documents[&signature.digest].children()[1].digest;
    fs::remove_file(path.join(blob_path(&layer))).unwrap();

    let examined = look(&sample, &path).unwrap();

    let name = format!("x.example/a@{}", signature.digest);
    assert_eq!(examined.problems()[0].images, [name]);
}

#[test]
fn parts_left_out_on_purpose_are_not_missed() {
    use crate::bundle::contents::{LeftOut, Reason};
    let mut sample = Sample::new();
    let foreign = Descriptor::of(FOREIGN, b"theirs");
    let config = sample.stock.config("c", "windows/amd64", 1);
    let windows = sample.stock.manifest(&config, &[foreign], json!({}));
    let other = Descriptor::of(&windows.media_type, b"not carried");
    let index = sample.stock.index(&[&windows, &other]);
    sample.contents = sample.stock.contents(&[("x.example/c:1", &index)]);

    let missing = vec![(ProblemKind::Missing, blob_path(&other.digest))];
    assert_eq!(found(&sample, &sample.seal("one")), missing, "a foreign layer needs no word");

    sample.contents.images[0].left_out.push(LeftOut {
        digest: other.digest,
        media_type: other.media_type.to_string(),
        size: other.size,
        platform: None,
        reason: Reason::Platform,
    });
    assert_eq!(found(&sample, &sample.seal("two")), []);
}

#[test]
fn a_size_that_is_not_the_files_is_damage() {
    let mut sample = Sample::new();
    let config = sample.stock.config("c", "linux/amd64", 1);
    let mut layer = sample.stock.blob(LAYER, b"layer");
    layer.size += 1;
    let image = sample.stock.manifest(&config, &[layer.clone()], json!({}));
    sample.contents = sample.stock.contents(&[("x.example/c:1", &image)]);
    let head = sample.head();
    sample.contents.images[0].size += 1;
    let other = sample.head();

    for (name, head, path) in
        [("layer", head, blob_path(&layer.digest)), ("document", other, blob_path(&image.digest))]
    {
        let mut head = head;
        head.layers[0].size -= 1;
        sample.stock.seal(&head, &sample.at(name));

        let found = found(&sample, &sample.at(name));
        assert!(found.contains(&(ProblemKind::Damaged, path)), "{name}: {found:?}");
    }
}

#[test]
fn indexes_may_be_nested_but_not_without_end() {
    for (levels, fine) in [(MAX_LEVELS, true), (MAX_LEVELS + 1, false)] {
        let mut sample = Sample::new();
        let mut top = sample.stock.image("deep", "linux/amd64");
        for _ in 1..levels {
            top = sample.stock.index(&[&top]);
        }
        sample.contents = sample.stock.contents(&[("x.example/deep:1", &top)]);

        let found = found(&sample, &sample.seal("b"));

        assert_eq!(found.is_empty(), fine, "{levels}: {found:?}");
        assert!(found.iter().all(|(kind, _)| *kind == ProblemKind::Damaged), "{found:?}");
    }
}

/// Puts another statement over the files of `head` into the bundle `path`.
fn sign_again(sample: &Sample, path: &Path, predicate: &Predicate, index: &Digest) {
    let sums = Digest::of(&fs::read(path.join(SUMS)).unwrap());
    let payload = predicate.to_statement(&sums, index);
    fs::write(envelope_of(sample, path), Envelope::sign(&payload, &sample.key).to_bytes()).unwrap();
}

#[test]
fn the_images_in_the_statement_are_those_of_the_index() {
    let sample = Sample::new();
    let path = sample.seal("b");
    let index = Digest::of(&fs::read(path.join("index.json")).unwrap());
    let mut predicate = sample.predicate();

    sign_again(&sample, &path, &predicate, &index);
    look(&sample, &path).unwrap().into_trusted().unwrap();
    predicate.images[0].name = "x.example/other:1".parse().unwrap();
    sign_again(&sample, &path, &predicate, &index);

    assert_eq!(class(look(&sample, &path)), Class::Untrusted);
}

/// Signs the same statement with another key too.
fn add_signature(path: &Path, head: &Head, key: &PrivateKey) -> PathBuf {
    let (_, bytes) = head.files.iter().find(|(path, _)| path.starts_with("sig/")).unwrap();
    let payload = Envelope::from_bytes(bytes).unwrap().payload().to_vec();
    let file = path.join(envelope_path(&key.public().id()));
    fs::write(&file, Envelope::sign(&payload, key).to_bytes()).unwrap();
    file
}

#[test]
fn one_signature_by_a_trusted_key_is_enough_and_needed() {
    let sample = Sample::new();
    let path = sample.seal("b");
    let (second, stranger) = (PrivateKey::generate().unwrap(), PrivateKey::generate().unwrap());
    add_signature(&path, &sample.head(), &second);

    let by = |keys: &[&PrivateKey]| {
        let keys = keys.iter().map(|key| key.public().clone()).collect();
        examine(&Medium::at(&path), &Trust::Keys(keys), moment(NOW))
            .map(|examined| examined.signers().to_vec())
    };

    assert_eq!(by(&[&stranger, &second]).unwrap(), [second.public().id()]);
    assert_eq!(by(&[&second, &sample.key]).unwrap().len(), 2);
    for keys in [&[&stranger][..], &[]] {
        assert_eq!(by(keys).unwrap_err().class(), Class::Untrusted);
    }
    let anyone = examine(&Medium::at(&path), &Trust::UnsafeAnySigner, moment(NOW)).unwrap();
    assert_eq!((anyone.signers().len(), anyone.claimed_signers().len()), (0, 2));
}

#[test]
fn a_signature_counts_only_under_the_name_of_its_key() {
    let sample = Sample::new();
    let path = sample.seal("b");
    fs::rename(envelope_of(&sample, &path), path.join("sig/0123456789abcdef.dsse.json")).unwrap();

    assert_eq!(class(look(&sample, &path)), Class::Untrusted);
}

#[test]
fn signatures_of_two_statements_make_one_bundle_of_none() {
    let sample = Sample::new();
    let path = sample.seal("b");
    let second = PrivateKey::generate().unwrap();
    let file = path.join(envelope_path(&second.public().id()));

    fs::write(file, Envelope::sign(b"{}", &second).to_bytes()).unwrap();

    assert_eq!(class(look(&sample, &path)), Class::Untrusted);
}

#[test]
fn a_bundle_has_a_signature_and_not_too_many() {
    let sample = Sample::new();
    let path = sample.seal("b");
    let envelope = fs::read(envelope_of(&sample, &path)).unwrap();
    let more = |from: usize, to: usize| {
        for n in from..to {
            fs::write(path.join(format!("sig/{n:016x}.dsse.json")), &envelope).unwrap();
        }
    };

    more(1, MAX_ENVELOPES);
    look(&sample, &path).unwrap();
    more(MAX_ENVELOPES, MAX_ENVELOPES + 1);
    assert_eq!(class(look(&sample, &path)), Class::Untrusted);
    fs::remove_dir_all(path.join("sig")).unwrap();
    assert_eq!(class(look(&sample, &path)), Class::Untrusted);
}

#[test]
fn a_file_cut_before_its_signature_is_incomplete_rather_than_unsigned() {
    let sample = Sample::new();
    let path = sample.seal("b.tar");
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();

    for length in [1024, 600, 0] {
        file.set_len(length).unwrap();
        assert_eq!(class(look(&sample, &path)), Class::Incomplete, "cut to {length}");
    }
}

#[test]
fn a_delta_is_whole_with_exactly_the_blobs_that_it_is_signed_to_lack() {
    let sample = Sample::new();
    let needed = sample.contents.blobs.needed().to_vec();
    let (layer, other) = (needed[1].digest, needed[3].digest);
    let on = LeansOn { kind: Witness::Bundle, digest: Digest::of(b"before"), position: None };
    let seal = |name: &str, left_out: &[Digest], lacks: &[Digest]| {
        let mut contents = sample.contents.clone();
        contents.blobs =
            BlobList::carrying(needed.clone(), |blob| !left_out.contains(&blob.digest));
        let base = Base::of(vec![on.clone()], lacks.to_vec());
        let predicate = Predicate::of(&contents, moment(CREATED), None).upon(base);
        let path = sample.at(name);
        sample.stock.seal(&sample.stock.head(&contents, &predicate, &sample.key), &path);
        path
    };

    let delta = look(&sample, &seal("delta", &[layer], &[layer])).unwrap();
    let lacking: Vec<Digest> = delta.contents().blobs.lacking().map(|blob| blob.digest).collect();
    assert_eq!((delta.problems(), &lacking[..]), (&[][..], &[layer][..]));
    delta.into_trusted().unwrap();

    let forgotten = found(&sample, &seal("forgotten", &[layer, other], &[layer]));
    assert_eq!(forgotten, [(ProblemKind::Missing, blob_path(&other))]);
    let carried = found(&sample, &seal("carried", &[layer], &[layer, other]));
    assert_eq!(carried, [(ProblemKind::Damaged, blob_path(&other))]);
    let needless = Digest::of(b"nobody's");
    let needless = [layer, needless];
    let found = found(&sample, &seal("needless", &[layer], &needless));
    assert_eq!(found, [(ProblemKind::Damaged, blob_path(&needless[1]))]);
    let image = sample.contents.images[0].digest;
    let odd = look(&sample, &seal("document", &[layer], &[layer, image])).unwrap();
    assert_eq!(kinds(&odd), [(ProblemKind::Damaged, blob_path(&image))]);
}
