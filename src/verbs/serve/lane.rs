//! [`Lane`]: how the answers of a connection reach its socket past hyper.
//!
//! hyper parses requests and writes heads, and it counts the bytes of bodies. For the bytes of an
//! [`Order`] it is given a [`Piece`] that stands for them: as many bytes, in no memory. It hands
//! them on unread, as it does all that it is given (`writev`), and the socket, which knows them by
//! their address, sends the order's bytes in their place.

use std::collections::VecDeque;
use std::fmt;
use std::io::IoSlice;
use std::pin::Pin;
use std::sync::{Arc, LazyLock, Mutex};
use std::task::{Context, Poll, ready};

use hyper::body::{Body, Buf, Bytes, Frame, SizeHint};

use super::body::AnswerBody;
use super::order::Order;
use super::seats::Pulse;

/// Most bytes that are sent before the connection looks around: a few times what a socket takes
/// at once, so that a thread is worth its while.
const STANDS_FOR: usize = 4 << 20;
/// Most bytes that one piece stands for: any number that a machine can count.
const MOST: u64 = 1 << 30;

/// What stands for bytes that are sent past hyper. Nobody reads it, so that it takes no memory.
static STANDING: LazyLock<Vec<u8>> = LazyLock::new(|| vec![0; STANDS_FOR]);

/// Orders on their way from the answers of one connection to its socket, in the order of both.
#[derive(Clone, Default)]
pub struct Lane(Arc<Mutex<VecDeque<Order>>>);

impl Lane {
    /// The next order to be sent.
    pub fn next(&self) -> Option<Order> {
        self.0.lock().ok()?.pop_front()
    }

    fn put(&self, order: Order) {
        if let Ok(mut orders) = self.0.lock() {
            orders.push_back(order);
        }
    }
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lane")
    }
}

/// Bytes as hyper sees them.
#[derive(Debug)]
pub enum Piece {
    /// They are here.
    Bytes(Bytes),
    /// So many, of the next order on the lane.
    Standing(usize),
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        match self {
            Piece::Bytes(bytes) => bytes.len(),
            Piece::Standing(left) => *left,
        }
    }

    fn chunk(&self) -> &[u8] {
        match self {
            Piece::Bytes(bytes) => bytes,
            Piece::Standing(left) => &STANDING[..STANDS_FOR.min(*left)],
        }
    }

    fn advance(&mut self, count: usize) {
        match self {
            Piece::Bytes(bytes) => bytes.advance(count),
            Piece::Standing(left) => *left = left.saturating_sub(count),
        }
    }
}

/// How many bytes of an order have to be sent now, and else how many of the `slices` are bytes.
pub fn standing(slices: &[IoSlice<'_>]) -> Result<usize, usize> {
    let is_standing = |slice: &IoSlice<'_>| slice.as_ptr() == STANDING.as_ptr();
    let full = |slice: &&IoSlice<'_>| !slice.is_empty();
    match slices.iter().find(full) {
        Some(first) if is_standing(first) => Ok(first.len()),
        _ => Err(slices
            .iter()
            .position(|slice| !slice.is_empty() && is_standing(slice))
            .unwrap_or(slices.len())),
    }
}

/// The body of an answer on its connection.
#[derive(Debug)]
pub struct OnLane {
    content: AnswerBody,
    lane: Lane,
    pulse: Arc<Pulse>,
    /// Bytes of an order that no piece stands for yet.
    ahead: u64,
}

impl OnLane {
    /// `content`, to be sent by the connection that `lane` leads to; its `pulse` hears when all
    /// of it was handed over.
    pub fn new(content: AnswerBody, lane: Lane, pulse: Arc<Pulse>) -> OnLane {
        OnLane { content, lane, pulse, ahead: 0 }
    }

    fn stand(&mut self) -> Piece {
        let count = self.ahead.min(MOST);
        self.ahead -= count;
        Piece::Standing(usize::try_from(count).unwrap_or(STANDS_FOR))
    }
}

impl Drop for OnLane {
    fn drop(&mut self) {
        self.pulse.handed();
    }
}

impl Body for OnLane {
    type Data = Piece;
    type Error = std::io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<std::io::Result<Frame<Piece>>>> {
        let this = self.get_mut();
        if this.ahead == 0
            && let Some(order) = this.content.take_order()
        {
            this.ahead = order.left();
            this.lane.put(order);
        }
        if this.ahead > 0 {
            return Poll::Ready(Some(Ok(Frame::data(this.stand()))));
        }
        let chunk = ready!(this.content.poll_chunk(cx));
        Poll::Ready(chunk.map(|chunk| chunk.map(|bytes| Frame::data(Piece::Bytes(bytes)))))
    }

    fn is_end_stream(&self) -> bool {
        self.size_hint().exact() == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.ahead + self.content.left())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_for_bytes_is_known_among_them() {
        let standing_for = Piece::Standing(STANDS_FOR + 5);
        let (empty, bytes) = (IoSlice::new(&[]), IoSlice::new(b"head"));
        let stands = IoSlice::new(standing_for.chunk());

        assert_eq!(standing(&[]), Err(0));
        assert_eq!(standing(&[bytes, bytes]), Err(2));
        assert_eq!(standing(&[bytes, stands]), Err(1));
        assert_eq!(standing(&[empty, stands, bytes]), Ok(STANDS_FOR));
    }

    #[test]
    fn a_piece_stands_for_exactly_its_bytes() {
        let mut piece = Piece::Standing(STANDS_FOR + 5);

        piece.advance(STANDS_FOR);
        assert_eq!((piece.remaining(), piece.chunk().len()), (5, 5));
        piece.advance(5);
        assert!(!piece.has_remaining());
    }
}
