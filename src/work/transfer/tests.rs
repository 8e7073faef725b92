use super::blob::move_blob;
use super::owners::Owners;
use super::*;
use crate::bundle::blob_list::BlobList;
use crate::bundle::contents::Contents;
use crate::bundle::samples::Stock;
use crate::words::cancel::Cancel;
use crate::words::document::Descriptor;
use crate::words::error::{ErrorKind, Subject};
use crate::words::progress::{Recorder, Silent};
use crate::work::graph::Selection;
use crate::work::plan::OnExisting;
use crate::work::samples::{Done, Inside, Outside, wanted, whole};

/// A bundle of one index of two images, with a signature of the index.
#[derive(Clone)]
struct Bundle {
    stock: Stock,
    contents: Contents,
    index: Descriptor,
    signature: Descriptor,
}

fn bundle() -> Bundle {
    let mut stock = Stock::default();
    let (a, b) = (stock.image("a", "linux/amd64"), stock.image("b", "linux/arm64"));
    let index = stock.index(&[&a, &b]);
    let signature = stock.referrer("x/signature", &index);
    let mut contents = stock.contents(&[("x.example/a:1", &index)]);
    stock.refer(&mut contents, "x.example/a", &signature);
    Bundle { stock, contents, index, signature }
}

impl Bundle {
    fn import(&self, inside: &[(&str, &Inside)], existing: OnExisting) -> Result<Moved> {
        let deliveries: Vec<Delivery> =
            inside.iter().map(|(name, inside)| inside.delivery(name, &self.contents)).collect();
        let plan = Plan::new(
            Digest::of(b"s"),
            &self.contents,
            &deliveries,
            existing,
            2,
            &Cancel::default(),
        )?;
        let whole = |stop: Unfinished| stop.error().unwrap();
        self.run(&plan, &deliveries, false).map_err(whole)
    }

    fn run(&self, plan: &Plan, deliveries: &[Delivery], go_on: bool) -> Result<Moved, Unfinished> {
        let (jobs, tally, progress) = (Jobs::up_to(2), Tally::default(), &Silent);
        let (contents, source) = (&self.contents, &self.stock);
        let carrier = Carrier { contents, source, jobs, go_on, tally: &tally, progress };
        run(plan, deliveries, &carrier).map(|()| tally.moved())
    }

    fn land(&self, inside: &Inside) -> Result<Moved> {
        self.import(&[("h.example/a", inside)], OnExisting::Overwrite)
    }

    /// Lets `inside` have a list of one older referrer.
    fn listed_before(&mut self, inside: &Inside) -> Descriptor {
        let older = self.stock.referrer("x/older", &self.index);
        let list = self.stock.index(&[&older]);
        inside.set("h.example/a:older", self.stock.get(&older));
        inside.set(&self.list(), self.stock.get(&list));
        older
    }

    fn list(&self) -> String {
        format!("h.example/a:{}", Tag::referrers_of(&self.index.digest))
    }
}

fn listing() -> Inside {
    Inside { lists: true, ..Inside::default() }
}

/// The digests in the list of referrers that stands under `name`.
fn listed(inside: &Inside, name: &str) -> Vec<Digest> {
    let state = inside.state.lock().unwrap();
    let list = &state.documents[&state.names[name].digest];
    list.children().iter().map(|child| child.digest).collect()
}

#[test]
fn a_name_comes_after_everything_that_it_leads_to_and_the_end_after_the_names() {
    let (bundle, inside) = (bundle(), listing());

    let moved = bundle.land(&inside).unwrap();

    let done = inside.done();
    let documents = done.iter().position(|d| matches!(d, Done::Document(_))).unwrap();
    let published = Done::Published("h.example/a:1".to_owned(), bundle.index.digest);
    let name = done.iter().position(|d| *d == published).unwrap();
    let blobs = bundle.contents.blobs.needed().len();
    assert!(done[..documents].iter().all(|d| matches!(d, Done::Put(_))), "{done:?}");
    assert_eq!((documents, name - documents), (blobs, 4), "{done:?}");
    assert_eq!(done.last(), Some(&Done::Finished));
    assert_eq!(moved.copied.blobs, blobs as u64);
}

