//! [`Paces`]: how fast each client is sent what it asks for, over all of its connections.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, Weak};

use super::seats::household;
use crate::tools::mutex::lock;
use crate::tools::rate::{Bucket, Monotonic};
use crate::words::cancel::Cancel;

/// A bucket a client, as long as it has a connection.
#[derive(Debug)]
pub struct Paces {
    rate: u64,
    buckets: Mutex<HashMap<IpAddr, Weak<Bucket>>>,
}

impl Paces {
    /// So many bytes a second for each.
    pub fn new(rate: u64) -> Paces {
        Paces { rate, buckets: Mutex::default() }
    }

    /// What the connections of `peer` share.
    pub fn of(&self, peer: IpAddr) -> Arc<Bucket> {
        let mut buckets = lock(&self.buckets);
        buckets.retain(|_, bucket| bucket.strong_count() > 0);
        let who = household(peer);
        if let Some(bucket) = buckets.get(&who).and_then(Weak::upgrade) {
            return bucket;
        }
        let clock = Box::new(Monotonic::new(Cancel::default()));
        let bucket = Arc::new(Bucket::new(self.rate, clock));
        buckets.insert(who, Arc::downgrade(&bucket));
        bucket
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_connections_of_a_client_share_a_pace_until_the_last_of_them_is_gone() {
        let paces = Paces::new(1000);
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();

        let (one, other) = (paces.of(ip("10.0.0.1")), paces.of(ip("10.0.0.2")));
        assert!(Arc::ptr_eq(&one, &paces.of(ip("::ffff:10.0.0.1"))) && !Arc::ptr_eq(&one, &other));
        drop((one, other));
        drop(paces.of(ip("10.0.0.3")));
        assert_eq!(lock(&paces.buckets).len(), 1, "nobody is remembered");
    }
}
