use std::io;
use std::os::unix::fs::{FileExt as _, symlink};

use tar::{Builder, EntryType, Header};

use super::*;
use crate::medium::Medium;
use crate::medium::entries::{MAX_LISTING, TOO_MANY, listing};
use crate::medium::fault::MAX_FAULTS;
use crate::medium::header::BLOCK;
use crate::medium::pieces::{Extent, FileNumber};
use crate::storage::raw::Raw;
use crate::words::document::Descriptor;
use crate::words::error::ErrorKind;
use crate::words::progress::Silent;

fn header(kind: EntryType, name: &str, size: u64) -> Header {
    let mut header = Header::new_ustar();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_cksum();
    header
}

fn archive(entries: &[(EntryType, &str, &[u8])]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (kind, name, data) in entries {
        builder.append(&header(*kind, name, data.len() as u64), *data).unwrap();
    }
    builder.into_inner().unwrap()
}

fn tree(bytes: &[u8]) -> (tempfile::TempDir, Tree) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.tar");
    std::fs::write(&path, bytes).unwrap();
    let tree = Medium::at(&path).open().unwrap();
    (folder, tree)
}

fn faults(bytes: &[u8]) -> Vec<TreeFault> {
    tree(bytes).1.faults().to_vec()
}

#[test]
fn a_plain_tar_is_read_in_place() {
    let bytes = archive(&[
        (EntryType::Directory, "blobs/", b""),
        (EntryType::Regular, "./blobs/a", b"hello"),
        (EntryType::Regular, "b", &[7; 512]),
        (EntryType::Regular, "c", b""),
    ]);

    let (_folder, tree) = tree(&bytes);

    assert_eq!(tree.faults(), &[]);
    assert_eq!(tree.files().collect::<Vec<_>>(), [("b", 512), ("blobs/a", 5), ("c", 0)]);
    assert_eq!(tree.read_small("blobs/a", 5).unwrap(), b"hello");
    assert_eq!(tree.read_small("blobs/a", 4).unwrap_err().class(), Class::Damaged);
    assert_eq!(tree.read_small("nope", 4).unwrap_err().class(), Class::Incomplete);
    let mut rest = String::new();
    tree.open_file("blobs/a", 3).unwrap().read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "lo");
}

#[test]
fn every_cut_of_a_tar_is_seen_as_a_cut() {
    let bytes = archive(&[(EntryType::Regular, "a", b"hello"), (EntryType::Regular, "b", b"x")]);
    let end = bytes.len() - 1024;

    for cut in 0..end + 1023 {
        let found = faults(&bytes[..cut]);
        assert!(found.iter().any(|fault| fault.is_truncated()), "cut at {cut}: {found:?}");
    }
}

#[test]
fn every_flip_outside_the_contents_is_a_fault() {
    let bytes = archive(&[(EntryType::Regular, "a", b"hello"), (EntryType::Regular, "b", b"x")]);

    for at in (0..bytes.len()).filter(|at| !(512..517).contains(at) && *at != 1536) {
        let mut bad = bytes.clone();
        bad[at] ^= 1;
        assert!(!faults(&bad).is_empty(), "flip at {at}");
    }
}

#[test]
fn what_is_no_plain_file_is_a_fault() {
    let pax = |record: &str| format!("{} {record}\n", record.len() + 4);
    let size = pax("size=99");
    let path = pax("path=zz");
    let mtime = pax("mtime=1");
    for (entry, fine) in [
        ((EntryType::Symlink, "a", &b""[..]), false),
        ((EntryType::Link, "a", b""), false),
        ((EntryType::Fifo, "a", b""), false),
        ((EntryType::Char, "a", b""), false),
        ((EntryType::GNUSparse, "a", b""), false),
        ((EntryType::GNULongName, "a", b"b"), false),
        ((EntryType::Regular, "../a", b""), false),
        ((EntryType::Regular, "/a", b""), false),
        ((EntryType::Regular, ".", b""), false),
        ((EntryType::Regular, "b/../a", b""), false),
        ((EntryType::Regular, "first", b""), false),
        ((EntryType::XHeader, "p", size.as_bytes()), false),
        ((EntryType::XHeader, "p", path.as_bytes()), false),
        ((EntryType::XHeader, "p", b"garbage"), false),
        ((EntryType::XHeader, "p", mtime.as_bytes()), true),
        ((EntryType::Regular, "b", b"fine"), true),
    ] {
        let found = faults(&archive(&[(EntryType::Regular, "first", b"1"), entry]));
        assert_eq!(found.is_empty(), fine, "{entry:?}: {found:?}");
    }
}

