use serde_json::{Value, json};

use super::*;
use crate::bundle::samples::{CONFIG, FOREIGN, LAYER, Stock};

fn listed(stock: &Stock, images: &[(&str, &Descriptor)]) -> Value {
    let contents = stock.contents(images);
    serde_json::from_slice(&docker_index(&contents, &stock.configs(&contents))).unwrap()
}

/// The paths of a manifest's config and layers.
fn paths(stock: &Stock, image: &Descriptor) -> (String, Vec<String>) {
    let children = stock.get(image).children();
    let path = |child: &&Descriptor| blob_path(&child.digest);
    (path(&children[0]), children[1..].iter().map(path).collect())
}

#[test]
fn an_image_is_listed_with_its_config_its_layers_and_its_tag() {
    let mut stock = Stock::default();
    let image = stock.image("a", "linux/arm64");
    let name = format!("x.example/a@{}", image.digest);

    let (config, layers) = paths(&stock, &image);
    assert_eq!(
        listed(&stock, &[("x.example/a:1", &image), (&name, &image)]),
        json!([
            {"Config": config, "RepoTags": ["x.example/a:1"], "Layers": layers},
            {"Config": config, "RepoTags": [], "Layers": layers},
        ])
    );
}

#[test]
fn of_several_platforms_amd64_is_listed_and_else_the_first() {
    let mut stock = Stock::default();
    let [arm, amd, s390] = ["arm64", "amd64", "s390x"]
        .map(|architecture| stock.image("a", &format!("linux/{architecture}")));
    let config = stock.config("attestation", "unknown/unknown", 0);
    let json = stock.blob("application/vnd.in-toto+json", b"{}");
    let attestation = stock.manifest(&config, &[json], json!({}));
    let with = stock.index(&[&arm, &amd]);
    let without = stock.index(&[&attestation, &s390, &arm]);

    let list = listed(&stock, &[("x.example/a:1", &with), ("x.example/b:1", &without)]);

    assert_eq!(list[0]["Config"], paths(&stock, &amd).0);
    assert_eq!(list[1]["Config"], paths(&stock, &s390).0);
}

#[test]
fn of_several_variants_the_one_that_runs_everywhere_is_listed() {
    for (entries, best, others) in [
        (["linux/amd64/v3", "linux/amd64", "linux/amd64/v2"], 1, 2),
        (["linux/arm/v5", "linux/arm/v6", "linux/arm/v7"], 2, 2),
        (["linux/arm64", "linux/arm/v6", "linux/arm64/v8"], 0, 1),
        (["windows/amd64", "windows/amd64", "linux/s390x"], 0, 1),
    ] {
        let mut stock = Stock::default();
        let images = entries.map(|entry| {
            // Many a config lacks the variant that its index gives.
            let platform: Platform = entry.parse().unwrap();
            let text = format!("{entry} {}", stock.blobs.len());
            let mut image = stock.image(&text, &platform.any_variant().to_string());
            image.platform = Some(Box::new(platform));
            image
        });
        let index = stock.index(&images.each_ref());
        let contents = stock.contents(&[("x.example/a:1", &index)]);

        let found = loadable(&contents, &stock.configs(&contents), index.digest);
        let (document, more) = choose(&found, None).unwrap();

        assert_eq!(document.descriptor().digest, images[best].digest, "{entries:?}");
        assert_eq!(more, others, "{entries:?}");
    }
}

#[test]
fn what_docker_cannot_load_is_not_listed() {
    let mut stock = Stock::default();
    let layer = stock.blob(LAYER, b"layer");
    let chart = stock.blob("application/vnd.cncf.helm.chart.content.v1.tar+gzip", b"chart");
    let foreign = Descriptor::of(FOREIGN, b"theirs");
    let config = stock.config("a", "linux/amd64", 1);
    let mut odd = config.clone();
    odd.media_type = "application/vnd.cncf.helm.config.v1+json".into();
    let text = stock.blob(CONFIG, b"no JSON");
    for (config, layers) in [
        (&config, vec![chart]),
        (&config, vec![foreign]),
        (&config, vec![]),
        (&config, vec![layer.clone(), layer.clone()]),
        (&odd, vec![layer.clone()]),
        (&text, vec![layer.clone()]),
    ] {
        let image = stock.manifest(config, &layers, json!({}));
        let list = listed(&stock, &[("x.example/a:1", &image)]);
        assert_eq!(list, json!([]), "{config:?} {layers:?}");
    }
    let image = stock.manifest(&config, &[layer], json!({}));
    assert_eq!(listed(&stock, &[("x.example/a:1", &image)]).as_array().unwrap().len(), 1);
}

#[test]
fn a_manifest_that_is_listed_for_several_platforms_is_there_for_each() {
    let mut stock = Stock::default();
    let image = stock.image("a", "linux/amd64");
    let entries = ["linux/amd64", "linux/386", "linux/arm/v6", "linux/arm/v7"].map(|platform| {
        Descriptor { platform: Some(Box::new(platform.parse().unwrap())), ..image.clone() }
    });
    let index = stock.index(&entries.each_ref());
    let contents = stock.contents(&[("x.example/a:1", &index)]);

    let found = loadable(&contents, &stock.configs(&contents), index.digest);

    for platform in ["linux/amd64", "linux/386", "linux/arm", "linux/arm/v6"] {
        let (document, more) = choose(&found, Some(&platform.parse().unwrap())).unwrap();
        assert_eq!((document.descriptor().digest, more), (image.digest, 0), "{platform}");
    }
    assert!(choose(&found, Some(&"linux/arm64".parse().unwrap())).is_none());
}

#[test]
fn foreign_layers_do_not_hide_a_wrong_number_of_layers() {
    let mut stock = Stock::default();
    let own = stock.blob(LAYER, b"layer");
    let layers = [Descriptor::of(FOREIGN, b"theirs"), own.clone(), own];
    let image = |stock: &mut Stock, ids: usize| {
        let config = stock.config("a", "windows/amd64", ids);
        let manifest = stock.manifest(&config, &layers, json!({}));
        unlike_config(stock.get(&manifest), &stock.blobs[&config.digest])
    };

    for (ids, is_fine) in [(0, false), (1, false), (2, true), (3, true), (4, false)] {
        assert_eq!(image(&mut stock, ids).is_none(), is_fine, "{ids}");
    }
}

#[test]
fn only_the_config_of_an_image_says_a_platform() {
    let mut stock = Stock::default();
    let config = stock.config("a", "linux/arm64", 0);
    let mut odd = config.clone();
    odd.media_type = "application/vnd.cncf.helm.config.v1+json".into();
    let configs = BTreeMap::from([(config.digest, stock.blobs[&config.digest].clone().into())]);
    let (image, chart) =
        (stock.manifest(&config, &[], json!({})), stock.manifest(&odd, &[], json!({})));

    let of = |about| platform(stock.get(about), &configs).map(|platform| platform.to_string());

    assert_eq!(of(&image).as_deref(), Some("linux/arm64"));
    assert_eq!(of(&chart), None);
}
