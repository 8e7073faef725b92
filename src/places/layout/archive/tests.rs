use std::io::Read as _;
use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::medium::Medium;
use crate::places::layout::{Layout, REF_NAME};
use crate::storage::checked::samples::Unchecked;
use crate::storage::content::Once;
use crate::words::cancel::Cancel;
use crate::words::media::OCI_INDEX;
use crate::words::media::OCI_MANIFEST;

const LAYER: &[u8] = b"a layer that is longer than nothing";
const CONFIG: &[u8] = b"{}";

fn image() -> (Document, [Descriptor; 2]) {
    let blobs = [Descriptor::of("a/config", CONFIG), Descriptor::of("a/layer", LAYER)];
    let raw = json!({"schemaVersion": 2, "config": blobs[0], "layers": [blobs[1]]});
    (Document::parse(raw.to_string().into_bytes(), OCI_MANIFEST).unwrap(), blobs)
}

fn listing(name: &str) -> ArchiveContents {
    let (document, blobs) = image();
    let about = document.descriptor();
    let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [{
        "mediaType": about.media_type, "digest": about.digest, "size": about.size,
        "annotations": {REF_NAME: name},
    }]});
    let docker = Some(br#"[{"RepoTags":["x"]}]"#.to_vec());
    let documents = BTreeMap::from([(about.digest, document)]);
    ArchiveContents::new(index.to_string().into_bytes(), docker, documents, &blobs).unwrap()
}

const NAME: &str = "x.example/a:1";

fn fill(archive: &Archive) -> Result<()> {
    let (document, [config, layer]) = image();
    archive.put(&mut Unchecked(&config, &mut &CONFIG[..]))?;
    archive.put(&mut Unchecked(&layer, &mut &LAYER[..]))?;
    archive.put_document(&document)?;
    archive.publish(&NAME.parse().unwrap(), &document)?;
    archive.finish()
}

/// Writes the archive anew.
fn write(path: &Path, gzip: bool) {
    fill(&Archive::at(path, listing(NAME), gzip, OldFile::Worn)).unwrap();
}

#[derive(Clone, Default)]
struct Out(Arc<Mutex<Vec<u8>>>);

impl Out {
    fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().clone()
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn looked(path: &Path, gzip: bool) -> OldFile {
    look(path, &listing(NAME), gzip, &Cancel::default()).unwrap()
}

#[test]
fn an_archive_is_a_layout_of_the_size_that_was_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tar");

    write(&path, false);

    let tree = Medium::at(&path).open().unwrap();
    assert_eq!(tree.read_small("manifest.json", 100).unwrap(), br#"[{"RepoTags":["x"]}]"#);
    let layout = Layout::open(tree).unwrap();
    assert_eq!(layout.entries()[0].name, Some(NAME.parse().unwrap()));
    assert_eq!(std::fs::metadata(&path).unwrap().len(), listing(NAME).size());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_file_and_a_stream_have_the_same_bytes_and_always_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    for gzip in [false, true] {
        write(&path, gzip);
        let out = Out::default();
        fill(&Archive::to_writer(Box::new(out.clone()), "here", listing(NAME), gzip)).unwrap();
        assert!(out.bytes() == std::fs::read(&path).unwrap());
        if gzip {
            let mut plain = Vec::new();
            flate2::read::GzDecoder::new(&out.bytes()[..]).read_to_end(&mut plain).unwrap();
            assert_eq!(plain.len() as u64, listing(NAME).size());
            assert_eq!(out.bytes()[3..10], [0, 0, 0, 0, 0, 0, 255], "no name, no time, no system");
        }
    }
}

#[test]
fn a_blob_that_fails_is_taken_back_in_a_file_and_ends_a_stream() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tar");
    let (_, [config, layer]) = image();
    let transient = || {
        let broken = Error::new(Class::Other, "it broke").transient().into_io();
        Once((&LAYER[..7]).chain(Broken(Some(broken))))
    };

    let file = Archive::at(&path, listing(NAME), false, OldFile::Nothing);
    file.put(&mut Unchecked(&config, &mut &CONFIG[..])).unwrap();
    let error = file.put(&mut Unchecked(&layer, &mut transient())).unwrap_err();
    assert!(error.is_transient() && !file.has(&layer).unwrap());
    fill(&file).unwrap();
    assert_eq!(looked(&path, false), OldFile::Same);

    for gzip in [false, true] {
        let out = Out::default();
        let stream = Archive::to_writer(Box::new(out.clone()), "here", listing(NAME), gzip);
        let error = stream.put(&mut Unchecked(&layer, &mut transient())).unwrap_err();
        assert!(!error.is_transient(), "nobody tries again");
        assert!(fill(&stream).is_err());
        drop(stream);
        let mut plain = Vec::new();
        let ended = flate2::read::GzDecoder::new(&out.bytes()[..]).read_to_end(&mut plain);
        assert!(ended.is_err(), "it does not look finished");
    }
    // Nor does a stream that nobody finishes.
    let out = Out::default();
    let stream = Archive::to_writer(Box::new(out.clone()), "here", listing(NAME), true);
    stream.put(&mut Unchecked(&config, &mut &CONFIG[..])).unwrap();
    drop(stream);
    assert!(flate2::read::GzDecoder::new(&out.bytes()[..]).read_to_end(&mut Vec::new()).is_err());
    for gzip in [false, true] {
        let file = Archive::at(&path, listing(NAME), gzip, OldFile::Nothing);
        file.put(&mut Unchecked(&config, &mut &CONFIG[..])).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
        drop(file);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "only the first one");
    }
}

