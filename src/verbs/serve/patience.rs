//! [`Patient`]: a socket that gives up on a client that takes next to nothing, and sends files.

use std::fmt;
use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use rustix::net::{Shutdown, shutdown};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::Sleep;

use super::lane::{Lane, standing};
use super::order::Order;
use super::seats::Pulse;
use super::visitor::Visitor;
use crate::tools::rate::Bucket;

/// As many bytes as a client has to take while it is waited for, to be waited for again.
const ENOUGH: u64 = 64 << 10;

/// A socket whose writes fail once the other end has taken too little for a while. What it is given
/// to write may stand for bytes of an [`Order`] on its lane, which it then sends.
pub struct Patient {
    socket: Arc<TcpStream>,
    patience: Duration,
    /// What of it is used up, and how many bytes were taken meanwhile.
    waited: Duration,
    taken: u64,
    /// Runs while a write waits, since then.
    stalled: Option<(Instant, Pin<Box<Sleep>>)>,
    pulse: Arc<Pulse>,
    visitor: Arc<Visitor>,
    /// How fast it is written to, and what runs while it has had enough for now.
    pace: Option<Arc<Bucket>>,
    resting: Option<Pin<Box<Sleep>>>,
    lane: Lane,
    /// What is being sent.
    order: Option<Order>,
    /// The thread that sends some of it: to look at files may take long.
    sending: Option<JoinHandle<(Order, io::Result<u64>)>>,
}

impl fmt::Debug for Patient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Patient").field("socket", &self.socket).finish_non_exhaustive()
    }
}

impl Patient {
    /// Lets writes to `socket` wait for `patience` until some [`ENOUGH`] bytes are taken; sends the
    /// orders of `lane`, and tells those who want to know how it goes.
    pub fn new(
        socket: TcpStream,
        patience: Duration,
        lane: Lane,
        (pulse, visitor): (Arc<Pulse>, Arc<Visitor>),
    ) -> Patient {
        Patient {
            socket: Arc::new(socket),
            patience,
            waited: Duration::ZERO,
            taken: 0,
            stalled: None,
            pulse,
            visitor,
            pace: None,
            resting: None,
            lane,
            order: None,
            sending: None,
        }
    }

    /// The same, written to no faster than `pace`.
    #[must_use]
    pub fn at(self, pace: Option<Arc<Bucket>>) -> Patient {
        Patient { pace, ..self }
    }

    /// Whether the socket takes bytes, as far as is known, and may have some. Fails when it took too few
    /// for too long.
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(rest) = &mut self.resting {
            ready!(rest.as_mut().poll(cx));
            self.resting = None;
            // It was not the client who took its time.
            self.pulse.used();
        }
        if let Poll::Ready(room) = self.socket.poll_write_ready(cx) {
            return Poll::Ready(room);
        }
        let left = self.patience.saturating_sub(self.waited);
        let begin = || (Instant::now(), Box::pin(tokio::time::sleep(left)));
        let (_, sleep) = self.stalled.get_or_insert_with(begin);
        sleep.as_mut().poll(cx).map(|()| Err(ErrorKind::TimedOut.into()))
    }

    /// The socket took `bytes`.
    fn took(&mut self, bytes: u64) {
        if let Some((since, _)) = self.stalled.take() {
            self.waited += since.elapsed();
        }
        self.taken += bytes;
        self.visitor.took(bytes);
        let pause = self.pace.as_ref().map_or(Duration::ZERO, |pace| pace.pause_for(bytes));
        self.resting = (!pause.is_zero()).then(|| Box::pin(tokio::time::sleep(pause)));
        if self.taken >= ENOUGH {
            (self.waited, self.taken) = (Duration::ZERO, 0);
            self.pulse.used();
        }
    }

    /// Writes bytes, by `write`.
    fn poll_bytes(
        &mut self,
        cx: &mut Context<'_>,
        write: impl Fn(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        if self.order.is_some() || self.sending.is_some() {
            return Poll::Ready(Err(io::Error::other("bytes amid those of an order")));
        }
        loop {
            ready!(self.poll_room(cx))?;
            match write(&self.socket) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                written => {
                    self.took(*written.as_ref().unwrap_or(&0) as u64);
                    return Poll::Ready(written);
                }
            }
        }
    }

    /// Sends up to `most` bytes of the order that is next.
    fn poll_order(&mut self, cx: &mut Context<'_>, most: usize) -> Poll<io::Result<usize>> {
        loop {
            if let Some(thread) = &mut self.sending {
                let done = ready!(Pin::new(thread).poll(cx));
                self.sending = None;
                let (order, sent) = done.map_err(io::Error::other)?;
                self.order = Some(order).filter(|order| order.left() > 0);
                match sent {
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    sent => {
                        self.took(*sent.as_ref().unwrap_or(&0));
                        let sent = sent.map(|sent| usize::try_from(sent).unwrap_or(most));
                        return Poll::Ready(sent);
                    }
                }
            }
            ready!(self.poll_room(cx))?;
            let Some(mut order) = self.order.take().or_else(|| self.lane.next()) else {
                return Poll::Ready(Err(io::Error::other("no order to send")));
            };
            let socket = Arc::clone(&self.socket);
            self.sending = Some(spawn_blocking(move || {
                let sent = order.send(&socket, most as u64);
                (order, sent)
            }));
        }
    }
}

