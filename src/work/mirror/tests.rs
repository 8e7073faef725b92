use super::{MirrorClient, MirrorConfig, MirrorRoutes, MirrorTarget, MirroredImage};
use crate::words::digest::Digest;

const HUB: [(&str, &str); 2] = [
    ("alpine:3.20", "h.example/group/library/alpine:3.20"),
    ("acme/tool:1", "h.example/group/acme/tool:1"),
];

/// The way to these images, each with the digest of its name.
fn routes(pairs: &[(&str, &str)]) -> MirrorRoutes {
    routes_to(MirrorTarget::new("h.example".parse().unwrap()), pairs)
}

fn routes_to(target: MirrorTarget, pairs: &[(&str, &str)]) -> MirrorRoutes {
    let image = |(name, to): &(&str, &str)| {
        let digest = Digest::of(name.as_bytes());
        MirroredImage::new(name.parse().unwrap(), to.parse().unwrap(), Some(digest))
    };
    MirrorRoutes::new(target, pairs.iter().map(image).collect())
}

fn config(client: MirrorClient, pairs: &[(&str, &str)]) -> MirrorConfig {
    client.config(&routes(pairs)).unwrap()
}

/// The names that `client` cannot be led to.
fn misfits(client: MirrorClient, pairs: &[(&str, &str)]) -> Vec<String> {
    let misfits = client.config(&routes(pairs)).unwrap_err();
    misfits.iter().map(|misfit| misfit.name.to_string()).collect()
}

fn text(client: MirrorClient, pairs: &[(&str, &str)]) -> String {
    config(client, pairs).files[0].text.clone()
}

