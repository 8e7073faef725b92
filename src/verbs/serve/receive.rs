//! Receiving clients: each gets a seat, and is attended to until it leaves or its seat is needed.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::{SocketAddr, TcpListener};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::answer::Desk;
use super::lane::{Lane, OnLane};
use super::paces::Paces;
use super::patience::Patient;
use super::replies::length;
use super::seats::{Pulse, Seat, Seats};
use super::terms::Terms;
use super::visitor::Visitor;
use super::waiting::Waiting;
use crate::tools::rate::Bucket;
use crate::words::count::count;
use crate::words::error::{Error, Result};

/// Most connections at a time, half of them from one address; who comes then gets the seat of one
/// that is silent. Each may hold a socket and a file, which together stay below the usual limit of
/// 1,024 open files.
pub const MAX_CONNECTIONS: u32 = 400;
/// Most connections that wait for a seat, because all are at work. Half of them may be from one
/// address; its further ones are closed, so that others do not have to queue behind them.
const WAITING: usize = 64;
/// Threads that deal with sockets. Hashing and reading have theirs.
const WORKERS: usize = 2;
/// How long a client may take to send a request's head, and may keep an idle connection that
/// nobody else needs.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);
/// What is answered to what is no request, and to one whose head is too large.
const NO_REQUEST: u16 = 400;
const TOO_LARGE: u16 = 431;
/// Largest head of a request. Also how much of an answer is kept until the socket takes it, beyond
/// one chunk.
const MAX_HEAD: usize = 64 << 10;
/// How long a client may leave all its buffers full, or take less than 64 KiB of what waits for it.
/// Long enough for a laptop's short sleep and for half a kilobyte a second; without a limit, a few
/// hundred such clients would hold threads and files for ever.
const STALL: Duration = Duration::from_secs(120);
/// How often `stop` is asked, and how long a failing accept is left alone.
const POLL: Duration = Duration::from_millis(100);
/// How long a client may take to agree on how to encrypt.
const HANDSHAKE: Duration = Duration::from_secs(20);
/// How often it is looked whether the certificate was renewed, and the file of passwords changed.
const LOOK: Duration = Duration::from_secs(1);
/// How long a thread that hangs in a read of a dying medium may hold up the end.
const LEAVE: Duration = Duration::from_secs(1);

/// What it takes to begin.
pub(super) fn usable(listener: TcpListener) -> Result<(Runtime, TcpListener)> {
    let fault = |error| Error::io("cannot start serving", error);
    listener.set_nonblocking(true).map_err(fault)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .max_blocking_threads(MAX_CONNECTIONS as usize)
        .thread_name("serve")
        .enable_all()
        .build()
        .map_err(fault)?;
    Ok((runtime, listener))
}

/// Receives whoever is `welcome` at `listener`, until `stop` says so.
///
/// # Errors
/// When the listener cannot be used.
pub(super) fn receive_until(
    runtime: Runtime,
    listener: TcpListener,
    (desk, terms): (Desk, Terms),
    welcome: impl Fn(SocketAddr) -> bool,
    stop: impl Fn() -> bool,
) -> Result<()> {
    let terms = Arc::new(terms);
    let done = runtime.block_on(receive(listener, (desk, terms), welcome, stop));
    runtime.shutdown_timeout(LEAVE);
    done.map_err(|error| Error::io("cannot start serving", error))
}

async fn receive(
    listener: TcpListener,
    (desk, terms): (Desk, Arc<Terms>),
    welcome: impl Fn(SocketAddr) -> bool,
    stop: impl Fn() -> bool,
) -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let seats = Seats::new(MAX_CONNECTIONS as usize);
    let mut waiting = Waiting::new(WAITING);
    let closing = watch::Sender::new(false);
    let paces = terms.client_rate.map(Paces::new);
    let (mut failing, mut looked) = (false, Instant::now());
    while !stop() {
        if looked.elapsed() >= LOOK {
            looked = Instant::now();
            terms.look().into_iter().for_each(|told| desk.note(told));
        }
        waiting.admit(&seats, |(socket, peer), seat| {
            let visitor = Visitor::new(peer, Arc::clone(desk.counts()), Arc::clone(&terms));
            let pace = paces.as_ref().map(|paces| paces.of(peer));
            let tls = terms.tls.as_ref().map(|tls| tls.acceptor());
            let (desk, closing) = (desk.clone(), closing.subscribe());
            tokio::spawn(attend(socket, Attendance { desk, closing, seat, visitor, pace, tls }));
        });
        if waiting.is_full() {
            tokio::time::sleep(POLL).await;
            continue;
        }
        match timeout(POLL, listener.accept()).await {
            Ok(Ok((_, peer))) if !welcome(peer) => {}
            Ok(Ok((socket, peer))) => {
                waiting.join((socket, peer.ip()), peer.ip());
                failing = false;
            }
            Ok(Err(error)) => {
                if !failing {
                    desk.note(format!("cannot take a connection: {error}"));
                }
                failing = true;
                tokio::time::sleep(POLL).await;
            }
            Err(_nobody_came) => {}
        }
    }
    drop((listener, waiting));
    closing.send_replace(true);
    // Nobody listens any more once all connections are closed. Those that are not are cut off.
    if timeout(terms.grace, closing.closed()).await.is_err() {
        let broken = desk.counts().under_way();
        if broken > 0 {
            desk.note(format!("{} under way broken off", count(broken, "answer")));
        }
    }
    Ok(())
}

