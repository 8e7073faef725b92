//! Carries an image layout across with the library alone: exports it into a signed bundle, verifies
//! the bundle, and imports it into another layout.
//!
//! `cargo run --no-default-features --example carry -- LAYOUT BUNDLE STORE`

use std::sync::Arc;
use std::time::SystemTime;

use sealift::bundle::check::Trust;
use sealift::bundle::keys::PrivateKey;
use sealift::places::registry::{Client, Settings};
use sealift::verbs::import::{Outcome, import};
use sealift::verbs::{export, import, verify};
use sealift::words::progress::Silent;

type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [layout, bundle, store] => carry(layout, bundle, store),
        _ => Err("usage: carry LAYOUT BUNDLE STORE".into()),
    }
}

#[expect(clippy::print_stdout, reason = "an example shows its result")]
pub(crate) fn carry(layout: &str, bundle: &str, store: &str) -> Result {
    let now = SystemTime::now().try_into()?;
    // Registries are reached with no credentials, proxies or mirrors, unless the settings name some.
    let client = Client::new(Settings::default(), Arc::new(Silent))?;

    // Outside: export and sign. Keep the key, and hand its public half to the isolated side.
    let key = PrivateKey::generate()?;
    let trust = Trust::Keys(vec![key.public().clone()]);
    let images = vec![format!("oci:{layout}").parse()?];
    let request = export::Request::new(images, bundle, now);
    let exported = export::export(&request, key, &client, &Silent)?;
    println!("signed {} images", exported.images.len());

    // Inside: verify every byte. What is wrong is told in the report.
    let report = verify::verify(&verify::Request::new(bundle, trust.clone(), now), &Silent)?;
    if !report.ok {
        return Err(format!("the bundle is not what was signed: {:?}", report.problems).into());
    }

    // Import it. What was signed is checked once more on its way.
    let request = import::Request::new(bundle, format!("oci:{store}").parse()?, trust, now);
    let (evidence, outcome) = import(&request, &client, &Silent)?;
    if let Outcome::Done(summary) = outcome {
        for image in summary.images {
            println!("{} {}", image.to, image.digest);
        }
    }
    println!("of statement {}", evidence.statement);
    Ok(())
}
