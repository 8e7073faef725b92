use serde_json::Value;

use super::*;
use crate::bundle::samples::{LAYER, Sample};

#[test]
fn what_judges_the_rest_comes_first_and_layers_last() {
    let sample = Sample::new();

    let head = sample.head();

    let paths: Vec<&str> = head.files.iter().map(|(path, _)| path.as_str()).collect();
    let envelope = envelope_path(&sample.key.public().id());
    assert_eq!(paths[..5], ["oci-layout", "index.json", SUMS, &envelope, DOCKER_INDEX]);
    let configs = sample.contents.configs();
    for config in &configs {
        assert!(paths.contains(&blob_path(config).as_str()), "{config} is not in the head");
    }
    assert!(head.layers.iter().all(|layer| !configs.contains(&layer.digest)), "{:?}", head.layers);
    assert_eq!(head.layers.len() + configs.len(), sample.contents.blobs.needed().len());
}

#[test]
fn the_statement_counts_what_the_list_of_files_has() {
    let sample = Sample::new();

    let head = sample.head();

    let (_, sums) = head.files.iter().find(|(path, _)| path == SUMS).unwrap();
    let lines = Inventory::from_bytes(sums).unwrap().files().len() as u64;
    assert_eq!(sample.predicate().inventory.files, lines);
}

#[test]
fn an_untagged_referrer_of_two_subjects_is_listed_once_and_a_tagged_one_by_name() {
    let mut sample = Sample::new();
    let twice = Referrer { subject: sample.b.digest, ..sample.contents.referrers[0].clone() };
    let tagged = Referrer { tag: Some("t".parse().unwrap()), ..twice.clone() };
    sample.contents.referrers.extend([twice, tagged]);

    let index: Value = serde_json::from_slice(&index_json(&sample.contents)).unwrap();

    let entries = index["manifests"].as_array().unwrap();
    let names: Vec<Option<&str>> =
        entries.iter().map(|entry| entry["annotations"][REF_NAME].as_str()).collect();
    let expected = [Some("x.example/a:1"), Some("x.example/b:1"), None, Some("x.example/a:t")];
    assert_eq!(names, expected);
    assert_eq!(entries[2]["artifactType"], "x/signature");
}

#[test]
fn configs_that_were_not_looked_into_move_as_layers() {
    let mut sample = Sample::new();
    let config = sample.stock.blob(LAYER, b"a config of any size");
    let image = sample.stock.manifest(&config, &[], Value::Null);
    let contents = sample.stock.contents(&[("x.example/c:1", &image)]);

    let head = Head::make(&contents, &BTreeMap::new(), &sample.predicate(), &sample.key);

    assert_eq!(head.layers, [config]);
}
