use super::*;
use crate::lists::{Asked, LockedReferrer, LockedWish, Nothing, Spot, format_of, read};
use crate::words::digest::Digest;

fn image(name: &str, content: &[u8]) -> LockedImage {
    let digest = Digest::of(content);
    let name: Reference = match name.contains(':') {
        true => name.parse().unwrap(),
        false => format!("{name}@{digest}").parse().unwrap(),
    };
    let spot = Spot::new(&"sub dir/\"x\".yaml".into(), 4, "services.web");
    LockedImage {
        platforms: vec!["linux/arm64/v8".parse().unwrap(), "linux/amd64".parse().unwrap()],
        bytes: 12,
        alone: u64::MAX,
        referrers: vec![LockedReferrer::new(Digest::of(b"r"), Some("a/\u{1b}b".to_owned()))],
        asked: vec![LockedWish::new("alpine:>=3", Some(&spot)), LockedWish::new("alpine", None)],
        ..LockedImage::new(name, digest, "application/vnd.oci.image.index.v1+json")
    }
}

fn lock() -> LockedList {
    let images = vec![image("quay.io/b/c", b"2"), image("alpine:3.20", b"1")];
    LockedList::new(vec!["linux/amd64".parse().unwrap()], images)
}

fn text(form: LockForm) -> String {
    String::from_utf8(lock().to_bytes(form).unwrap()).unwrap()
}

fn list(text: &str) -> ListText {
    ListText::new("images.lock", None, text)
}

#[test]
fn both_spellings_say_the_same_and_are_told_by_what_they_say() {
    for form in [LockForm::Toml, LockForm::Json] {
        let (text, other) = (text(form), text(form));
        assert_eq!(text, other);
        assert_eq!(LockedList::form_of(&list(&text)), Some(form));
        assert_eq!(format_of(&list(&text)).name(), "lock");
        assert_eq!(LockedList::read(&list(&text)).unwrap(), lock(), "{form}");
        assert!(!text.contains('\u{1b}'), "{text}");
    }
    for other in ["alpine:3\n", "kind: Pod\n", "lockVersion\n", "{\"a\": 1}", ""] {
        assert_eq!(LockedList::form_of(&list(other)), None, "{other}");
    }
    assert!(
        text(LockForm::Toml).find("alpine:3.20").unwrap()
            < text(LockForm::Toml).find("quay.io").unwrap()
    );
}

#[test]
fn its_images_are_asked_for_by_digest_with_their_line_and_who_asked_before() {
    for form in [LockForm::Toml, LockForm::Json] {
        let text = text(form);
        let digest = Digest::of(text.as_bytes());
        let reading = read(&[list(&text).of_file(digest)], None, &Nothing);

        assert!(reading.faults.is_empty(), "{:?}", reading.faults);
        assert_eq!(reading.locks, [digest]);
        let (first, line) = (&reading.entries[0], reading.entries[0].spot.line);
        let alpine = format!("docker.io/library/alpine:3.20@{}", Digest::of(b"1"));
        assert_eq!(first.asked, Asked::Image(alpine));
        assert_eq!(
            first.spot.what,
            "asked for by alpine, sub dir/\"x\".yaml: line 4 (services.web)"
        );
        let lines: Vec<&str> = text.lines().collect();
        let begins = if form == LockForm::Toml { "[[image]]" } else { "{" };
        assert_eq!(lines[line - 1].trim(), begins, "{line} {text}");
        assert!(lines[line].contains("alpine:3.20"), "{text}");
        assert!(lines[reading.entries[1].spot.line].contains("quay.io"), "{text}");
    }
}

#[test]
fn what_is_not_as_it_is_written_is_refused_with_its_line() {
    let digest = Digest::of(b"1").to_string();
    let upper = digest.to_uppercase().replace("SHA256", "sha256");
    let short = digest[..20].to_owned();
    for (from, to, said) in [
        (
            "docker.io/library/alpine:3.20",
            "alpine:3.20",
            "is written docker.io/library/alpine:3.20",
        ),
        ("docker.io/library/alpine:3.20", "Alpine", "Alpine"),
        (&*digest, &*upper, "64 lowercase hex digits"),
        (&digest, &short, "64 lowercase hex digits"),
        ("linux/arm64/v8", "linux/arm64/v8/x", "platform"),
        ("mediaType", "mediatype", "mediatype"),
        (
            "\"docker.io/library/alpine:3.20\"",
            "\"docker.io/library/alpine:3.20\"\nalone = 3",
            "duplicate key",
        ),
        ("lockVersion = 1", "lockVersion = 2", "version 2"),
        ("lockVersion = 1", "lockVersion = 1\nmore = 1", "more"),
        ("line = 4\n", "", "a file without a line"),
        ("bytes = 12", "bytes = -1", "-1"),
    ] {
        let text = text(LockForm::Toml);
        let changed = text.replace(from, to);
        assert_ne!(text, changed, "{from}");
        let error = LockedList::read(&list(&changed)).unwrap_err();
        assert_eq!(error.class(), Class::Usage);
        let all = error.to_string();
        assert!(all.starts_with("images.lock: line ") && all.contains(said), "{from}: {all}");
    }
    let json = text(LockForm::Json);
    for (from, to) in [("\"alone\"", "\"bytes\""), ("\"name\"", "\"Name\"")] {
        let error = LockedList::read(&list(&json.replacen(from, to, 1))).unwrap_err();
        assert!(error.to_string().starts_with("images.lock: line "), "{error}");
    }
    let twice = lock().images[0].clone();
    let lock = LockedList::new(Vec::new(), vec![twice.clone(), twice]);
    let error = lock.to_bytes(LockForm::Toml).unwrap_err();
    assert!(error.to_string().contains("stands twice"), "{error}");
}

#[test]
fn a_lock_of_nothing_but_values_is_not_read_and_one_of_many_images_is() {
    let head = "lockVersion = 1\n";
    for bomb in ["[[image]]\n", "platforms = [\"\",", "a.a.a.", "a = [[],{},"] {
        let text = format!("{head}{}", bomb.repeat(MAX_MARKS));
        let error = LockedList::read(&list(&text)).unwrap_err();
        assert!(error.to_string().contains("more values"), "{bomb}: {error}");
    }
    let many = (0..3_000).map(|n| image(&format!("quay.io/team/app:1.{n}"), b"1")).collect();
    let lock = LockedList::new(Vec::new(), many);
    let text = lock.to_bytes(LockForm::Toml).unwrap();
    let marks = text.iter().filter(|byte| b".,=[{".contains(byte)).count();
    let most = usize::try_from(MAX_LOCK).unwrap() / text.len() * marks;
    assert!(most < MAX_MARKS, "{most} in the largest lock");
}
