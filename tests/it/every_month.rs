//! `docs/every-month.md` means what it says: its commands are run from the page, block by block,
//! each on its side of the gap.

use std::path::PathBuf;

use crate::support::files;
use crate::support::months::{image, layer_digest};
use crate::support::registry::Registry;
use crate::support::sealift::{Ran, Sealift};
use crate::support::walk::{self, Block, Side};

/// What the page has to walk through.
const WALKED: [&str; 18] = [
    "key generate",
    "--stream prod",
    "sealift inventory",
    "sealift receipt verify",
    "--since /media/usb/receipt.json",
    "--since 'prod 2 ",
    "--dry-run",
    "--reuse",
    "sealift diff",
    "sealift verify",
    "--against docker://harbor.example/prod",
    "sealift import",
    "--accept-gap",
    "--base",
    "sealift squash",
    "sealift prune",
    "--after",
    "--new-epoch '",
];
const PAGE: &str = "every-month.md";
/// The line that the page shows in place of the real one.
const LINE: &str = "prod 2 my329-vqnkb";

/// Both sides with all that the page's commands meet.
struct World {
    outside: Registry,
    inside: Registry,
    mover: Sealift,
    admin: Sealift,
    medium: PathBuf,
    /// What was read over the phone.
    line: Option<String>,
}

impl World {
    fn new() -> World {
        let (mover, admin) = (Sealift::new(), Sealift::new());
        let medium = mover.at("medium");
        std::fs::create_dir(&medium).unwrap();
        let (outside, inside) = (Registry::empty(), Registry::empty());
        World { outside, inside, mover, admin, medium, line: None }
    }

    /// What happens outside before the blocks under `heading`.
    fn publish(&self, heading: &str) {
        let images: &[(&str, &[&str])] = match heading.split(':').next().unwrap() {
            "January" => &[
                ("debian/base:12", &["base-1"]),
                ("shop/web:1.0", &["base-1", "web-1"]),
                ("shop/db:1.0", &["base-1", "db-1"]),
            ],
            "February" => {
                &[("shop/web:1.1", &["base-1", "web-2"]), ("shop/mail:1.0", &["base-1", "mail-1"])]
            }
            "March" => &[("debian/base:12", &["base-2"]), ("shop/db:1.1", &["base-2", "db-2"])],
            "A month is lost" => &[
                ("shop/web:1.2", &["base-2", "web-3"]),
                ("shop/report:1.0", &["base-2", "report-1"]),
            ],
            _ => &[],
        };
        images.iter().for_each(|(name, layers)| image(name, layers).push(&self.outside));
        if heading == "A blob is lost inside" {
            self.lose("shop/db", "db-2");
        }
    }

    /// Has the storage of the registry inside lose a layer.
    fn lose(&self, repository: &str, layer: &str) {
        let digest = layer_digest(layer).replace("sha256:", "");
        let storage = self.inside.storage().join("docker/registry/v2");
        let blobs = storage.join("blobs/sha256").join(&digest[..2]).join(&digest);
        let link = format!("repositories/prod/{repository}/_layers/sha256/{digest}");
        std::fs::remove_dir_all(blobs).unwrap();
        std::fs::remove_dir_all(storage.join(link)).unwrap();
    }

    fn run(&mut self, block: &Block) -> Ran {
        let sealift = match block.side {
            Side::Outside => &self.mover,
            Side::Inside => &self.admin,
        };
        let mut text = block.text.replace("images.example", &self.outside.host());
        text = text.replace("harbor.example", &self.inside.host());
        text = text.replace("/media/usb", &self.medium.display().to_string());
        if let Some(line) = &self.line {
            text = text.replace(LINE, line);
        }
        let ran = walk::run(block, &text, sealift);
        if let Some(line) = ran.stdout.lines().find(|line| line.starts_with("prod 2 ")) {
            self.line = Some(line.trim().to_owned());
        }
        ran
    }

    /// What the name stands for inside.
    fn holds(&self, name: &str) -> Option<Vec<u8>> {
        let (repository, tag) = name.split_once(':').unwrap();
        self.inside.document(&format!("prod/{repository}"), tag)
    }
}

#[test]
fn the_page_walks_a_quarter_on_both_sides() {
    need!("docker-registry");
    let mut world = World::new();
    let mut heading = String::new();

    for block in walk::blocks(PAGE) {
        if block.heading != heading {
            heading.clone_from(&block.heading);
            world.publish(&heading);
        }
        world.run(&block);
    }

    assert!(world.line.as_deref().is_some_and(|line| line != LINE), "no line was read out");
    for (name, layers) in [
        ("debian/base:12", &["base-2"][..]),
        ("shop/web:1.1", &["base-1", "web-2"]),
        ("shop/web:1.2", &["base-2", "web-3"]),
        ("shop/db:1.1", &["base-2", "db-2"]),
        ("shop/report:1.0", &["base-2", "report-1"]),
    ] {
        assert_eq!(
            world.holds(name).as_deref(),
            Some(&image(name, layers).root().bytes[..]),
            "{name}"
        );
    }
    for pruned in ["shop/web:1.0", "shop/db:1.0", "shop/mail:1.0"] {
        assert!(world.holds(pruned).is_none(), "{pruned} is still there");
    }
    // Each delta is smaller than what it would be whole.
    let carried = |name: &str| std::fs::metadata(world.mover.at(name)).unwrap().len();
    assert!(carried("february.tar") < carried("january.tar"));
    assert!(carried("all.tar") > carried("may.tar"));
    assert!(files::tree(&world.medium).keys().any(|path| path.ends_with("receipt.json")));
}

#[test]
fn the_page_walks_through_all_of_it_and_the_readme_leads_there() {
    let typed = walk::typed(PAGE);
    for wanted in WALKED {
        assert!(typed.contains(wanted), "the page has no {wanted}");
    }
    assert!(walk::is_in_readme(PAGE));
}
