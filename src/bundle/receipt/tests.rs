use super::*;
use crate::words::moment::Moment;
use crate::words::reference::Reference;

fn content(manifests: u32, blobs: u32, size: u64) -> HeldContent {
    let mut content = HeldContent::default();
    let digest = |kind: u8, n: u32| Digest::of(&[&[kind][..], &n.to_be_bytes()].concat());
    for n in 0..manifests {
        content.manifest(digest(0, n), 1_500 + u64::from(n % 500));
        let name =
            format!("registry.isolated.example:5000/mirror/docker.io/library/app-{n}:1.2.{n}");
        content.names.insert((digest(0, n), name.parse().unwrap()));
    }
    (0..blobs).for_each(|n| content.blob(digest(1, n), size + u64::from(n)));
    content
}

fn about() -> ReceiptAbout {
    ReceiptAbout::places(Moment::EPOCH, vec!["docker://registry.isolated.example:5000".into()])
}

fn small() -> Receipt {
    Receipt::new(about().without(vec![Unread::new("x/y:1", "gone")]), content(3, 5, 10))
}

#[test]
fn a_receipt_is_read_as_it_was_written_signed_or_not() {
    let key = PrivateKey::generate().unwrap();
    for key in [None, Some(&key)] {
        let receipt = small();
        let bytes = receipt.to_bytes(key).unwrap();

        let read = ReadReceipt::from_bytes(&bytes, &[]).unwrap();

        assert_eq!(read.receipt, receipt);
        assert_eq!(bytes, receipt.to_bytes(key).unwrap(), "the same bytes each time");
        assert_eq!(
            read.receipt.about.totals,
            ReceiptTotals { names: 3, manifests: 3, blobs: 5, bytes: 3 * 1_500 + 3 + 5 * 10 + 10 }
        );
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r");
        std::fs::write(&path, &bytes).unwrap();
        assert!(ReadReceipt::is_at(&path) && !ReadReceipt::is_at(folder.path()));
        assert_eq!(ReadReceipt::at(&path, &[]).unwrap().digest, read.digest);
    }
}

#[test]
fn no_byte_of_a_signed_receipt_can_change_unnoticed() {
    let key = PrivateKey::generate().unwrap();
    let keys = [key.public().clone()];
    let bytes = small().to_bytes(Some(&key)).unwrap();
    let is_believed = |bytes: &[u8]| ReadReceipt::from_bytes(bytes, &keys).is_ok();
    assert!(is_believed(&bytes));

    for at in 0..bytes.len() {
        for flip in [1, 0x20, 0x80] {
            let mut bad = bytes.clone();
            bad[at] ^= flip;
            assert!(!is_believed(&bad), "byte {at} xor {flip}");
        }
        assert!(!is_believed(&bytes[..at]), "cut at {at}");
    }
    assert!(!is_believed(&[&bytes[..], b"\n"].concat()));
    assert!(!is_believed(&[&bytes[..], b"0"].concat()));
}

#[test]
fn the_lists_of_a_receipt_that_nobody_signed_hold_together_as_well() {
    let bytes = small().to_bytes(None).unwrap();
    let lists = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;

    for at in lists..bytes.len() {
        let mut bad = bytes.clone();
        bad[at] ^= 1;
        assert_eq!(ReadReceipt::from_bytes(&bad, &[]).unwrap_err().class(), Class::Damaged, "{at}");
    }
}

#[test]
fn whose_word_it_is_is_asked_of_the_keys_that_are_given() {
    let (key, other) = (PrivateKey::generate().unwrap(), PrivateKey::generate().unwrap());
    let [signed, unsigned] = [Some(&key), None].map(|key| small().to_bytes(key).unwrap());
    let keys = |key: &PrivateKey| vec![key.public().clone()];
    let signer = |bytes: &[u8], keys: &[PublicKey]| {
        ReadReceipt::from_bytes(bytes, keys).map(|read| read.signer)
    };

    assert_eq!(signer(&signed, &keys(&key)).unwrap(), ReceiptSigner::Key(key.public().id()));
    assert_eq!(signer(&signed, &[]).unwrap(), ReceiptSigner::Claimed(key.public().id().hex()));
    assert_eq!(signer(&unsigned, &[]).unwrap(), ReceiptSigner::Nobody);
    assert_eq!(signer(&signed, &keys(&other)).unwrap_err().class(), Class::Untrusted);
    assert_eq!(signer(&unsigned, &keys(&key)).unwrap_err().class(), Class::Untrusted);
    // Of what nobody may be believed no list is read.
    let cut = &unsigned[..unsigned.len() - 1];
    assert_eq!(signer(cut, &keys(&key)).unwrap_err().class(), Class::Untrusted);
    assert_eq!(signer(cut, &[]).unwrap_err().class(), Class::Damaged);
}