#[test]
fn data_behind_the_end_is_a_fault() {
    let mut bytes = archive(&[(EntryType::Regular, "a", b"1")]);
    bytes.extend(archive(&[(EntryType::Regular, "b", b"2")]));

    assert!(!faults(&bytes).is_empty());
}

#[test]
fn a_folder_is_listed_without_following_anything() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("tree");
    std::fs::create_dir_all(root.join("blobs")).unwrap();
    std::fs::write(root.join("blobs/a"), "hello").unwrap();
    std::fs::write(folder.path().join("secret"), "secret").unwrap();
    symlink(folder.path().join("secret"), root.join("blobs/link")).unwrap();
    symlink(folder.path(), root.join("up")).unwrap();

    let tree = Medium::at(&root).open().unwrap();

    assert_eq!(tree.files().collect::<Vec<_>>(), [("blobs/a", 5)]);
    assert_eq!(tree.faults().len(), 2);
    assert_eq!(tree.read_small("blobs/a", 9).unwrap(), b"hello");

    std::fs::remove_file(root.join("blobs/a")).unwrap();
    symlink(folder.path().join("secret"), root.join("blobs/a")).unwrap();
    assert!(tree.open_file("blobs/a", 0).is_err(), "swapped for a link after listing");
    std::fs::remove_file(root.join("blobs/a")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        root.join("blobs/a"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    assert!(tree.open_file("blobs/a", 0).is_err(), "swapped for a pipe, and not blocked");
}

#[test]
fn a_medium_made_of_faults_does_not_fill_the_report() {
    let mut bytes = Vec::new();
    for number in 0..3_000 {
        let name = format!("link-{number}");
        bytes.extend(header(EntryType::Symlink, &name, 0).as_bytes());
    }
    let folder = tempfile::tempdir().unwrap();
    for number in 0..3_000 {
        symlink("x", folder.path().join(number.to_string())).unwrap();
    }

    assert_eq!(faults(&bytes).len(), MAX_FAULTS + 1);
    assert_eq!(Medium::at(folder.path()).open().unwrap().faults().len(), MAX_FAULTS + 1);
}

#[test]
fn a_size_that_readers_take_in_two_ways_is_a_fault() {
    let mut header = header(EntryType::Regular, "a", 0);
    for (lead, fine) in [([0x80, 0, 0, 0], true), ([0x80, 0, 0, 1], false), ([0xff; 4], false)] {
        header.as_mut_bytes()[124..128].copy_from_slice(&lead);
        header.as_mut_bytes()[128..136].copy_from_slice(&5u64.to_be_bytes());
        header.set_cksum();
        let bytes = [header.as_bytes().as_slice(), b"hello", &[0; 507 + 1024]].concat();

        assert_eq!(faults(&bytes).is_empty(), fine, "{lead:?}");
    }
}

#[test]
fn zeros_behind_the_end_are_fine_up_to_a_record() {
    let whole = archive(&[(EntryType::Regular, "a", b"1")]);
    let with_tail = |tail: usize| {
        let mut bytes = whole.clone();
        bytes.resize(whole.len() + tail, 0);
        faults(&bytes)
    };

    assert_eq!(with_tail((1 << 20) - 1024), []);
    assert_eq!(with_tail((1 << 20) - 1023).len(), 1);
}

#[test]
fn a_large_extension_and_a_folder_with_content_are_faults() {
    let name = |size: usize| {
        let length = size.to_string().len() + " uname=\n".len();
        format!("{size} uname={}\n", "x".repeat(size - length))
    };
    let (fine, large) = (name(1 << 20), name((1 << 20) + 1));

    assert_eq!(faults(&archive(&[(EntryType::XHeader, "p", fine.as_bytes())])), []);
    assert_eq!(faults(&archive(&[(EntryType::XHeader, "p", large.as_bytes())])).len(), 1);
    assert_eq!(faults(&archive(&[(EntryType::Directory, "d/", b"x")])).len(), 1);
}

#[test]
fn what_lies_too_deep_is_told_and_not_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("1/2/3/4/5/6/7");
    std::fs::create_dir_all(deep.join("8")).unwrap();
    std::fs::write(deep.join("file"), "x").unwrap();

    let tree = Medium::at(folder.path()).open().unwrap();

    assert_eq!(tree.size("1/2/3/4/5/6/7/file"), Some(1));
    assert_eq!(tree.faults().len(), 1);
}

