//! A relay in front of a registry that stops letting bytes through after a chosen number, so that
//! "in the middle of it" is a place and not a matter of luck.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use super::PATIENCE;
use super::wire::{self, Free, Port};

/// The relay. Its port stays the same when the registry behind it changes.
pub struct Gate {
    port: Port,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    upstream: u16,
    passed: u64,
    limit: u64,
    /// Connections of an older generation carry nothing any more.
    generation: u64,
}

impl Gate {
    /// A gate, wide open, to the registry at `upstream`.
    pub fn to(upstream: u16) -> Gate {
        let state = State { upstream, passed: 0, limit: u64::MAX, generation: 0 };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let relay = Arc::clone(&shared);
        let port = Free::take().accept(move |client| {
            let (upstream, generation) = {
                let state = relay.state.lock().unwrap();
                (state.upstream, state.generation)
            };
            let relay = Arc::clone(&relay);
            wire::relay(&client, upstream, move |from, to| relay.carry(from, to, generation));
        });
        Gate { port, shared }
    }

    /// `127.0.0.1:PORT` of the gate.
    pub fn host(&self) -> String {
        self.port.host()
    }

    /// Bytes let through since the last change, both ways.
    pub fn passed(&self) -> u64 {
        self.shared.state.lock().unwrap().passed
    }

    /// Begins anew, with the registry at `upstream`, letting `limit` bytes through. What older
    /// connections still hold is dropped.
    pub fn reset(&self, upstream: u16, limit: u64) {
        let mut state = self.shared.state.lock().unwrap();
        state.generation += 1;
        (state.upstream, state.limit, state.passed) = (upstream, limit, 0);
        self.shared.changed.notify_all();
    }

    /// Waits until the gate has shut or `ended` says that nothing more will come.
    pub fn wait_shut(&self, mut ended: impl FnMut() -> bool) {
        let deadline = std::time::Instant::now() + PATIENCE;
        let mut state = self.shared.state.lock().unwrap();
        while state.passed < state.limit && !ended() {
            assert!(std::time::Instant::now() < deadline, "the gate never shut");
            let tick = Duration::from_millis(5);
            state = self.shared.changed.wait_timeout(state, tick).unwrap().0;
        }
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        // Whoever waits is let go.
        self.reset(0, 0);
    }
}

impl Shared {
    fn carry(&self, mut from: TcpStream, mut to: TcpStream, generation: u64) {
        let mut buffer = [0; 32 << 10];
        while let Ok(len @ 1..) = from.read(&mut buffer) {
            let mut sent = 0;
            while sent < len {
                let allowed = self.allow(len - sent, generation);
                if allowed == 0 || to.write_all(&buffer[sent..sent + allowed]).is_err() {
                    let _ = from.shutdown(Shutdown::Both);
                    let _ = to.shutdown(Shutdown::Both);
                    return;
                }
                sent += allowed;
            }
        }
        wire::done(&to);
    }

    /// Waits for permission to pass up to `wanted` bytes; none when the connection is outdated.
    fn allow(&self, wanted: usize, generation: u64) -> usize {
        let mut state = self.state.lock().unwrap();
        loop {
            if state.generation != generation {
                return 0;
            }
            let left = state.limit - state.passed;
            if left > 0 {
                let allowed = left.min(wanted as u64);
                state.passed += allowed;
                if state.passed == state.limit {
                    self.changed.notify_all();
                }
                return allowed as usize;
            }
            state = self.changed.wait(state).unwrap();
        }
    }
}
