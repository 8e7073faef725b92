use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::bundle::blob_list::BlobList;
use crate::bundle::contents::Contents;
use crate::bundle::samples::{FOREIGN, Stock};
use crate::words::at::At;
use crate::words::cancel::Cancel;
use crate::words::error::{Class, Result};
use crate::words::reference::Tag;
use crate::work::samples::Inside;

const STATEMENT: &[u8] = b"statement";

fn plan(contents: &Contents, deliveries: &[Delivery], existing: OnExisting) -> Result<Plan> {
    let statement = Digest::of(STATEMENT);
    let mut plan = Plan::new(statement, contents, deliveries, existing, 2, &Cancel::default())?;
    plan.prove(contents, |_, _| Ok(BTreeMap::new()))?;
    Ok(plan)
}

fn one_image() -> (Stock, Descriptor, Contents) {
    let mut stock = Stock::default();
    let image = stock.image("a", "linux/amd64");
    let contents = stock.contents(&[("x.example/a:1", &image)]);
    (stock, image, contents)
}

fn actions(plan: &Plan, repository: usize) -> Vec<Action> {
    plan.repositories[repository].blobs.iter().map(|transfer| transfer.action.clone()).collect()
}

#[test]
fn what_is_there_is_not_sent() {
    let (stock, image, contents) = one_image();
    let inside = Inside::default();
    let deliveries = [inside.delivery("h.example/a", &contents)];

    let empty = plan(&contents, &deliveries, OnExisting::Error).unwrap();
    inside.state.lock().unwrap().blobs.insert(contents.blobs.needed()[0].digest);
    inside.state.lock().unwrap().documents.insert(image.digest, stock.get(&image).clone());
    let half = plan(&contents, &deliveries, OnExisting::Error).unwrap();

    assert_eq!(actions(&empty, 0), [Action::Copy, Action::Copy]);
    assert!(!empty.repositories[0].documents[0].present);
    assert_eq!(actions(&half, 0), [Action::Present, Action::Copy]);
    assert!(half.repositories[0].documents[0].present);
    let size = |n: usize| Count { blobs: 1, bytes: contents.blobs.needed()[n].size };
    assert_eq!((half.present, half.copy, half.mount), (size(0), size(1), Count::default()));
}

#[test]
fn a_name_is_new_or_the_same_or_a_question_for_the_user() {
    let (mut stock, image, contents) = one_image();
    let other = stock.image("b", "linux/amd64");
    let inside = Inside::default();
    let deliveries = [inside.delivery("h.example/a", &contents)];
    let action = |existing| {
        plan(&contents, &deliveries, existing).map(|plan| plan.repositories[0].names[0].action)
    };
    let stands_for = |about: &Descriptor| {
        let mut state = inside.state.lock().unwrap();
        state.names.insert("h.example/a:1".to_owned(), about.clone());
    };

    assert_eq!(action(OnExisting::Error).unwrap(), NameAction::Create);
    stands_for(&image);
    assert_eq!(action(OnExisting::Error).unwrap(), NameAction::Present);
    stands_for(&other);
    assert_eq!(action(OnExisting::Overwrite).unwrap(), NameAction::Replace);
    assert_eq!(action(OnExisting::Skip).unwrap(), NameAction::Keep);
    let refused = plan(&contents, &deliveries, OnExisting::Error).unwrap();
    let error = Obstacle::failure(&refused.obstacles).unwrap();
    assert_eq!(error.class(), Class::Refused);
    assert!(error.findings()[0].contains(&other.digest.to_string()), "{:?}", error.findings());
}

#[test]
fn a_list_of_referrers_is_never_a_reason_to_refuse() {
    let (mut stock, image, mut contents) = one_image();
    let (list, other) = (stock.index(&[]), stock.index(&[&image]));
    let tag = Tag::referrers_of(&image.digest);
    stock.refer(&mut contents, &format!("x.example/a:{tag}"), &list);
    let inside = Inside::default();
    let name = format!("h.example/a:{tag}");
    inside.state.lock().unwrap().names.insert(name, other);

    for existing in [OnExisting::Error, OnExisting::Skip] {
        let plan = plan(&contents, &[inside.delivery("h.example/a", &contents)], existing).unwrap();
        assert_eq!(plan.repositories[0].names[1].action, NameAction::Replace);
    }
}

