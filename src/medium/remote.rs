//! A [`Medium`] on another machine, by its address.

use std::sync::Arc;

use super::ranged::Remote;
use super::tree::Tree;
use super::{Medium, address, in_web};
use crate::words::error::{Class, Error, Result, Subject};

impl Medium {
    /// The same, which `remote` reads where its path is an address (`http://head:5000/bundles/june.tar`).
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use sealift::medium::Medium;
    /// use sealift::places::registry::{Client, Settings};
    /// use sealift::words::progress::Silent;
    ///
    /// let client = Client::new(Settings::default(), Arc::new(Silent))?;
    /// let bundle = Medium::at("http://head:5000/bundles/june.tar").reached_by(Arc::new(client))?;
    /// assert!(bundle.is_remote());
    /// # Ok::<(), sealift::words::error::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Class::Usage`] for an address that nobody should write down ([`address::check`]), for several places
    /// of which one is an address, and where it is to be read past the system's memory.
    pub fn reached_by(self, remote: Arc<dyn Remote>) -> Result<Medium> {
        for place in self.places().filter(|place| address::is_address(place)) {
            address::check(place)?;
        }
        if self.places().any(address::is_address) && !self.further.is_empty() {
            let text = "several places are volumes of a bundle, which are not read over HTTP";
            return Err(Error::new(Class::Usage, text)
                .hint("name one packed file, or copy the volumes to this machine"));
        }
        Ok(Medium { remote: Some(remote), ..self })
    }

    /// Whether it lies on another machine.
    #[must_use]
    pub fn is_remote(&self) -> bool {
        address::is_address(&self.path)
    }

    /// As [`open`](Medium::open), of one on another machine.
    pub(super) fn open_remote(&self) -> Result<Tree> {
        let address = address::check(&self.path)?;
        let Some(remote) = &self.remote else {
            return address::refuse(&self.path).and(Err(Error::new(Class::Usage, address)));
        };
        if self.past_cache {
            let text =
                format!("{self} lies on another machine, whose medium cannot be read from here");
            return Err(Error::new(Class::Usage, text)
                .subject(Subject::Path(self.path.clone()))
                .hint("read it back there"));
        }
        in_web::list(&self.path, remote.open(address)?)
    }
}
