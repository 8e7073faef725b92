//! Repair of what lies on several media, and of what is encrypted for the road.

use std::fs;

use crate::protect::damage;
use crate::support::age::{identity, outside, run, tool};
use crate::support::files::{self, flip};
use crate::support::sealift::code;
use crate::support::{Random, age};
use crate::volumes;

#[test]
fn each_volume_is_repaired_by_its_own_recovery_data_and_no_other_is_touched() {
    let mut random = Random::printed("each_volume_is_repaired_by_its_own_recovery_data");
    let (sender, discs) = volumes::cut();
    let key = sender.keys.public.display().to_string();
    let made = volumes::run(&sender, "protect discs --redundancy 10%").ok().json();
    let whole = files::tree(&sender.at("discs"));
    let repair = |line: &str| volumes::run(&sender, &format!("repair {line} --key {key}"));
    let spoil = |number: usize, more: u64, random: &mut Random| {
        let told = &made["volumes"][number];
        let spare = told["recoverySlices"].as_u64().unwrap();
        damage(&discs[number], told["sliceBytes"].as_u64().unwrap(), spare + more, random);
    };

    // All of them, in place.
    assert!(discs.len() > 2);
    (0..discs.len()).for_each(|number| spoil(number, 0, &mut random));
    let told = repair("discs").ok().json();
    assert_eq!(told["sets"].as_array().unwrap().len(), discs.len());
    assert_eq!(told["damaged"].as_array().unwrap().len(), discs.len());
    assert_eq!(files::tree(&sender.at("discs")), whole);

    // One alone, by its own name or its folder's, while the others are as they were and another is away.
    spoil(1, 0, &mut random);
    let away = sender.at("away.tar");
    fs::rename(&discs[0], &away).unwrap();
    let index = discs[0].with_file_name("discs.001.tar.par2");
    let of_index = fs::read(&index).unwrap();
    repair("discs/discs.002.tar").ok();
    fs::rename(&away, &discs[0]).unwrap();
    assert_eq!(files::tree(&sender.at("discs")), whole);

    // To a copy, with a volume that has no recovery data.
    for entry in fs::read_dir(sender.at("discs")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.starts_with("discs.001.tar.") {
            fs::remove_file(&path).unwrap();
        }
    }
    spoil(1, 0, &mut random);
    let spoilt = files::tree(&sender.at("discs"));
    repair("discs -o copy").ok();
    assert_eq!(files::tree(&sender.at("discs")), spoilt);
    let mut tars = whole.clone();
    tars.retain(|path, _| path.extension().is_some_and(|it| it == "tar"));
    assert_eq!(files::tree(&sender.at("copy")), tars);
    volumes::verify(&sender, "copy").ok();
    repair("discs").ok();
    fs::write(&index, of_index).unwrap();

    // Too much of one is too much of the set: nothing is changed.
    spoil(1, 1, &mut random);
    spoil(2, 0, &mut random);
    let spoilt = files::tree(&sender.at("discs"));
    let told = volumes::verify(&sender, "discs").exits(code::DAMAGED).json();
    assert_eq!(told["repair"]["possible"], false, "{told}");
    let told = repair("discs").exits(code::DAMAGED).says("1 recovery slice is lacking").json();
    assert!(!told["lostImages"].as_array().unwrap().is_empty(), "{told}");
    assert_eq!(files::tree(&sender.at("discs")), spoilt);
    repair("discs/discs.003.tar").ok();
}

#[test]
fn an_encrypted_bundle_is_repaired_as_it_lies() {
    need!("age");
    let sealift = outside();
    let mut random = Random::printed("an_encrypted_bundle_is_repaired_as_it_lies");
    age::export(&sealift, "-o b.tar").ok();
    let recipient = identity(&sealift, "id");
    tool(&sealift, &format!("age -r {recipient} -o b.tar.age b.tar"));
    let file = sealift.at("b.tar.age");
    let whole = fs::read(&file).unwrap();
    let made = run(&sealift, "protect b.tar.age --redundancy 10% --format json").ok();
    let (slice, spare) = (made.number("/sliceBytes"), made.number("/recoverySlices"));

    for line in
        ["repair b.tar.age --key k.pub.pem --identity id", "repair b.tar.age --insecure-no-verify"]
    {
        damage(&file, slice, spare, &mut random);
        let known = run(&sealift, "verify b.tar.age --key k.pub.pem --identity id");
        assert_ne!(known.code, 0, "{known:?}");
        run(&sealift, line).ok();
        assert!(fs::read(&file).unwrap() == whole, "{line}");
    }
    // Without an identity nobody can say whose it is.
    flip(&file, 100_000);
    let spoilt = fs::read(&file).unwrap();
    run(&sealift, "repair b.tar.age --key k.pub.pem").exits(code::UNTRUSTED).says("--identity");
    assert!(fs::read(&file).unwrap() == spoilt);
    run(&sealift, "repair b.tar.age --insecure-no-verify").ok().says("no identity opens it");
    run(&sealift, "verify b.tar.age --key k.pub.pem --identity id").ok();
}