#[test]
fn siblings_mount_what_one_has_or_gets() {
    let (_, _, contents) = one_image();
    let (first, second) = (Inside::default(), Inside::default());
    let mut deliveries =
        [first.delivery("h.example/a", &contents), second.delivery("h.example/b", &contents)];
    let mount = |from: &str| Action::Mount { from: from.parse().unwrap() };

    let plain = plan(&contents, &deliveries, OnExisting::Error).unwrap();
    second.state.lock().unwrap().blobs.insert(contents.blobs.needed()[0].digest);
    let half = plan(&contents, &deliveries, OnExisting::Error).unwrap();
    deliveries.iter_mut().for_each(|delivery| delivery.sibling = None);
    let layouts = plan(&contents, &deliveries, OnExisting::Error).unwrap();

    assert_eq!(actions(&plain, 0), [Action::Copy, Action::Copy]);
    assert_eq!(actions(&plain, 1), [mount("a"), mount("a")]);
    assert_eq!(actions(&half, 0), [mount("b"), Action::Copy], "from what is there already");
    assert_eq!(actions(&half, 1), [Action::Present, mount("a")]);
    assert_eq!((half.present.blobs, half.mount.blobs, half.copy.blobs), (1, 2, 1));
    assert_eq!(layouts.mount.blobs, 0);
}

#[test]
fn nobody_mounts_from_another_registry() {
    let (_, _, contents) = one_image();
    let places = ["h.example/a", "i.example/a", "h.example/b"];
    let inside: Vec<Inside> = places.iter().map(|_| Inside::default()).collect();
    let deliveries: Vec<Delivery> =
        inside.iter().zip(places).map(|(it, name)| it.delivery(name, &contents)).collect();
    let mount = |from: &str| Action::Mount { from: from.parse().unwrap() };

    let mut plan = plan(&contents, &deliveries, OnExisting::Error).unwrap();
    assert_eq!(actions(&plan, 0), [Action::Copy, Action::Copy]);
    assert_eq!(actions(&plan, 1), [Action::Copy, Action::Copy], "its registry has them not");
    assert_eq!(actions(&plan, 2), [mount("a"), mount("a")]);

    plan.own(At::nth(2), &contents.blobs.needed().iter().map(|blob| blob.digest).collect());
    assert_eq!(actions(&plan, 0), [mount("b"), mount("b")]);
    assert_eq!(actions(&plan, 1), [Action::Copy, Action::Copy], "its registry has them not");
    assert_eq!(actions(&plan, 2), [Action::Copy, Action::Copy]);
}

#[test]
fn each_part_moves_once_and_foreign_layers_never() {
    let mut stock = Stock::default();
    let mut foreign = Descriptor::of(FOREIGN, b"theirs");
    foreign.urls = ["https://mcr.example/theirs".into()].into();
    let config = stock.config("a", "linux/amd64", 3);
    let layer = stock.blob("application/vnd.oci.image.layer.v1.tar", b"layer");
    let image = stock.manifest(&config, &[layer.clone(), layer.clone(), foreign], json!({}));
    let contents = stock.contents(&[("x.example/a:1", &image), ("x.example/a:2", &image)]);

    let plan =
        plan(&contents, &[Inside::default().delivery("h.example/a", &contents)], OnExisting::Error)
            .unwrap();

    let blobs: Vec<&Descriptor> = plan.repositories[0].blobs.iter().map(|t| &t.blob).collect();
    assert_eq!(blobs, [&config, &layer]);
    let noted = serde_json::to_value(&plan).unwrap();
    let expected = json!([{
        "repository": "h.example/a",
        "digest": image.digest,
        "layers": 1,
        "owners": ["mcr.example"],
    }]);
    assert_eq!(noted["foreign"], expected);
    assert_eq!(plan.repositories[0].documents.len(), 1);
    assert_eq!(plan.repositories[0].names.len(), 2);
}

#[test]
fn documents_stand_above_their_children_and_their_subject() {
    let mut stock = Stock::default();
    let image = stock.image("a", "linux/amd64");
    let index = stock.index(&[&image]);
    let signature = stock.referrer("signature", &index);
    let of_signature = stock.referrer("timestamp", &signature);
    let alone = stock.image("b", "linux/amd64");
    let mut contents = stock.contents(&[("x.example/a:1", &index), ("x.example/a:2", &alone)]);
    for referrer in [&of_signature, &signature] {
        stock.refer(&mut contents, "x.example/a", referrer);
    }

    let plan =
        plan(&contents, &[Inside::default().delivery("h.example/a", &contents)], OnExisting::Error)
            .unwrap();

    let steps = &plan.repositories[0].documents;
    let order: Vec<(Digest, usize)> = steps.iter().map(|s| (s.document.digest, s.rank)).collect();
    let expected = [(&image, 0), (&alone, 0), (&index, 1), (&signature, 2), (&of_signature, 3)];
    assert_eq!(order, expected.map(|(about, rank)| (about.digest, rank)));
    assert_eq!(steps[3].subject, Some(index.digest));
}

