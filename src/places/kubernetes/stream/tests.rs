use std::io::Cursor;

use super::super::object::{AskedImage, RunningImage};
use super::*;
use crate::words::digest::Digest;

fn all(text: &str) -> Result<Vec<Workload>> {
    let mut all = Vec::new();
    read(Cursor::new(text), &Cancel::default(), &mut |workload| {
        all.push(workload);
        Ok(())
    })?;
    Ok(all)
}

fn names(workload: &Workload) -> Vec<&str> {
    workload.images.iter().map(|image| image.image.as_str()).collect()
}

const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[test]
fn a_pod_has_images_in_containers_of_all_kinds_and_in_volumes() {
    let pod = format!(
        r#"{{"apiVersion":"v1","kind":"List","items":[{{"kind":"Pod","metadata":{{"name":"p","namespace":"n"}},
        "spec":{{"containers":[{{"name":"a","image":"a:1"}},{{"name":"b","image":"b:1"}}],
          "initContainers":[{{"name":"i","image":"i:1"}}],"ephemeralContainers":[{{"name":"e","image":"e:1"}}],
          "volumes":[{{"name":"v","image":{{"reference":"v:1","pullPolicy":"Always"}}}},{{"name":"w","emptyDir":{{}}}}]}},
        "status":{{"containerStatuses":[{{"name":"a","image":"x:9","imageID":"docker.io/library/a@sha256:{HEX}"}},
          {{"name":"b","image":"b:1","imageID":""}}],
          "initContainerStatuses":[{{"name":"i","imageID":"sha256:{HEX}"}}]}}}}]}}"#
    );

    let found = all(&pod).unwrap();

    assert_eq!(names(&found[0]), ["a:1", "b:1", "i:1", "e:1", "v:1"]);
    assert_eq!((found[0].kind.as_str(), found[0].namespace.as_deref()), ("Pod", Some("n")));
    let digest: Digest = format!("sha256:{HEX}").parse().unwrap();
    let running: Vec<_> = found[0].images.iter().map(|it| it.running.clone()).collect();
    let repository = Some("docker.io/library/a".to_owned());
    assert_eq!(running[0], Some(RunningImage::Pulled { repository, digest }));
    assert_eq!(running[1..], [None, Some(RunningImage::Config(digest)), None, None]);
}

