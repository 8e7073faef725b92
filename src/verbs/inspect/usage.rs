//! [`UsageRow`]: who shares which layers, as one reads a disk usage.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::bundle::contents::Contents;
use crate::words::digest::Digest;
use crate::words::document::{Document, Kind};
use crate::words::platform::Platform;
use crate::words::reference::Reference;

/// What a row of a disk usage is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum UsageKind {
    /// Layers that several images stand on. The rows below it are those images, and what else some
    /// of them share.
    Base,
    /// An image for one platform, with the layers that it has to itself.
    Image,
    /// What refers to the images.
    Referrers,
}

/// One row: what it takes itself, and with all below it. A blob counts once, where it is met first,
/// as a file with several names does on a disk; so the rows at depth 0 make up the whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct UsageRow {
    /// How many rows it stands below.
    pub depth: usize,
    /// What it is.
    pub kind: UsageKind,
    /// The names of the image; none of a base.
    pub names: Vec<Reference>,
    /// The digest of the image's manifest; of a base none.
    pub digest: Option<Digest>,
    /// Which of the platforms of its names it is for, where an index says that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// The layers that it adds to those above it, base first.
    pub layers: Vec<Digest>,
    /// How many images stand on a base; 1 of an image.
    pub image_count: u64,
    /// Bytes that it takes itself.
    pub own_bytes: u64,
    /// Bytes of what it needs besides: that stands above it, or was met before.
    pub shared_bytes: u64,
    /// Bytes that it takes with all that stands below it.
    pub total_bytes: u64,
    /// What of its own bytes a delta does not carry.
    pub lacking_bytes: u64,
}

/// A manifest with all that is to be known of it.
struct Leaf<'c> {
    layers: Vec<Digest>,
    /// What it needs besides: itself, its config, and what lists it.
    rest: BTreeSet<Digest>,
    names: BTreeSet<&'c Reference>,
    digest: Digest,
    platform: Option<Platform>,
}

/// A row in the making: the leaves from `first` on share so many layers.
struct Node {
    length: usize,
    first: usize,
    below: Vec<Below>,
}

#[derive(Clone, Copy)]
enum Below {
    Node(usize),
    Leaf(usize),
}

/// Who shares what in `contents`, the largest first, each row before those below it.
#[must_use]
pub fn usage(contents: &Contents) -> Vec<UsageRow> {
    let leaves = leaves(contents);
    let nodes = tree(&leaves);
    let documents = contents.documents.values().map(Document::descriptor);
    let needed = documents.chain(contents.blobs.needed());
    let mut sizes = Sizes {
        left: needed.map(|blob| (blob.digest, blob.size)).collect(),
        lacking: contents.blobs.lacking().map(|blob| blob.digest).collect(),
    };
    let all = sizes.left.clone();

    // Down: what each row takes itself.
    let mut rows: Vec<(UsageRow, Vec<usize>)> = Vec::new();
    let mut ahead = vec![(Below::Node(0), 0, 0, None::<usize>)];
    while let Some((below, depth, above, parent)) = ahead.pop() {
        let (mut row, next, length) = match below {
            Below::Leaf(at) => (leaf_row(&leaves[at], above, &all), &[][..], 0),
            Below::Node(at) => {
                let node = &nodes[at];
                let layers = leaves.get(node.first).map_or(&[][..], |leaf| &leaf.layers[..]);
                (base_row(&layers[above..node.length]), &node.below[..], node.length)
            }
        };
        row.depth = depth;
        let rest = match below {
            Below::Leaf(at) => leaves[at].rest.iter().collect(),
            Below::Node(_) => Vec::new(),
        };
        for digest in rest.into_iter().chain(&row.layers.clone()) {
            let (size, lacks) = sizes.take(digest);
            row.own_bytes = row.own_bytes.saturating_add(size);
            row.lacking_bytes = row.lacking_bytes.saturating_add(if lacks { size } else { 0 });
        }
        row.shared_bytes = row.shared_bytes.saturating_sub(row.own_bytes);
        let place = rows.len();
        if let Some(parent) = parent {
            rows[parent].1.push(place);
        }
        let inner = if matches!(below, Below::Node(0)) { 0 } else { depth + 1 };
        rows.push((row, Vec::new()));
        ahead.extend(next.iter().rev().map(|next| (*next, inner, length, Some(place))));
    }
    total(&mut rows);
    let mut told = in_order(rows);
    told.extend(referrers(contents, &mut sizes));
    told
}

