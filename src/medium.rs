//! Where named files are read from: a folder, a tar in place, or a tar from its beginning; and
//! [`Medium`], which decides where a bundle lies.
//!
//! The medium is somebody else's: nothing here follows a link, blocks on a pipe, or believes a
//! header that a second reader could understand differently.

pub mod address;
pub mod attendant;
mod collected;
pub mod cutting;
#[cfg(feature = "age")]
mod decrypted;
pub mod drive;
mod entries;
pub mod fault;
mod folder_or_file;
pub mod header;
mod holder;
#[cfg(feature = "age")]
pub(crate) mod in_age;
mod in_folder;
mod in_stream;
mod in_tar;
pub mod in_volumes;
mod in_web;
pub mod kind;
mod links;
mod names;
pub mod no_tar;
pub mod part_store;
mod pax;
pub mod pieces;
pub mod ranged;
pub mod reader;
mod remote;
mod scan;
mod shown;
mod stream;
mod tar_bytes;
mod to_make;
pub mod tree;
mod twins;
mod volume_bytes;
pub mod volume_table;
pub mod volumes;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::cutting::Cutting;
use self::drive::Drive;
use self::folder_or_file::FolderOrFile;
use self::part_store::PartStore;
use self::ranged::Remote;
use self::tree::Tree;
use self::volume_bytes::VolumeBytes;
#[cfg(feature = "age")]
use crate::tools::cipher::{Identities, Recipients, Unlocked};
use crate::tools::file::lies_in;
#[cfg(feature = "age")]
use crate::tools::withheld;
use crate::words::error::{Class, Error, Result};
use crate::words::phrase::phrase;
use crate::words::remedy::Remedy;

/// Where a bundle lies, or is to lie, as the user named it. Every verb takes one, and nothing else
/// asks what kind of medium it is.
///
/// ```
/// use sealift::medium::{Form, Medium};
///
/// assert_eq!(Medium::at("june").form(), Form::Folder);
/// assert_eq!(Medium::at("june.tar").form(), Form::Packed);
/// let bundle = Medium::at("testdata/formats/v1/packed.tar").open()?;
/// assert!(bundle.size("SHA256SUMS").is_some());
/// # Ok::<(), sealift::words::error::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Medium {
    path: PathBuf,
    /// Where else volumes of it lie.
    further: Vec<PathBuf>,
    /// What is held of volumes that are not there any more.
    held: Option<Arc<PartStore>>,
    /// By what it is opened where it is encrypted.
    #[cfg(feature = "age")]
    identities: Option<Arc<Identities>>,
    /// Into what a bundle is cut that is made here.
    cutting: Option<Cutting>,
    /// Where media are changed for these volumes.
    drive: Option<Drive>,
    /// To whom a bundle is encrypted that is made here.
    #[cfg(feature = "age")]
    recipients: Option<Arc<Recipients>>,
    /// Whether it is read past what the system has of it in memory.
    past_cache: bool,
    /// What reads it where it lies on another machine.
    remote: Option<Arc<dyn Remote>>,
}

/// What a bundle is made as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Form {
    /// Files in a folder.
    Folder,
    /// One plain tar.
    Packed,
    /// A folder of plain tars, each of which fits on a medium of its own.
    Volumes,
    /// One tar that is encrypted with age. (Volumes that are encrypted are volumes.)
    #[cfg(feature = "age")]
    Encrypted,
}

impl Medium {
    /// The medium at `path`.
    pub fn at(path: impl Into<PathBuf>) -> Medium {
        Medium {
            path: path.into(),
            further: Vec::new(),
            held: None,
            #[cfg(feature = "age")]
            identities: None,
            cutting: None,
            drive: None,
            #[cfg(feature = "age")]
            recipients: None,
            past_cache: false,
            remote: None,
        }
    }

    /// The same bundle, which is in volumes that lie at `further` places as well: each is a volume, or a
    /// folder of some.
    #[must_use]
    pub fn with_volumes_at(self, further: Vec<PathBuf>) -> Medium {
        Medium { further, ..self }
    }

    /// The same, of whose volumes those that are not there any more left the parts that are `held`.
    #[must_use]
    pub fn with_parts(self, held: Arc<PartStore>) -> Medium {
        Medium { held: Some(held), ..self }
    }

