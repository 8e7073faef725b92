//! A file of this machine as an artifact, in the form that oras gives one.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::local_file::LocalFile;
use super::manifest;
use super::title::{TITLE, file_name};
use super::{ArtifactPart, MadeArtifact};
use crate::words::cancel::Cancel;
use crate::words::document::Descriptor;
use crate::words::error::{Class, Error, Result, Subject};
use crate::words::escape::Safe;
use crate::words::reference::Reference;

/// The type of an artifact of which nothing is known but its bytes, as oras has it.
const ARTIFACT_TYPE: &str = "application/vnd.unknown.artifact.v1";
/// The type of an artifact's file, whatever is in it, as oras has it.
const FILE_LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
/// The config of what has none (OCI image-spec, manifest.md).
const EMPTY: (&str, &[u8]) = ("application/vnd.oci.empty.v1+json", b"{}");

impl MadeArtifact {
    /// The file `path` as an artifact called `called`; else `localhost/` with the file's name in lower
    /// case. The file is read once, for its digest, and stays open.
    ///
    /// # Errors
    /// [`Class::Usage`] for what is no regular file, and where its name is none of an image;
    /// [`Class::Damaged`] when it changes meanwhile; those of the disk.
    pub fn of_file(
        path: &Path,
        called: Option<&Reference>,
        cancel: &Cancel,
    ) -> Result<MadeArtifact> {
        // 1. What is it called, here and there?
        let title = title(path)?;
        let name = match called {
            Some(name) => tagged(name)?,
            None => own_name(&title)?,
        };

        // 2. What is in it?
        let file = LocalFile::open(path)?;
        let digest = file.digest(cancel)?;
        let mut layer = Descriptor::new(FILE_LAYER, digest, file.size());
        layer.annotations = [(TITLE.to_owned(), title)].into();

        // 3. Made of that alone, it is always the same.
        let config = Descriptor::of(EMPTY.0, EMPTY.1);
        let document = manifest::make(Some(ARTIFACT_TYPE), &config, &[layer], &BTreeMap::new())?;
        let parts = BTreeMap::from([
            (config.digest, ArtifactPart::Bytes(Arc::from(EMPTY.1))),
            (digest, ArtifactPart::File(file)),
        ]);
        Ok(MadeArtifact { shown: format!("file {}", path.display()), name, document, parts })
    }
}

/// The name of the file `path`.
fn title(path: &Path) -> Result<String> {
    let bad = |why: &str| {
        Error::new(Class::Usage, format!("{} cannot be carried: its name {why}", path.display()))
            .subject(Subject::Path(path.to_owned()))
            .hint("give the file another name first")
    };
    let name = path.file_name().ok_or_else(|| bad("is none of a file"))?;
    let name = name.to_str().ok_or_else(|| bad("is no text"))?;
    file_name(name).map_err(bad)?;
    Ok(name.to_owned())
}

/// `name`, which has to be one with a tag.
pub(super) fn tagged(name: &Reference) -> Result<Reference> {
    match (&name.tag, &name.digest) {
        (Some(_), None) => Ok(name.clone()),
        _ => {
            Err(Error::new(Class::Usage, format!("{name} has a digest, which is not known before"))
                .hint("give it a name with a tag"))
        }
    }
}

/// The name of an image for the file called `title`.
fn own_name(title: &str) -> Result<Reference> {
    let name = format!("localhost/{}", title.to_ascii_lowercase());
    let is_bare = !title.contains([':', '@']);
    name.parse().ok().filter(|_| is_bare).ok_or_else(|| {
        let text = format!("the file {} has no name that an image may have", Safe(title));
        Error::new(Class::Usage, text).hint("write one behind it, as in file:PATH=tools/name:1.0")
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read as _;

    use super::*;
    use crate::storage::store::{BlobSource as _, ImageSource as _};
    use crate::words::document::Kind;
    use crate::words::progress::Silent;

    fn made(path: &Path, called: Option<&str>) -> Result<MadeArtifact> {
        let called = called.map(|name| name.parse().unwrap());
        MadeArtifact::of_file(path, called.as_ref(), &Cancel::default())
    }

    #[test]
    fn the_same_bytes_under_the_same_name_are_the_same_artifact() {
        let folder = tempfile::tempdir().unwrap();
        let there: Vec<_> = ["a", "b"].iter().map(|it| folder.path().join(it)).collect();
        for at in &there {
            fs::create_dir(at).unwrap();
            fs::write(at.join("Tool.bin"), "bytes").unwrap();
        }

        let one = made(&there[0].join("Tool.bin"), None).unwrap();
        let other = made(&there[1].join("Tool.bin"), Some("x.example/y:2")).unwrap();

        assert_eq!(one.name().to_string(), "localhost/tool.bin:latest");
        assert_eq!(other.name().to_string(), "x.example/y:2");
        assert_eq!(one.document.raw(), other.document.raw());
        let digest = "sha256:62abc799a018e8db9df8a8063b3fc48076a9ece24574b8e26cb245b954844ffb";
        assert_eq!(one.document.descriptor().digest.to_string(), digest, "for ever");
        let Kind::Manifest { layers, .. } = one.document.kind() else { panic!() };
        assert_eq!(layers[0].annotations.get(TITLE).as_deref(), Some("Tool.bin"));
        assert_eq!(one.resolve(one.name()).unwrap().raw(), one.document.raw());
        let mut read = String::new();
        let raw = one.open(&layers[0], 2).unwrap();
        raw.unchecked().read_to_string(&mut read).unwrap();
        assert_eq!(read, "tes");
    }

    #[test]
    fn a_file_that_changes_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        for after in ["byte", "bytes and more"] {
            fs::write(&path, "bytes").unwrap();
            let one = made(&path, None).unwrap();
            let Kind::Manifest { layers, .. } = one.document.kind() else { panic!() };
            fs::write(&path, after).unwrap();

            let raw = one.open(&layers[0], 0).unwrap();
            let mut read = raw.verified(&layers[0], "source", &Silent);
            let error = Error::io("x", read.read_to_end(&mut Vec::new()).unwrap_err());

            assert!(error.to_string().contains("was changed while it was read"), "{error}");
            assert_eq!(error.class(), Class::Damaged);
        }
    }

    #[test]
    fn what_is_no_file_and_what_has_no_name_is_told_with_the_way_out() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["my file", "a:1", "x_"] {
            fs::write(at(name), "").unwrap();
            let error = made(&at(name), None).unwrap_err();
            assert_eq!(error.class(), Class::Usage, "{name}");
            assert!(error.way_out().unwrap().contains("file:PATH="));
            made(&at(name), Some("a:1")).unwrap();
        }
        let error = made(folder.path(), Some("a:1")).unwrap_err();
        assert!(error.way_out().unwrap().contains("tar"), "{error}");
        assert_eq!(made(&at("none"), None).unwrap_err().class(), Class::Incomplete);
        let digest = format!("a@sha256:{}", "0".repeat(64));
        assert_eq!(made(&at("x_"), Some(&digest)).unwrap_err().class(), Class::Usage);
    }
}