/// What was not counted yet.
struct Sizes {
    left: BTreeMap<Digest, u64>,
    lacking: BTreeSet<Digest>,
}

impl Sizes {
    /// The size of `digest`, once, and whether it is not carried.
    fn take(&mut self, digest: &Digest) -> (u64, bool) {
        (self.left.remove(digest).unwrap_or(0), self.lacking.contains(digest))
    }
}

/// Every manifest that an image has, once, in the order of their layers.
fn leaves(contents: &Contents) -> Vec<Leaf<'_>> {
    let mut found: BTreeMap<Digest, Leaf<'_>> = BTreeMap::new();
    for image in &contents.images {
        let manifests = contents.manifests(image.digest);
        let mut rest = contents.closure(image.digest);
        for manifest in &manifests {
            let parts: BTreeSet<Digest> = manifest.children().iter().map(|it| it.digest).collect();
            rest.retain(|it| *it != manifest.descriptor().digest && !parts.contains(it));
        }
        let mut listed = contents.listed_for(image.digest);
        let mut add = |digest: Digest, layers: Vec<Digest>, own: &mut BTreeSet<Digest>| {
            let platform = listed.remove(&digest).and_then(|all| all.into_iter().next().cloned());
            let leaf = found.entry(digest).or_insert_with(|| Leaf {
                layers,
                rest: BTreeSet::new(),
                names: BTreeSet::new(),
                digest,
                platform,
            });
            leaf.names.insert(&image.name);
            leaf.rest.append(own);
        };
        for manifest in &manifests {
            // The indexes go with the first of their manifests.
            let mut own = std::mem::take(&mut rest);
            own.insert(manifest.descriptor().digest);
            let layers = parts(manifest, &mut own);
            add(manifest.descriptor().digest, layers, &mut own);
        }
        if manifests.is_empty() {
            add(image.digest, Vec::new(), &mut rest);
        }
    }
    let mut leaves: Vec<Leaf<'_>> = found.into_values().collect();
    leaves.sort_by(|one, other| (&one.layers, &one.names).cmp(&(&other.layers, &other.names)));
    leaves
}

/// The layers of a manifest; its config goes to `own`.
fn parts(manifest: &Document, own: &mut BTreeSet<Digest>) -> Vec<Digest> {
    let Kind::Manifest { config, layers } = manifest.kind() else { return Vec::new() };
    own.extend(config.as_ref().map(|config| config.digest));
    layers.iter().map(|layer| layer.digest).collect()
}