#[test]
fn a_second_run_sends_nothing() {
    let (bundle, inside) = (bundle(), listing());
    bundle.land(&inside).unwrap();
    inside.again();

    let moved = bundle.land(&inside).unwrap();

    assert_eq!(inside.done(), [Done::Finished]);
    assert_eq!(
        (moved.copied.blobs, moved.present.blobs),
        (0, bundle.contents.blobs.needed().len() as u64)
    );
}

#[test]
fn damage_is_named_with_its_images_and_publishes_no_name() {
    let (mut bundle, inside) = (bundle(), listing());
    let layer = bundle.contents.blobs.needed()[1].digest;
    bundle.stock.blobs.get_mut(&layer).unwrap()[0] ^= 1;

    let error = bundle.land(&inside).unwrap_err();

    assert_eq!(error.class(), Class::Damaged);
    assert!(error.to_string().contains(&layer.to_string()), "{error}");
    assert_eq!(error.findings(), ["needed by x.example/a:1"]);
    assert!(inside.done().iter().all(|d| matches!(d, Done::Put(_))), "{:?}", inside.done());
    assert!(!inside.uploads().contains(&layer));
}

#[test]
fn an_upload_that_broke_off_is_begun_again_and_its_progress_taken_back() {
    let bundle = bundle();
    let inside = Inside { shaky: true, ..listing() };
    let blob = &bundle.contents.blobs.needed()[0];
    let progress = Recorder::default();

    move_blob(blob, &Owners::default(), &bundle.stock, "bundle", &inside, &progress).unwrap();

    assert_eq!(inside.uploads(), [blob.digest; 2]);
    assert!(progress.events().contains(&Event::Rewound { digest: blob.digest, bytes: blob.size }));
}

#[test]
fn siblings_mount_and_a_refused_mount_is_sent() {
    for mounts in [true, false] {
        let bundle = bundle();
        let (first, second) = (listing(), Inside { mounts, ..listing() });
        let blobs = bundle.contents.blobs.needed().len();

        let both = [("h.example/a", &first), ("h.example/b", &second)];
        let moved = bundle.import(&both, OnExisting::Error).unwrap();

        let (mounted, sent) = if mounts { (blobs, 0) } else { (0, blobs) };
        assert_eq!(second.uploads().len(), sent);
        let from_a = |d: &&Done| matches!(d, Done::Mounted(_, from) if from == "a");
        assert_eq!(second.done().iter().filter(from_a).count(), mounted);
        assert_eq!(moved.mounted.blobs, mounted as u64);
        assert_eq!(moved.copied.blobs, (blobs + sent) as u64);
        assert_eq!(second.named("h.example/b:1"), Some(bundle.index.digest));
    }
}

#[test]
fn what_is_not_carried_and_not_mounted_is_read_from_the_sibling_that_has_it() {
    for readable in [true, false] {
        let mut bundle = bundle();
        let needed = bundle.contents.blobs.needed().to_vec();
        let count = needed.len();
        let first = listing();
        first.state.lock().unwrap().blobs.extend(needed.iter().map(|blob| blob.digest));
        bundle.contents.blobs = BlobList::carrying(needed, |_| false);
        let beside = readable.then(|| bundle.stock.clone());
        bundle.stock.blobs.clear();
        let second = Inside { beside, ..listing() };

        let both = [("h.example/a", &first), ("h.example/b", &second)];
        let moved = bundle.import(&both, OnExisting::Error);

        match readable {
            true => {
                assert_eq!(moved.unwrap().copied.blobs, count as u64);
                assert_eq!(second.uploads().len(), count);
                assert_eq!(second.named("h.example/b:1"), Some(bundle.index.digest));
            }
            false => {
                let error = moved.unwrap_err();
                assert_eq!(error.class(), Class::Incomplete);
                assert_eq!(error.findings(), ["needed by x.example/a:1"]);
                assert_eq!(second.named("h.example/b:1"), None);
            }
        }
    }
}

