use std::os::unix::fs::symlink;

use super::*;
use crate::bundle::contents::Contents;
use crate::bundle::position::StreamPosition;
use crate::bundle::statement::{Predicate, Previous, Statement};
use crate::words::digest::Digest;
use crate::words::error::Class;
use crate::words::moment::{Moment, moment};

const NOW: &str = "2026-11-26T12:00:00Z";
const LATER: &str = "2026-12-26T12:00:00Z";

fn prod() -> StreamName {
    "prod".parse().unwrap()
}

fn at(epoch: u64, sequence: u64) -> StreamPosition {
    StreamPosition { stream: prod(), epoch, sequence }
}

/// The statement of number `sequence`, behind `before`; `text` tells it from others of that number.
fn statement(at: StreamPosition, before: Option<&Statement>, text: &str) -> Statement {
    let previous = before
        .map(|it| Previous { sequence: it.predicate.sequence, statement: it.digest })
        .or_else(|| {
            let sequence = at.sequence.checked_sub(1).filter(|before| *before > 0)?;
            Some(Previous { sequence, statement: Digest::of(b"nobody's") })
        });
    let predicate = Predicate::of(&Contents::default(), moment(NOW), None).at(at, previous);
    let payload = predicate.to_statement(&Digest::of(text.as_bytes()), &Digest::of(b"i"));
    Statement::from_payload(&payload).unwrap()
}

/// Numbers 1 to 4 of the first epoch.
fn chain() -> Vec<Statement> {
    let mut all: Vec<Statement> = Vec::new();
    for sequence in 1..=4 {
        all.push(statement(at(0, sequence), all.last(), "s"));
    }
    all
}

fn judge(
    remembered: Option<&Remembered>,
    came: &Statement,
    reasons: &Reasons,
    now: Moment,
) -> Result<Judged> {
    let about = ("b", Path::new("state/prod.json"), now);
    Judged::judge(remembered.cloned(), came, reasons, about).map(Option::unwrap)
}

/// What is remembered once these were taken, one after the other.
fn taken(all: &[&Statement]) -> Remembered {
    let mut remembered = None;
    for came in all {
        let standing = judge(remembered.as_ref(), came, &reasons(), moment(NOW)).unwrap();
        remembered = Some(standing.taken(moment(NOW)));
    }
    remembered.unwrap()
}

fn reasons() -> Reasons {
    Reasons { gap: Some("lost in the mail".to_owned()), new_epoch: Some("a new key".to_owned()) }
}

#[test]
fn the_next_and_the_same_are_taken_and_nothing_else_without_a_reason() {
    let chain = chain();
    let none = Reasons::default();
    let two = taken(&[&chain[0], &chain[1]]);
    let verdict = |before, came: &Statement| judge(before, came, &none, moment(LATER));

    assert_eq!(verdict(None, &chain[2]).unwrap().verdict, Verdict::First);
    assert_eq!(verdict(Some(&two), &chain[1]).unwrap().verdict, Verdict::Same);
    assert_eq!(verdict(Some(&two), &chain[2]).unwrap().verdict, Verdict::Next);
    for (came, words) in [
        (&chain[0], "is prod 1, an old one: prod 2 was taken here before, and prod 3 is expected"),
        (&statement(at(0, 2), Some(&chain[0]), "other"), "two bundles are prod 2"),
        (&statement(at(0, 3), None, "s"), "does not follow the prod 2 that was taken here"),
        (&chain[3], "is prod 4, and prod 3 is expected"),
        (&statement(at(1, 1), None, "s"), "is prod 1 of epoch 1, and prod 3 is expected"),
        (&statement(at(1, 2), None, "s"), "is prod 2 of epoch 1, and prod 3 is expected"),
    ] {
        let error = verdict(Some(&two), came).unwrap_err();
        assert_eq!(error.class(), Class::Stale, "{error}");
        assert!(error.message().contains(words), "{error}");
        assert!(error.way_out().is_some(), "{error}");
    }
    // A reason is none for going back, nor for a fork.
    for came in [&chain[0], &statement(at(0, 2), Some(&chain[0]), "other")] {
        judge(Some(&two), came, &reasons(), moment(LATER)).unwrap_err();
    }
    let new = taken(&[&chain[1], &statement(at(1, 1), None, "s")]);
    assert!(verdict(Some(&new), &chain[2]).unwrap_err().message().contains("an old one"));
}

#[test]
fn a_reason_is_for_what_it_is_for_and_is_remembered() {
    let chain = chain();
    let one = taken(&[&chain[0]]);
    let only = |gap: Option<&str>, epoch: Option<&str>| Reasons {
        gap: gap.map(str::to_owned),
        new_epoch: epoch.map(str::to_owned),
    };
    let (gap, epoch) = (only(Some("lost"), None), only(None, Some("new key")));
    let begun = statement(at(1, 1), None, "s");
    let late = statement(at(1, 2), Some(&begun), "s");

    judge(Some(&one), &chain[2], &epoch, moment(NOW)).unwrap_err();
    judge(Some(&one), &begun, &gap, moment(NOW)).unwrap_err();
    let missing = judge(Some(&one), &late, &epoch, moment(NOW)).unwrap_err();
    assert!(missing.message().contains("prod 1 of epoch 1 is expected"), "{missing}");
    judge(Some(&one), &late, &gap, moment(NOW)).unwrap_err();

    let behind = judge(Some(&one), &chain[2], &gap, moment(NOW)).unwrap().taken(moment(LATER));
    let [told] = &behind.exceptions[..] else { panic!("{behind:?}") };
    assert_eq!((told.verdict, told.reason.as_str()), (Verdict::Gap, "lost"));
    assert_eq!((told.at, &told.before, &told.taken), (moment(LATER), &Some(at(0, 1)), &at(0, 3)));
    let both = judge(Some(&behind), &late, &only(Some("a"), Some("b")), moment(LATER)).unwrap();
    assert_eq!(both.verdict, Verdict::NewEpoch);
    assert_eq!(both.taken(moment(LATER)).exceptions.len(), 3);
    // One that was not needed is not.
    let plain = judge(Some(&one), &chain[1], &only(Some("a"), Some("b")), moment(NOW)).unwrap();
    assert_eq!(plain.reasons, []);

    for bad in ["", " \n", &"x".repeat(MAX_REASON + 1)] {
        assert_eq!(only(Some(bad), None).check().unwrap_err().class(), Class::Usage);
        assert_eq!(only(None, Some(bad)).check().unwrap_err().class(), Class::Usage);
    }
    only(Some(&"ä".repeat(MAX_REASON)), None).check().unwrap();
}