    /// The same, which is opened by one of `identities` where it is encrypted with age.
    #[cfg(feature = "age")]
    #[must_use]
    pub fn opened_by(self, identities: Arc<Identities>) -> Medium {
        Medium { identities: Some(identities), ..self }
    }

    /// The same, of which a bundle that is made here is encrypted to `recipients`.
    ///
    /// # Errors
    /// [`Class::Usage`] when its name does not say so.
    #[cfg(feature = "age")]
    pub fn sealed_for(self, recipients: Arc<Recipients>) -> Result<Medium> {
        let cutting = match (self.form(), &self.cutting) {
            (Form::Encrypted, _) => None,
            (Form::Volumes, Some(by)) => Some(by.encrypted_for(recipients.len())?),
            _ => {
                let text = format!("{self} is to be encrypted, and is not called so");
                let hint = phrase!["call it ", Remedy::Output, " NAME.tar.age"];
                return Err(Error::new(Class::Usage, text).hint(hint));
            }
        };
        Ok(Medium { recipients: Some(recipients), cutting, ..self })
    }

    /// The medium at `path`, which is opened and read as this one.
    #[must_use]
    pub fn beside(&self, path: impl Into<PathBuf>) -> Medium {
        Medium {
            #[cfg(feature = "age")]
            identities: self.identities.clone(),
            past_cache: self.past_cache,
            ..Medium::at(path)
        }
    }

    /// To whom a bundle is encrypted that is made here.
    #[cfg(feature = "age")]
    pub(crate) fn recipients(&self) -> Option<&Arc<Recipients>> {
        self.recipients.as_ref()
    }

    /// The same, whose bytes are read as the device gives them, past what the system has of them in
    /// memory, as far as the file system lets them be.
    #[must_use]
    pub fn past_cache(self) -> Medium {
        Medium { past_cache: true, ..self }
    }

    /// Whether it is read so.
    #[must_use]
    pub(crate) fn is_past_cache(&self) -> bool {
        self.past_cache
    }

    /// The same, of which a bundle that is made here is cut into volumes of at most so many bytes. The
    /// set is called as its folder is, where it gets no other `label`; of all volumes `only` that one is
    /// made, where one is asked for.
    ///
    /// # Errors
    /// [`Class::Usage`] when it is to be one file, or its name is no label.
    pub fn cut_into(
        self,
        volume_size: u64,
        label: Option<String>,
        only: Option<u32>,
    ) -> Result<Medium> {
        if self.form() != Form::Folder {
            let text = format!("{self} is one file, and volumes are several");
            return Err(Error::new(Class::Usage, text).hint(phrase![
                "name the folder that they go to: ",
                Remedy::Output,
                " NAME"
            ]));
        }
        let name = self.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let label = cutting::parse_label(label.as_deref().unwrap_or(name))?;
        Ok(Medium { cutting: Some(Cutting { volume_size, label, only, is_signed: true }), ..self })
    }

    /// The same, of which the tables of volumes are not signed, since nobody is there who could.
    #[must_use]
    pub fn with_unsigned_tables(self) -> Medium {
        let cutting = self.cutting.map(|cutting| Cutting { is_signed: false, ..cutting });
        Medium { cutting, ..self }
    }

    /// Into what a bundle is cut that is made here.
    #[must_use]
    pub fn cutting(&self) -> Option<&Cutting> {
        self.cutting.as_ref()
    }

    /// The same, of which volumes go one after the other onto media in `drive`. What is left on this side is
    /// what the bundle says of itself, and labels.
    ///
    /// # Errors
    /// [`Class::Usage`] when it is not to be cut.
    pub fn onto(self, drive: Drive) -> Result<Medium> {
        match self.form() {
            Form::Volumes => Ok(Medium { drive: Some(drive), ..self }),
            _ => Err(Error::new(Class::Usage, format!("{self} is not to be cut into volumes"))),
        }
    }

    /// Where media are changed for the volumes that are made of it.
    #[must_use]
    pub fn drive(&self) -> Option<&Drive> {
        self.drive.as_ref()
    }

    /// Where the files of a bundle lie that is made here.
    #[must_use]
    pub fn ground(&self) -> &Path {
        self.drive.as_ref().map_or(&self.path, |drive| &drive.folder)
    }

    /// Every place that it lies at, as the user named them.
    pub fn places(&self) -> impl Iterator<Item = &Path> {
        std::iter::once(&self.path).chain(&self.further).map(PathBuf::as_path)
    }

