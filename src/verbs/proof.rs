//! `proof`: the signatures of a bundle, written for other programs to check.

use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use crate::bundle::check::{OtherSignature, Trust, attested};
use crate::bundle::keys::{KeyId, PrivateKey};
use crate::bundle::proof::{self, ProofFile};
use crate::medium::Medium;
use crate::tools::file::{TEMP_PREFIX, write_whole};
use crate::tools::folder::{Folder, OPEN_FOLDER, Replace};
use crate::tools::ground;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result, Subject};
use crate::words::progress::Progress;

/// Permissions of what is written, which is as secret as the bundle's list of images.
const MODE: u32 = 0o644;

/// Of which bundle, and where to.
#[derive(Debug)]
#[non_exhaustive]
pub struct Request {
    /// The bundle, or a record of one.
    pub bundle: Medium,
    /// Whom to believe. The public keys that are written come from there.
    pub trust: Trust,
    /// The folder that is made.
    pub output: PathBuf,
}

impl Request {
    /// Writes the signatures of `bundle` by whom `trust` believes to the new folder `output`.
    #[must_use]
    pub fn new(bundle: impl Into<Medium>, trust: Trust, output: impl Into<PathBuf>) -> Request {
        Request { bundle: bundle.into(), trust, output: output.into() }
    }
}

/// What was written.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Summary {
    /// The bundle.
    pub bundle: Medium,
    /// The folder.
    #[serde(serialize_with = "shown")]
    pub output: PathBuf,
    /// The digest of the statement that was signed.
    pub statement: Digest,
    /// The files of all signatures together.
    pub files: Vec<String>,
    /// Each signature that counts.
    pub signatures: Vec<ProvenSignature>,
    /// Those that do not, of which nothing was written.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub other_signatures: Vec<OtherSignature>,
}

/// A signature in the forms in which it was written.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ProvenSignature {
    /// Whose it is.
    pub key: KeyId,
    /// Its files.
    pub files: Vec<String>,
    /// Whether the private key was at hand, for the forms that need it.
    pub with_private_key: bool,
}

fn shown<S: Serializer>(path: &Path, to: S) -> Result<S::Ok, S::Error> {
    path.to_string_lossy().serialize(to)
}

/// Writes the signatures of a bundle as `request` says, with those forms that need the `private` key of a
/// signer where it is given. The folder is there whole or not at all.
///
/// ```
/// use sealift::bundle::check::Trust;
/// use sealift::bundle::keys::PublicKey;
/// use sealift::verbs::proof::{Request, proof};
/// use sealift::words::progress::Silent;
///
/// let pem = std::fs::read_to_string("testdata/formats/v1/signer.pub.pem").unwrap();
/// let trust = Trust::Keys(vec![PublicKey::from_pem(&pem)?]);
/// let folder = tempfile::tempdir().unwrap();
/// let output = folder.path().join("proof");
/// let made = proof(&Request::new("testdata/formats/v1/packed.tar", trust, &output), None, &Silent)?;
/// assert_eq!(made.signatures.len(), 1);
/// assert!(output.join("b385ea3907899559.sigstore.json").exists());
/// # Ok::<(), sealift::words::error::Error>(())
/// ```
///
/// # Errors
/// When nobody who is trusted has signed, or the bundle is not what was signed as far as that is read
/// without its layers; when the folder is there, or cannot be made; [`Class::Untrusted`] where `private` is
/// the key of nobody whose signature counts.
pub fn proof(
    request: &Request,
    private: Option<&PrivateKey>,
    progress: &dyn Progress,
) -> Result<Summary> {
    // 1. Is there room for it, and nothing else?
    let output = &request.output;
    free(output)?;
    ground::check(output)?;

    // 2. Who signed what?
    let of = attested(&request.bundle, &request.trust)?;
    if let Some(key) = private {
        let id = key.public().id();
        if !of.signatures.iter().any(|it| it.key.id() == id) {
            let text = format!("the key {id} has not signed {}", request.bundle);
            return Err(Error::new(Class::Untrusted, text)
                .subject(Subject::Key(id.hex()))
                .hint("sign with the key of one who has signed it, or go without"));
        }
    }

    // 3. Write it all, then give the folder its name.
    let mut files = Vec::new();
    let mut signatures = Vec::new();
    whole(output, |folder| {
        files = put(folder, proof::common(&of, private))?;
        for signature in &of.signatures {
            progress.check()?;
            signatures.push(ProvenSignature {
                key: signature.key.id(),
                files: put(folder, proof::of_signature(&of, signature, private)?)?,
                with_private_key: private.is_some_and(|key| *key.public() == signature.key),
            });
        }
        Ok(())
    })?;
    let (statement, other_signatures) = (of.statement.digest, of.others);
    let (bundle, output) = (request.bundle.clone(), output.clone());
    Ok(Summary { bundle, output, statement, files, signatures, other_signatures })
}

/// Fails when there is something under the name `path`: nothing is replaced.
fn free(path: &Path) -> Result<()> {
    match path.symlink_metadata() {
        Err(_) => Ok(()),
        Ok(_) => {
            let text = format!("{} exists already", path.display());
            Err(Error::new(Class::Usage, text)
                .subject(Subject::Path(path.to_owned()))
                .hint("name another folder, or remove this one"))
        }
    }
}

fn put(folder: &Folder, files: Vec<ProofFile>) -> Result<Vec<String>> {
    for file in &files {
        write_whole(folder, &file.name, MODE, &file.bytes)?;
    }
    Ok(files.into_iter().map(|file| file.name).collect())
}

/// Makes the folder `path` with what `write` puts there.
fn whole(path: &Path, write: impl FnOnce(&Folder) -> Result<()>) -> Result<()> {
    let (parent, name) = Folder::making(path)?;
    let fault = |e| Error::io(format!("cannot write {}", path.display()), e);
    let mut temp = std::ffi::OsString::from(TEMP_PREFIX);
    temp.push(&name);
    parent.remove_all(&temp).map_err(fault)?;
    let folder = parent.create_folder(&temp, OPEN_FOLDER).map_err(fault)?;
    let written = write(&folder).and_then(|()| folder.sync()).and_then(|()| {
        parent.rename(&temp, &name, folder.handle(), Replace::No).map_err(fault)?;
        parent.sync()
    });
    written.inspect_err(|_| {
        // Nothing better can be done about a leftover: the next run removes it.
        let _ = parent.remove_all(&temp);
    })
}
