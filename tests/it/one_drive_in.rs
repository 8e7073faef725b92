//! Volumes that lie in several places, and those that are read disc after disc in one drive.

use std::fs;

use crate::support::files::tree;
use crate::support::packed;
use crate::support::sealift::{code, ran};
use crate::volumes::{cut, run, volumes};

#[test]
fn volumes_are_named_one_by_one_wherever_they_lie() {
    let (sender, each) = cut();
    // One by itself, the others in a folder that holds something else, too.
    fs::create_dir_all(sender.at("b")).unwrap();
    fs::rename(&each[1], sender.at("second.tar")).unwrap();
    fs::rename(&each[0], sender.at("b/x.tar")).unwrap();
    fs::write(sender.at("b/read me.txt"), "of no concern").unwrap();
    let key = sender.keys.public.to_str().unwrap().to_owned();
    let line = |verb: &str, more: &str| run(&sender, &format!("{verb} second.tar b discs {more}"));

    line("verify", &format!("--key {key}")).ok();
    line("pack", "-o again").ok();
    assert_eq!(tree(&sender.at("again")), tree(&sender.at("june")));
    let seen = line("inspect", "").ok().json();
    assert_eq!(seen["images"].as_array().unwrap().len(), 3);
    assert_eq!(seen["bundle"], "second.tar and 2 more");
    line("import", &format!("--to oci:inside --key {key}")).ok();
    line("import", &format!("--to oci:discs/x --key {key}"))
        .exits(code::USAGE)
        .says("in the bundle");

    // What lacks is told by number, what is no volume by its name.
    run(&sender, &format!("verify second.tar b --key {key}"))
        .exits(code::INCOMPLETE)
        .says(&format!("volume 3 of {} (june) is not there", each.len()));
    run(&sender, &format!("verify second.tar june.tar discs --key {key}"))
        .exits(code::USAGE)
        .says("june.tar is no volume");
    run(&sender, &format!("verify second.tar nowhere --key {key}")).exits(code::INCOMPLETE);
    run(&sender, "pack june -o other --volume-size 1900kB").ok();
    run(&sender, &format!("verify second.tar b discs other/other.001.tar --key {key}"))
        .exits(code::USAGE)
        .says("other/other.001.tar is volume 1 of")
        .says("cut into volumes");
}

#[test]
fn of_two_copies_of_a_volume_the_one_that_is_not_read_is_named() {
    let (sender, each) = cut();
    let copy = sender.at("discs/x.tar");
    fs::copy(&each[1], &copy).unwrap();
    let mut command = sender.sealift.command();
    command.args(["verify", "discs", "--key"]).arg(&sender.keys.public);

    let said = format!("volume 2 of {} (june) is there twice: discs.002.tar is read", each.len());
    ran(&mut command).ok().says(&said);
    // The whole one counts.
    let bytes = fs::read(&each[1]).unwrap();
    fs::write(&each[1], &bytes[..bytes.len() - 2000]).unwrap();
    ran(&mut command).ok().says("x.tar is read");
}

#[test]
fn a_volume_that_lacks_a_file_which_each_has_is_told_by_its_name() {
    let (sender, _) = cut();
    let key = sender.keys.public.to_str().unwrap().to_owned();
    for volume in volumes(&sender.at("discs")) {
        let bytes = fs::read(&volume).unwrap();
        let entries = packed::entries(&bytes);
        let at = entries.iter().position(|it| it.path == "index.json").unwrap();
        let (from, to) = (entries[at].header, entries[at + 1].header);
        fs::write(&volume, [&bytes[..from], &bytes[to..]].concat()).unwrap();

        let name = volume.file_name().unwrap().to_str().unwrap();
        let told = run(&sender, &format!("verify discs --key {key}")).exits(code::DAMAGED);
        told.says(if name == "discs.001.tar" { "index.json" } else { name });
        fs::write(&volume, bytes).unwrap();
    }
}
