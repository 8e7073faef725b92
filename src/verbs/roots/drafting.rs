//! Drafts of roots, and the signatures under them.

use std::path::Path;

use super::change::{NamedSigner, RootChange};
use super::reading::read_root;
use super::report::RootReport;
use crate::bundle::keys::PrivateKey;
use crate::bundle::roots::{NamedKey, Root, SignedRoot, TrustFolder};
use crate::tools::file::write_whole;
use crate::tools::folder::Folder;
use crate::words::error::{Class, Error, Result, Subject};
use crate::words::moment::Moment;
use crate::words::phrase::phrase;
use crate::words::remedy::Remedy;

/// Permissions: who may sign is no secret.
const MODE: u32 = 0o644;

/// Drafts a first root in the new file `path`: of `signers`, `threshold` sign the next one and every bundle.
///
/// # Errors
/// [`Class::Usage`] where the file is there, or such a root makes no sense; when it cannot be written.
pub fn draft_first(
    path: &Path,
    signers: Vec<NamedSigner>,
    threshold: usize,
    until: Option<Moment>,
    now: Moment,
) -> Result<RootReport> {
    if path.symlink_metadata().is_ok() {
        return Err(Error::new(Class::Usage, format!("{} exists already", path.display()))
            .subject(Subject::Path(path.to_owned()))
            .hint("choose another name; a draft is never begun anew"));
    }
    let keys = signers.into_iter().map(|NamedSigner { name, key }| match key {
        Some(public_key) => Ok(NamedKey { name, public_key }),
        None => Err(Error::new(Class::Usage, format!("there is no key of {name} yet"))
            .hint("name the file of the public key, too: NAME=PUB.pem")),
    });
    let root = Root::first(keys.collect::<Result<_>>()?, threshold, now, until)?;
    let signed = SignedRoot::unsigned(root);
    write(path, &signed)?;
    Ok(RootReport::of(path.display(), &signed, None, now))
}

/// Makes `changes` in the draft `path`, which begins as the root that counts in `folder` where there is none.
///
/// # Errors
/// [`Class::Usage`] for a draft that somebody has signed, that follows another root, or that would make no sense;
/// when it cannot be written.
pub fn draft_next(
    path: &Path,
    folder: Option<&TrustFolder>,
    changes: Vec<RootChange>,
    now: Moment,
) -> Result<RootReport> {
    let usage =
        |text: String| Error::new(Class::Usage, text).subject(Subject::Path(path.to_owned()));
    let is_there = path.symlink_metadata().is_ok();
    let mut root = match (is_there, folder) {
        (true, _) => {
            let draft = read_root(path)?;
            if draft.claimed().next().is_some() {
                let text = format!("{} is signed already", path.display());
                return Err(usage(text).hint("what is signed is not changed: begin another draft"));
            }
            draft.root().clone()
        }
        (false, Some(folder)) => folder.root().next(now),
        (false, None) => {
            return Err(usage("there is no root yet that the draft would follow".to_owned()).hint(
                phrase![
                    "`",
                    Remedy::Roots,
                    " new` drafts the first one; name the folder of it with ",
                    Remedy::TrustFolder
                ],
            ));
        }
    };
    changes.into_iter().try_for_each(|change| change.make(&mut root))?;
    root.check()
        .map_err(|e| e.hint("change who signs what, or how many it takes, in the same step"))?;
    let signed = SignedRoot::unsigned(root);
    write(path, &signed)?;
    Ok(RootReport::of(path.display(), &signed, folder, now))
}

/// Adds the signature of `key` to the root in the file `path`, which may be a draft or have those of others.
///
/// # Errors
/// [`Class::Usage`] for a key that would not count, of those whom the root names or `folder` does; when it cannot
/// be written.
pub fn sign_root(
    path: &Path,
    key: &PrivateKey,
    folder: Option<&TrustFolder>,
    now: Moment,
) -> Result<RootReport> {
    let mut signed = read_root(path)?;
    let id = key.public().id();
    let counts =
        |root: &Root| root.keys.iter().any(|it| it.id() == id && root.root.keys.contains(&it.name));
    if !counts(signed.root()) && !folder.is_some_and(|folder| counts(folder.root())) {
        let text = format!("the key {} does not sign roots", id.short());
        return Err(Error::new(Class::Usage, text).subject(Subject::Key(id.hex())).hint(phrase![
            "one that is to be retired signs as well: name the folder of the root before with ",
            Remedy::TrustFolder
        ]));
    }
    signed.sign(key);
    write(path, &signed)?;
    Ok(RootReport::of(path.display(), &signed, folder, now))
}

fn write(path: &Path, root: &SignedRoot) -> Result<()> {
    let (folder, name) = Folder::making(path)?;
    let Some(name) = name.to_str() else {
        return Err(Error::new(Class::Usage, format!("{} is no name for a root", path.display())));
    };
    write_whole(&folder, name, MODE, &root.to_bytes())
}