    /// Where it is, or the first of its volumes, for people, and to find what is beside it.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What a bundle that is made here is made as: volumes where it is to be cut, one packed file
    /// where the name ends in `.tar`, an encrypted one where it ends in `.tar.age`, else a folder.
    #[must_use]
    pub fn form(&self) -> Form {
        if self.cutting.is_some() {
            return Form::Volumes;
        }
        #[cfg(feature = "age")]
        if self.path.as_os_str().as_encoded_bytes().ends_with(b".tar.age") {
            return Form::Encrypted;
        }
        match self.path.extension().is_some_and(|extension| extension == "tar") {
            true => Form::Packed,
            false => Form::Folder,
        }
    }

    /// Whether its name says that its files are there for every program: it lies in one place on
    /// this machine, and is not encrypted.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        let is_one = self.further.is_empty() && !self.is_remote();
        is_one && matches!(self.form(), Form::Folder | Form::Packed)
    }

    /// Lists the files of the bundle that is there, once. A final symbolic link in the path itself
    /// is followed: the user named it. It is strict, as a bundle is: a compressed tar is no tar, and a
    /// link in it a fault. With the feature `age` a tar that was encrypted is read where it lies.
    ///
    /// # Errors
    /// [`Class::Incomplete`] when there is nothing, [`Class::Untrusted`] when it is encrypted and no
    /// identity opens it, and any fault of the disk. What is wrong *inside* is listed by
    /// [`faults`](Tree::faults) instead.
    pub fn open(&self) -> Result<Tree> {
        if self.is_remote() {
            return self.open_remote();
        }
        address::refuse_others(&self.path)?;
        let held = self.held.as_deref();
        let open = |path: &Path, file| self.volume_bytes(path, file);
        let tree = match folder_or_file::look(&self.path)? {
            _ if !self.further.is_empty() => {
                in_volumes::of_places(&self.path, self.places(), &open, held)?
            }
            FolderOrFile::Folder(folder) => match in_volumes::of_folder(&folder, &open, held)? {
                Some(volumes) => volumes,
                None => Tree::of_folder(folder, false)?,
            },
            FolderOrFile::File(file) => {
                let bytes = open(&self.path, file)?;
                match (in_volumes::of_file(&self.path, &bytes, held)?, bytes) {
                    (Some(volume), _) => volume,
                    (None, VolumeBytes::Plain(file)) => Tree::of_tar(&self.path, file)?,
                    #[cfg(feature = "age")]
                    (None, VolumeBytes::Locked(unlocked)) => in_age::list(&self.path, unlocked)?,
                }
            }
        };
        if self.past_cache { tree.past_cache() } else { Ok(tree) }
    }

    /// The bytes of `file` at `path`, which is opened by the identities where it is encrypted.
    #[cfg_attr(not(feature = "age"), expect(unused_variables, reason = "it is for errors"))]
    fn volume_bytes(&self, path: &Path, file: Arc<File>) -> Result<VolumeBytes> {
        #[cfg(feature = "age")]
        if Unlocked::is_locked(&file).unwrap_or(false) {
            let name = path.display().to_string();
            let unlocked = Unlocked::open(&name, file, self.identities.as_deref())?;
            return Ok(VolumeBytes::Locked(Arc::new(unlocked)));
        }
        Ok(VolumeBytes::Plain(file))
    }

    /// Whether it is one file that is encrypted, so that nobody can look into it without an identity.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn is_encrypted(&self) -> Result<bool> {
        #[cfg(feature = "age")]
        if let FolderOrFile::File(file) = folder_or_file::look(&self.path)? {
            let fault = |e| withheld::reading(format!("cannot read {self}"), e);
            return Unlocked::is_locked(&file).map_err(fault);
        }
        Ok(false)
    }

    /// Whether anything stands there, be it a bundle or not.
    ///
    /// # Errors
    /// When nobody can tell.
    pub fn is_taken(&self) -> io::Result<bool> {
        match std::fs::symlink_metadata(&self.path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            other => other.map(|_| true),
        }
    }

    /// Whether what is written to `path` would be written into the bundle.
    #[must_use]
    pub fn contains(&self, path: &Path) -> bool {
        self.places().any(|place| lies_in(path, place))
    }
}