/// The leaves, which are in order, below the layers that neighbours begin with. The first node is
/// above all.
fn tree(leaves: &[Leaf<'_>]) -> Vec<Node> {
    let mut nodes = vec![Node { length: 0, first: 0, below: Vec::new() }];
    let mut open = vec![0];
    for (at, leaf) in leaves.iter().enumerate() {
        let before = at.checked_sub(1).map_or(&[][..], |before| &leaves[before].layers[..]);
        let same = before.iter().zip(&leaf.layers).take_while(|(one, other)| one == other).count();
        while nodes[open[open.len() - 1]].length > same {
            open.pop();
        }
        let top = open[open.len() - 1];
        if nodes[top].length < same {
            // The last one below is the first that shares more.
            let last = nodes[top].below.pop();
            let first = match last {
                Some(Below::Leaf(leaf)) => leaf,
                Some(Below::Node(node)) => nodes[node].first,
                None => at,
            };
            nodes.push(Node { length: same, first, below: last.into_iter().collect() });
            let new = nodes.len() - 1;
            nodes[top].below.push(Below::Node(new));
            open.push(new);
        }
        nodes[open[open.len() - 1]].below.push(Below::Leaf(at));
    }
    nodes
}

fn base_row(layers: &[Digest]) -> UsageRow {
    UsageRow {
        depth: 0,
        kind: UsageKind::Base,
        names: Vec::new(),
        digest: None,
        platform: None,
        layers: layers.to_vec(),
        image_count: 0,
        own_bytes: 0,
        shared_bytes: 0,
        total_bytes: 0,
        lacking_bytes: 0,
    }
}

/// The row of a leaf below `above` layers; what it shares is all that it needs so far.
fn leaf_row(leaf: &Leaf<'_>, above: usize, sizes: &BTreeMap<Digest, u64>) -> UsageRow {
    let needs: BTreeSet<&Digest> = leaf.rest.iter().chain(&leaf.layers).collect();
    let needs = needs.into_iter().filter_map(|digest| sizes.get(digest));
    UsageRow {
        kind: UsageKind::Image,
        names: leaf.names.iter().map(|name| (*name).clone()).collect(),
        digest: Some(leaf.digest),
        platform: leaf.platform.clone(),
        image_count: 1,
        shared_bytes: needs.fold(0, |sum, size| sum.saturating_add(*size)),
        ..base_row(&leaf.layers[above..])
    }
}

/// Up: what each row takes with those below it, which stand behind it.
fn total(rows: &mut [(UsageRow, Vec<usize>)]) {
    for place in (0..rows.len()).rev() {
        let mut total = rows[place].0.own_bytes;
        let mut images = rows[place].0.image_count;
        for below in &rows[place].1 {
            total = total.saturating_add(rows[*below].0.total_bytes);
            images += rows[*below].0.image_count;
        }
        (rows[place].0.total_bytes, rows[place].0.image_count) = (total, images);
    }
}

/// All rows but the one above all, each before those below it, of which the largest come first.
fn in_order(rows: Vec<(UsageRow, Vec<usize>)>) -> Vec<UsageRow> {
    let totals: Vec<u64> = rows.iter().map(|(row, _)| row.total_bytes).collect();
    let (mut told, mut below): (Vec<Option<UsageRow>>, Vec<Vec<usize>>) =
        rows.into_iter().map(|(row, below)| (Some(row), below)).unzip();
    for below in &mut below {
        below.sort_by_key(|place| totals[*place]);
    }
    let mut ahead = below.first().cloned().unwrap_or_default();
    let mut ordered = Vec::new();
    while let Some(place) = ahead.pop() {
        ordered.extend(told[place].take());
        ahead.extend(&below[place]);
    }
    ordered
}

/// What refers to the images, where anything does.
fn referrers(contents: &Contents, sizes: &mut Sizes) -> Option<UsageRow> {
    let all: BTreeSet<Digest> = contents.referrers.iter().map(|it| it.digest).collect();
    let mut row = UsageRow { kind: UsageKind::Referrers, ..base_row(&[]) };
    let mut needs = 0u64;
    for digest in all.iter().flat_map(|digest| contents.closure(*digest)) {
        let (size, lacks) = sizes.take(&digest);
        needs = needs.saturating_add(size);
        row.lacking_bytes = row.lacking_bytes.saturating_add(if lacks { size } else { 0 });
    }
    (row.own_bytes, row.total_bytes) = (needs, needs);
    row.image_count = 0;
    (!all.is_empty()).then_some(row)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::samples::{LAYER, Stock};
    use crate::words::document::Descriptor;

    /// A manifest over layers of these texts.
    fn image(stock: &mut Stock, text: &str, layers: &[&str]) -> Descriptor {
        let config = stock.config(text, "linux/amd64", layers.len());
        let layers: Vec<Descriptor> =
            layers.iter().map(|layer| stock.blob(LAYER, layer.as_bytes())).collect();
        stock.manifest(&config, &layers, serde_json::json!({}))
    }

    /// Depth, layers, images, and whether it is a base.
    fn shape(rows: &[UsageRow]) -> Vec<(usize, usize, u64, bool)> {
        let said = |row: &UsageRow| {
            (row.depth, row.layers.len(), row.image_count, row.kind == UsageKind::Base)
        };
        rows.iter().map(said).collect()
    }

    #[test]
    fn images_stand_below_the_layers_that_they_share() {
        let mut stock = Stock::default();
        let all = [
            image(&mut stock, "1", &["base", "java", "one which is large enough to be first"]),
            image(&mut stock, "2", &["base", "java", "two"]),
            image(&mut stock, "3", &["base", "python"]),
            image(&mut stock, "4", &["alone", "python"]),
            image(&mut stock, "5", &["base"]),
        ];
        let names = ["a:1", "a:2", "a:3", "a:4", "a:5"].map(|name| format!("x.example/{name}"));
        let named: Vec<(&str, &Descriptor)> = names.iter().map(String::as_str).zip(&all).collect();
        let contents = stock.contents(&named);

        let rows = usage(&contents);

        // The base with the three on java first, as they weigh most.
        assert_eq!(shape(&rows)[..3], [(0, 1, 4, true), (1, 1, 2, true), (2, 1, 1, false)]);
        assert_eq!(rows.iter().filter(|row| row.depth == 0).count(), 2);
        let top: u64 = rows.iter().filter(|row| row.depth == 0).map(|row| row.total_bytes).sum();
        assert_eq!(top, contents.bytes());
        let own: u64 = rows.iter().map(|row| row.own_bytes).sum();
        assert_eq!(own, contents.bytes(), "a layer on another base counts once");
        let row = |name: &str| {
            let is_it = |row: &&UsageRow| row.names.iter().any(|it| it.to_string().ends_with(name));
            rows.iter().find(is_it).unwrap()
        };
        let both = [row("a:3"), row("a:4")];
        let python: Vec<u64> = both.iter().map(|row| row.shared_bytes).collect();
        assert!(python == [4, 6] || python == [4 + 6, 0], "{python:?}");
        assert_eq!(row("a:5").shared_bytes, 4);
        assert_eq!(row("a:5").layers, []);
    }

    #[test]
    fn platforms_and_names_of_one_manifest_are_told_and_counted_once() {
        let mut stock = Stock::default();
        let (amd64, arm64) = (stock.image("amd", "linux/amd64"), stock.image("arm", "linux/arm64"));
        let index = stock.index(&[&amd64, &arm64]);
        let names =
            [("x.example/a:1", &index), ("x.example/a:latest", &index), ("x.example/b:1", &amd64)];
        let mut contents = stock.contents(&names);
        let referrer = stock.referrer("x/sbom", &amd64);
        stock.refer(&mut contents, "x.example/a", &referrer);

        let rows = usage(&contents);

        assert_eq!(rows.len(), 3);
        let row = |platform: &str| {
            let platform = platform.parse().unwrap();
            rows.iter().find(|row| row.platform.as_ref() == Some(&platform)).unwrap()
        };
        assert_eq!((row("linux/amd64").names.len(), row("linux/arm64").names.len()), (3, 2));
        assert_eq!(rows[2].kind, UsageKind::Referrers);
        let own: u64 = rows.iter().map(|row| row.own_bytes).sum();
        assert_eq!(own, contents.bytes());
    }

    #[test]
    fn what_a_delta_does_not_carry_is_told() {
        use crate::bundle::blob_list::BlobList;
        let mut stock = Stock::default();
        let [one, two] = [["base", "1"], ["base", "2"]].map(|it| image(&mut stock, it[1], &it));
        let mut contents = stock.contents(&[("x.example/a:1", &one), ("x.example/b:1", &two)]);
        let needed = contents.blobs.needed().to_vec();
        let base = Digest::of(b"base");
        contents.blobs = BlobList::carrying(needed, |blob| blob.digest != base);

        let rows = usage(&contents);

        assert_eq!((rows[0].kind, rows[0].lacking_bytes), (UsageKind::Base, 4));
        assert!(rows[1..].iter().all(|row| row.lacking_bytes == 0));
    }

    #[test]
    fn images_that_each_stand_on_the_next_take_no_more_stack_than_two() {
        let mut stock = Stock::default();
        let layers: Vec<String> = (0..400).map(|layer| layer.to_string()).collect();
        let layers: Vec<&str> = layers.iter().map(String::as_str).collect();
        let all: Vec<Descriptor> =
            (1..layers.len()).map(|end| image(&mut stock, "x", &layers[..end])).collect();
        let names: Vec<String> = (0..all.len()).map(|at| format!("x.example/a:{at}")).collect();
        let named: Vec<(&str, &Descriptor)> = names.iter().map(String::as_str).zip(&all).collect();
        let contents = stock.contents(&named);

        let walk = move || usage(&contents).iter().map(|row| row.depth).max();
        let small = std::thread::Builder::new().stack_size(256 << 10).spawn(walk);

        assert_eq!(small.unwrap().join().unwrap(), Some(398));
    }
}
