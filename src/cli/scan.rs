//! The options that say with what images are scanned before they cross.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::environment::path;
use super::report::argument;
use crate::tools::scanner::Scanner;
use crate::work::scan::Scans;

/// How many seconds a scanner may take: ClamAV looks at a gigabyte in a minute or two, and hundreds of
/// gigabytes are in no layer.
const TIMEOUT: u32 = 3_600;

/// With what images are scanned.
#[derive(Debug, Args)]
pub(super) struct ScanWith {
    /// Have this command look at every layer first: as a tar on its standard input, as files in the folder
    /// {dir}, or at every image in the OCI layout {layout}. Exit code 1 says that something was found, which
    /// stops all (exit code 3), as does any other but 0; {image} and {digest} stand for what is scanned. No
    /// shell runs it (can be repeated)
    #[arg(long, value_name = "CMD", value_parser = argument::<Scanner>)]
    scan: Vec<Scanner>,
    /// How long it may take for one layer, or one image
    #[arg(long, value_name = "SECONDS", default_value_t = TIMEOUT, requires = "scan",
          value_parser = clap::value_parser!(u32).range(1..))]
    scan_timeout: u32,
    /// Folder for {dir} and {layout}, which hold one layer, or one image, at a time [default: TMPDIR, else
    /// /var/tmp]
    #[arg(long, value_name = "DIR", requires = "scan")]
    scan_scratch: Option<PathBuf>,
}

impl ScanWith {
    /// With what is scanned, and how.
    pub(super) fn scans(self) -> Scans {
        let scratch = self.scan_scratch.or_else(|| path("TMPDIR"));
        let scratch = scratch.unwrap_or_else(|| PathBuf::from("/var/tmp"));
        Scans::new(self.scan, scratch, Duration::from_secs(self.scan_timeout.into()))
    }
}