#[test]
fn a_hundred_thousand_blobs_and_five_thousand_images_take_less_than_eight_megabytes() {
    let key = PrivateKey::generate().unwrap();
    // Sizes of seven digits: some megabytes each.
    let receipt = Receipt::new(about(), content(5_000, 100_000, 4_000_000));

    let bytes = receipt.to_bytes(Some(&key)).unwrap();

    assert!(bytes.len() < 8_000_000, "{}", bytes.len());
    assert_eq!(ReadReceipt::from_bytes(&bytes, &[]).unwrap().receipt, receipt);
}

/// The file of `lists`, whatever they are, with a statement that fits them.
fn of_lists(lists: &str, totals: ReceiptTotals) -> Vec<u8> {
    let about = ReceiptAbout { totals, ..about() };
    let statement = about.to_statement(&Digest::of(lists.as_bytes()));
    [&statement[..], b"\n", lists.as_bytes()].concat()
}

#[test]
fn lists_are_spelled_in_one_way_only() {
    let (a, b) = ("a".repeat(64), "b".repeat(64));
    let read = |lists: &str, names, manifests, blobs, bytes| {
        let totals = ReceiptTotals { names, manifests, blobs, bytes };
        ReadReceipt::from_bytes(&of_lists(lists, totals), &[])
    };
    read(&format!("manifests x.y/\n{a} 1 z:1\nblobs\n{b} 2\n"), 1, 1, 1, 3).unwrap();
    read("manifests\nblobs\n", 0, 0, 0, 0).unwrap();
    let counted = read("manifests\nblobs\n", 0, 0, 0, 1).unwrap_err();
    assert_eq!(counted.class(), Class::Damaged, "{counted}");
    for bad in [
        "".to_owned(),
        "manifests\n".to_owned(),
        "blobs\nmanifests\n".to_owned(),
        "manifests\nblobs\nblobs\n".to_owned(),
        format!("manifests\n{a} 01\nblobs\n"),
        format!("manifests\n{a} +1\nblobs\n"),
        format!("manifests\n{a}  1\nblobs\n"),
        format!("manifests\n{a} 1 \nblobs\n"),
        format!("manifests\n{a} 1 x.y/z:1\nblobs\n"),
        format!("manifests \n{a} 1 x.y/z:1\nblobs\n"),
        format!("manifests x.y/\n{a} 1\nblobs\n"),
        format!("manifests x.y/\n{a} 1 z\nblobs\n"),
        format!("manifests  x.y/\n{a} 1 z:1\nblobs\n"),
        format!("manifests\n{a} 1\r\nblobs\n"),
        format!("manifests\n{b} 1\n{a} 1\nblobs\n"),
        format!("manifests\n{a} 1\n{a} 1\nblobs\n"),
        format!("manifests\nblobs\n{a} 1 x.y/z:1\n"),
        format!("manifests\nblobs\n{} 1\n", a.to_uppercase()),
        format!("manifests\nblobs\n{a} 1"),
    ] {
        let error = read(&bad, 0, 0, 0, 0).unwrap_err();
        assert_eq!(error.class(), Class::Damaged, "{bad}: {error}");
        assert!(!error.message().contains("counted"), "{bad}: {error}");
    }
}