#[test]
fn a_refusal_names_the_images_that_it_stops_and_damage_and_the_user_name_theirs() {
    let bundle = bundle();
    let layer = bundle.contents.blobs.needed()[1].digest;
    let stopped = |error| name_stopped(error, &layer, &bundle.contents);

    let refused = stopped(Error::new(Class::Refused, "destination: no").transient());
    assert_eq!(refused.findings(), ["needed by x.example/a:1"]);
    let image = Subject::Image("x.example/a:1".into());
    assert_eq!(refused.subjects(), [Subject::Digest(layer), image]);
    assert!(refused.is_transient() && refused.message() == "destination: no");
    let content = Error::new(Class::Refused, "x").of_kind(ErrorKind::Unreadable);
    for other in [content, Error::new(Class::Interrupted, "stopped")] {
        assert!(stopped(other.clone()).findings().is_empty(), "{other:?}");
    }
}

#[test]
fn a_name_that_does_not_read_back_is_a_failure() {
    let mut bundle = bundle();
    let inside = Inside { stubborn: true, ..listing() };

    let nothing = bundle.land(&inside).unwrap_err();
    let other = bundle.stock.index(&[]);
    inside.set("h.example/a:1", bundle.stock.get(&other));
    let another = bundle.land(&inside).unwrap_err();

    assert_eq!((nothing.class(), another.class()), (Class::Refused, Class::Refused));
    assert!(another.to_string().contains(&other.digest.to_string()), "{another}");
    assert_eq!(another.subjects(), [Subject::Image("x.example/a:1".into())]);
    assert_eq!(another.findings(), ["needed by x.example/a:1"]);
    assert!(!inside.done().contains(&Done::Finished));
}

#[test]
fn a_name_that_shows_its_image_a_moment_later_is_no_failure() {
    let mut bundle = bundle();
    let other = bundle.stock.index(&[]);
    for stands_for_another in [false, true] {
        let inside = Inside { slow: 2, ..listing() };
        if stands_for_another {
            inside.set("h.example/a:1", bundle.stock.get(&other));
        }

        bundle.land(&inside).unwrap();

        assert_eq!(inside.named("h.example/a:1"), Some(bundle.index.digest));
        let published = |done: &&Done| matches!(done, Done::Published(..));
        assert_eq!(
            inside.done().iter().filter(published).count(),
            1,
            "looked at, not pushed again"
        );
    }
}

#[test]
fn a_name_that_is_kept_is_not_published() {
    let (mut bundle, inside) = (bundle(), listing());
    let other = bundle.stock.index(&[]);
    inside.set("h.example/a:1", bundle.stock.get(&other));

    bundle.import(&[("h.example/a", &inside)], OnExisting::Skip).unwrap();

    assert_eq!(inside.named("h.example/a:1"), Some(other.digest));
}

#[test]
fn a_place_that_lists_referrers_itself_gets_no_list() {
    let (bundle, inside) = (bundle(), listing());

    bundle.land(&inside).unwrap();

    assert_eq!(inside.named(&bundle.list()), None);
}

#[test]
fn a_place_without_the_referrers_api_gets_a_list_that_keeps_what_it_had() {
    let (mut bundle, inside) = (bundle(), Inside::default());
    let (older, name) = (bundle.listed_before(&inside), bundle.list());

    bundle.land(&inside).unwrap();
    let list = inside.named(&name).unwrap();
    inside.again();
    bundle.land(&inside).unwrap();

    let mut expected = vec![older.digest, bundle.signature.digest];
    expected.sort();
    assert_eq!(listed(&inside, &name), expected);
    let state = inside.state.lock().unwrap();
    let entry = state.documents[&list].children().into_iter().cloned();
    let entry = entry.into_iter().find(|e| e.digest == bundle.signature.digest).unwrap();
    assert_eq!(entry.artifact_type.as_deref(), Some("x/signature"));
    assert_eq!(entry.annotations.get("kind").as_deref(), Some("x/signature"));
    let pushed = state.done.iter().any(|d| matches!(d, Done::Published(at, _) if *at == name));
    assert!(!pushed, "a list that has everything is left as it is: {:?}", state.done);
}