/// A tree over `bytes` as a stream, and how often it was opened.
fn streamed(bytes: Vec<u8>) -> (Tree, Arc<std::sync::atomic::AtomicUsize>) {
    let opened = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let (bytes, count): (Arc<[u8]>, _) = (bytes.into(), Arc::clone(&opened));
    let open = move || {
        count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Ok(Box::new(io::Cursor::new(Arc::clone(&bytes))) as Box<dyn Read + Send>)
    };
    (Tree::of_stream(Path::new("x"), Box::new(open), &Cancel::default()).unwrap(), opened)
}

fn opened(count: &Arc<std::sync::atomic::AtomicUsize>) -> usize {
    count.swap(0, std::sync::atomic::Ordering::Relaxed)
}

fn many_files(count: u32, size: usize) -> (Vec<u8>, Vec<String>) {
    let names: Vec<String> = (0..count).map(|n| format!("{n:03}")).collect();
    let contents: Vec<Vec<u8>> = (0..count).map(|n| vec![n as u8; size]).collect();
    let entries: Vec<(EntryType, &str, &[u8])> = names
        .iter()
        .zip(&contents)
        .map(|(name, content)| (EntryType::Regular, name.as_str(), content.as_slice()))
        .collect();
    (archive(&entries), names)
}

#[test]
fn eight_threads_share_one_pass_over_a_stream() {
    let (bytes, names) = many_files(100, 40_000);
    let (tree, count) = streamed(bytes);
    assert_eq!(opened(&count), 1, "listed");

    let read = crate::tools::parallel::map(8, &names, |name| tree.read_small(name, 40_000));

    for (number, content) in read.unwrap().into_iter().enumerate() {
        assert_eq!(content, vec![number as u8; 40_000]);
    }
    // A thread that is held up between two files lets the others pass, and costs one more; a
    // cursor for each file would be a hundred.
    let passes = opened(&count);
    assert!(passes <= 10, "{passes}");
}

#[test]
fn a_stream_is_read_backwards_too_and_from_the_middle() {
    let (bytes, names) = many_files(5, 2_000);
    let (tree, count) = streamed(bytes);
    opened(&count);

    for name in names.iter().rev() {
        let mut rest = Vec::new();
        tree.open_file(name, 1_990).unwrap().read_to_end(&mut rest).unwrap();
        assert_eq!(rest, vec![name.parse::<u8>().unwrap(); 10]);
    }

    assert_eq!(opened(&count), 5);
    assert_eq!(tree.head("003").unwrap(), [3; HEAD], "known without looking");
    assert_eq!(opened(&count), 0);
}

#[test]
fn a_reader_that_is_let_go_of_half_way_holds_nobody_up() {
    let (bytes, names) = many_files(3, 600_000);
    let (tree, count) = streamed(bytes);
    opened(&count);

    let mut half = tree.open_file("000", 0).unwrap();
    half.read_exact(&mut [0; 100]).unwrap();
    let mut whole = tree.open_file("001", 0).unwrap();
    drop(half);
    let mut bytes = Vec::new();
    whole.read_to_end(&mut bytes).unwrap();
    let _finished = whole;
    assert_eq!(tree.read_small(&names[2], 600_000).unwrap().len(), 600_000);

    assert_eq!(opened(&count), 1);
}

#[test]
fn documents_of_a_stream_are_read_when_it_is_listed() {
    let (tree, count) = streamed(archive(&[
        (EntryType::Regular, "a.json", b"{\"a\": 1}"),
        (EntryType::Regular, "layer", &[7; 700]),
        (EntryType::Regular, "b", b"[]"),
    ]));
    opened(&count);

    assert_eq!(tree.read_small("b", 9).unwrap(), b"[]");
    assert_eq!(tree.read_small("a.json", 9).unwrap(), b"{\"a\": 1}");
    let mut rest = String::new();
    tree.open_file("a.json", 6).unwrap().read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "1}");
    assert_eq!(opened(&count), 0);
    assert_eq!(tree.read_small("layer", 700).unwrap(), [7; 700]);
}

#[test]
fn a_stream_that_says_something_else_the_second_time_is_an_error() {
    let first = archive(&[(EntryType::Regular, "a", &[1; 900])]);
    let other = archive(&[(EntryType::Regular, "b", &[1; 900])]);
    for second in [other, first[..700].to_vec(), Vec::new()] {
        let answers = std::sync::Mutex::new(vec![second, first.clone()]);
        let open = move || {
            let bytes = answers.lock().unwrap().pop().unwrap();
            Ok(Box::new(io::Cursor::new(bytes)) as Box<dyn Read + Send>)
        };
        let tree = Tree::of_stream(Path::new("x"), Box::new(open), &Cancel::default()).unwrap();

        let error = tree.read_small("a", 900).unwrap_err();

        assert!(error.to_string().contains("not what it was"), "{error}");
    }
}