#[test]
fn a_receipt_against_bundles_names_no_place() {
    let bundle = HeldBundle::new(None, Digest::of(b"statement"), true);
    let about = ReceiptAbout::bundles(Moment::EPOCH, vec![bundle.clone(), bundle]);
    let lists = Digest::of(b"");

    assert_eq!(about.against.as_ref().map(Vec::len), Some(1));
    ReceiptAbout::from_statement(&about.to_statement(&lists)).unwrap();
    let told = ReceiptAbout { places: vec!["docker://secret".to_owned()], ..about.clone() };
    let error = ReceiptAbout::from_statement(&told.to_statement(&lists)).unwrap_err();
    assert_eq!(error.class(), Class::Untrusted, "{error}");
    let of_none = ReceiptAbout { against: Some(Vec::new()), ..about };
    ReceiptAbout::from_statement(&of_none.to_statement(&lists)).unwrap_err();
}

#[test]
fn several_names_of_a_manifest_stand_on_its_line() {
    let mut content = HeldContent::default();
    let digest = Digest::of(b"m");
    content.manifest(digest, 9);
    for name in ["x.y/b:2", "x.y/a:1"] {
        content.names.insert((digest, name.parse::<Reference>().unwrap()));
    }

    assert_eq!(content.to_text(), format!("manifests x.y/\n{} 9 a:1 b:2\nblobs\n", digest.hex()));
    content.names.insert((digest, "x.z/a:1".parse().unwrap()));
    assert_eq!(
        content.to_text(),
        format!("manifests\n{} 9 x.y/a:1 x.y/b:2 x.z/a:1\nblobs\n", digest.hex())
    );
}

/// The receipt of an import of five images, each found otherwise.
fn imported() -> Receipt {
    let bundle = HeldBundle::new(None, Digest::of(b"statement"), false);
    let about = ReceiptAbout::import(Moment::EPOCH, "oci:store".to_owned(), bundle);
    let content = HeldContent { names: BTreeSet::new(), ..content(1, 2, 10) };
    let there = |state, there: Option<&[u8]>, name: &str| ReceivedImage {
        to: Some(format!("y.example/{name}").parse().unwrap()),
        state,
        there: there.map(Digest::of),
        ..ReceivedImage::new(format!("x.example/{name}").parse().unwrap(), Digest::of(b"signed"))
    };
    let images = vec![
        there(ReceivedState::Other, Some(b"other"), "d:1"),
        there(ReceivedState::Complete, Some(b"signed"), "c:1"),
        there(ReceivedState::Incomplete, Some(b"signed"), "b:1"),
        there(ReceivedState::Absent, None, "a:1"),
        ReceivedImage { to: None, ..there(ReceivedState::Unread, None, "e:1") },
    ];
    Receipt::import(about, content, images)
}

#[test]
fn the_receipt_of_an_import_is_read_as_it_was_written() {
    let key = PrivateKey::generate().unwrap();
    let receipt = imported();
    let bytes = receipt.to_bytes(Some(&key)).unwrap();

    let read = ReadReceipt::from_bytes(&bytes, &[key.public().clone()]).unwrap();

    assert_eq!(read.receipt, receipt);
    let names: Vec<String> = receipt.images.iter().map(|it| it.name.to_string()).collect();
    assert_eq!(names, ["a:1", "b:1", "c:1", "d:1", "e:1"].map(|it| format!("x.example/{it}")));
    let each = ReceivedTotals { complete: 1, incomplete: 1, other: 1, absent: 1, unread: 1 };
    assert_eq!((receipt.about.images, each.all()), (Some(each), 5));
    // Its names are those at the place, of what stands there.
    let names: Vec<String> =
        read.receipt.content.names.iter().map(|(_, name)| name.to_string()).collect();
    assert_eq!(BTreeSet::from_iter(names).len(), 3);
    assert_eq!(receipt.about.totals.names, 3);
    for at in 0..bytes.len() {
        let mut bad = bytes.clone();
        bad[at] ^= 1;
        assert!(ReadReceipt::from_bytes(&bad, &[key.public().clone()]).is_err(), "byte {at}");
    }
}