/// Without what is said of the whole file, which is comment.
fn bare(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn containerd_has_the_registry_as_its_server_too_so_that_no_other_is_left() {
    let told = config(MirrorClient::Containerd, &HUB);

    let [file] = &told.files[..] else { panic!("{told:?}") };
    assert_eq!(file.path, "certs.d/docker.io/hosts.toml");
    assert_eq!(file.install, "/etc/containerd/certs.d/docker.io/hosts.toml");
    let about = "capabilities = [\"pull\", \"resolve\"]\noverride_path = true\n";
    let url = "\"https://h.example/v2/group\"";
    let expected = format!("server = {url}\n{about}\n[host.{url}]\n{about}");
    assert_eq!(bare(&file.text), expected);
    assert!(told.warnings.is_empty());
}

#[test]
fn a_port_is_no_colon_in_the_name_of_a_folder_and_authorities_lie_beside() {
    let target = MirrorTarget {
        authorities: Some("PEM\n".to_owned()),
        ..MirrorTarget::new("h.example:8443".parse().unwrap())
    };
    let routes = routes_to(target, &[("q.example:5000/a:1", "h.example:8443/a:1")]);

    let files = MirrorClient::Containerd.config(&routes).unwrap().files;

    let paths: Vec<&str> = files.iter().map(|file| &*file.path).collect();
    let of = |host: &str, file: &str| format!("certs.d/{host}/{file}");
    let own = ["hosts.toml", "ca.crt"].map(|file| of("h.example_8443_", file));
    let other = ["hosts.toml", "ca.crt"].map(|file| of("q.example_5000_", file));
    assert_eq!(paths, [&other[0], &other[1], &own[0], &own[1]]);
    assert!(files[0].text.contains("server = \"https://h.example:8443/v2\"\n"));
    assert!(files[0].text.ends_with("ca = \"ca.crt\"\n"));
}

#[test]
fn registries_conf_maps_a_registry_as_a_whole_where_only_its_images_lie_below_the_prefix() {
    let whole = bare(&text(MirrorClient::Podman, &HUB));
    assert_eq!(whole, "\n[[registry]]\nprefix = \"docker.io\"\nlocation = \"h.example/group\"\n");
    assert_eq!(text(MirrorClient::CriO, &HUB), text(MirrorClient::Podman, &HUB));

    // Another registry's images lie there as well: nothing but what was brought is let through.
    let pairs = [HUB[0], ("quay.io/org/app:2", "h.example/group/org/app:2")];
    let mixed = bare(&text(MirrorClient::Podman, &pairs));
    let one = |name: &str, to: &str| {
        format!("\n[[registry]]\nprefix = \"{name}\"\nlocation = \"{to}\"\n")
    };
    let blocked = |name: &str| format!("\n[[registry]]\nlocation = \"{name}\"\nblocked = true\n");
    let expected = [
        one("docker.io/library/alpine", "h.example/group/library/alpine"),
        one("quay.io/org/app", "h.example/group/org/app"),
        blocked("docker.io"),
        blocked("quay.io"),
    ];
    assert_eq!(mixed, expected.concat());
}

#[test]
fn plain_http_is_told_each_client_in_its_words() {
    let target = MirrorTarget { plain: true, ..MirrorTarget::new("h.example".parse().unwrap()) };
    let routes = routes_to(target, &[("alpine:3.20", "h.example/library/alpine:3.20")]);
    for (client, expected) in [
        (MirrorClient::Containerd, "server = \"http://h.example/v2\""),
        (MirrorClient::Podman, "location = \"h.example\"\ninsecure = true"),
        (MirrorClient::Docker, "\"insecure-registries\": [\"h.example\"]"),
        (MirrorClient::K3s, "- \"http://h.example\""),
        (MirrorClient::Buildkit, "[registry.\"h.example\"]\nhttp = true"),
    ] {
        let text = &client.config(&routes).unwrap().files[0].text;
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn the_authorities_of_the_registry_are_told_each_client_and_lie_where_it_is_told() {
    let target = MirrorTarget {
        authorities: Some("PEM\n".to_owned()),
        ..MirrorTarget::new("h.example".parse().unwrap())
    };
    let routes = routes_to(target, &HUB);
    for (client, at, told) in [
        (
            MirrorClient::K3s,
            "/etc/rancher/k3s/sealift-ca.crt",
            "configs:\n  \"h.example\":\n    tls:\n      ca_file: \"/etc/rancher/k3s/sealift-ca.crt\"\n",
        ),
        (
            MirrorClient::Rke2,
            "/etc/rancher/rke2/sealift-ca.crt",
            "      ca_file: \"/etc/rancher/rke2/sealift-ca.crt\"\n",
        ),
        (
            MirrorClient::Buildkit,
            "/etc/buildkit/sealift-ca.crt",
            "\n[registry.\"h.example\"]\nca = [\"/etc/buildkit/sealift-ca.crt\"]\n",
        ),
        // These two look there by themselves.
        (MirrorClient::Podman, "/etc/containers/certs.d/h.example/ca.crt", ""),
        (MirrorClient::Containerd, "/etc/containerd/certs.d/h.example/ca.crt", "ca = \"ca.crt\"\n"),
    ] {
        let files = client.config(&routes).unwrap().files;
        assert!(files[0].text.contains(told), "{}", files[0].text);
        let pem = files.iter().find(|file| file.install == at);
        assert_eq!(pem.map(|file| &*file.text), Some("PEM\n"), "{at}: {files:?}");
    }
    let openshift = &MirrorClient::Openshift.config(&routes).unwrap().files[0].text;
    assert!(openshift.ends_with("data:\n  \"h.example\": |\n    PEM\n"), "{openshift}");
}

#[test]
fn containerd_reaches_the_private_registry_by_its_own_name_in_the_same_way() {
    let target = MirrorTarget { plain: true, ..MirrorTarget::new("h.example".parse().unwrap()) };
    let files = MirrorClient::Containerd.config(&routes_to(target, &HUB)).unwrap().files;
    let own = files.iter().find(|file| file.path == "certs.d/h.example/hosts.toml").unwrap();
    assert!(own.text.contains("server = \"http://h.example/v2\"\n"), "{}", own.text);
    // Nothing has to be said of it where everybody knows how it is reached.
    assert_eq!(config(MirrorClient::Containerd, &HUB).files.len(), 1);
}

#[test]
fn openshift_maps_one_by_one_where_images_of_others_lie_below_the_prefix() {
    let pairs = [HUB[0], ("quay.io/org/app:2", "h.example/group/org/app:2")];
    let told = config(MirrorClient::Openshift, &pairs);
    for source in ["docker.io/library/alpine", "quay.io/org/app"] {
        assert!(told.files[0].text.contains(&format!("- source: \"{source}\"\n")), "{told:?}");
    }
    assert!(told.warnings[0].starts_with("other images of docker.io, quay.io than"), "{told:?}");
}

#[test]
fn docker_is_led_to_images_of_docker_hub_under_their_own_names_alone_and_says_where_it_asks_besides()
 {
    let own = [("alpine:3.20", "h.example/library/alpine:3.20")];
    let told = config(MirrorClient::Docker, &own);
    assert_eq!(told.files[0].text, "{\n  \"registry-mirrors\": [\"https://h.example\"]\n}\n");
    assert!(told.warnings[0].contains("asks Docker Hub"));

    assert_eq!(misfits(MirrorClient::Docker, &HUB).len(), 2);
    let quay = ("quay.io/a/b:1", "h.example/a/b:1");
    assert_eq!(misfits(MirrorClient::Docker, &[own[0], quay]), ["quay.io/a/b:1"]);
}

#[test]
fn clients_that_know_prefixes_alone_refuse_other_names_and_tags() {
    let renamed = ("alpine:3.20", "h.example/group/base/alpine:3.20");
    let retagged = ("alpine:3.20", "h.example/group/library/alpine:demo");
    for client in [MirrorClient::Containerd, MirrorClient::Buildkit, MirrorClient::Helm] {
        for bent in [renamed, retagged] {
            assert_eq!(misfits(client, &[HUB[1], bent]), ["docker.io/library/alpine:3.20"]);
        }
        let several = [HUB[0], ("acme/tool:1", "h.example/other/acme/tool:1")];
        assert_eq!(misfits(client, &several).len(), 2);
    }
    for client in
        [MirrorClient::Podman, MirrorClient::K3s, MirrorClient::Kustomize, MirrorClient::Openshift]
    {
        assert_eq!(misfits(client, &[HUB[1], retagged]), ["docker.io/library/alpine:3.20"]);
        assert!(client.config(&routes(&[HUB[1], renamed])).is_ok());
    }
}

#[test]
fn a_name_that_would_lead_to_another_registrys_image_is_told() {
    let pairs = [HUB[0], ("quay.io/org/app:2", "h.example/group/org/app:2")];
    for client in [MirrorClient::Containerd, MirrorClient::K3s, MirrorClient::Buildkit] {
        let told = config(client, &pairs).warnings;
        let said = "docker.io/org/app, which was not brought, would be quay.io/org/app";
        assert!(told.last().unwrap().contains(said), "{told:?}");
    }
    let apart = [HUB[0], ("quay.io/org/app:2", "h.example/quay/org/app:2")];
    assert!(config(MirrorClient::Containerd, &apart).warnings.is_empty());
}

#[test]
fn k3s_and_rke2_rewrite_and_never_ask_the_default_endpoint() {
    let told = config(MirrorClient::K3s, &HUB);
    let expected = "mirrors:\n  \"docker.io\":\n    endpoint:\n      - \"https://h.example\"\n    rewrite:\n      \
                    '^(.*)$': 'group/$1'\n";
    assert_eq!(bare(&told.files[0].text), expected);
    assert_eq!(told.files[1].install, "/etc/rancher/k3s/config.yaml.d/50-sealift.yaml");
    assert_eq!(bare(&told.files[1].text), "disable-default-registry-endpoint: true\n");
    let rke2 = config(MirrorClient::Rke2, &HUB);
    assert_eq!(rke2.files[0].install, "/etc/rancher/rke2/registries.yaml");

    let renamed = [("acme/a.b:1", "h.example/x/ab:1"), ("acme/ab:1", "h.example/y/ab:1")];
    let text = text(MirrorClient::K3s, &renamed);
    assert!(text.contains("'^acme/a\\.b$': 'x/ab'\n      '^acme/ab$': 'y/ab'\n"), "{text}");
}

#[test]
fn kustomize_gets_every_spelling_of_a_name() {
    let text = bare(&text(MirrorClient::Kustomize, &HUB));

    let names = ["docker.io/library/alpine", "library/alpine", "docker.io/alpine", "alpine"];
    for name in names {
        let entry = format!("- name: \"{name}\"\n  newName: \"h.example/group/library/alpine\"\n");
        assert!(text.contains(&entry), "{text}");
    }
    assert!(
        text.contains("- name: \"acme/tool\"\n") && !text.contains("- name: \"tool\""),
        "{text}"
    );
    assert!(text.starts_with("apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"));
}

#[test]
fn helm_gets_the_one_value_and_the_names_and_is_told_that_charts_differ() {
    let told = config(MirrorClient::Helm, &HUB);
    assert_eq!(bare(&told.files[0].text), "global:\n  imageRegistry: \"h.example/group\"\n\n");
    let line = "#   docker.io/acme/tool:1 -> h.example/group/acme/tool:1\n";
    assert!(told.files[0].text.contains(line));
    assert!(told.warnings[0].contains("cannot be known"));
}

#[test]
fn openshift_never_contacts_the_source_by_digest_or_by_tag() {
    let text = bare(&text(MirrorClient::Openshift, &HUB));

    let set = |kind: &str, member: &str| {
        format!(
            "apiVersion: config.openshift.io/v1\nkind: {kind}\nmetadata:\n  name: sealift\nspec:\n  {member}:\n  \
             - source: \"docker.io\"\n    mirrors:\n    - \"h.example/group\"\n    \
             mirrorSourcePolicy: NeverContactSource\n"
        )
    };
    let [digests, tags] = [
        set("ImageDigestMirrorSet", "imageDigestMirrors"),
        set("ImageTagMirrorSet", "imageTagMirrors"),
    ];
    assert_eq!(text, format!("{digests}---\n{tags}"));
}

#[test]
fn what_has_its_own_name_at_the_registry_needs_no_way() {
    assert!(routes(&[("h.example/a/b:1", "h.example/a/b:1")]).is_empty());
    let moved = [("h.example/a/b:1", "h.example/c/b:1")];
    assert_eq!(misfits(MirrorClient::Containerd, &moved), ["h.example/a/b:1"]);
    let text = text(MirrorClient::Podman, &moved);
    assert!(text.contains("prefix = \"h.example/a/b\"\nlocation = \"h.example/c/b\""), "{text}");
    assert!(!text.contains("blocked"), "{text}");
}

#[test]
fn every_client_has_a_name_of_its_own() {
    let names: std::collections::BTreeSet<&str> =
        MirrorClient::ALL.iter().map(|client| client.name()).collect();
    assert_eq!(names.len(), MirrorClient::ALL.len());
}
