mod leftovers;

use std::fs;
use std::io;
use std::os::unix::fs::symlink;

use super::*;
use crate::bundle::samples::Sample;
use crate::medium::Medium;
use crate::places::layout::blob_path;
use crate::storage::checked::samples::Unchecked;
use crate::storage::raw::Raw;
use crate::storage::verifying::Verifying;
use crate::words::error::Class;
use crate::words::progress::Silent;

fn refused(path: &Path, class: Class) {
    let error = Draft::open(&Medium::at(path)).map(drop).unwrap_err();
    assert_eq!(error.class(), class, "{error}");
}

/// The names in a folder.
fn names(sample: &Sample) -> Vec<String> {
    let entries = fs::read_dir(sample.folder.path()).unwrap();
    let mut names: Vec<String> =
        entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A draft of the sample with its head and its first `layers`.
fn begun(sample: &Sample, name: &str, layers: usize) -> Draft {
    let head = sample.head();
    let draft = opened(sample, name, &head);
    for layer in &head.layers[..layers] {
        draft
            .sink()
            .put(&mut Unchecked(layer, &mut &sample.stock.blobs[&layer.digest][..]))
            .unwrap();
    }
    draft
}

#[test]
fn a_bundle_has_its_name_only_when_it_is_sealed() {
    for name in ["b", "b.tar"] {
        let sample = Sample::new();
        let draft = begun(&sample, name, sample.head().layers.len());
        assert_eq!(names(&sample), [format!("{name}.partial")]);

        draft.seal(sample.key.public()).unwrap();

        assert_eq!(names(&sample), [name]);
        refused(&sample.at(name), Class::Usage);
    }
}

#[test]
fn two_exports_never_write_one_bundle() {
    for name in ["b", "b.tar"] {
        let sample = Sample::new();
        let first = Draft::open(&Medium::at(sample.at(name))).unwrap();

        refused(&sample.at(name), Class::Busy);

        drop(first);
        drop(Draft::open(&Medium::at(sample.at(name))).unwrap());
    }
}

#[test]
fn a_name_that_was_taken_meanwhile_is_left_alone() {
    for name in ["b", "b.tar"] {
        let sample = Sample::new();
        let draft = begun(&sample, name, sample.head().layers.len());
        match name {
            "b" => fs::create_dir(sample.at(name)).unwrap(),
            _ => fs::write(sample.at(name), "mine").unwrap(),
        }

        assert_eq!(draft.seal(sample.key.public()).unwrap_err().class(), Class::Usage);

        assert!(name == "b" || fs::read(sample.at(name)).unwrap() == b"mine");
        assert!(sample.at(&format!("{name}.partial")).exists());
    }
}

#[test]
fn leftovers_count_only_when_their_bytes_are_right() {
    for name in ["b", "b.tar"] {
        let sample = Sample::new();
        let head = sample.head();
        drop(begun(&sample, name, 2));
        match name {
            "b" => {
                let layer = blob_path(&head.layers[0].digest);
                let path = sample.at("b.partial").join(layer);
                let length = fs::metadata(&path).unwrap().len();
                fs::write(&path, vec![b'x'; usize::try_from(length).unwrap()]).unwrap();
            }
            _ => {
                let mut tar = fs::read(sample.at("b.tar.partial")).unwrap();
                let layer = &sample.stock.blobs[&head.layers[0].digest];
                let at = tar.windows(layer.len()).position(|part| part == layer).unwrap();
                tar[at] ^= 1;
                fs::write(sample.at("b.tar.partial"), tar).unwrap();
            }
        }

        let draft = begun(&sample, name, 0);

        let holds = |n: usize| draft.holds(&head.layers[n], &Silent).unwrap();
        assert!(!holds(0), "{name}: rotten");
        assert!(holds(1), "{name}: whole");
        assert!(head.layers.get(2).is_none_or(|_| !holds(2)), "{name}: never fetched");
    }
}

#[test]
fn a_folder_that_no_export_began_is_not_touched() {
    let sample = Sample::new();
    fs::create_dir(sample.at("b.partial")).unwrap();
    fs::write(sample.at("b.partial/thesis.tex"), "x").unwrap();
    fs::write(sample.at("b.partial/oci-layout"), "x").unwrap();

    refused(&sample.at("b"), Class::Usage);

    assert!(sample.at("b.partial/thesis.tex").exists());
}

#[test]
fn what_another_export_left_behind_does_not_get_into_the_bundle() {
    let sample = Sample::new();
    let stray = sample.at("b.partial/blobs/sha256").join("0".repeat(64));
    fs::create_dir_all(stray.parent().unwrap()).unwrap();
    fs::write(sample.at("b.partial/oci-layout"), crate::places::layout::LAYOUT_MARK).unwrap();
    fs::write(&stray, "x").unwrap();

    begun(&sample, "b", sample.head().layers.len()).seal(sample.key.public()).unwrap();

    let tree = Medium::at(sample.at("b")).open().unwrap();
    assert!(tree.files().all(|(path, _)| !path.ends_with(&"0".repeat(64))));
}

#[test]
fn a_link_in_the_folder_ends_the_export() {
    let sample = Sample::new();
    let draft = begun(&sample, "b", sample.head().layers.len());
    symlink("/etc/hostname", sample.at("b.partial/blobs/link")).unwrap();

    let error = draft.seal(sample.key.public()).unwrap_err();

    assert!(error.to_string().contains("blobs/link"), "{error}");
    assert!(!sample.at("b").exists());
}

/// Gives some bytes of a layer and breaks off, or all of them, and counts what it gave.
struct Line<'a> {
    bytes: &'a [u8],
    breaks_at: usize,
    given: std::sync::atomic::AtomicUsize,
}

