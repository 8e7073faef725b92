//! Volumes: a bundle cut to fit on media, brought together again in any order, by anybody.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::Random;
use crate::support::content::{Layer, tar};
use crate::support::files::{flip, tree};
use crate::support::images::Image;
use crate::support::months::Sender;
use crate::support::packed;
use crate::support::sealift::{Ran, code, ran};

pub const SIZE: u64 = 2_000_000;

/// An image with one layer of so many bytes.
pub fn image(path: &str, size: usize) -> Image {
    let (repository, tag) = path.split_once(':').unwrap();
    let seed = path.bytes().fold(7u64, |seed, byte| seed.wrapping_mul(131) + u64::from(byte));
    let noise = Random::new(seed).bytes(size);
    let layer = Layer::gzip(&tar(&[("noise", &noise, 0o644)]));
    Image::single(repository, tag, r#"["/bin/true"]"#, &[layer])
}

/// The hex digits of the one layer of `image`.
pub fn layer_of(image: &Image) -> String {
    let largest = image.blobs.iter().max_by_key(|(_, bytes)| bytes.len()).unwrap();
    largest.0.rsplit(':').next().unwrap().to_owned()
}

pub fn images() -> Vec<Image> {
    vec![image("a/large:1", 3_500_000), image("b/small:1", 40_000), image("c/middle:1", 900_000)]
}

pub fn run(sender: &Sender, line: &str) -> Ran {
    ran(sender.sealift.command().args(line.split_whitespace()).args(["--format", "json"]))
}

pub fn verify(sender: &Sender, bundle: &str) -> Ran {
    let mut command = sender.sealift.command();
    command.args(["verify", bundle, "--format", "json", "--key"]);
    ran(command.arg(&sender.keys.public))
}

/// A sender with the bundles `june` and `june.tar`, and the same in volumes in `discs`.
pub fn cut() -> (Sender, Vec<PathBuf>) {
    let sender = Sender::new();
    for output in ["june", "june.tar"] {
        sender.export(output, &images(), &[]).ok();
    }
    run(&sender, "pack june -o discs --label june --volume-size 2MB").ok();
    let volumes = volumes(&sender.at("discs"));
    assert!(volumes.len() > 2, "{volumes:?}");
    (sender, volumes)
}

/// The volumes in a folder, in their order.
pub fn volumes(folder: &Path) -> Vec<PathBuf> {
    let each = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    let each: BTreeSet<PathBuf> = each.filter(|it| it.extension().unwrap() == "tar").collect();
    each.into_iter().collect()
}

#[test]
fn volumes_in_any_order_under_any_name_are_the_bundle_to_the_byte_for_every_verb() {
    let (sender, volumes) = cut();
    fs::create_dir(sender.at("mixed")).unwrap();
    for (name, volume) in ["z.tar", "a.tar", "Q.TAR", "b.tar", "c.tar"].iter().zip(&volumes) {
        assert!(fs::metadata(volume).unwrap().len() <= SIZE);
        fs::copy(volume, sender.at("mixed").join(name)).unwrap();
    }
    fs::write(sender.at("mixed/read me.txt"), "of no concern").unwrap();

    verify(&sender, "mixed").ok();
    run(&sender, "pack mixed -o again").ok();
    run(&sender, "pack mixed -o again.tar").ok();
    assert_eq!(tree(&sender.at("again")), tree(&sender.at("june")));
    assert!(fs::read(sender.at("again.tar")).unwrap() == fs::read(sender.at("june.tar")).unwrap());
    // Cut from another form, the volumes are the same.
    run(&sender, "pack again.tar -o discs2/discs --label june --volume-size 2MB").ok();
    assert_eq!(tree(&sender.at("discs2/discs")), tree(&sender.at("discs")));
    sender.import("mixed", "oci:inside", &[]).ok();
    assert_eq!(run(&sender, "inspect mixed").ok().json()["images"].as_array().unwrap().len(), 3);
    let differs = run(&sender, "diff mixed june --exit-code").ok().json();
    assert_eq!(
        (&differs["counts"]["unchanged"], &differs["counts"]["added"]),
        (&3.into(), &0.into())
    );
}

#[test]
fn an_export_cuts_while_it_fetches_and_gives_the_same_volumes() {
    let (sender, _) = cut();

    sender.export("discs3/discs", &images(), &["--volume-size", "2MB", "--label", "june"]).ok();

    let key = sender.keys.private.display().to_string();
    let pack = "pack june -o discs4/discs --label june --volume-size 2MB --sign-key";
    run(&sender, &format!("{pack} {key}")).ok();
    assert_eq!(tree(&sender.at("discs3/discs")), tree(&sender.at("discs4/discs")));
    // Without a key they are the same but for the signature of the table.
    let (signed, unsigned) = (volumes(&sender.at("discs3/discs")), volumes(&sender.at("discs")));
    assert_eq!(signed.len(), unsigned.len());
    for (signed, unsigned) in signed.iter().zip(&unsigned) {
        let entries = |path: &PathBuf| {
            let tar = fs::read(path).unwrap();
            let of =
                |it: &packed::Entry| (it.path.clone(), tar[it.data..it.data + it.size].to_vec());
            packed::entries(&tar).iter().map(of).collect::<Vec<_>>()
        };
        let mut entries_signed = entries(signed);
        assert_eq!(entries_signed.remove(1).0, "volume.dsse.json");
        assert!(entries_signed == entries(unsigned), "{signed:?}");
        assert!(fs::metadata(signed).unwrap().len() <= SIZE);
    }
    sender
        .export("tiny", &images(), &["--volume-size", "1MB"])
        .exits(code::USAGE)
        .says("too small");
    sender.export("x.tar", &images(), &["--volume-size", "2MB"]).exits(code::USAGE);
}

#[test]
fn a_missing_volume_is_told_by_number_and_label_with_the_images_that_need_it() {
    let (sender, volumes) = cut();
    // Which images need which volume, by what lies in it.
    for (lost, volume) in volumes.iter().enumerate() {
        let aside = sender.at("aside.tar");
        fs::rename(volume, &aside).unwrap();

        let told = verify(&sender, "discs").exits(code::INCOMPLETE);
        let name = format!("volume {} of {} (june) is not there", lost + 1, volumes.len());
        let told = told.says(&name).json();

        let problem = &told["problems"][0];
        assert_eq!(problem["kind"], "missing-volume");
        let needed: BTreeSet<&str> =
            problem["images"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
        let table = &packed::entries(&fs::read(&aside).unwrap());
        let blobs: Vec<&str> = table
            .iter()
            .filter_map(|it| {
                it.path.strip_prefix("pieces/").or(it.path.strip_prefix("blobs/sha256/"))
            })
            .map(|it| &it[..64])
            .collect();
        for image in images() {
            let name = format!("x.example/{}", image.path());
            let is_there = blobs.contains(&layer_of(&image).as_str());
            assert_eq!(needed.contains(name.as_str()), is_there, "{name}: {needed:?}");
        }
        // Each time to another place: what one import brings, the next one finds.
        let to = format!("oci:inside{lost}");
        sender.import("discs", &to, &[]).exits(code::INCOMPLETE).says(&name);
        fs::rename(&aside, volume).unwrap();
    }
    verify(&sender, "discs").ok();
}

#[test]
fn a_flipped_byte_anywhere_is_damage_of_the_volume_that_has_it() {
    let (sender, volumes) = cut();
    for (number, volume) in (1..).zip(&volumes) {
        let bytes = fs::read(volume).unwrap();
        let shown = volume.file_name().unwrap().to_str().unwrap();
        for entry in packed::entries(&bytes) {
            // A header, the first byte, and the last.
            for at in [entry.header + 3, entry.data, entry.data + entry.size - 1] {
                flip(volume, at as u64);
                let ended = verify(&sender, "discs");
                assert!([3, 4].contains(&ended.code), "{number}, {}: {ended:?}", entry.path);
                let said = format!("{}{}", ended.stdout, ended.stderr);
                let is_head = number == 1 && !entry.path.contains(".0000");
                assert!(is_head || said.contains(shown), "{shown}, {}: {said}", entry.path);
                flip(volume, at as u64);
            }
        }
    }
    verify(&sender, "discs").ok();
}

#[test]
fn a_cut_off_volume_is_incomplete_and_named() {
    let (sender, volumes) = cut();
    let last = volumes.last().unwrap();
    let bytes = fs::read(last).unwrap();
    fs::write(last, &bytes[..bytes.len() - 2000]).unwrap();

    let name = last.file_name().unwrap().to_str().unwrap();
    verify(&sender, "discs").exits(code::INCOMPLETE).says(name);
}

#[test]
fn volumes_of_another_set_are_named_whether_of_another_bundle_or_cut_otherwise() {
    let (sender, volumes) = cut();
    run(&sender, "pack june -o other --volume-size 1900kB").ok();
    sender.export("july", &[image("d/new:1", 2_000_000)], &[]).ok();
    run(&sender, "pack july -o july2 --volume-size 2MB").ok();
    fs::copy(sender.at("other/other.002.tar"), sender.at("discs/x.tar")).unwrap();

    verify(&sender, "discs")
        .exits(code::USAGE)
        .says("x.tar is volume 2 of")
        .says("cut into volumes");

    fs::copy(sender.at("july2/july2.001.tar"), sender.at("discs/x.tar")).unwrap();
    verify(&sender, "discs").exits(code::USAGE).says("x.tar is volume 1 of").says("another bundle");
    fs::write(sender.at("discs/x.tar"), "no tar").unwrap();
    verify(&sender, "discs").exits(code::DAMAGED).says("x.tar");
    // A second copy of one is none too many.
    fs::copy(&volumes[1], sender.at("discs/x.tar")).unwrap();
    verify(&sender, "discs").ok();
}

#[test]
fn a_volume_alone_is_verified_as_what_it_is_and_made_again_with_the_same_bytes() {
    let (sender, volumes) = cut();
    let mut whole = 0;
    for volume in &volumes {
        let about = verify(&sender, volume.to_str().unwrap()).ok().json();
        assert_eq!(about["volume"]["of"], volumes.len());
        whole += about["volume"]["images"].as_array().unwrap().len();
        let to = format!("oci:inside.{}", volume.file_name().unwrap().to_str().unwrap());
        sender.import(volume.to_str().unwrap(), &to, &[]).exits(code::INCOMPLETE);
    }
    assert!(whole >= 1);
    for at in [0, volumes.len() / 2, volumes.len() - 1] {
        let to = format!("redo{at}/discs");
        let line =
            format!("pack june.tar -o {to} --label june --volume-size 2MB --only {}", at + 1);
        run(&sender, &line).ok();
        let made = self::volumes(&sender.at(&to));
        assert_eq!(made.len(), 1);
        assert!(fs::read(&made[0]).unwrap() == fs::read(&volumes[at]).unwrap(), "{at}");
    }
    run(&sender, "pack june -o no --volume-size 2MB --only 99").exits(code::USAGE);
    assert!(!sender.at("no").exists());

    // A piece that is damaged is found in the volume alone.
    let second = volumes.iter().find(|volume| {
        packed::entries(&fs::read(volume).unwrap()).iter().any(|it| it.path.starts_with("pieces/"))
    });
    let second = second.unwrap();
    let piece = packed::entries(&fs::read(second).unwrap());
    let piece = piece.iter().find(|it| it.path.starts_with("pieces/")).unwrap();
    flip(second, piece.data as u64 + 100);
    verify(&sender, second.to_str().unwrap()).exits(code::DAMAGED).says("pieces/");
}

#[test]
fn a_rerun_goes_on_from_the_volumes_that_an_interrupted_one_left() {
    let (sender, _) = cut();
    let blob = sender.at("june/blobs/sha256").join(layer_of(&images()[2]));
    let bytes = fs::read(&blob).unwrap();
    flip(&blob, 1000);
    run(&sender, "pack june -o more --volume-size 2MB --jobs 1").exits(code::DAMAGED);
    assert!(!sender.at("more").exists());
    fs::write(&blob, bytes).unwrap();

    let made = run(&sender, "pack june -o more --label june --volume-size 2MB").ok().json();

    assert!(made["reused"]["blobs"].as_u64() >= Some(1), "{made}");
    verify(&sender, "more").ok();
    assert_eq!(volumes(&sender.at("more")).len(), volumes(&sender.at("discs")).len());
    let labels = fs::read_to_string(sender.at("discs/LABELS.txt")).unwrap();
    assert!(labels.contains("june - volume 2 of ") && labels.contains("3 images"), "{labels}");
}