#[test]
fn a_stream_has_the_faults_that_a_file_has() {
    let whole = archive(&[(EntryType::Regular, "a", b"hello"), (EntryType::Regular, "b", b"x")]);
    let mut bad: Vec<Vec<u8>> = (512..whole.len() - 1).map(|cut| whole[..cut].to_vec()).collect();
    for at in (0..whole.len()).filter(|at| !(512..517).contains(at) && *at != 1536) {
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        bad.push(flipped);
    }
    for name in ["../a", "first"] {
        let entries = [(EntryType::Regular, "first", &b"1"[..]), (EntryType::Regular, name, b"")];
        bad.push(archive(&entries));
    }
    bad.push(whole.repeat(2));
    let pax = b"13 path=evil\n";
    bad.push(archive(&[(EntryType::XHeader, "p", pax), (EntryType::Regular, "a", b"")]));

    for bytes in bad {
        let file = faults(&bytes);
        assert!(!file.is_empty());
        assert_eq!(streamed(bytes).0.faults(), file);
    }
}

#[test]
fn a_compressed_tar_is_a_source_and_no_bundle() {
    let plain = archive(&[(EntryType::Regular, "a", &[1; 900])]);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    io::Write::write_all(&mut gzip, &plain).unwrap();
    for bytes in [gzip.finish().unwrap(), zstd::encode_all(&plain[..], 1).unwrap()] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        std::fs::write(&path, &bytes).unwrap();

        let source = Tree::open_source(&path, &Cancel::default()).unwrap();
        assert_eq!(source.read_small("a", 900).unwrap(), [1; 900]);
        assert!(!Medium::at(&path).open().unwrap().faults().is_empty());

        std::fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();
        assert_eq!(
            Tree::open_source(&path, &Cancel::default()).unwrap_err().class(),
            Class::Incomplete
        );
    }
}

/// One file, whose header says `size`, behind an extension header with `records`.
fn extended(records: &[u8], size: u64, content: &[u8]) -> Vec<u8> {
    let mut bytes = archive(&[(EntryType::XHeader, "p", records)]);
    bytes.truncate(bytes.len() - 1024);
    bytes.extend(header(EntryType::Regular, "a", size).as_bytes());
    bytes.extend(content);
    bytes.resize(bytes.len().next_multiple_of(512) + 1024, 0);
    bytes
}

#[test]
fn a_size_in_an_extension_header_is_believed_where_the_header_agrees() {
    let content = [7; 700];
    for size in [0, 700] {
        let bytes = extended(b"12 size=700\n", size, &content);
        assert_eq!(faults(&bytes), []);
        assert_eq!(tree(&bytes).1.read_small("a", 700).unwrap(), content);
        let (stream, count) = streamed(bytes);
        assert_eq!(stream.read_small("a", 700).unwrap(), content);
        assert_eq!(opened(&count), 2);
    }
    for size in [1, 512, 701] {
        let found = faults(&extended(b"12 size=700\n", size, &content));
        assert!(found[0].what.contains("700 by an extension header"), "{found:?}");
    }
    for kind in [EntryType::Directory, EntryType::XHeader] {
        let entries =
            [(EntryType::XHeader, "p", &b"10 size=5\n"[..]), (kind, "d/", b""), (kind, "e/", b"")];
        assert!(!faults(&archive(&entries)).is_empty(), "{kind:?}");
    }
    let mut empty = extended(b"12 size=700\n", 0, &content);
    empty[1024 + 124..1024 + 136].fill(0);
    let mut block = Header::from_byte_slice(&empty[1024..1536]).clone();
    block.set_cksum();
    empty[1024..1536].copy_from_slice(block.as_bytes());
    assert_eq!(faults(&empty), [], "as GNU tar writes it");
}

#[test]
fn names_of_others_may_begin_with_a_slash() {
    let bytes = archive(&[
        (EntryType::Directory, "/", b""),
        (EntryType::Directory, "/d/", b""),
        (EntryType::Regular, "/d/a", b"1"),
        (EntryType::Regular, ".//b", &[2; 700]),
    ]);
    assert!(!faults(&bytes).is_empty(), "in a bundle they are faults");

    let (source, _) = streamed(bytes);

    assert_eq!(source.faults(), []);
    assert_eq!(source.files().collect::<Vec<_>>(), [("b", 700), ("d/a", 1)]);
    assert_eq!(source.resolve("/d/a").unwrap(), "d/a");
    assert_eq!(source.read_small("b", 700).unwrap(), [2; 700]);
    let twice = archive(&[(EntryType::Regular, "a", b"1"), (EntryType::Regular, "/a", b"2")]);
    assert_eq!(streamed(twice).0.faults().len(), 1);
}

