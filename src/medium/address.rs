//! Addresses where others name a path: `http://head:5000/bundles/june.tar`.

use std::path::Path;

use crate::words::error::{Class, Error, Result, Subject};
use crate::words::phrase::{Phrase, phrase};
use crate::words::remedy::Remedy;

/// Schemes by which others read files, and nobody does here.
const FILES: &[&str] = &["file", "ftp", "ftps", "nfs", "s3", "scp", "sftp", "smb"];

/// Whether `path` is an address, and no path: what begins with `http://` or `https://`.
#[must_use]
pub fn is_address(path: &Path) -> bool {
    let bytes = path.as_os_str().as_encoded_bytes();
    ["http://", "https://"].iter().any(|scheme| {
        bytes.get(..scheme.len()).is_some_and(|it| it.eq_ignore_ascii_case(scheme.as_bytes()))
    })
}

/// Fails where `path` looks like an address that is none here: `ftp://head/june.tar`, `http:/head/june.tar`.
///
/// # Errors
/// [`Class::Usage`], which names the scheme alone: what follows may have a password in it.
pub(super) fn refuse_others(path: &Path) -> Result<()> {
    let text = path.to_string_lossy();
    let Some((scheme, rest)) = text.split_once(":/") else { return Ok(()) };
    let is_of = |schemes: &[&str]| schemes.iter().any(|it| scheme.eq_ignore_ascii_case(it));
    let is_meant = is_of(&["http", "https"]) || (is_of(FILES) && rest.starts_with('/'));
    // Whoever has a folder of that name may read what is in it.
    if !is_meant || is_address(path) || path.symlink_metadata().is_ok() {
        return Ok(());
    }
    let text = format!("what begins with {scheme}:/ is no address that is read");
    Err(Error::new(Class::Usage, text)
        .hint("only http:// and https:// are, as in http://head:5000/bundles/june.tar"))
}

/// Fails where `path` is an address.
///
/// # Errors
/// [`Class::Usage`].
pub fn refuse(path: &Path) -> Result<()> {
    if !is_address(path) {
        return Ok(());
    }
    let text = check(path)?;
    let what = "is an address, and here a bundle is read that lies on this machine";
    Err(Error::new(Class::Usage, format!("{text} {what}"))
        .subject(Subject::Path(path.to_owned()))
        .hint("copy it here, or name a path under which this machine sees it"))
}

/// The address that `path` is, if it is one that may stand in reports, records and messages.
///
/// # Errors
/// [`Class::Usage`] for a name or password in it, and for a query, which others are to keep as secret as
/// those; the message repeats neither.
pub fn check(path: &Path) -> Result<&str> {
    let usage = |shown: &str, why: &str, hint: Phrase| {
        Err(Error::new(Class::Usage, format!("{shown} {why}")).hint(hint))
    };
    let Some((text, rest)) = path.to_str().and_then(|text| Some((text, text.split_once("://")?.1)))
    else {
        let shown = path.display().to_string();
        return usage(&shown, "is no address", "write it in ASCII, percent-encoded".into());
    };
    let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    if let Some((_, host)) = rest[..end].rsplit_once('@') {
        return usage(
            &format!("the address at {host}"),
            "has a name or a password in it",
            phrase![
                "leave it out: credentials stand where podman and docker keep them, or in a file that ",
                Remedy::AuthFiles,
                " names"
            ],
        );
    }
    match text.find(['?', '#']) {
        None => Ok(text),
        Some(at) => usage(
            &text[..at],
            "is followed by a query",
            "name the address alone: a query may grant what only its owner may do, and addresses stand in \
             reports and records"
                .into(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_as_an_address_is_one() {
        for (text, is_one) in [
            ("http://head:5000/bundles/june.tar", true),
            ("HTTPS://head/june.tar", true),
            ("http:/head/june.tar", false),
            ("./http://head", false),
            ("june.tar", false),
            ("docker://head/x", false),
        ] {
            assert_eq!(is_address(Path::new(text)), is_one, "{text}");
        }
    }

    #[test]
    fn what_looks_like_an_address_and_is_none_is_told_so() {
        for (text, is_fine) in [
            ("ftp://user:geheim@head/june.tar", false),
            ("s3://bucket/june.tar", false),
            ("http:/head/june.tar", false),
            ("HTTPS:/head/june.tar", false),
            ("http://head/june.tar", true),
            ("./ftp://head/june.tar", true),
            ("docker://head/june", true),
            ("s3:/june.tar", true),
            ("june.tar", true),
        ] {
            let told = refuse_others(Path::new(text));
            assert_eq!(told.is_ok(), is_fine, "{text}");
            if let Err(error) = told {
                assert_eq!(error.class(), Class::Usage, "{text}");
                assert!(!error.spelled().contains("geheim"), "{error}");
            }
        }
    }

    #[test]
    fn secrets_in_an_address_are_refused_and_not_repeated() {
        for text in [
            "http://user:geheim@head/june.tar",
            "https://geheim@head:5000/june.tar",
            "https://head/june.tar?sig=geheim",
            "https://head/june.tar#geheim",
            "https://user:geheim@head",
        ] {
            let error = check(Path::new(text)).unwrap_err();
            assert_eq!(error.class(), Class::Usage, "{text}");
            assert!(!error.spelled().contains("geheim"), "{error}");
            assert!(error.spelled().contains("head"), "{error}");
        }
        assert_eq!(check(Path::new("http://head/a@b.tar")).unwrap(), "http://head/a@b.tar");
    }
}
