//! [`Request`]: which places to list, and what to hold them against.

use std::path::PathBuf;

use crate::bundle::check::Trust;
use crate::medium::Medium;
use crate::places::kubernetes::Cluster;
use crate::places::location::Place;
use crate::tools::pace::Jobs;
use crate::verbs::inventory::Stdin;
use crate::words::error::{Class, Error};
use crate::words::reference::Reference;
use crate::work::mapping::NameRule;

/// What has images.
#[derive(Debug)]
#[non_exhaustive]
pub enum Listable {
    /// A registry or a part of it, an engine, a layout, an archive.
    Place(Place),
    /// A Kubernetes cluster.
    Cluster(Cluster),
    /// A bundle, or a record of one: what was signed.
    Bundle(Medium),
    /// A receipt.
    Receipt(PathBuf),
    /// A list of names, of which nobody is asked what they stand for.
    Names {
        /// Where it is, for people.
        path: PathBuf,
        /// What it names.
        names: Vec<Reference>,
    },
}

/// How much is asked of each image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Depth {
    /// Its name: a registry is asked for its tags alone.
    Names,
    /// What the name stands for.
    Digests,
    /// What that consists of, and what it runs on.
    Contents,
}

/// Which places to list, and what to hold them against.
#[derive(Debug)]
#[non_exhaustive]
pub struct Request {
    /// The places.
    pub places: Vec<Listable>,
    /// What uses images: only what none of them does is listed, if there are any.
    pub against: Vec<Listable>,
    /// How names are mapped on the way from those to the places, or from the places to those.
    pub rules: Vec<NameRule>,
    /// Whether only the last part of each name is kept on that way.
    pub flatten: bool,
    /// How much is asked of each image.
    pub depth: Depth,
    /// Who must have signed what is signed.
    pub trust: Trust,
    /// Requests at a time.
    pub jobs: Jobs,
    /// Opens standard input.
    pub stdin: Stdin,
}

impl Request {
    /// Lists the names of all that `places` hold, whoever signed them. The fields say otherwise.
    #[must_use]
    pub fn new(places: Vec<Listable>) -> Request {
        Request {
            places,
            against: Vec::new(),
            rules: Vec::new(),
            flatten: false,
            depth: Depth::Names,
            trust: Trust::UnsafeAnySigner,
            jobs: Jobs::default(),
            stdin: || Err(Error::new(Class::Usage, "there is no standard input to read from")),
        }
    }

    /// How much is asked of each image: more where images are compared by what they are.
    pub(super) fn depth(&self) -> Depth {
        match self.against.is_empty() {
            true => self.depth,
            false => Depth::Contents,
        }
    }
}