impl AsyncRead for Patient {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.socket.poll_read_ready(cx))?;
            match self.socket.try_read(buffer.initialize_unfilled()) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                read => return Poll::Ready(read.map(|count| buffer.advance(count))),
            }
        }
    }
}

impl AsyncWrite for Patient {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let slice = self.pace.as_ref().map(|pace| pace.slice());
        match standing(slices) {
            Ok(most) => self.get_mut().poll_order(cx, most.min(slice.unwrap_or(most))),
            Err(bytes) if let Some(slice) = slice => {
                let first = slices[..bytes].iter().find(|bytes| !bytes.is_empty());
                let first = first.map_or(&[][..], |bytes| &bytes[..bytes.len().min(slice)]);
                self.get_mut().poll_bytes(cx, |socket| socket.try_write(first))
            }
            Err(bytes) => {
                self.get_mut().poll_bytes(cx, |socket| socket.try_write_vectored(&slices[..bytes]))
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.pulse.flushed() {
            self.visitor.end();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(shutdown(&*self.socket, Shutdown::Write)?))
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::io::Read as _;

    use super::*;

    /// Writes without an end to a client that takes `count` bytes after each `pause`; how that
    /// ends, and after how long.
    fn written_to(count: usize, pause: Duration, patience: Duration) -> (io::Error, Duration) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (socket, _) = listener.accept().unwrap();
        socket.set_nonblocking(true).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let begun = Instant::now();
        // Goes away in the end, which is another error than that of a client that was given up.
        let taking = std::thread::spawn(move || {
            while count > 0 && begun.elapsed() < Duration::from_secs(2) {
                std::thread::sleep(pause);
                if client.read_exact(&mut vec![0; count]).is_err() {
                    return None;
                }
            }
            (count == 0).then_some(client)
        });
        let error = runtime.block_on(async {
            let socket = TcpStream::from_std(socket).unwrap();
            let pulse = Arc::new(Pulse::new());
            let peer = std::net::Ipv4Addr::LOCALHOST.into();
            let visitor = Arc::new(Visitor::new(peer, Arc::default(), Arc::default()));
            let seen = (pulse, visitor);
            let mut patient = Patient::new(socket, patience, Lane::default(), seen);
            loop {
                let write = poll_fn(|cx| Pin::new(&mut patient).poll_write(cx, &[0; 65_536]));
                if let Err(error) = write.await {
                    break error;
                }
            }
        });
        let ended = begun.elapsed();
        drop(taking.join().unwrap());
        (error, ended)
    }

    #[test]
    fn a_client_that_takes_nothing_or_next_to_nothing_is_given_up() {
        let patience = Duration::from_millis(300);

        let (error, _) = written_to(0, Duration::ZERO, patience);
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        let (error, ended) = written_to(512, Duration::from_millis(30), patience);
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(ended < Duration::from_secs(2), "{ended:?}");
    }

    #[test]
    fn a_slow_client_that_takes_enough_is_waited_for() {
        let patience = Duration::from_millis(300);
        let (error, _) = written_to(1 << 20, Duration::from_millis(20), patience);

        assert_ne!(error.kind(), io::ErrorKind::TimedOut, "it went away by itself");
    }
}