#[test]
fn a_file_that_stands_twice_is_one_where_both_are_the_same() {
    let twice = |second: &[u8]| {
        archive(&[
            (EntryType::Regular, "a", &[1; 900]),
            (EntryType::Regular, "b", b"x"),
            (EntryType::Regular, "./a", second),
            (EntryType::Regular, "b", b"x"),
        ])
    };
    let same = twice(&[1; 900]);
    assert!(!faults(&same).is_empty(), "in a bundle it is a fault");
    for second in [&same, &twice(&[2; 900]), &twice(&[1; 899])] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        std::fs::write(&path, second).unwrap();
        let file = Tree::open_source(&path, &Cancel::default()).unwrap();
        let stream = streamed(second.clone()).0;
        for tree in [file, stream] {
            match *second == same {
                true => {
                    assert_eq!(tree.faults(), []);
                    assert_eq!(tree.read_small("a", 900).unwrap(), [1; 900]);
                }
                false => {
                    assert_eq!(tree.faults().len(), 1);
                    assert!(tree.faults()[0].what.contains("stands twice"));
                }
            }
        }
    }
}

#[test]
fn what_gnu_tar_adds_changes_nothing_in_a_source() {
    let mut label = header(EntryType::new(b'V'), "backup", 0).as_bytes().to_vec();
    let mut folder = header(EntryType::new(b'D'), "blobs/", 3).as_bytes().to_vec();
    folder.extend(b"Ya\0");
    folder.resize(1024, 0);
    label.extend(folder);
    label.extend(dialect(b"ustar  \0", &[(345, b"15105634321\0"), (357, b"15105634321\0")]));

    let (source, _) = streamed(label.clone());

    assert_eq!(source.faults(), []);
    assert_eq!(source.files().collect::<Vec<_>>(), [("a", 5)]);
    assert_eq!(source.read_small("a", 9).unwrap(), b"hello");
    assert!(!faults(&label).is_empty(), "in a bundle they are faults");
    for wrong in [&b"P"[..], b"15105634328\0", b"151056343211", b"\x80"] {
        let bytes = dialect(b"ustar  \0", &[(345, wrong)]);
        assert!(!streamed(bytes).0.faults().is_empty(), "{wrong:?}");
    }
}

#[test]
fn what_was_cut_off_is_incomplete() {
    let whole = archive(&[(EntryType::Regular, "a", b"hello"), (EntryType::Regular, "b", b"x")]);
    for cut in [600, 1024, 1100, whole.len() - 1024, whole.len() - 512, whole.len() - 1] {
        let error = streamed(whole[..cut].to_vec()).0.refuse_faults().unwrap_err();

        assert_eq!(error.class(), Class::Incomplete, "{cut}: {error}");
        assert!(error.way_out().unwrap().contains("copy it again"), "{error}");
    }
}

fn link(path: &str, to: &str) -> Header {
    let mut header = header(EntryType::Symlink, path, 0);
    header.as_mut_bytes()[157..157 + to.len()].copy_from_slice(to.as_bytes());
    header.set_cksum();
    header
}

#[test]
fn a_hard_link_is_another_name_of_a_file_and_nothing_outside() {
    let hard = |path: &str, to: &str| {
        let mut header = link(path, to);
        header.set_entry_type(EntryType::Link);
        header.set_cksum();
        header.as_bytes().to_vec()
    };
    let read = |links: &[Vec<u8>]| {
        let mut bytes = links.concat();
        bytes.extend(archive(&[(EntryType::Regular, "x/a.tar", b"layer")]));
        streamed(bytes).0
    };

    let tree = read(&[hard("1/2/layer.tar", "./x/a.tar"), hard("b.tar", "x/a.tar")]);
    tree.refuse_faults().unwrap();
    assert_eq!(tree.resolve("1/2/layer.tar").unwrap(), "x/a.tar");
    assert_eq!(tree.resolve("b.tar").unwrap(), "x/a.tar");
    for (path, to) in [("b.tar", "../a.tar"), ("b.tar", ""), ("x/a.tar", "b")] {
        assert!(read(&[hard(path, to)]).refuse_faults().is_err(), "{path} to {to:?}");
    }
    // What begins with a slash begins where the archive does.
    for to in ["x/none", "/etc/hostname"] {
        assert!(read(&[hard("b.tar", to)]).resolve("b.tar").is_err(), "{to}");
    }
}

