//! Whether something can be made at a place, asked before anything moves: what a dry run says is what
//! the real one will be told.

use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD, accessat, statfs};
use rustix::io::Errno;

use crate::words::error::{Class, Error, Result, Subject};

/// What lies in every bundle that is a folder, and in every record of one: its list of files, what makes
/// it a layout, and its signatures.
const BUNDLE: [&str; 3] = ["SHA256SUMS", "oci-layout", "sig"];
/// File systems that only show what the kernel has: procfs, sysfs, cgroups, securityfs, debugfs.
const VIEWS: [i128; 6] = [0x9fa0, 0x6265_6572, 0x6367_7270, 0x0027_e0eb, 0x7363_6673, 0x6462_6720];

/// Fails as making the file or folder `path` will, where that can be known. The folders above it need
/// not be there: they are made.
///
/// # Errors
/// As [`folder`].
pub fn check(path: &Path) -> Result<()> {
    folder(path.parent().unwrap_or(Path::new(".")))
}

/// Fails as making something in the folder `path` will, which is made itself where it is missing. Nothing
/// is made in a bundle: with a file that nobody signed for it is none any more.
///
/// # Errors
/// [`Class::Usage`] for what is no folder, or lies in a bundle; [`Class::Refused`] for what may not be
/// written.
pub fn folder(path: &Path) -> Result<()> {
    writable_folder(path)?;
    no_bundle(path)
}

/// Fails where the folder `path` is a bundle that is a folder, or lies in one.
///
/// # Errors
/// [`Class::Usage`].
pub fn no_bundle(path: &Path) -> Result<()> {
    match bundle_around(path) {
        Some(bundle) => {
            let text = format!(
                "{} lies in the bundle {}, which would be none any more with a file that nobody signed for",
                path.display(),
                bundle.display()
            );
            Err(Error::new(Class::Usage, text)
                .subject(Subject::Path(bundle))
                .hint("name another place"))
        }
        None => Ok(()),
    }
}

/// The bundle, or the record of one, that the folder `path` is or lies in, by whatever name.
fn bundle_around(path: &Path) -> Option<PathBuf> {
    let there = path.ancestors().find_map(|part| {
        let part = if part.as_os_str().is_empty() { Path::new(".") } else { part };
        std::fs::canonicalize(part).ok()
    });
    let is_bundle = |folder: &&Path| BUNDLE.iter().all(|name| folder.join(name).exists());
    there?.ancestors().find(is_bundle).map(Path::to_owned)
}

fn writable_folder(path: &Path) -> Result<()> {
    for part in path.ancestors() {
        let part = if part.as_os_str().is_empty() { Path::new(".") } else { part };
        match std::fs::metadata(part) {
            Ok(about) if about.is_dir() => return may_write(part),
            Ok(_) => return Err(no_folder(part, "is a file, not a folder")),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                if std::fs::symlink_metadata(part).is_ok() {
                    return Err(no_folder(part, "is a link that leads nowhere"));
                }
            }
            // What is above it is no folder, and is looked at next.
            Err(e) if e.kind() == io::ErrorKind::NotADirectory => {}
            Err(e) => {
                let text = format!("cannot look at {}", part.display());
                return Err(Error::io(text, e).subject(Subject::Path(part.to_owned())));
            }
        }
    }
    Ok(())
}

fn no_folder(path: &Path, what: &str) -> Error {
    Error::new(Class::Usage, format!("{} {what}", path.display()))
        .subject(Subject::Path(path.to_owned()))
        .hint("name another place")
}

/// Fails when nothing can be made in `folder`, which is one.
fn may_write(folder: &Path) -> Result<()> {
    writable(folder).map_err(|error| error.subject(Subject::Path(folder.to_owned())))
}

fn writable(folder: &Path) -> Result<()> {
    let cannot = || format!("cannot write into {}", folder.display());
    if statfs(folder).is_ok_and(|about| VIEWS.contains(&i128::from(about.f_type))) {
        let text = format!("{}: it is a view of the system, and no disk", cannot());
        return Err(Error::new(Class::Refused, text).hint("name another place"));
    }
    match accessat(CWD, folder, Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS) {
        Err(e @ (Errno::ACCESS | Errno::PERM)) => {
            Err(Error::io(cannot(), e.into())
                .hint("see who may write there, or name another place"))
        }
        Err(e @ Errno::ROFS) => Err(Error::io(cannot(), e.into())
            .hint("mount it so that it can be written, or name another place")),
        // A system that does not tell is taken to let us.
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_is_in_the_way_of_an_output_is_known_before() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("file"), "").unwrap();
        std::fs::create_dir(at("real")).unwrap();
        symlink("real", at("link")).unwrap();
        symlink("nowhere", at("broken")).unwrap();

        for fine in ["x", "real/x", "link/x", "not/yet/there/x"] {
            check(&at(fine)).unwrap();
        }
        check(Path::new("x")).unwrap();
        for (bad, class, words) in [
            ("file/x", Class::Usage, "file is a file, not a folder"),
            ("file/x/y/z", Class::Usage, "file is a file, not a folder"),
            ("broken/x", Class::Usage, "broken is a link that leads nowhere"),
            ("/proc/nope/x", Class::Refused, "/proc: it is a view of the system"),
            ("/sys/x", Class::Refused, "/sys: it is a view of the system"),
        ] {
            let error = check(&at(bad)).unwrap_err();
            assert_eq!(error.class(), class, "{bad}: {error}");
            assert!(error.to_string().contains(words), "{bad}: {error}");
        }
    }
    #[test]
    fn nothing_is_made_in_a_bundle_by_whatever_name() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(at("bundle/sig")).unwrap();
        std::fs::create_dir_all(at("bundle/blobs/sha256")).unwrap();
        std::fs::write(at("bundle/oci-layout"), "").unwrap();
        symlink("bundle/blobs", at("link")).unwrap();
        check(&at("bundle/x")).unwrap();
        std::fs::write(at("bundle/SHA256SUMS"), "").unwrap();

        for bad in ["bundle/x", "bundle/not/yet/x", "bundle/blobs/sha256/x", "link/x", "link/a/b"] {
            let error = check(&at(bad)).unwrap_err();
            assert_eq!(error.class(), Class::Usage, "{bad}: {error}");
            assert!(error.to_string().contains("lies in the bundle"), "{bad}: {error}");
        }
        super::folder(&at("beside")).unwrap();
        check(&at("bundle")).unwrap();
        assert_eq!(super::folder(&at("bundle")).unwrap_err().class(), Class::Usage);
    }
}