#[test]
fn the_images_of_a_receipt_are_spelled_in_one_way_only() {
    let (a, b) = ("a".repeat(64), "b".repeat(64));
    let read = |images: &str, totals: ReceivedTotals, names| {
        let about = imported().about;
        let totals = ReceiptAbout {
            totals: ReceiptTotals { names, ..ReceiptTotals::default() },
            images: Some(totals),
            ..about
        };
        let lists = format!("manifests\nblobs\n{images}");
        let statement = totals.to_statement(&Digest::of(lists.as_bytes()));
        let bytes = [&statement[..], b"\n", lists.as_bytes()].concat();
        ReadReceipt::from_bytes(&bytes, &[])
    };
    let one = |state: &str| {
        let mut totals = ReceivedTotals::default();
        match state {
            "complete" => totals.complete = 1,
            "absent" => totals.absent = 1,
            _ => totals.unread = 1,
        }
        totals
    };
    read("images\n", ReceivedTotals::default(), 0).unwrap();
    read(&format!("images\ncomplete {a} {b} - x.y/z:1 x.z/z:1\n"), one("complete"), 1).unwrap();
    read(&format!("images\nabsent {a} - - x.y/z:1 -\n"), one("absent"), 0).unwrap();
    read(&format!("images\nunread {a} - {b} x.y/z:1 x.z/z:1\n"), one("unread"), 0).unwrap();
    let counted = read(&format!("images\nabsent {a} - - x.y/z:1 -\n"), one("unread"), 0);
    assert_eq!(counted.unwrap_err().class(), Class::Damaged);
    for bad in [
        "".to_owned(),
        "images".to_owned(),
        "images \n".to_owned(),
        "images\n\n".to_owned(),
        format!("images\ncomplete {a} - - x.y/z:1 x.z/z:1\n"),
        format!("images\ncomplete {a} {b} - x.y/z:1 -\n"),
        format!("images\ncomplete - {b} - x.y/z:1 x.z/z:1\n"),
        format!("images\nabsent {a} {b} - x.y/z:1 x.z/z:1\n"),
        format!("images\nother {a} - - x.y/z:1 x.z/z:1\n"),
        format!("images\nComplete {a} {b} - x.y/z:1 x.z/z:1\n"),
        format!("images\ncomplete {a} {b} - x.y/z:1 x.z/z:1 \n"),
        format!("images\ncomplete {a} {b} - x.y/z:1\n"),
        format!("images\ncomplete {a} {b} - x.y/z x.z/z:1\n"),
        format!("images\ncomplete {a} {b} - x.y/z:1 x.z/z:1"),
        format!("images\nabsent {a} - - x.y/z:1 -\nabsent {a} - - x.y/z:1 -\n"),
        format!("images\nabsent {a} - - x.y/z:2 -\nabsent {a} - - x.y/z:1 -\n"),
        format!("images\nabsent {a} - - x.y/z:1 -\nimages\n"),
    ] {
        let error = read(&bad, ReceivedTotals::default(), 0).unwrap_err();
        assert_eq!(error.class(), Class::Damaged, "{bad}: {error}");
        assert!(!error.message().contains("counted"), "{bad}: {error}");
    }
}

#[test]
fn a_receipt_of_an_import_is_of_one_bundle_at_one_place() {
    let about = imported().about;
    let read =
        |about: ReceiptAbout| ReceiptAbout::from_statement(&about.to_statement(&Digest::of(b"")));
    read(about.clone()).unwrap();
    let places = ["oci:a", "oci:b"].map(str::to_owned).to_vec();
    read(ReceiptAbout { places, ..about.clone() }).unwrap_err();
    read(ReceiptAbout { places: Vec::new(), ..about.clone() }).unwrap_err();
    read(ReceiptAbout { against: None, ..about.clone() }).unwrap_err();
    // The older form has no images, and the newer one always does.
    let older = ReceiptAbout { images: None, against: None, ..about.clone() };
    read(older.clone()).unwrap();
    for (about, from, to) in [(older, "v1", "v2"), (about, "v2", "v1")] {
        let statement = String::from_utf8(about.to_statement(&Digest::of(b""))).unwrap();
        let of = |version: &str| format!("urn:sealift:receipt:{version}");
        assert!(statement.contains(&of(from)));
        let other = statement.replace(&of(from), &of(to));
        ReceiptAbout::from_statement(other.as_bytes()).unwrap_err();
    }
}
