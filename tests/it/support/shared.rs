//! One crossing that many tests look at: an outside registry with every kind of image, exported
//! once in both forms. Nobody changes it; who wants damage takes a copy.

use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::files;
use super::images::{self, Image};
use super::registry::Registry;
use super::sealift::{Keys, Sealift};

/// The crossing. It holds no process, because nothing ends what a static holds.
pub struct Shared {
    /// The outside registry's content.
    pub storage: PathBuf,
    /// The outside registry's host, as it stands in the images' names.
    pub host: String,
    pub images: Vec<Image>,
    /// The bundle as a directory.
    pub dir: PathBuf,
    /// The bundle as one file.
    pub tar: PathBuf,
    pub keys: Keys,
    /// A key that signed nothing.
    pub stranger: Keys,
}

impl Shared {
    /// The one crossing of this run, made by whoever asks first.
    pub fn get() -> &'static Shared {
        static SHARED: OnceLock<Result<Shared, String>> = OnceLock::new();
        let made = SHARED.get_or_init(|| {
            let made = std::panic::catch_unwind(AssertUnwindSafe(|| Shared::make(&folder())));
            made.map_err(|panic| panic.downcast_ref::<String>().cloned().unwrap_or_default())
        });
        made.as_ref().unwrap_or_else(|why| panic!("the shared crossing failed: {why}"))
    }

    fn make(folder: &Path) -> Shared {
        let storage = folder.join("storage");
        let outside = Registry::over(&storage);
        let images = images::all();
        images.iter().for_each(|image| image.push(&outside));

        let sealift = Sealift::new();
        let kept = |keys: Keys, name: &str| {
            let path = |kind: &str| folder.join(format!("{name}.{kind}.pem"));
            let copies = Keys { private: path("key"), public: path("pub") };
            files::copy(&keys.private, &copies.private);
            files::copy(&keys.public, &copies.public);
            copies
        };
        let keys = kept(sealift.keys("signer"), "signer");
        let stranger = kept(sealift.keys("stranger"), "stranger");
        let host = outside.host();
        let (dir, tar) = (folder.join("bundle"), folder.join("bundle.tar"));
        for bundle in [&dir, &tar] {
            let mut export = sealift.command();
            export
                .arg("export")
                .args(images.iter().map(|image| format!("{host}/{}", image.path())));
            export.arg("-o").arg(bundle).arg("--sign-key").arg(&keys.private);
            super::sealift::ran(&mut export).ok();
        }
        Shared { storage, host, images, dir, tar, keys, stranger }
    }

    /// The image of that repository.
    pub fn image(&self, repository: &str) -> &Image {
        self.images.iter().find(|image| image.repository == repository).unwrap()
    }

    /// The image's name in the bundle.
    pub fn name(&self, repository: &str) -> String {
        format!("{}/{}", self.host, self.image(repository).path())
    }

    /// Both forms.
    pub fn forms(&self) -> [&Path; 2] {
        [&self.dir, &self.tar]
    }
}

/// A folder for this process below cargo's own; what ended processes left there is removed.
pub fn folder() -> PathBuf {
    let base = Path::new(env!("CARGO_TARGET_TMPDIR"));
    for entry in std::fs::read_dir(base).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(pid) = name.strip_prefix("it-") else { continue };
        if !Path::new("/proc").join(pid).exists() {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
    let folder = base.join(format!("it-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
