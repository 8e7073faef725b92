//! `docs/media.md` means what it says: its commands are run from the page, block by block, each on its
//! side of the gap.

use std::path::PathBuf;

use crate::support::Random;
use crate::support::content::{Layer, tar};
use crate::support::images::Image;
use crate::support::registry::Registry;
use crate::support::sealift::Sealift;
use crate::support::walk::{self, Block, Side};

const PAGE: &str = "media.md";
/// What the page has to walk through.
const WALKED: [&str; 15] = [
    "--verify-media",
    "--volume-size cd",
    "LABELS.txt",
    "sealift verify discs/june/june.002.tar",
    "# exit 5",
    "/media/disc3/june.003.tar",
    "sealift pack",
    "--only 2",
    "--redundancy 5%",
    "sealift repair",
    "--only-intact",
    "until sealift verify /media/usb/drop",
    "--recipient @",
    "--identity admin.txt",
    "age -d -i admin.txt",
];
/// Stands for the size of a medium: the images here are small.
const SMALL: &str = "3400KB";
/// How many discs the set of the page has.
const DISCS: usize = 3;

/// An image of layers of two megabytes; the same bytes for the same seed.
fn image(path: &str, seeds: [u64; 2]) -> Image {
    let (repository, tag) = path.split_once(':').unwrap();
    let layer = |seed| Layer::plain(&tar(&[("noise", &Random::new(seed).bytes(2_000_000), 0o644)]));
    Image::single(repository, tag, r#"["/bin/true"]"#, &seeds.map(layer))
}

fn images() -> [Image; 3] {
    [image("debian/base:12", [1, 2]), image("shop/web:1.0", [1, 3]), image("shop/db:1.0", [1, 4])]
}

/// Both sides with all that the page's commands meet.
struct World {
    outside: Registry,
    inside: Registry,
    mover: Sealift,
    admin: Sealift,
    /// What is carried: the stick, and the discs.
    media: PathBuf,
}

impl World {
    fn new() -> World {
        let (mover, admin) = (Sealift::new(), Sealift::new());
        let media = mover.at("media");
        std::fs::create_dir_all(media.join("usb")).unwrap();
        let outside = Registry::empty();
        images().iter().for_each(|image| image.push(&outside));
        World { outside, inside: Registry::empty(), mover, admin, media }
    }

    fn run(&self, block: &Block) {
        let sealift = match block.side {
            Side::Outside => &self.mover,
            Side::Inside => &self.admin,
        };
        let text = block.text.replace("images.example", &self.outside.host());
        let text = text.replace("harbor.example", &self.inside.host());
        let text = text.replace("/media/", &format!("{}/", self.media.display()));
        let text = text.replace("--volume-size cd", &format!("--volume-size {SMALL}"));
        let text = text.replace("--volume-size 2GB", &format!("--volume-size {SMALL}"));
        walk::run(block, &text, sealift);
        if text.contains("export") && text.contains("-o discs/june") {
            (1..=DISCS).for_each(|number| self.burn(number));
        }
    }

    /// Puts a volume onto a disc of its own.
    fn burn(&self, number: usize) {
        let (disc, name) =
            (self.media.join(format!("disc{number}")), format!("june.{number:03}.tar"));
        std::fs::create_dir(&disc).unwrap();
        std::fs::copy(self.mover.at("discs/june").join(&name), disc.join(&name)).unwrap();
    }
}

#[test]
fn the_page_walks_a_bundle_over_on_each_kind_of_medium() {
    need!("docker-registry", "age", "age-keygen");
    let world = World::new();

    walk::blocks(PAGE).iter().for_each(|block| world.run(block));

    let discs = std::fs::read_dir(world.mover.at("discs/june")).unwrap();
    let is_tar = |name: &str| name.ends_with(".tar");
    let names = discs.map(|it| it.unwrap().file_name().into_string().unwrap());
    assert_eq!(names.filter(|name| is_tar(name)).count(), DISCS);
    for image in images() {
        for way in ["stick", "discs", "drop", "secret"] {
            let repository = format!("{way}/{}", image.repository);
            let held = world.inside.document(&repository, &image.tag);
            assert_eq!(held.as_deref(), Some(&image.root().bytes[..]), "{repository}");
        }
    }
}

#[test]
fn the_page_walks_through_all_of_it_and_the_readme_leads_there() {
    let typed = walk::typed(PAGE);
    for wanted in WALKED {
        assert!(typed.contains(wanted), "the page has no {wanted}");
    }
    assert!(walk::is_in_readme(PAGE));
}
