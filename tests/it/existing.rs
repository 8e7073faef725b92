//! `--on-existing`: what becomes of a tag that stands for another image.

use std::path::PathBuf;

use crate::support::content::{Layer, tar};
use crate::support::double::{Double, no_script};
use crate::support::images::Image;
use crate::support::sealift::{Keys, Ran, Sealift, code};

fn image(text: &str) -> Image {
    let layer = Layer::gzip(&tar(&[("file", text.as_bytes(), 0o644)]));
    Image::single("team/app", "1.0", r#"["/bin/true"]"#, &[layer])
}

/// A destination where `team/app:1.0` is the old image, and a bundle in which it is the new one.
struct Tagged {
    sealift: Sealift,
    keys: Keys,
    bundle: PathBuf,
    inside: Double,
    old: String,
    new: String,
}

impl Tagged {
    fn new() -> Tagged {
        let (old, new) = (image("old"), image("new"));
        let (outside, inside) = (Double::start(no_script), Double::start(no_script));
        outside.hold(&new);
        inside.hold(&old);
        let sealift = Sealift::new();
        let keys = sealift.keys("signer");
        let bundle = sealift.at("bundle.tar");
        let name = format!("{}/team/app:1.0", outside.host());
        run!(sealift, "export", name, "-o", bundle, "--sign-key", keys.private).ok();
        let digests = (old.digest().to_owned(), new.digest().to_owned());
        Tagged { sealift, keys, bundle, inside, old: digests.0, new: digests.1 }
    }

    fn import(&self, more: &[&str]) -> Ran {
        let mut command = self.sealift.command();
        command.arg("import").arg(&self.bundle).arg("--key").arg(&self.keys.public);
        command.args(["--to", &format!("docker://{}", self.inside.host()), "--format", "json"]);
        crate::support::sealift::ran(command.args(more))
    }

    /// Which image has this reference at the destination.
    fn stands_for(&self, reference: &str) -> Option<String> {
        self.inside.stock(|stock| {
            stock.document("team/app", reference).map(crate::support::content::digest)
        })
    }

    fn writes(&self) -> usize {
        let seen = self.inside.seen();
        seen.iter().filter(|seen| !matches!(seen.method.as_str(), "GET" | "HEAD")).count()
    }
}

#[test]
fn by_default_another_image_under_the_tag_is_an_error_that_shows_both_digests() {
    let tagged = Tagged::new();

    for more in [&[][..], &["--on-existing", "error"]] {
        tagged.import(more).exits(code::REFUSED).says(&tagged.old).says(&tagged.new);
    }

    assert_eq!(tagged.stands_for("1.0").as_ref(), Some(&tagged.old));
    assert_eq!(tagged.writes(), 0, "nothing moved");
}

#[test]
fn overwrite_gives_the_tag_to_the_new_image_and_then_it_is_done() {
    let tagged = Tagged::new();

    let done = tagged.import(&["--on-existing", "overwrite"]).ok().json();
    assert_eq!(done["images"][0]["action"], "replace");
    assert_eq!(tagged.stands_for("1.0").as_ref(), Some(&tagged.new));

    let before = tagged.writes();
    let again = tagged.import(&[]).ok().json();
    assert_eq!(again["images"][0]["action"], "present", "the same digest is no conflict");
    assert_eq!(tagged.writes(), before);
}

#[test]
fn skip_leaves_the_tag_and_the_new_image_behind() {
    let tagged = Tagged::new();

    let done = tagged.import(&["--on-existing", "skip"]).ok().json();

    assert_eq!(done["images"][0]["action"], "keep");
    assert_eq!(done["images"][0]["digest"], tagged.old.as_str());
    assert_eq!(tagged.stands_for("1.0").as_ref(), Some(&tagged.old));
    assert_eq!(tagged.writes(), 0, "not one byte of it was sent");
}

#[test]
fn keep_digest_leaves_the_tag_and_brings_the_image_under_its_digest() {
    let tagged = Tagged::new();

    let plan = tagged.import(&["--on-existing", "keep-digest", "--dry-run"]).ok().json();
    assert_eq!(plan["repositories"][0]["names"][0]["action"], "by-digest");
    let done = tagged.import(&["--on-existing", "keep-digest"]).ok().json();

    assert_eq!(done["images"][0]["action"], "by-digest");
    let to = format!("{}/team/app@{}", tagged.inside.host(), tagged.new);
    assert_eq!(done["images"][0]["to"], to.as_str());
    assert_eq!(tagged.stands_for("1.0").as_ref(), Some(&tagged.old));
    assert_eq!(tagged.stands_for(&tagged.new).as_ref(), Some(&tagged.new));
    assert_eq!(tagged.inside.count("PUT", "/manifests/1.0"), 0);
}
