use std::os::unix::fs::symlink;

use ::tar::{Builder, EntryType, Header};

use super::*;

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
    let tree = Tree::open(&path).unwrap();
    (folder, tree)
}

fn faults(bytes: &[u8]) -> Vec<Fault> {
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
        assert!(found.iter().any(|fault| fault.truncated), "cut at {cut}: {found:?}");
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

    let tree = Tree::open(&root).unwrap();

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
    assert_eq!(Tree::open(folder.path()).unwrap().faults().len(), MAX_FAULTS + 1);
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
    let (fine, large) = (name(64 << 10), name((64 << 10) + 1));

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

    let tree = Tree::open(folder.path()).unwrap();

    assert_eq!(tree.size("1/2/3/4/5/6/7/file"), Some(1));
    assert_eq!(tree.faults().len(), 1);
}

#[test]
fn every_entry_has_the_same_owner_mode_and_time() {
    let one = super::header("blobs/x", 9 << 30, 7).unwrap();

    let read = ::tar::Header::from_byte_slice(&one);

    assert_eq!((read.uid().unwrap(), read.gid().unwrap(), read.mode().unwrap()), (0, 0, 0o644));
    assert_eq!(read.mtime().unwrap(), 7);
    assert_eq!(read.entry_size().unwrap(), 9 << 30, "beyond what octal digits can say");
}