impl BlobSource for Line<'_> {
    fn open(&self, _: &Descriptor, offset: u64) -> Result<Raw<'_>> {
        let offset = usize::try_from(offset).unwrap();
        let end = self.breaks_at.max(offset);
        Ok(Raw::new(Given(self, &self.bytes[offset..end], end < self.bytes.len())))
    }
}

struct Given<'a>(&'a Line<'a>, &'a [u8], bool);

impl io::Read for Given<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = io::Read::read(&mut self.1, buffer)?;
        self.0.given.fetch_add(got, std::sync::atomic::Ordering::Relaxed);
        match got == 0 && self.2 && !buffer.is_empty() {
            true => Err(Error::new(Class::Interrupted, "stopped").into_io()),
            false => Ok(got),
        }
    }
}

/// A bundle of one layer with `bytes`.
fn of_one_layer(bytes: &[u8]) -> (Sample, Head) {
    let mut sample = Sample::new();
    let layer = sample.stock.blob(crate::bundle::samples::LAYER, bytes);
    let config = sample.stock.config("c", "linux/amd64", 1);
    let image = sample.stock.manifest(&config, &[layer], serde_json::json!({}));
    sample.contents = sample.stock.contents(&[("x.example/c:1", &image)]);
    let head = sample.head();
    (sample, head)
}

/// The draft for `head` under that name, as far as it got.
fn opened(sample: &Sample, name: &str, head: &Head) -> Draft {
    let mut draft = Draft::open(&Medium::at(sample.at(name))).unwrap();
    draft.begin(head).unwrap();
    draft
}

/// Fetches the layer of `head` from `bytes` up to `breaks_at`; how many bytes were asked for.
fn fetch(draft: &Draft, head: &Head, bytes: &[u8], breaks_at: usize) -> (Result<()>, usize) {
    let line = Line { bytes, breaks_at, given: 0.into() };
    let layer = &head.layers[0];
    let mut content = Verifying::from_source(&line, layer, "test", &Silent);
    let done = draft.sink().put(&mut Unchecked(layer, &mut content));
    drop(content);
    (done, line.given.into_inner())
}

#[test]
fn a_layer_goes_on_from_where_it_was() {
    let bytes: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
    for name in ["b", "b.tar"] {
        let (sample, head) = of_one_layer(&bytes);
        let open = || opened(&sample, name, &head);
        let draft = open();
        let before = draft.needs(&head.layers);
        fetch(&draft, &head, &bytes, 2_000_000).0.unwrap_err();
        drop(draft);

        let draft = open();
        assert!(!draft.holds(&head.layers[0], &Silent).unwrap(), "{name}");
        let room = before - draft.needs(&head.layers);
        assert!((1_990_000..2_010_000).contains(&room), "{name}: {room} bytes are ours");
        let (done, given) = fetch(&draft, &head, &bytes, bytes.len());

        done.unwrap();
        assert!((1_000_000..1_000_300).contains(&given), "{name}: asked for {given} bytes");
        draft.seal(sample.key.public()).unwrap();
        assert_eq!(names(&sample), [name]);
    }
}