#[test]
fn links_are_followed_within_the_archive_once() {
    let mut bytes = Vec::new();
    for (path, to) in [
        ("1/layer.tar", "../a.tar"),
        ("2/layer.tar", "../1/layer.tar"),
        ("3/layer.tar", "../3/layer.tar"),
        ("4/layer.tar", "../../a.tar"),
        ("5/layer.tar", "/a.tar"),
        ("6/layer.tar", "../b.tar"),
        ("7", ""),
    ] {
        bytes.extend(link(path, to).as_bytes());
    }
    bytes.extend(archive(&[(EntryType::Regular, "a.tar", b"layer")]));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    std::fs::write(&path, &bytes).unwrap();

    let tree = Tree::open_source(&path, &Cancel::default()).unwrap();

    assert_eq!(tree.faults(), []);
    let class = |path| tree.resolve(path).map_err(|e| e.class());
    assert_eq!(class("1/layer.tar"), Ok("a.tar".to_owned()));
    assert_eq!(class("./a.tar"), Ok("a.tar".to_owned()));
    assert_eq!(class("6/layer.tar"), Err(Class::Incomplete));
    for bad in ["2/layer.tar", "3/layer.tar", "4/layer.tar", "5/layer.tar", "7", "../a.tar", ""] {
        assert_eq!(class(bad), Err(Class::Damaged), "{bad}");
    }
    assert!(!Medium::at(&path).open().unwrap().faults().is_empty(), "a bundle has no links");

    bytes.splice(0..0, link("a.tar", "b").as_bytes().iter().copied());
    std::fs::write(&path, &bytes).unwrap();
    assert_eq!(
        Tree::open_source(&path, &Cancel::default()).unwrap().faults().len(),
        1,
        "a file and a link"
    );
}

#[test]
fn a_tree_is_called_after_its_file() {
    for (path, stem) in [
        ("/x/app.tar.gz", "app"),
        ("app.img", "app"),
        ("/x/rocker.rstudio.img", "rocker.rstudio"),
        ("My App (2).tar", "my-app-2"),
        ("-", "images"),
        ("..", "images"),
        ("a__b..c.tar", "images"),
    ] {
        let (mut tree, _) = streamed(archive(&[]));
        tree.path = path.into();
        assert_eq!(tree.stem(), stem, "{path}");
    }
}

#[test]
fn every_entry_has_the_same_owner_mode_and_time() {
    let one = crate::medium::header::header("blobs/x", 9 << 30, 7).unwrap();

    let read = ::tar::Header::from_byte_slice(&one);

    assert_eq!((read.uid().unwrap(), read.gid().unwrap(), read.mode().unwrap()), (0, 0, 0o644));
    assert_eq!(read.mtime().unwrap(), 7);
    assert_eq!(read.entry_size().unwrap(), 9 << 30, "beyond what octal digits can say");
}

/// A tar whose one header has `magic` and then `changes` in it.
fn dialect(magic: &[u8; 8], changes: &[(usize, &[u8])]) -> Vec<u8> {
    let mut bytes = archive(&[(EntryType::Regular, "a", b"hello")]);
    bytes[257..265].copy_from_slice(magic);
    for (at, what) in changes {
        bytes[*at..at + what.len()].copy_from_slice(what);
    }
    let mut block = Header::from_byte_slice(&bytes[..512]).clone();
    block.set_cksum();
    bytes[..512].copy_from_slice(block.as_bytes());
    bytes
}

#[test]
fn a_header_whose_name_readers_take_in_two_ways_is_a_fault() {
    let (ustar, gnu, none) = (b"ustar\x0000", b"ustar  \0", &[0; 8]);
    for magic in [ustar, gnu, none] {
        assert_eq!(faults(&dialect(magic, &[])), [], "{magic:?}");
    }
    let (_folder, prefixed) = tree(&dialect(ustar, &[(345, b"P")]));
    assert_eq!(prefixed.faults(), []);
    assert_eq!(prefixed.files().collect::<Vec<_>>(), [("P/a", 5)]);

    // Go looks at no version; takes what is no time for a prefix; star has a shorter prefix.
    for (magic, at, what) in [
        (b"ustar\x0099", 345, &b"P"[..]),
        (b"ustar\x0099", 345, b""),
        (b"ustar 00", 345, b""),
        (gnu, 345, b"P"),
        (gnu, 386, b"1"),
        (none, 345, b"P"),
        (none, 508, b"tar\0"),
        (ustar, 508, b"tar\0"),
        (ustar, 500, b"x"),
    ] {
        let found = faults(&dialect(magic, &[(at, what)]));
        assert!(
            found.iter().any(|fault| !fault.is_truncated()),
            "{magic:?} {at} {what:?}: {found:?}"
        );
    }
}

