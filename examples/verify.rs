//! Verifies a bundle with the library, as `sealift verify` does:
//! `cargo run --example verify -- BUNDLE PUB.pem`

use std::time::SystemTime;

use sealift::bundle::check::Trust;
use sealift::bundle::keys::PublicKey;
use sealift::verbs::verify::{Request, verify};
use sealift::words::progress::Silent;

#[expect(clippy::print_stdout, reason = "an example shows its result")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(bundle), Some(key)) = (arguments.next(), arguments.next()) else {
        return Err("usage: verify BUNDLE PUB.pem".into());
    };
    let key = PublicKey::from_pem(&std::fs::read_to_string(key)?)?;
    let now = SystemTime::now().try_into()?;
    let request = Request::new(bundle, Trust::Keys(vec![key]), now);

    let report = verify(&request, &Silent)?;

    for problem in &report.problems {
        println!("{problem:?}");
    }
    if !report.ok {
        return Err("the bundle is not what was signed".into());
    }
    println!("{} images, every byte as signed", report.images.len());
    Ok(())
}