#[test]
fn what_was_left_of_a_layer_is_not_believed() {
    let bytes: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
    let mut rotten = bytes.clone();
    rotten[5] ^= 1;
    for name in ["b", "b.tar"] {
        let (sample, head) = of_one_layer(&bytes);
        let open = || opened(&sample, name, &head);
        fetch(&open(), &head, &rotten, 2_000_000).0.unwrap_err();

        let draft = open();
        let (done, given) = fetch(&draft, &head, &bytes, bytes.len());

        done.unwrap();
        assert!(given >= bytes.len(), "{name}: asked for {given} bytes");
        draft.seal(sample.key.public()).unwrap();
    }
}

#[test]
fn what_another_may_have_left_or_may_change_is_not_gone_on_with() {
    use std::os::unix::fs::{PermissionsExt as _, chown};
    let open = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    type Spoil<'a> = &'a dyn Fn(&Path, &Path) -> bool;
    let by_mode: Spoil<'_> = &|path, _| {
        open(path, if path.is_dir() { 0o777 } else { 0o666 });
        true
    };
    let by_owner: Spoil<'_> = &|path, _| chown(path, Some(12_345), None).is_ok();
    let by_name: Spoil<'_> = &|path, second| fs::hard_link(path, second).is_ok();
    for (name, left) in [
        ("b", "b.partial"),
        ("b", "b.partial/blobs"),
        ("b", "b.partial/blobs/sha256"),
        ("b", "b.partial/sig"),
        ("b", "b.partial/index.json"),
        ("b.tar", "b.tar.partial"),
        ("b.tar", "b.tar.partial-old"),
    ] {
        for spoil in [by_mode, by_owner, by_name] {
            let sample = Sample::new();
            drop(begun(&sample, name, 1));
            if left == "b.tar.partial-old" {
                fs::copy(sample.at("b.tar.partial"), sample.at(left)).unwrap();
            }
            let second = sample.at("second-name");
            if !spoil(&sample.at(left), &second) {
                continue;
            }

            let error = Draft::open(&Medium::at(sample.at(name))).map(drop).unwrap_err();

            assert_eq!(error.class(), Class::Refused, "{left}: {error}");
            assert!(error.to_string().contains(left) && error.way_out().is_some(), "{error:?}");
        }
    }
}

#[test]
fn what_is_put_in_the_place_of_an_unfinished_bundle_gets_no_name() {
    for name in ["b", "b.tar"] {
        let sample = Sample::new();
        let draft = begun(&sample, name, sample.head().layers.len());
        let partial = sample.at(&format!("{name}.partial"));
        fs::rename(&partial, sample.at("aside")).unwrap();
        match name {
            "b" => fs::create_dir(&partial).unwrap(),
            _ => fs::write(&partial, "theirs").unwrap(),
        }

        draft.finish().unwrap();
        let error = draft.name().unwrap_err();

        assert_eq!(error.class(), Class::Refused, "{error}");
        assert!(!sample.at(name).exists());
    }
}

#[test]
fn a_folder_that_becomes_a_link_under_an_export_is_not_written_through() {
    let sample = Sample::new();
    let head = sample.head();
    let mut draft = Draft::open(&Medium::at(sample.at("b"))).unwrap();
    fs::create_dir(sample.at("elsewhere")).unwrap();
    for name in ["blobs/sha256", "blobs"] {
        let path = sample.at("b.partial").join(name);
        fs::rename(&path, sample.at(&format!("aside-{}", name.len()))).unwrap();
        if name == "blobs" {
            symlink(sample.at("elsewhere"), &path).unwrap();
        }
    }
    symlink(sample.at("elsewhere"), sample.at("b.partial/sig")).unwrap();

    draft.begin(&head).unwrap_err();
    for layer in &head.layers {
        let _ =
            draft.sink().put(&mut Unchecked(layer, &mut &sample.stock.blobs[&layer.digest][..]));
    }
    draft.seal(sample.key.public()).unwrap_err();

    assert_eq!(fs::read_dir(sample.at("elsewhere")).unwrap().count(), 0);
    assert!(!sample.at("b").exists());
}
