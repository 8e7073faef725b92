//! What is encrypted with age: images to carry, identities, and the programs that make and open them.

use std::process::Command;

use super::Random;
use super::content::{Layer, tar};
use super::images::{Image, write_layout};
use super::sealift::{Ran, Sealift, ran};

/// A layout of three layers of a quarter of a megabyte each, `images`, and the key `k`.
pub fn outside() -> Sealift {
    let sealift = Sealift::new();
    sealift.keys("k");
    let layer =
        |number| Layer::gzip(&tar(&[("noise", &Random::new(number).bytes(250_000), 0o644)]));
    let layers: Vec<Layer> = (1..4).map(layer).collect();
    let image = Image::single("acme/app", "1", "[]", &layers);
    write_layout(&sealift.at("images"), &[("acme/app:1", &image)]);
    sealift
}

/// Runs another program in the scratch folder, as `line` says, which has no quotes.
pub fn tool(sealift: &Sealift, line: &str) -> String {
    let mut words = line.split(' ');
    let mut command: Command = super::command(words.next().unwrap());
    super::text(command.args(words).current_dir(sealift.at("")))
}

/// Runs sealift, as `line` says, which has no quotes.
pub fn run(sealift: &Sealift, line: &str) -> Ran {
    ran(sealift.command().args(line.split_whitespace()))
}

/// Exports the layout, signed by `k`.
pub fn export(sealift: &Sealift, more: &str) -> Ran {
    run(sealift, &format!("export oci:images --sign-key k.key.pem {more}"))
}

/// A new identity of age in a file of that name: its recipient.
pub fn identity(sealift: &Sealift, name: &str) -> String {
    tool(sealift, &format!("age-keygen -o {name}"));
    tool(sealift, &format!("age-keygen -y {name}")).trim().to_owned()
}