#[test]
fn what_stands_below_a_file_or_a_link_is_a_fault() {
    let file = |path: &str| (header(EntryType::Regular, path, 1), &b"x"[..]);
    let folder = |path: &str| (header(EntryType::Directory, path, 0), &b""[..]);
    let link = |path: &str| (link(path, "b"), &b""[..]);
    let listed = |entries: &[(Header, &[u8])]| {
        let mut builder = Builder::new(Vec::new());
        for (header, data) in entries {
            builder.append(header, *data).unwrap();
        }
        streamed(builder.into_inner().unwrap()).0
    };
    for entries in [
        vec![folder("b/"), link("a"), file("a/c")],
        vec![file("a/c"), link("a")],
        vec![link("a"), folder("a/c/")],
        vec![link("a"), link("a/c/d")],
        vec![file("a"), file("./a/c")],
        vec![link("a"), folder("./a/")],
        vec![folder("a"), file("a")],
        vec![folder("a/../b/")],
    ] {
        let tree = listed(&entries);
        assert_eq!(tree.faults().len(), 1, "{:?}", tree.faults());
    }
    let fine = [folder("./"), folder("a/"), file("a/c"), link("ab"), folder("a"), file("a-b/c")];
    assert_eq!(listed(&fine).faults(), []);
}

#[test]
fn a_stream_is_begun_again_a_bounded_number_of_times() {
    let (bytes, names) = many_files(2, 1000);
    let (tree, count) = streamed(bytes);
    let read = |name: &str| tree.read_small(name, 1000);

    let mut errors = (0..200).filter_map(|_| names.iter().rev().find_map(|n| read(n).err()));

    let error = errors.next().unwrap();
    assert_eq!(error.class(), Class::Damaged);
    assert!(error.way_out().unwrap().contains("unpack it"), "{error}");
    assert!(opened(&count) <= 60, "{}", opened(&count));
}

#[test]
fn a_source_that_is_no_tar_at_all_is_told_as_that() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    let told = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let tree =
            Tree::open_source(&path, &Cancel::default()).and_then(|tree| tree.refuse_faults());
        let error = tree.unwrap_err();
        assert_eq!(error.class(), Class::Damaged);
        format!("{error} {}", error.way_out().unwrap_or_default())
    };

    for bytes in [&b""[..], b"a readme"] {
        assert!(told(bytes).contains("is no archive of images"), "{}", told(bytes));
    }
    for (bytes, name) in [(&b"\xfd7zXZ\0\0\x04"[..], "xz"), (b"BZh91AY&SY", "bzip2")] {
        let said = told(bytes);
        assert!(said.contains(name) && said.contains("unpack it first"), "{said}");
    }
}

/// A tar that goes on for ever.
struct Endless;

impl crate::medium::tar_bytes::TarBytes for Endless {
    fn read_at(&mut self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        if buffer.len() as u64 == BLOCK {
            let name = format!("{}/{at}", "n".repeat(80));
            buffer.copy_from_slice(&crate::medium::header::header(&name, 0, 0).unwrap());
        }
        Ok(buffer.len())
    }

    fn reaches(&mut self, _: u64) -> io::Result<bool> {
        Ok(true)
    }

    fn end(&self) -> u64 {
        u64::MAX
    }
}

#[test]
fn the_list_of_a_tar_without_end_has_one() {
    let found = scan::list(&mut Endless, false).unwrap();

    assert_eq!(found.faults.last().unwrap().what, TOO_MANY);
    let taken: usize = found.files.keys().map(|name| listing(name)).sum();
    assert!(taken <= MAX_LISTING + 512, "{taken}");
}

#[test]
fn a_tree_is_the_folder_that_was_opened_whatever_its_path_leads_to() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    std::fs::create_dir_all(at("a/b")).unwrap();
    std::fs::write(at("a/b/x"), "mine").unwrap();
    let folder = Folder::open(&at("a")).unwrap();
    std::fs::rename(at("a"), at("moved")).unwrap();
    std::fs::create_dir_all(at("a/b")).unwrap();
    std::fs::write(at("a/b/x"), "theirs").unwrap();

    let tree = Tree::of_folder(folder, false).unwrap();

    assert_eq!(tree.read_small("b/x", 9).unwrap(), b"mine");
    std::fs::rename(at("moved/b"), at("moved/c")).unwrap();
    std::os::unix::fs::symlink(at("a/b"), at("moved/b")).unwrap();
    assert!(tree.read_small("b/x", 9).is_err(), "a link is not followed");
}