struct Broken(Option<io::Error>);

impl io::Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

#[test]
fn a_file_that_came_meanwhile_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tar");
    let archive = Archive::at(&path, listing(NAME), false, OldFile::Nothing);

    std::fs::write(&path, "somebody's").unwrap();
    fill(&archive).unwrap_err();

    assert_eq!(std::fs::read(&path).unwrap(), b"somebody's");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn what_does_not_belong_there_or_never_came_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tar");
    let archive = Archive::at(&path, listing(NAME), false, OldFile::Nothing);
    let (document, [config, layer]) = image();

    archive.put(&mut Unchecked(&Descriptor::of("a/b", b"other"), &mut &b"other"[..])).unwrap_err();
    archive.publish(&"x.example/b:1".parse().unwrap(), &document).unwrap_err();
    let short = Descriptor { size: layer.size, ..layer.clone() };
    archive.put(&mut Unchecked(&short, &mut &LAYER[1..])).unwrap_err();
    archive.put(&mut Unchecked(&config, &mut &CONFIG[..])).unwrap();
    archive.finish().unwrap_err();

    assert!(!path.exists());
}

#[test]
fn the_same_images_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tar");
    assert_eq!(looked(&path, false), OldFile::Nothing);
    for gzip in [false, true] {
        write(&path, gzip);
        let inode = || std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(&path).unwrap());
        let before = inode();

        assert_eq!(looked(&path, gzip), OldFile::Same);
        assert_eq!(looked(&path, !gzip), OldFile::Worn, "wrapped otherwise");
        let archive = Archive::at(&path, listing(NAME), gzip, OldFile::Same);
        let name = NAME.parse().unwrap();
        assert_eq!(archive.published(&name).unwrap().as_ref(), Some(image().0.descriptor()));
        fill(&archive).unwrap();

        assert_eq!(inode(), before);
    }
}

#[test]
fn a_damaged_archive_of_the_same_images_is_written_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    for gzip in [false, true] {
        write(&path, gzip);
        let whole = std::fs::read(&path).unwrap();
        let mut longer = whole.clone();
        longer.push(0);
        let mut flipped = whole.clone();
        // In gzip the checksum at the end, else the first header behind the lists.
        let at = if gzip { whole.len() - 6 } else { 6 * 512 + 20 };
        flipped[at] ^= 1;
        let mut bad = vec![whole[..whole.len() - 4].to_vec(), flipped];
        bad.extend(gzip.then_some(longer));
        for bytes in bad {
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(looked(&path, gzip), OldFile::Worn, "{gzip}");
        }
    }
    // A document whose bytes differ.
    write(&path, false);
    let mut bytes = std::fs::read(&path).unwrap();
    let raw = image().0.raw().to_vec();
    let at = bytes.windows(raw.len()).position(|window| window == raw).unwrap();
    bytes[at + 3] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    assert_eq!(looked(&path, false), OldFile::Worn);
    // Another list for docker.
    write(&path, false);
    let other = ArchiveContents { docker: Some(b"[]".to_vec()), ..listing(NAME) };
    assert_eq!(look(&path, &other, false, &Cancel::default()).unwrap(), OldFile::Worn);
}

#[test]
fn anything_else_is_told_by_what_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let told = |listing: &ArchiveContents| match look(&path, listing, false, &Cancel::default())
        .unwrap()
    {
        OldFile::Other { what, .. } => what,
        other => panic!("{other:?}"),
    };
    for gzip in [false, true] {
        write(&path, gzip);
        assert_eq!(told(&listing("x.example/b:1")), format!("holds {NAME}"));
        let OldFile::Other { names, .. } =
            look(&path, &listing("x.example/b:1"), gzip, &Cancel::default()).unwrap()
        else {
            panic!()
        };
        assert_eq!(names[NAME], image().0.descriptor().digest);
    }
    let mut builder = tar::Builder::new(Vec::new());
    let list = br#"[{"RepoTags":["a:1","b:1"]},{"RepoTags":["c:1","d:1","e:1"]}]"#;
    let mut header = tar::Header::new_gnu();
    header.set_size(list.len() as u64);
    builder.append_data(&mut header, "manifest.json", &list[..]).unwrap();
    let saved = builder.into_inner().unwrap();
    for (bytes, what) in [
        (saved.as_slice(), "holds a:1, b:1, c:1 and 2 more"),
        (b"", "is no archive of images, or is damaged"),
        (&[0x1f, 0x8b, 8, 0, 0], "is no archive of images, or is damaged"),
        (&[7; 2000], "is no archive of images, or is damaged"),
    ] {
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(told(&listing(NAME)), what);
    }
    std::fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("nowhere", &path).unwrap();
    for strange in [&path, folder.path()] {
        let error = look(strange, &listing(NAME), false, &Cancel::default()).unwrap_err();
        assert_eq!(error.class(), Class::Usage);
    }
}

#[test]
fn a_compressed_archive_that_unpacks_to_far_too_much_is_not_read_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let mut plain = Vec::new();
    write(&path, true);
    let read = std::fs::read(&path).unwrap();
    flate2::read::GzDecoder::new(&read[..]).read_to_end(&mut plain).unwrap();
    plain.resize(plain.len() + (4 << 20), 0);
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&plain).unwrap();
    std::fs::write(&path, encoder.finish().unwrap()).unwrap();

    assert_eq!(looked(&path, true), OldFile::Worn);
}
