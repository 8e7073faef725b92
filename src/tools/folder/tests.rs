use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;

fn folder() -> (tempfile::TempDir, Folder) {
    let dir = tempfile::tempdir().unwrap();
    let open = Folder::open(dir.path()).unwrap();
    (dir, open)
}

#[test]
fn no_link_is_followed_below_the_folder() {
    let (dir, folder) = folder();
    let (elsewhere, at) = (tempfile::tempdir().unwrap(), |name: &str| dir.path().join(name));
    std::fs::write(elsewhere.path().join("secret"), "x").unwrap();
    symlink(elsewhere.path(), at("folder")).unwrap();
    symlink(elsewhere.path().join("secret"), at("file")).unwrap();
    symlink(elsewhere.path().join("new"), at("new")).unwrap();

    assert!(folder.below("folder").is_err());
    assert!(folder.make_below("folder", OPEN_FOLDER).is_err());
    assert!(folder.file("file").is_err() && folder.file_to_write("file").is_err());
    assert!(folder.create("new", 0o600).is_err());
    assert_eq!(folder.look("file").unwrap().unwrap().kind, FileType::Symlink);
    folder.remove("file").unwrap();

    assert!(elsewhere.path().join("secret").exists() && !elsewhere.path().join("new").exists());
}

#[test]
fn a_name_is_one_name() {
    let (dir, folder) = folder();
    std::fs::create_dir(dir.path().join("a")).unwrap();

    for name in ["", ".", "..", "a/..", "/etc", "a/b"] {
        assert!(folder.below(name).is_err(), "{name}");
        assert!(folder.create(name, 0o600).is_err(), "{name}");
        assert!(folder.look(name).is_err(), "{name}");
        assert!(folder.remove(name).is_err(), "{name}");
    }
}

#[test]
fn the_folder_is_the_one_that_was_opened_whatever_its_path_leads_to() {
    let (dir, folder) = folder();
    let at = |name: &str| dir.path().join(name);
    let below = folder.make_below("a", OPEN_FOLDER).unwrap();
    std::fs::create_dir(at("elsewhere")).unwrap();
    std::fs::rename(at("a"), at("b")).unwrap();
    symlink(at("elsewhere"), at("a")).unwrap();

    drop(below.create("x", 0o600).unwrap());

    assert!(at("b/x").exists() && !at("elsewhere/x").exists());
}

#[test]
fn what_is_no_file_does_not_block() {
    let (dir, folder) = folder();
    rustix::fs::mkfifoat(folder.handle(), "pipe", Mode::RWXU).unwrap();

    assert!(folder.file("pipe").is_err());
    assert!(folder.file_to_write("pipe").is_err());
    drop(dir);
}

#[test]
fn a_leftover_that_others_may_change_is_refused() {
    let (dir, folder) = folder();
    drop(folder.create("x", 0o644).unwrap());
    let path = dir.path().join("x");
    let look = || folder.look("x").unwrap().unwrap().refuse_foreign(&folder, &path);
    look().unwrap();

    std::fs::hard_link(&path, dir.path().join("y")).unwrap();
    assert!(look().unwrap_err().to_string().contains("second name"));
    folder.remove("y").unwrap();
    for mode in [0o664, 0o646, 0o666] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let error = look().unwrap_err();
        assert_eq!(error.class(), Class::Refused);
        assert!(error.way_out().is_some() && error.to_string().contains("x was left"), "{error}");
    }
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    look().unwrap();
    // Only root can give a file away.
    if std::os::unix::fs::chown(&path, Some(12_345), None).is_ok() {
        assert!(look().unwrap_err().to_string().contains("another user"));
    }
}

#[test]
fn a_name_goes_to_what_was_written_or_to_nothing() {
    let (dir, folder) = folder();
    let at = |name: &str| dir.path().join(name);
    let mine = folder.create("new", 0o644).unwrap();
    std::fs::write(at("old"), "old").unwrap();

    let error = folder.rename("new", "old", &mine, Replace::No).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(std::fs::read(at("old")).unwrap(), b"old");
    folder.rename("new", "old", &mine, Replace::Yes).unwrap();
    assert_eq!(std::fs::read(at("old")).unwrap(), b"");

    std::fs::write(at("theirs"), "theirs").unwrap();
    let error = Error::io("", folder.rename("theirs", "x", &mine, Replace::Yes).unwrap_err());
    assert_eq!(error.class(), Class::Refused);
    assert!(!at("x").exists() && at("theirs").exists());
}

#[test]
fn what_was_exchanged_in_the_moment_of_renaming_does_not_keep_the_name() {
    let (dir, folder) = folder();
    let at = |name: &str| dir.path().join(name);
    let mine = folder.create("mine", 0o644).unwrap();
    // As it is right behind a rename that gave the name to another's file.
    std::fs::write(at("final"), "theirs").unwrap();
    let (from, to) = (OsStr::new("new"), OsStr::new("final"));

    let error = folder.settled(from, (&folder, to), &FileInfo::of(&mine).unwrap()).unwrap_err();

    assert_eq!(Error::io("", error).class(), Class::Refused);
    assert!(!at("final").exists() && at("new").exists());
}

#[test]
fn what_was_written_into_a_folder_that_went_away_is_not_called_done() {
    let (dir, _) = folder();
    let path = dir.path().join("medium");
    let medium = Folder::make(&path, 0o755).unwrap();
    medium.create("x", 0o644).unwrap();
    medium.is_found().unwrap();

    std::fs::rename(&path, dir.path().join("elsewhere")).unwrap();
    let gone = medium.is_found().unwrap_err();
    assert_eq!(gone.class(), Class::Refused);
    assert!(gone.to_string().contains("medium"), "{gone}");
    std::fs::create_dir(&path).unwrap();
    assert_eq!(medium.is_found().unwrap_err().class(), Class::Refused, "another one in its place");
}