/// A file of which every read fails with EIO, as one on a bad spot.
fn bad_spot() -> Arc<File> {
    Arc::new(File::open("/proc/self/mem").unwrap())
}

#[test]
fn a_bad_spot_is_unreadable_and_not_damaged() {
    let mut bytes = Vec::new();
    let name = "x.tar: blobs/a".to_owned();
    let mut reader = TreeReader::placed(&Stretch::new(bad_spot(), 0, 5), 0, name);

    let error = Error::io("cannot copy", reader.read_to_end(&mut bytes).unwrap_err());

    assert_eq!(
        (error.class(), error.kind() == ErrorKind::Unreadable),
        (Class::Refused, true),
        "{error}"
    );
    assert!(error.to_string().starts_with("cannot read x.tar: blobs/a: "), "{error}");
    assert!(error.way_out().is_some_and(|hint| hint.contains("medium is sound")), "{error:?}");
}

/// Two files that hold others between them, as a set of volumes does.
#[derive(Debug)]
struct Two([Arc<File>; 2]);

impl Holder for Two {
    fn open(&self, tree: &Path, path: &str, pieces: &Pieces, offset: u64) -> Result<TreeReader> {
        let part = |it: Extent| {
            let file = &self.0[usize::try_from(it.file.0).unwrap()];
            Stretch::new(Arc::clone(file), it.at, it.size)
        };
        let stretch = Stretch::joined(pieces.iter().map(part));
        Ok(TreeReader::placed(&stretch, offset, format!("{}: {path}", tree.display())))
    }
}

#[test]
fn a_file_may_span_two_files() {
    let file = |bytes: &[u8]| {
        let mut file = tempfile::tempfile().unwrap();
        io::Write::write_all(&mut file, bytes).unwrap();
        Arc::new(file)
    };
    let piece = |file, at, size| Extent { file: FileNumber(file), at, size };
    let (blob, first): (Vec<u8>, usize) = ((0..=255).cycle().take(200_000).collect(), 70_000);
    let one = [&b"small"[..], &blob[..first]].concat();
    let other = [&[9; 100][..], &blob[first..]].concat();
    let pieces = [piece(0, 5, 70_000), piece(1, 100, 130_000)];
    let files = [("small", vec![piece(0, 0, 5)]), ("blob", pieces.to_vec())];
    let files = files.map(|(name, pieces)| (name.to_owned(), Pieces::several(&pieces)));
    let entries = Entries { files: files.into(), ..Entries::default() };
    let files = [file(&one), file(&other)];
    let last = Arc::clone(&files[1]);
    let tree = Tree {
        past_cache: false,
        path: "two".into(),
        holder: Box::new(Two(files)),
        entries,
        cancel: Cancel::default(),
    };
    let about = Descriptor::of("x/y", &blob);

    assert_eq!(tree.files().collect::<Vec<_>>(), [("blob", 200_000), ("small", 5)]);
    assert_eq!(tree.position("blob"), 5);
    assert_eq!(tree.read_small("small", 5).unwrap(), b"small");
    assert_eq!(tree.read_small("blob", 200_000).unwrap(), blob);
    for (from, count) in [(0, 10), (69_990, 20), (70_000, 7), (199_999, 5), (200_000, 1)] {
        let mut bytes = Vec::new();
        let reader = tree.open_file("blob", from).unwrap();
        let rest = reader.stretch().unwrap();
        reader.take(count).read_to_end(&mut bytes).unwrap();

        let end = usize::try_from(from + count).unwrap().min(blob.len());
        assert_eq!(bytes, blob[usize::try_from(from).unwrap()..end], "{from}");
        assert_eq!(rest.size(), 200_000 - from, "what serve sends by the kernel");
    }
    let read = || {
        let raw = Raw::new(tree.open_file("blob", 0).unwrap());
        let mut bytes = Vec::new();
        raw.verified(&about, "medium", &Silent).read_to_end(&mut bytes).map(|_| bytes)
    };
    assert_eq!(read().unwrap(), blob);
    last.write_all_at(b"x", 5_000).unwrap();
    let error = Error::io("x", read().unwrap_err());
    assert_eq!(error.class(), Class::Damaged, "{error}");
    last.set_len(50_000).unwrap();
    assert_eq!(Error::io("x", read().unwrap_err()).class(), Class::Damaged);
}