#[test]
fn a_list_that_does_not_read_back_is_a_failure() {
    let bundle = bundle();
    let inside = Inside::default();
    bundle.land(&inside).unwrap();
    let list = bundle.list();
    inside.state.lock().unwrap().names.remove(&list);

    let stubborn = Inside { stubborn: true, ..inside };

    assert_eq!(bundle.land(&stubborn).unwrap_err().class(), Class::Refused);
}

#[test]
fn a_list_that_came_along_is_published_only_where_one_is_needed_and_none_is() {
    let carried = || {
        let mut bundle = bundle();
        let list = bundle.stock.index(&[&bundle.signature]);
        let name = format!("x.example/a:{}", Tag::referrers_of(&bundle.index.digest));
        bundle.stock.refer(&mut bundle.contents, &name, &list);
        (bundle, list)
    };

    let (bundle, list) = carried();
    let (api, fallback, merged) = (listing(), Inside::default(), Inside::default());
    bundle.land(&api).unwrap();
    bundle.land(&fallback).unwrap();
    let older = bundle.clone().listed_before(&merged);
    bundle.land(&merged).unwrap();

    assert_eq!(api.named(&bundle.list()), None);
    assert_eq!(fallback.named(&bundle.list()), Some(list.digest));
    let there = listed(&merged, &bundle.list());
    assert!(there.contains(&older.digest) && there.contains(&bundle.signature.digest));
}

#[test]
fn blobs_are_fetched_in_the_order_in_which_their_source_has_them() {
    for backwards in [false, true] {
        let mut outside = Outside::default();
        let image = outside.stock.image("a", "linux/amd64");
        let other = outside.stock.image("b", "linux/arm64");
        let index = outside.stock.index(&[&image, &other]);
        outside.name("x.example/a:1", &index);
        let blobs: Vec<Digest> = outside.stock.blobs.keys().copied().collect();
        for (position, digest) in blobs.iter().enumerate() {
            let position = if backwards { blobs.len() - position } else { position };
            outside.positions.insert(*digest, position as u64);
        }
        let wanted = [wanted("x.example/a:1")];
        let origins = outside.origins();
        let graph = whole(&origins, &wanted, &Selection::default(), 1).unwrap();
        let inside = Inside::default();

        fetch(
            &graph.contents,
            &graph,
            graph.contents.blobs.needed(),
            &inside,
            Jobs::up_to(1),
            &Silent,
        )
        .unwrap();

        let mut expected = blobs;
        expected.retain(|digest| inside.uploads().contains(digest));
        if backwards {
            expected.reverse();
        }
        assert_eq!(inside.uploads(), expected);
        assert!(expected.len() > 2);
    }
}

#[test]
fn a_layer_that_its_source_lost_is_named_with_the_images_that_need_it() {
    let mut outside = Outside::default();
    let image = outside.stock.image("a", "linux/amd64");
    outside.name("x.example/a:1", &image);
    let wanted = [wanted("x.example/a:1")];
    let layer = outside.stock.get(&image).children()[1].digest;
    outside.stock.blobs.remove(&layer);
    let origins = outside.origins();
    let graph = whole(&origins, &wanted, &Selection::default(), 1).unwrap();

    let blobs = graph.contents.blobs.needed();
    let error = fetch(&graph.contents, &graph, blobs, &Inside::default(), Jobs::up_to(1), &Silent)
        .unwrap_err();

    assert_eq!(error.class(), Class::Incomplete);
    assert_eq!(error.findings(), ["needed by x.example/a:1"]);
}