/// What a connection is attended to with.
struct Attendance {
    desk: Desk,
    closing: watch::Receiver<bool>,
    seat: Seat,
    visitor: Visitor,
    pace: Option<Arc<Bucket>>,
    tls: Option<TlsAcceptor>,
}

/// One connection, from its first request to its end, or until its seat is needed.
async fn attend(socket: TcpStream, with: Attendance) {
    // Without it the end of an answer waits for the client's acknowledgement. It is a wish: an
    // answer that waits is an answer.
    let _ = socket.set_nodelay(true);
    let Attendance { desk, closing, seat, visitor, pace, tls } = with;
    let (lane, pulse, visitor) = (Lane::default(), seat.pulse(), Arc::new(visitor));
    let seen = (Arc::clone(&pulse), Arc::clone(&visitor));
    let socket = Patient::new(socket, STALL, lane.clone(), seen).at(pace);
    let answers = (desk, lane, pulse, visitor);
    match tls {
        None => converse(socket, answers, closing, &seat).await,
        Some(tls) => {
            let mut hands = pin!(timeout(HANDSHAKE, tls.accept(socket)));
            let (mut over, mut dismissed) = (closing.clone(), pin!(seat.dismissed()));
            let mut over = pin!(over.wait_for(|closing| *closing));
            let shaken = poll_fn(|cx| {
                if dismissed.as_mut().poll(cx).is_ready() || over.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(None);
                }
                hands.as_mut().poll(cx).map(|done| done.ok()?.ok())
            });
            // Who does not get through it speaks no TLS, or does not trust the certificate.
            if let Some(socket) = shaken.await {
                converse(socket, answers, closing, &seat).await;
            }
        }
    }
}

/// HTTP over `socket`.
async fn converse(
    socket: impl AsyncRead + AsyncWrite + Unpin,
    (desk, lane, pulse, visitor): (Desk, Lane, Arc<Pulse>, Arc<Visitor>),
    mut closing: watch::Receiver<bool>,
    seat: &Seat,
) {
    let talker = Arc::clone(&visitor);
    let service = service_fn(move |request: Request<Incoming>| {
        let (desk, lane, pulse) = (desk.clone(), lane.clone(), Arc::clone(&pulse));
        let (visitor, since) = (Arc::clone(&visitor), Instant::now());
        // The request's body is dropped unread.
        let (head, _) = request.into_parts();
        pulse.asked();
        async move {
            let (answer, user) = desk.answer(&head).await;
            let length = length(&answer).parse().ok().filter(|_| head.method != Method::HEAD);
            let told = (answer.status().as_u16(), length.unwrap_or(0));
            visitor.answered(&head, user, since, told);
            Ok::<_, Infallible>(answer.map(|content| OnLane::new(content, lane, pulse)))
        }
    });
    let mut http = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .max_buf_size(MAX_HEAD)
            // Bodies are not to be copied: what stands for an order's bytes is none of them.
            .writev(true)
            .serve_connection(TokioIo::new(socket), service)
    );
    let mut closing = pin!(closing.wait_for(|closing| *closing));
    let mut dismissed = pin!(seat.dismissed());
    let mut asked = false;
    // A failed connection is the client's affair; damage of the medium was noted where it was met.
    let ended = poll_fn(|cx| {
        if !asked && closing.as_mut().poll(cx).is_ready() {
            asked = true;
            http.as_mut().graceful_shutdown();
        }
        if dismissed.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        http.as_mut().poll(cx)
    })
    .await;
    // hyper has answered it.
    if let Err(error) = ended
        && error.is_parse()
    {
        talker.unreadable(if error.is_parse_too_large() { TOO_LARGE } else { NO_REQUEST });
    }
}
