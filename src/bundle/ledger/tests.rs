use super::*;
use crate::words::digest::Digest;
use crate::words::error::Class;
use crate::words::moment::Moment;

fn scribe(at: i64) -> LedgerScribe {
    let at = Moment::from_unix(1_760_000_000 + at).unwrap();
    LedgerScribe { user: "carla".to_owned(), host: "site".to_owned(), at }
}

fn event(number: u64) -> LedgerEvent {
    let mut event = LedgerEvent::new(LedgerVerb::Verify, LedgerStage::Done);
    event.bundle = Some(format!("june-{number}.tar"));
    event.count("images", number)
}

/// A ledger of so `many` entries, in its folder.
fn book(many: u64) -> (tempfile::TempDir, LedgerBook) {
    let folder = tempfile::tempdir().unwrap();
    let book = LedgerBook::at(folder.path().join("ledger.jsonl"));
    add(&book, many);
    (folder, book)
}

fn add(book: &LedgerBook, many: u64) {
    for number in 1..=many {
        book.append(event(number), &scribe(number as i64), &Cancel::default()).unwrap();
    }
}

fn state(book: &LedgerBook) -> LedgerState {
    LedgerState::read(&book.files().unwrap(), |_, _| Ok(())).unwrap()
}

fn lines(book: &LedgerBook) -> Vec<String> {
    let text = std::fs::read_to_string(book.path()).unwrap();
    text.split_inclusive('\n').map(str::to_owned).collect()
}

fn write(book: &LedgerBook, lines: &[String]) {
    std::fs::write(book.path(), lines.concat()).unwrap();
}

/// What is found, as its kind and which entries.
fn found(book: &LedgerBook) -> Vec<(LedgerFault, u64, u64)> {
    state(book).findings.iter().map(|it| (it.kind, it.sequence, it.to)).collect()
}

