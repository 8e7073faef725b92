//! [`Site`]: a home with a key of its own, which exports with it and takes what was signed by it.

use std::process::Command;

use super::sealift::{Keys, Sealift};

/// A home with a key of its own.
pub struct Site {
    pub sealift: Sealift,
    pub keys: Keys,
}

impl Site {
    /// One with nothing in it but its key.
    pub fn new() -> Site {
        let sealift = Sealift::new();
        let keys = sealift.keys("transfer");
        Site { sealift, keys }
    }

    /// The export of `sources` to `bundle`, with `more` arguments, which are split at spaces.
    pub fn export(&self, sources: &[String], bundle: &str, more: &str) -> Command {
        let mut export = self.sealift.command();
        export.arg("export").args(sources).args(["-o", bundle, "--sign-key"]);
        export.arg(&self.keys.private).args(more.split_whitespace());
        export
    }

    /// The import of `bundle` to the place `to`, with `more` arguments, which are split at spaces.
    pub fn import(&self, bundle: &str, to: &str, more: &str) -> Command {
        let mut import = self.sealift.command();
        import.args(["import", bundle, "--to", to, "--key"]).arg(&self.keys.public);
        import.args(more.split_whitespace());
        import
    }

    /// Whether there is something of this `name`.
    pub fn exists(&self, name: &str) -> bool {
        self.sealift.at(name).exists()
    }
}