#[test]
fn what_makes_pods_is_read_through_its_templates() {
    let pod = r#"{"spec":{"containers":[{"name":"c","image":"c:1"}]}}"#;
    for (object, kind) in [
        (
            format!(r#"{{"kind":"Deployment","spec":{{"replicas":0,"template":{pod}}}}}"#),
            "Deployment",
        ),
        (
            format!(
                r#"{{"kind":"CronJob","spec":{{"jobTemplate":{{"spec":{{"template":{pod}}}}}}}}}"#
            ),
            "CronJob",
        ),
        (format!(r#"{{"kind":"PodTemplate","template":{pod}}}"#), "PodTemplate"),
        // The API itself says of its lists what they are of, and not of each.
        (format!(r#"{{"kind":"PodList","metadata":{{}},"items":[{pod}]}}"#), "Pod"),
    ] {
        let found = all(&object).unwrap();
        assert_eq!((names(&found[0]), found[0].kind.as_str()), (vec!["c:1"], kind), "{object}");
    }
}

#[test]
fn what_is_of_another_kind_is_passed_over_and_several_values_are_read() {
    let odd = r#"{"kind":"List","items":[null,7,{"kind":"ConfigMap","data":{"spec":"x"}},{"kind":"Odd","spec":"text"},
        {"kind":"Odd","spec":{"containers":{"a":{"image":"no:1"}},"template":["x"],"volumes":[1,{"image":"no"}]}},
        {"kind":"Pod","spec":{"containers":["x",{"name":"none"},{"name":"null","image":null},{"image":7}]}}]}
        {"kind":"List","items":null} {"kind":"Pod","spec":{"containers":[{"image":"b:1"}]}}"#;

    let found = all(odd).unwrap();

    // A number is no name, and is not lost.
    assert_eq!(found.iter().map(names).collect::<Vec<_>>(), [vec![""], vec!["b:1"]]);
}

#[test]
fn what_runs_though_nobody_asks_for_it_is_told() {
    let pod = r#"{"kind":"Pod","spec":{"containers":[]},"status":{"containerStatuses":[{"name":"x","image":"x:1"}]}}"#;

    let asked = AskedImage { part: "x".to_owned(), image: "x:1".to_owned(), running: None };
    assert_eq!(all(pod).unwrap()[0].images, [asked]);
}

#[test]
fn what_is_no_such_json_is_called_that() {
    for (text, class) in [
        ("", Class::Incomplete),
        (" \n", Class::Incomplete),
        ("NAMESPACE  NAME  READY\n", Class::Damaged),
        ("apiVersion: v1\nkind: List\n", Class::Damaged),
        ("[]", Class::Damaged),
        ("{}", Class::Damaged),
        (r#"{"kind":"List","items":[{"#, Class::Damaged),
        (r#"{"kind":"List","items":{}}"#, Class::Damaged),
        (r#"{"kind":"Pod","spec":{"containers":[],"containers":[]}}"#, Class::Damaged),
    ] {
        assert_eq!(all(text).unwrap_err().class(), class, "{text}");
    }
    let deep = format!("{}1{}", r#"{"spec":{"template":"#.repeat(999), "}}".repeat(999));
    assert_eq!(all(&deep).unwrap_err().class(), Class::Damaged);
    let ignored =
        format!(r#"{{"kind":"List","items":[{}1{}]}}"#, "[".repeat(9999), "]".repeat(9999));
    assert!(all(&ignored).unwrap().is_empty());
}

#[test]
fn no_object_may_be_endless_and_a_list_may() {
    let pod = |padding: usize| {
        let padding = "x".repeat(padding);
        format!(
            r#"{{"kind":"Pod","metadata":{{"name":"{padding}"}},"spec":{{"containers":[{{"image":"a:1"}}]}}}}"#
        )
    };
    let found = |text: &str| {
        let mut found = 0;
        read_within(Within::at_most(4096), text.as_bytes(), &Cancel::default(), &mut |_| {
            found += 1;
            Ok(())
        })
        .map(|()| found)
    };

    let error = found(&format!(r#"{{"kind":"List","items":[{}]}}"#, pod(4096))).unwrap_err();
    assert_eq!(error.class(), Class::Damaged);
    assert!(error.to_string().contains("an object has more than 4096 bytes"), "{error}");
    let half = pod(2048);
    assert_eq!(found(&format!(r#"{{"kind":"List","items":[{half},{half},{half}]}}"#)).unwrap(), 3);
}

#[test]
fn a_stop_and_the_errors_of_who_takes_it_end_it() {
    let pod = r#"{"kind":"Pod","spec":{"containers":[{"image":"a:1"}]}}"#;
    let cancel = Cancel::default();
    let refused = read(pod.as_bytes(), &cancel, &mut |_| Err(Error::new(Class::NoRoom, "full")));
    assert_eq!(refused.unwrap_err().class(), Class::NoRoom);

    cancel.cancel();
    let stopped = read(pod.as_bytes(), &cancel, &mut |_| Ok(()));
    assert_eq!(stopped.unwrap_err().class(), Class::Interrupted);
}

#[test]
fn ids_of_images_are_read_as_each_runtime_writes_them() {
    let digest: Digest = format!("sha256:{HEX}").parse().unwrap();
    let of = |id: &str| {
        let pod = format!(
            r#"{{"kind":"Pod","spec":{{"containers":[{{"name":"c","image":"c:1"}}]}},
            "status":{{"containerStatuses":[{{"name":"c","imageID":"{id}"}}]}}}}"#
        );
        all(&pod).unwrap().remove(0).images.remove(0).running
    };
    for id in
        [format!("docker-pullable://quay.io/x/c@sha256:{HEX}"), format!("quay.io/x/c@sha256:{HEX}")]
    {
        let repository = Some("quay.io/x/c".to_owned());
        assert_eq!(of(&id), Some(RunningImage::Pulled { repository, digest }), "{id}");
    }
    for id in [format!("docker://sha256:{HEX}"), format!("sha256:{HEX}"), HEX.to_owned()] {
        assert_eq!(of(&id), Some(RunningImage::Config(digest)), "{id}");
    }
    assert_eq!(of("nonsense"), None);
}