#[test]
fn entries_follow_each_other_and_the_head_says_where_it_ends() {
    let (_folder, book) = book(5);

    let state = state(&book);

    assert_eq!((state.entries, state.torn, state.mended), (5, 0, 0));
    assert!(state.anchored && state.findings.is_empty(), "{:?}", state.findings);
    assert_eq!(state.last.unwrap().0, 5);
    let first = &lines(&book)[0];
    assert!(first.starts_with(r#"{"version":1,"sequence":1,"previous":null,"at":"2025-"#));
    let body = first.split_once(",\"digest\":").unwrap().0;
    let own = Digest::of(format!("{body}}}").as_bytes()).to_string();
    assert!(first.ends_with(&format!("\"digest\":\"{own}\"}}\n")), "{first}");
}

#[test]
fn what_was_changed_dropped_moved_or_cut_off_is_named() {
    for (change, wanted) in [
        ("change", vec![(LedgerFault::Changed, 3, 3)]),
        ("drop", vec![(LedgerFault::Missing, 3, 3)]),
        ("drop two", vec![(LedgerFault::Missing, 3, 4)]),
        ("swap", vec![(LedgerFault::Misplaced, 3, 3)]),
        ("twice", vec![(LedgerFault::Misplaced, 3, 3)]),
        ("first", vec![(LedgerFault::Missing, 1, 1)]),
        ("cut", vec![(LedgerFault::CutOff, 6, 6)]),
        ("cut inside", vec![(LedgerFault::CutOff, 6, 6)]),
        ("cut two", vec![(LedgerFault::CutOff, 5, 6)]),
        ("empty", vec![(LedgerFault::CutOff, 1, 6)]),
        ("anew", vec![(LedgerFault::Rewritten, 4, 4)]),
        ("last anew", vec![(LedgerFault::Rewritten, 6, 6)]),
        ("garbage", vec![(LedgerFault::Changed, 3, 3), (LedgerFault::Misplaced, 3, 3)]),
    ] {
        let (_folder, book) = book(6);
        let mut all = lines(&book);
        let anew = |of: &str| {
            let (entry, _) = LedgerEntry::from_line(of.as_bytes()).unwrap();
            let other = LedgerEntry { user: "mallory".to_owned(), ..entry };
            String::from_utf8(other.to_line().unwrap().0).unwrap()
        };
        match change {
            "change" => all[2] = all[2].replace("june-3", "june-9"),
            "drop" => drop(all.remove(2)),
            "drop two" => drop(all.drain(2..4)),
            "swap" => all.swap(2, 3),
            "twice" => all.insert(3, all[2].clone()),
            "first" => drop(all.remove(0)),
            "cut" => all.truncate(5),
            "cut inside" => all[5].truncate(40),
            "cut two" => all.truncate(4),
            "empty" => all.clear(),
            "anew" => all[2] = anew(&all[2]),
            "last anew" => all[5] = anew(&all[5]),
            _ => all.insert(2, "x\n".to_owned()),
        }
        write(&book, &all);

        assert_eq!(found(&book), wanted, "{change}");
        let again = book.append(event(7), &scribe(7), &Cancel::default());
        match change {
            // What stands in front of the last entry is not read each time.
            "change" | "swap" => drop(again.unwrap()),
            _ => assert_eq!(again.unwrap_err().class(), Class::Damaged, "{change}"),
        }
    }
}

#[test]
fn an_entry_with_a_member_that_nobody_knows_is_changed() {
    let (_folder, book) = book(2);
    let mut all = lines(&book);
    let body = all[1].split_once(",\"digest\":").unwrap().0.to_owned();
    for more in [",\"more\":1", ",\"sequence\":2", " "] {
        let body = format!("{body}{more}}}");
        let digest = Digest::of(body.as_bytes());
        all[1] = format!("{},\"digest\":\"{digest}\"}}\n", &body[..body.len() - 1]);
        write(&book, &all);
        assert_eq!(found(&book)[0], (LedgerFault::Changed, 2, 2), "{more}");
    }
}

#[test]
fn what_a_crash_left_is_told_from_tampering_and_accounted_for() {
    for left in ["{\"version\":1,\"seq", "\0\0\0\0", "{\"version\":1\n", "x\ny"] {
        for many in [0, 3] {
            let (_folder, book) = book(many);
            let mut all = if many > 0 { lines(&book) } else { Vec::new() };
            all.push(left.to_owned());
            write(&book, &all);

            let torn = state(&book);
            // In front of the first entry there is no head yet that tells it from one that was changed.
            let is_told = many > 0 || !left.contains('\n');
            assert_eq!(torn.findings.is_empty(), is_told, "{left}: {:?}", torn.findings);
            assert!(!is_told || torn.torn == left.len() as u64, "{left}");

            if many == 0 && left.starts_with('x') {
                // A file of somebody else's is left as it is.
                let error = book.append(event(1), &scribe(1), &Cancel::default()).unwrap_err();
                assert_eq!(error.class(), Class::Usage, "{error}");
                assert_eq!(std::fs::read_to_string(book.path()).unwrap(), left);
                continue;
            }
            add(&book, 2);
            let mended = state(&book);
            assert!(mended.findings.is_empty(), "{left}: {:?}", mended.findings);
            assert_eq!((mended.entries, mended.mended, mended.torn), (many + 3, 1, 0), "{left}");
            let mut all = lines(&book);
            let at = many as usize;
            assert!(all.concat().contains(left), "nothing is taken away");
            all[at] = format!("!{}", all[at]);
            write(&book, &all);
            assert_eq!(state(&book).findings[0].kind, LedgerFault::Changed, "{left}");
        }
    }
}

#[test]
fn an_entry_whose_head_was_not_written_any_more_counts() {
    for many in [0, 2] {
        let (folder, book) = book(many);
        let head = folder.path().join("ledger.jsonl.head");
        let before = std::fs::read(&head).ok();
        add(&book, 1);
        match &before {
            Some(before) => std::fs::write(&head, before).unwrap(),
            None => std::fs::remove_file(&head).unwrap(),
        }

        assert!(state(&book).findings.is_empty());
        add(&book, 1);
        let after = state(&book);
        assert!(after.findings.is_empty(), "{:?}", after.findings);
        assert_eq!(after.entries, many + 2);
    }
}

#[test]
fn a_head_of_earlier_is_found_and_nothing_is_noted_behind_it() {
    let (folder, book) = book(2);
    let head = folder.path().join("ledger.jsonl.head");
    let before = std::fs::read(&head).unwrap();
    add(&book, 2);
    std::fs::write(&head, before).unwrap();

    assert_eq!(found(&book), [(LedgerFault::HeadBehind, 2, 4)]);
    let error = book.append(event(1), &scribe(9), &Cancel::default()).unwrap_err();
    assert_eq!(error.class(), Class::Damaged);
    std::fs::remove_file(&head).unwrap();
    assert!(!state(&book).anchored);
    let error = book.append(event(1), &scribe(9), &Cancel::default()).unwrap_err();
    assert!(error.to_string().contains("that its head does not know"), "{error}");
    std::fs::remove_file(book.path()).unwrap();
    std::fs::write(&head, "x").unwrap();
    let error = book.append(event(1), &scribe(9), &Cancel::default()).unwrap_err();
    assert!(error.to_string().contains("no head of a ledger"), "{error}");
}

#[test]
fn a_ledger_that_was_put_aside_goes_on_in_the_next_file() {
    let (folder, book) = book(3);

    let aside = book.rotate(&scribe(4), &Cancel::default()).unwrap();
    add(&book, 2);
    book.rotate(&scribe(5), &Cancel::default()).unwrap();
    add(&book, 1);

    assert_eq!(aside, folder.path().join("ledger.1-3.jsonl"));
    let files = book.files().unwrap();
    assert_eq!(files[1], folder.path().join("ledger.4-6.jsonl"));
    let all = state(&book);
    assert_eq!((all.entries, all.findings.len()), (8, 0), "{:?}", all.findings);
    let alone = LedgerState::read(&files[2..], |_, _| Ok(())).unwrap();
    assert_eq!((alone.entries, alone.findings.len()), (2, 0), "{:?}", alone.findings);
    let without = LedgerState::read(&[files[0].clone(), files[2].clone()], |_, _| Ok(())).unwrap();
    assert_eq!(without.findings[0].text, "entries 4 to 6 are missing");
    std::fs::write(&aside, lines(&LedgerBook::at(&aside))[..2].concat()).unwrap();
    assert_eq!(state(&book).findings[0].text, "entry 3 is missing");
}

#[test]
fn a_rotation_that_something_ended_is_finished() {
    for (left, torn) in [("nothing", None), ("empty", Some("")), ("torn", Some("{\"ver"))] {
        let (folder, book) = book(3);
        std::fs::rename(book.path(), folder.path().join("ledger.1-3.jsonl")).unwrap();
        if let Some(torn) = torn {
            std::fs::write(book.path(), torn).unwrap();
        }

        add(&book, 1);

        let after = state(&book);
        assert_eq!((after.entries, after.findings.len()), (5, 0), "{left}: {:?}", after.findings);
    }
    let (folder, book) = book(3);
    let head = folder.path().join("ledger.jsonl.head");
    let before = std::fs::read(&head).unwrap();
    book.rotate(&scribe(4), &Cancel::default()).unwrap();
    std::fs::write(&head, before).unwrap();
    add(&book, 1);
    assert_eq!((state(&book).entries, found(&book).len()), (5, 0));

    std::fs::remove_file(book.path()).unwrap();
    let error = book.append(event(1), &scribe(9), &Cancel::default()).unwrap_err();
    assert!(error.to_string().contains("is gone"), "{error}");
}

#[test]
fn several_at_once_write_one_behind_the_other() {
    let (_folder, book) = book(0);

    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| add(&book, 10));
        }
    });

    let all = state(&book);
    assert_eq!((all.entries, all.findings.len()), (40, 0), "{:?}", all.findings);
}

#[test]
fn a_copy_without_its_head_tells_a_last_entry_that_was_changed() {
    let (folder, book) = book(3);
    let copy = LedgerBook::at(folder.path().join("copy.jsonl"));
    let mut all = lines(&book);
    all[2] = all[2].replace("june-3", "june-9");
    write(&copy, &all);
    assert_eq!(found(&copy), [(LedgerFault::Changed, 3, 3)]);
    all[2].truncate(30);
    write(&copy, &all);
    assert_eq!((state(&copy).torn, found(&copy)), (30, Vec::new()));
}