#[test]
fn a_clock_may_be_a_day_behind_and_no_more() {
    let chain = chain();
    let one = taken(&[&chain[0]]);
    let clock = |text: &str| judge(Some(&one), &chain[1], &reasons(), moment(text));

    assert_eq!(one.not_before, moment(NOW));
    clock("2026-11-25T12:00:00Z").unwrap();
    let error = clock("2026-11-25T11:59:59Z").unwrap_err();
    assert_eq!(error.class(), Class::Stale);
    assert!(error.message().contains("2026-11-26T12:00:00Z has been already"), "{error}");
    // It never goes back, whatever the clock shows.
    let later = clock("2026-11-25T12:00:00Z").unwrap().taken(moment("2026-11-25T12:00:00Z"));
    assert_eq!(later.not_before, moment(NOW));
}

#[test]
fn what_is_kept_is_recalled_and_a_later_one_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let memory = Memory::at(folder.path().join("not/yet"));
    let chain = chain();
    let (one, two) = (taken(&[&chain[0]]), taken(&[&chain[0], &chain[1]]));
    assert_eq!(memory.recall(&prod()).unwrap(), None);
    memory.check().unwrap();

    memory.keep(&one, &Cancel::default()).unwrap();
    assert_eq!(memory.recall(&prod()).unwrap(), Some(one.clone()));
    memory.keep(&two, &Cancel::default()).unwrap();
    // Another import of an older one began before, and ends now.
    memory.keep(&one, &Cancel::default()).unwrap();
    assert_eq!(memory.recall(&prod()).unwrap(), Some(two));
    let fork = statement(at(0, 2), Some(&chain[0]), "other");
    let error = memory.keep(&taken(&[&chain[0], &fork]), &Cancel::default()).unwrap_err();
    assert_eq!(error.class(), Class::Stale);
    assert_eq!(memory.recall(&"test".parse().unwrap()).unwrap(), None, "each stream for itself");

    let left: Vec<_> = std::fs::read_dir(memory.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn what_cannot_be_understood_is_told_and_not_taken_for_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let memory = Memory::at(folder.path());
    let file = memory.file(&prod());
    memory.keep(&taken(&[&chain()[0]]), &Cancel::default()).unwrap();
    let whole = std::fs::read_to_string(&file).unwrap();
    let told = |words: &str| {
        let error = memory.recall(&prod()).unwrap_err();
        assert_eq!(error.class(), Class::Stale, "{error}");
        assert!(error.message().contains(words) && error.way_out().is_some(), "{error}");
    };

    for cut in 0..whole.trim_end().len() {
        std::fs::write(&file, &whole[..cut]).unwrap();
        told("nobody can tell which bundles were taken");
    }
    let newer = whole.replace("\"version\": 1", "\"version\": 2");
    std::fs::write(&file, newer.replace("\"epoch\"", "\"time\"")).unwrap();
    told("is of version 2, which is newer than this one");
    for (from, to) in [
        ("\"version\": 1", "\"version\": 0"),
        ("\"sequence\": 1", "\"sequence\": 0"),
        ("\"sequence\": 1", "\"sequence\": -1"),
        ("\"stream\": \"prod\"", "\"stream\": \"test\""),
        ("\"epoch\": 0", "\"epoch\": 0, \"epoch\": 1"),
        ("\"epoch\": 0", "\"epoch\": 0, \"more\": 1"),
        ("\"epoch\": 0,", ""),
        ("sha256:", "md5:"),
    ] {
        let other = whole.replace(from, to);
        assert_ne!(other, whole);
        std::fs::write(&file, other).unwrap();
        told("nobody can tell");
    }
    std::fs::write(&file, vec![b' '; usize::try_from(MAX_FILE).unwrap() + 1]).unwrap();
    told("is larger than it can be");
    std::fs::remove_file(&file).unwrap();
    symlink("elsewhere", &file).unwrap();
    told("is no file");
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    told("is no file");
}

#[test]
fn a_file_full_of_the_longest_reasons_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let memory = Memory::at(folder.path());
    let mut before: Option<Remembered> = None;
    let longest = Reasons { gap: Some("\u{10ffff}".repeat(MAX_REASON)), new_epoch: None };
    for number in 1..=250 {
        let came = statement(at(0, 2 * number), None, "s");
        let standing = judge(before.as_ref(), &came, &longest, moment(NOW)).unwrap();
        before = Some(standing.taken(moment(NOW)));
    }
    let all = before.unwrap();

    memory.keep(&all, &Cancel::default()).unwrap();

    assert_eq!(all.exceptions.len(), 200);
    assert_eq!(memory.recall(&prod()).unwrap(), Some(all));
}
