//! [`Source`], [`Destination`] and [`Place`]: places as the command line names them, with skopeo's
//! transport names.

mod chart;
mod destination;
mod place;
mod source;
mod transport;

pub use self::chart::ChartAddress;
pub use self::destination::{ArchiveFormat, Destination};
pub use self::place::Place;
pub use self::source::{Pick, Source};
pub use self::transport::is_stream;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::words::error::Class;

    #[test]
    fn sources_have_skopeos_names() {
        for (text, shown) in [
            ("alpine", "docker://docker.io/library/alpine:latest"),
            ("docker://alpine:3.20", "docker://docker.io/library/alpine:3.20"),
            ("localhost:5000/a", "docker://localhost:5000/a:latest"),
            ("oci:/x/y", "oci:/x/y"),
            ("oci:/x/y:docker.io/library/a:1", "oci:/x/y:docker.io/library/a:1"),
            ("oci-archive:x.tar:a", "oci-archive:x.tar:a"),
            ("oci:x:http://host/x:1", "oci:x:http://host/x:1"),
            ("docker-archive:x.img", "docker-archive:x.img"),
            ("docker-archive:-", "docker-archive:-"),
            ("docker-archive:x:alpine", "docker-archive:x:docker.io/library/alpine:latest"),
            ("docker-archive:x:@2", "docker-archive:x:@2"),
            ("docker-daemon:alpine:3.20", "docker-daemon:alpine:3.20"),
            ("containers-storage:91ef0af61f39", "containers-storage:91ef0af61f39"),
            ("containers-storage:[vfs@/a+/b]x", "containers-storage:[vfs@/a+/b]x"),
            ("containerd:[k8s.io]quay.io/a/b:1", "containerd:[k8s.io]quay.io/a/b:1"),
        ] {
            assert_eq!(text.parse::<Source>().unwrap().to_string(), shown);
        }
        for bad in [
            "https://x.io/a",
            "oci:",
            "docker-daemon:",
            "docker-daemon:[x]y",
            "docker-archive:",
            "docker-archive:x:@y",
            "containers-storage:[relative]x",
            "containers-storage:[a b@/x]y",
            "containerd:[-]x",
            "dir:x",
            "docker-archve:x/y.tar",
            "podman:quay.io/a/b:1",
            "",
        ] {
            assert!(bad.parse::<Source>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_path_with_colons_is_one_where_it_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        for name in ["app:1.0.tar", "reg:5000_a=b.tar", "both", "both:1"] {
            std::fs::write(at(name), "").unwrap();
        }
        let read = |text: &str| match text.parse().unwrap() {
            Source::DockerArchive { path, image, called } => {
                let image = image.map(|image| image.to_string());
                (path.display().to_string(), image, called.map(|called| called.to_string()))
            }
            other => panic!("{other}"),
        };
        let some = |text: &str| Some(text.to_owned());
        for (text, name, image, called) in [
            ("app:1.0.tar", "app:1.0.tar", None, None),
            ("app:1.0.tar:@0", "app:1.0.tar", some("@0"), None),
            (
                "reg:5000_a=b.tar:a:1=c:2",
                "reg:5000_a=b.tar",
                some(A),
                some("docker.io/library/c:2"),
            ),
            ("both:1", "both:1", None, None),
            ("both:1:@1", "both:1", some("@1"), None),
            ("both:2", "both", some("docker.io/library/2:latest"), None),
            ("both=c:2", "both", None, some("docker.io/library/c:2")),
            ("none:1", "none", some("docker.io/library/1:latest"), None),
            ("none=c:2", "none", None, some("docker.io/library/c:2")),
        ] {
            let found = read(&format!("docker-archive:{}", at(text)));
            assert_eq!(found, (at(name), image, called), "{text}");
        }
        assert_eq!(read("docker-archive:-=c:2").0, "-");
        for text in ["oci-archive", "docker-archive", "oci"] {
            let is_fine =
                |name: &str| format!("{text}:{}", at(name)).parse::<Destination>().is_ok();
            assert!(is_fine("app:1.0.tar") && !is_fine("none:1"), "{text}");
        }
        let named = "oci:x".parse::<Source>().unwrap().called("a:1".parse().unwrap()).unwrap();
        assert_eq!(named.to_string(), format!("oci:x={A}"));
        assert_eq!(named.called("b:1".parse().unwrap()).unwrap_err().class(), Class::Usage);
    }

    const A: &str = "docker.io/library/a:1";

    #[test]
    fn a_dash_is_a_stream_and_a_path_with_a_dash_is_not() {
        let stream = |text: &str| is_stream(Path::new(text));

        assert!(stream("-"));
        assert!(!stream("-/") && !stream("./-") && !stream("--"));
    }

    #[test]
    fn images_are_pinned_in_containerd_alone() {
        let pinned = |text: &str| text.parse::<Destination>().unwrap().pinned();
        for text in ["containerd:[k8s.io]", "containerd:", "k3s:"] {
            assert_eq!(pinned(text).unwrap().to_string(), text);
        }
        let Destination::Engine(engine) = pinned("containerd:").unwrap() else { panic!() };
        assert!(engine.pins());
        for text in ["docker-daemon:", "containers-storage:", "oci:x", "docker://h.example"] {
            assert_eq!(pinned(text).unwrap_err().class(), Class::Usage, "{text}");
        }
    }

    #[test]
    fn destinations_are_hosts_with_a_prefix_folders_archives_or_engines() {
        for (text, shown) in [
            ("docker://h.example/group", "docker://h.example/group"),
            ("docker://localhost:5000/", "docker://localhost:5000"),
            ("oci:x/y", "oci:x/y"),
            ("docker-archive:x/", "docker-archive:x/"),
            ("oci-archive:-", "oci-archive:-"),
            ("containers-storage:", "containers-storage:"),
            ("containers-storage:[overlay@/a]", "containers-storage:[overlay@/a]"),
            ("docker-daemon:", "docker-daemon:"),
            ("containerd:", "containerd:"),
            ("containerd:k8s.io", "containerd:[k8s.io]"),
            ("containerd:[k8s.io]", "containerd:[k8s.io]"),
            ("k3s:", "k3s:"),
            ("rke2:/srv/rke2", "rke2:/srv/rke2"),
            ("k0s:[/run/s]/srv/k0s", "k0s:[/run/s]/srv/k0s"),
        ] {
            assert_eq!(text.parse::<Destination>().unwrap().to_string(), shown);
        }
        for bad in [
            "docker://",
            "docker://h/UPPER",
            "h.example/group",
            "oci:",
            "oci:x:y",
            "docker-archive:x:y",
            "docker-daemon:x",
            "containers-storage:x",
            "containerd:a/b",
            "k3s:images",
            "k3s://host",
            "x",
        ] {
            assert!(bad.parse::<Destination>().is_err(), "{bad}");
        }
    }
}