#[test]
fn referrers_without_a_tag_are_kept_in_their_subjects_list() {
    let (mut stock, image, mut contents) = one_image();
    let (one, two) = (stock.referrer("one", &image), stock.referrer("two", &image));
    let tagged = stock.image("sig", "linux/amd64");
    let tag = format!("sha256-{}.sig", image.digest.hex());
    stock.refer(&mut contents, "x.example/a", &one);
    stock.refer(&mut contents, "x.example/a", &two);
    stock.refer(&mut contents, &format!("x.example/a:{tag}"), &tagged);

    let plan =
        plan(&contents, &[Inside::default().delivery("h.example/a", &contents)], OnExisting::Error)
            .unwrap();

    let repository = &plan.repositories[0];
    assert_eq!(repository.lists.len(), 1);
    assert_eq!(repository.lists[0].tag, Tag::referrers_of(&image.digest));
    let mut expected = vec![one.digest, two.digest];
    expected.sort();
    assert_eq!(repository.lists[0].referrers, expected);
    let names: Vec<String> = repository.names.iter().map(|name| name.to.to_string()).collect();
    assert_eq!(names, ["h.example/a:1".to_owned(), format!("h.example/a:{tag}")]);
}

#[test]
fn what_is_neither_carried_nor_there_is_told_image_by_image_even_where_a_manifest_vouches() {
    let (stock, image, mut contents) = one_image();
    let layer = contents.blobs.needed()[1].clone();
    contents.blobs =
        BlobList::carrying(contents.blobs.needed().to_vec(), |blob| blob.digest != layer.digest);
    let (inside, beside) = (Inside::default(), Inside::default());
    let deliveries =
        [inside.delivery("h.example/a", &contents), beside.delivery("h.example/b", &contents)];

    let lacking = plan(&contents, &deliveries, OnExisting::Error).unwrap();
    inside.state.lock().unwrap().documents.insert(image.digest, stock.get(&image).clone());
    inside.state.lock().unwrap().vouches = true;
    let vouched = plan(&contents, &deliveries, OnExisting::Error).unwrap();
    beside.state.lock().unwrap().blobs.insert(layer.digest);
    let mounted = plan(&contents, &deliveries, OnExisting::Error).unwrap();

    for plan in [lacking, vouched] {
        let error = Obstacle::failure(&plan.obstacles).unwrap();
        assert_eq!(error.class(), Class::Incomplete);
        let text = format!("x.example/a:1 needs blob {} ({} bytes)", layer.digest, layer.size);
        assert_eq!(error.findings(), [text]);
    }
    assert!(mounted.obstacles.is_empty());
}

#[test]
fn what_none_that_needs_it_has_is_mounted_from_another_at_the_destination() {
    let (_, _, mut contents) = one_image();
    let needed = contents.blobs.needed().to_vec();
    let layer = needed[1].clone();
    contents.blobs = BlobList::carrying(needed, |blob| blob.digest != layer.digest);
    let inside = Inside::default();
    let deliveries =
        [inside.delivery("h.example/a", &contents), inside.delivery("h.example/b", &contents)];
    let found = |registry: &str| {
        let repository = "other".parse().unwrap();
        let sibling = Sibling { registry: registry.parse().unwrap(), repository };
        BTreeMap::from([(layer.digest, sibling)])
    };
    let proven = |registry: &str| {
        let statement = Digest::of(STATEMENT);
        let mut plan =
            Plan::new(statement, &contents, &deliveries, OnExisting::Error, 2, &Cancel::default())
                .unwrap();
        plan.prove(&contents, |_, asked| {
            assert_eq!(asked, [&layer], "what is carried is not asked for");
            Ok(found(registry))
        })
        .unwrap();
        plan
    };

    let plan = proven("h.example");
    assert!(plan.obstacles.is_empty() && plan.missing.is_empty(), "{plan:?}");
    let from = Action::Mount { from: "other".parse().unwrap() };
    assert_eq!(actions(&plan, 0)[1], from);
    assert_eq!(actions(&plan, 1)[1], from);
    assert_eq!((plan.copy.blobs, plan.mount.blobs), (1, 3));
    let elsewhere = proven("other.example");
    assert_eq!(elsewhere.missing.len(), 1, "nobody mounts from another registry");
}
