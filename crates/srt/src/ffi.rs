//! The functions of libsrt that are used, and nothing unsafe outside of this file.
//!
//! Sockets are plain numbers to libsrt and never pointers: a number that is no longer good gives an error,
//! not a fault. So most of what is below is safe for any number; the rest says why it is.
//!
//! Reference: libsrt 1.5, `docs/API/API-functions.md` and `srt.h`.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::mem::MaybeUninit;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::IntoRawFd as _;

use bytes::{BufMut as _, BytesMut};
use socket2::SockAddr;

/// `SRTSOCKET`.
pub(crate) type Raw = i32;

/// `SRT_SOCKOPT`, those that are used.
#[derive(Clone, Copy, Debug)]
#[repr(i32)]
pub(crate) enum Flag {
    SendSynchronous = 1,
    ReceiveSynchronous = 2,
    Passphrase = 26,
    KeyLength = 27,
    ConnectTimeout = 36,
    ReceiveKeyState = 41,
    ReceiveLatency = 43,
    PeerLatency = 44,
    VersionMin = 45,
    StreamId = 46,
    PayloadSize = 49,
    PeerIdleTimeout = 55,
}

/// `SRT_KM_S_SECURED`: encrypted, and the key is known.
pub(crate) const KEY_SECURED: i32 = 2;

/// `SRT_SOCKSTATUS`, those that are told apart.
pub(crate) const STATE_CONNECTED: i32 = 5;

/// `SRT_ERRNO`, those that are told apart.
pub(crate) const CONNECTION_REFUSED: i32 = 1_002;
pub(crate) const CONNECTION_LOST: i32 = 2_001;
pub(crate) const NO_CONNECTION: i32 = 2_002;
pub(crate) const NO_SUCH_SOCKET: i32 = 5_004;
pub(crate) const LISTENED_TO: i32 = 5_011;
pub(crate) const BINDING_CONFLICT: i32 = 5_015;
pub(crate) const AGAIN_SEND: i32 = 6_001;
pub(crate) const AGAIN_RECEIVE: i32 = 6_002;

/// `SRT_EPOLL_OPT`.
pub(crate) const IN: i32 = 0x1;
pub(crate) const OUT: i32 = 0x4;
pub(crate) const ERR: i32 = 0x8;
const EDGE: i32 = i32::MIN;

/// What went wrong in a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Code {
    /// `SRT_ERRNO`.
    pub(crate) srt: i32,
    /// The system's own number, 0 where it has no part in it.
    pub(crate) system: i32,
}

/// `SRT_EPOLL_EVENT`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(crate) struct Event {
    pub(crate) socket: Raw,
    pub(crate) events: c_int,
}

/// `SRT_TRACEBSTATS`: the names are libsrt's own.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
#[allow(non_snake_case, dead_code, reason = "the layout and the names of the C structure")]
pub(crate) struct TraceStatistics {
    pub(crate) msTimeStamp: i64,
    pub(crate) pktSentTotal: i64,
    pub(crate) pktRecvTotal: i64,
    pub(crate) pktSndLossTotal: c_int,
    pub(crate) pktRcvLossTotal: c_int,
    pub(crate) pktRetransTotal: c_int,
    pktAckNakTotal: [c_int; 4],
    usSndDurationTotal: i64,
    pub(crate) pktSndDropTotal: c_int,
    pub(crate) pktRcvDropTotal: c_int,
    pub(crate) pktRcvUndecryptTotal: c_int,
    pub(crate) byteSentTotal: u64,
    pub(crate) byteRecvTotal: u64,
    byteTotals: [u64; 5],
    pktSent: i64,
    pktRecv: i64,
    pktSndLoss: c_int,
    pktRcvLoss: c_int,
    pktRetrans: c_int,
    pub(crate) pktRcvRetrans: c_int,
    pktAckNak: [c_int; 4],
    pub(crate) mbpsSendRate: f64,
    pub(crate) mbpsRecvRate: f64,
    usSndDuration: i64,
    pktReorderDistance: c_int,
    pktRcvAvgBelatedTime: f64,
    pktRcvBelated: i64,
    pktDropsAndUndecrypt: [c_int; 3],
    bytes: [u64; 7],
    usPktSndPeriod: f64,
    /// `pktFlowWindow`, `pktCongestionWindow`, `pktFlightSize`.
    pub(crate) pktFlight: [c_int; 3],
    pub(crate) msRTT: f64,
    pub(crate) mbpsBandwidth: f64,
    byteAvailable: [c_int; 2],
    mbpsMaxBW: f64,
    byteMSS: c_int,
    pktSndBuf: c_int,
    pub(crate) byteSndBuf: c_int,
    pub(crate) msSndBuf: c_int,
    pub(crate) msSndTsbPdDelay: c_int,
    pktRcvBuf: c_int,
    pub(crate) byteRcvBuf: c_int,
    pub(crate) msRcvBuf: c_int,
    pub(crate) msRcvTsbPdDelay: c_int,
    pktFilter: [c_int; 8],
    pktReorderTolerance: c_int,
    uniqueTotal: [i64; 4],
    unique: [i64; 4],
}

// What gcc makes of the structure on every 64-bit system.
const _: () = assert!(
    size_of::<TraceStatistics>() == 496
        && std::mem::offset_of!(TraceStatistics, byteRecvTotal) == 88
        && std::mem::offset_of!(TraceStatistics, pktRcvRetrans) == 164
        && std::mem::offset_of!(TraceStatistics, msRTT) == 328
        && std::mem::offset_of!(TraceStatistics, msRcvBuf) == 388
);

type ListenHook = extern "C" fn(*mut c_void, Raw, c_int, *const libc::sockaddr, *const c_char) -> c_int;
type LogHandler = extern "C" fn(*mut c_void, c_int, *const c_char, c_int, *const c_char, *const c_char);

unsafe extern "C" {
    safe fn srt_startup() -> c_int;
    safe fn srt_cleanup() -> c_int;
    safe fn srt_create_socket() -> Raw;
    fn srt_bind_acquire(socket: Raw, port: c_int) -> c_int;
    safe fn srt_listen(socket: Raw, backlog: c_int) -> c_int;
    fn srt_listen_callback(socket: Raw, hook: ListenHook, opaque: *mut c_void) -> c_int;
    fn srt_accept(socket: Raw, name: *mut libc::sockaddr, len: *mut c_int) -> Raw;
    fn srt_connect(socket: Raw, name: *const libc::sockaddr, len: c_int) -> c_int;
    safe fn srt_close(socket: Raw) -> c_int;
    fn srt_getsockname(socket: Raw, name: *mut libc::sockaddr, len: *mut c_int) -> c_int;
    fn srt_getsockflag(socket: Raw, flag: c_int, value: *mut c_void, len: *mut c_int) -> c_int;
    fn srt_setsockflag(socket: Raw, flag: c_int, value: *const c_void, len: c_int) -> c_int;
    fn srt_send(socket: Raw, data: *const c_char, len: c_int) -> c_int;
    fn srt_recv(socket: Raw, data: *mut c_char, len: c_int) -> c_int;
    fn srt_getlasterror(system: *mut c_int) -> c_int;
    safe fn srt_strerror(code: c_int, system: c_int) -> *const c_char;
    fn srt_bistats(socket: Raw, into: *mut TraceStatistics, clear: c_int, instantaneous: c_int) -> c_int;
    safe fn srt_getsockstate(socket: Raw) -> c_int;
    fn srt_getsndbuffer(socket: Raw, blocks: *mut usize, bytes: *mut usize) -> c_int;
    safe fn srt_getrejectreason(socket: Raw) -> c_int;
    safe fn srt_setrejectreason(socket: Raw, reason: c_int) -> c_int;
    safe fn srt_rejectreason_str(reason: c_int) -> *const c_char;
    safe fn srt_epoll_create() -> c_int;
    fn srt_epoll_add_usock(epoll: c_int, socket: Raw, events: *const c_int) -> c_int;
    safe fn srt_epoll_remove_usock(epoll: c_int, socket: Raw) -> c_int;
    fn srt_epoll_uwait(epoll: c_int, into: *mut Event, len: c_int, timeout_ms: i64) -> c_int;
    safe fn srt_epoll_set(epoll: c_int, flags: i32) -> i32;
    safe fn srt_epoll_release(epoll: c_int) -> c_int;
    safe fn srt_setloglevel(level: c_int);
    fn srt_setloghandler(opaque: *mut c_void, handler: LogHandler);
    safe fn srt_setlogflags(flags: c_int);
}

/// Starts the library, or counts one user more, and hands its log to `tracing`.
pub(crate) fn startup() -> Result<(), Code> {
    check(srt_startup())?;
    srt_setloglevel(libc::LOG_ERR);
    srt_setlogflags(LOG_WITHOUT_TIME_THREAD_LEVEL_NEWLINE);
    // SAFETY: the handler is a function that lives as long as the program, and it ignores its pointer.
    unsafe { srt_setloghandler(std::ptr::null_mut(), log) };
    Ok(())
}

/// Counts one user less; the last one closes all sockets and ends libsrt's threads.
pub(crate) fn cleanup() {
    // It answers 0 always.
    let _ = srt_cleanup();
}

pub(crate) fn create_socket() -> Result<Raw, Code> {
    check(srt_create_socket())
}

/// Gives `socket` a bound UDP socket to work on, which it closes.
pub(crate) fn bind(socket: Raw, port: UdpSocket) -> Result<(), Code> {
    // SAFETY: the descriptor is an open UDP socket, and nobody but libsrt closes it from here on.
    check(unsafe { srt_bind_acquire(socket, port.into_raw_fd()) }).map(drop)
}

pub(crate) fn listen(socket: Raw, backlog: i32) -> Result<(), Code> {
    check(srt_listen(socket, backlog)).map(drop)
}

/// Has `super::listener::on_request` asked about each caller of `socket`, with `token` to know it by.
pub(crate) fn ask_before_accepting(socket: Raw, token: usize) -> Result<(), Code> {
    let token = std::ptr::without_provenance_mut(token);
    // SAFETY: the hook is a function that lives as long as the program; what stands in the pointer is a
    // number that is never followed.
    check(unsafe { srt_listen_callback(socket, on_request, token) }).map(drop)
}

pub(crate) fn accept(socket: Raw) -> Result<(Raw, Option<SocketAddr>), Code> {
    let (accepted, address) = with_address(|name, len| {
        // SAFETY: `name` has room for `*len` bytes, which are those of the largest address there is.
        check(unsafe { srt_accept(socket, name, len) })
    })?;
    Ok((accepted, address))
}

pub(crate) fn connect(socket: Raw, address: SocketAddr) -> Result<(), Code> {
    let name = SockAddr::from(address);
    // SAFETY: pointer and length are those of one address, which outlives the call.
    check(unsafe { srt_connect(socket, name.as_ptr().cast(), name.len() as c_int) }).map(drop)
}

pub(crate) fn close(socket: Raw) {
    // It fails only for a socket that is closed.
    let _ = srt_close(socket);
}

pub(crate) fn local_address(socket: Raw) -> Result<Option<SocketAddr>, Code> {
    let (_, address) = with_address(|name, len| {
        // SAFETY: `name` has room for `*len` bytes, which are those of the largest address there is.
        check(unsafe { srt_getsockname(socket, name, len) })
    })?;
    Ok(address)
}

pub(crate) fn set_number(socket: Raw, flag: Flag, value: i32) -> Result<(), Code> {
    set(socket, flag, &value.to_ne_bytes())
}

/// Sets a `bool` option, which libsrt takes as one byte.
pub(crate) fn set_switch(socket: Raw, flag: Flag, on: bool) -> Result<(), Code> {
    set(socket, flag, &[u8::from(on)])
}

pub(crate) fn set_text(socket: Raw, flag: Flag, value: &str) -> Result<(), Code> {
    set(socket, flag, value.as_bytes())
}

fn set(socket: Raw, flag: Flag, value: &[u8]) -> Result<(), Code> {
    // SAFETY: pointer and length are those of `value`. libsrt copies the bytes and checks the length
    // against the option's own; it reads numbers unaligned.
    let set = unsafe { srt_setsockflag(socket, flag as c_int, value.as_ptr().cast(), value.len() as c_int) };
    check(set).map(drop)
}

pub(crate) fn number(socket: Raw, flag: Flag) -> Result<i32, Code> {
    let mut value = 0_i32;
    let mut len = size_of::<i32>() as c_int;
    // SAFETY: `value` has the `len` bytes that a numeric option needs.
    check(unsafe { srt_getsockflag(socket, flag as c_int, (&raw mut value).cast(), &raw mut len) })?;
    Ok(value)
}

pub(crate) fn stream_id(socket: Raw) -> Result<String, Code> {
    let mut value = [0_u8; STREAM_ID_BYTES_MAX + 1];
    let mut len = value.len() as c_int;
    // SAFETY: `value` has `len` bytes, more than a stream id with its final zero can have.
    check(unsafe {
        srt_getsockflag(socket, Flag::StreamId as c_int, value.as_mut_ptr().cast(), &raw mut len)
    })?;
    let text = value.get(..usize::try_from(len).unwrap_or(0)).unwrap_or_default();
    Ok(String::from_utf8_lossy(text).into_owned())
}

/// Sends one message.
pub(crate) fn send(socket: Raw, message: &[u8]) -> Result<(), Code> {
    // SAFETY: pointer and length are those of `message`, which libsrt copies.
    check(unsafe { srt_send(socket, message.as_ptr().cast(), message.len() as c_int) }).map(drop)
}

/// Appends one message to `buffer`, which must have room for the largest; 0 bytes mean that none follows.
pub(crate) fn receive(socket: Raw, buffer: &mut BytesMut) -> Result<usize, Code> {
    let room = buffer.spare_capacity_mut();
    // SAFETY: pointer and length are those of the buffer's own unused room.
    let received =
        check(unsafe { srt_recv(socket, room.as_mut_ptr().cast(), room.len().min(ROOM_MAX) as c_int) })?;
    let received = received as usize;
    // SAFETY: libsrt has written the first `received` bytes of the room, and no more than there are.
    unsafe { buffer.advance_mut(received) };
    Ok(received)
}

pub(crate) fn statistics(socket: Raw) -> Result<TraceStatistics, Code> {
    let mut statistics = MaybeUninit::<TraceStatistics>::zeroed();
    // SAFETY: it has the layout of the C structure; the library is of a version that build.rs has checked.
    check(unsafe { srt_bistats(socket, statistics.as_mut_ptr(), 0, 1) })?;
    // SAFETY: every field is a number, for which zeroed bytes are a value as good as those written.
    Ok(unsafe { statistics.assume_init() })
}

pub(crate) fn state(socket: Raw) -> i32 {
    srt_getsockstate(socket)
}

/// Blocks that wait to be acknowledged.
pub(crate) fn unacknowledged(socket: Raw) -> Result<usize, Code> {
    let (mut blocks, mut bytes) = (0_usize, 0_usize);
    // SAFETY: both pointers are to variables that outlive the call.
    check(unsafe { srt_getsndbuffer(socket, &raw mut blocks, &raw mut bytes) })?;
    Ok(blocks)
}

pub(crate) fn reject_reason(socket: Raw) -> i32 {
    srt_getrejectreason(socket)
}

pub(crate) fn set_reject_reason(socket: Raw, reason: i32) {
    // It fails for a number below 1000, which `Reason` does not let through, and then the caller is
    // refused for no reason at all, which is still refused.
    let _ = srt_setrejectreason(socket, reason);
}

pub(crate) fn reject_words(reason: i32) -> String {
    text(srt_rejectreason_str(reason))
}

/// What libsrt says of an error.
pub(crate) fn error_words(code: Code) -> String {
    text(srt_strerror(code.srt, code.system))
}

pub(crate) fn epoll_create() -> Result<i32, Code> {
    let epoll = check(srt_epoll_create())?;
    // Waiting without a socket is no error.
    let _ = srt_epoll_set(epoll, EPOLL_ENABLE_EMPTY);
    Ok(epoll)
}

/// Watches a socket for every change from nothing to read, write or say, to something.
pub(crate) fn epoll_add(epoll: i32, socket: Raw) -> Result<(), Code> {
    let events: c_int = IN | OUT | ERR | EDGE;
    // SAFETY: the pointer is to a variable that outlives the call.
    check(unsafe { srt_epoll_add_usock(epoll, socket, &raw const events) }).map(drop)
}

pub(crate) fn epoll_remove(epoll: i32, socket: Raw) {
    // A socket that libsrt has closed is no longer watched, which is what is wanted.
    let _ = srt_epoll_remove_usock(epoll, socket);
}

/// Waits for changes, and answers how many of `into` it has filled; none after `timeout_ms`.
pub(crate) fn epoll_wait(epoll: i32, into: &mut [Event], timeout_ms: i64) -> Result<usize, Code> {
    // SAFETY: pointer and length are those of `into`.
    let ready = check(unsafe { srt_epoll_uwait(epoll, into.as_mut_ptr(), into.len() as c_int, timeout_ms) })?;
    // It counts one more when not all had room.
    Ok((ready as usize).min(into.len()))
}

pub(crate) fn epoll_release(epoll: i32) {
    // It fails only for one that is released.
    let _ = srt_epoll_release(epoll);
}

fn check(answer: c_int) -> Result<c_int, Code> {
    if answer >= 0 {
        return Ok(answer);
    }
    let mut system = 0;
    // SAFETY: the pointer is to a variable that outlives the call; the error is kept by thread.
    let srt = unsafe { srt_getlasterror(&raw mut system) };
    Err(Code { srt, system })
}

fn with_address<T>(
    call: impl FnOnce(*mut libc::sockaddr, *mut c_int) -> Result<T, Code>,
) -> Result<(T, Option<SocketAddr>), Code> {
    let mut answer = Err(Code { srt: -1, system: 0 });
    // SAFETY: the storage begins as zeroes, and `call` fills it with an address of the length it tells.
    let name = unsafe {
        SockAddr::try_init(|storage, storage_len| {
            let mut len = *storage_len as c_int;
            answer = call(storage.cast(), &raw mut len);
            *storage_len = len as libc::socklen_t;
            Ok(())
        })
    };
    let address = name.ok().and_then(|((), name)| name.as_socket());
    Ok((answer?, address))
}

fn text(words: *const c_char) -> String {
    if words.is_null() {
        return String::new();
    }
    // SAFETY: libsrt gives out texts that end with a zero and live until the thread's next error.
    unsafe { CStr::from_ptr(words) }.to_string_lossy().into_owned()
}

/// libsrt asks about a caller, on the thread that receives for the whole port.
extern "C" fn on_request(
    token: *mut c_void,
    socket: Raw,
    handshake: c_int,
    peer: *const libc::sockaddr,
    stream_id: *const c_char,
) -> c_int {
    // SAFETY: libsrt hands in the address that the packet came from, as long as its family says.
    let peer = unsafe { address_of(peer) };
    let stream_id = text(stream_id);
    // A panic may not pass through C.
    let answer = std::panic::catch_unwind(|| {
        crate::listener::on_request(token.addr(), socket, peer?, handshake, &stream_id)
    });
    if let Ok(Some(())) = answer { 0 } else { -1 }
}

/// # Safety
/// `name` is null or points to as many bytes as an address of its family has.
unsafe fn address_of(name: *const libc::sockaddr) -> Option<SocketAddr> {
    if name.is_null() {
        return None;
    }
    // SAFETY: the family stands first in every address; libsrt's may be aligned less than ours.
    let family = i32::from(unsafe { (&raw const (*name).sa_family).read_unaligned() });
    let len = match family {
        libc::AF_INET => size_of::<libc::sockaddr_in>(),
        libc::AF_INET6 => size_of::<libc::sockaddr_in6>(),
        _ => return None,
    };
    // SAFETY: as many bytes are copied as the family has, and the storage has room for the longest.
    let copied = unsafe {
        SockAddr::try_init(|storage, storage_len| {
            std::ptr::copy_nonoverlapping(name.cast::<u8>(), storage.cast::<u8>(), len);
            *storage_len = len as libc::socklen_t;
            Ok(())
        })
    };
    copied.ok().and_then(|((), name)| name.as_socket())
}

extern "C" fn log(
    _: *mut c_void,
    level: c_int,
    _file: *const c_char,
    _line: c_int,
    area: *const c_char,
    message: *const c_char,
) {
    // Peers can make libsrt complain as often as they like, so its words are for whoever looks closely.
    if tracing::enabled!(target: "libsrt", tracing::Level::DEBUG) {
        tracing::debug!(target: "libsrt", level, area = text(area), "{}", text(message).trim_end());
    }
}

/// Bytes of a stream id at most (`CSrtConfig::MAX_SID_LENGTH`).
pub(crate) const STREAM_ID_BYTES_MAX: usize = 512;
/// More room than this is told as this much: libsrt counts in `int`.
const ROOM_MAX: usize = 1 << 20;
/// `SRT_EPOLL_ENABLE_EMPTY`.
const EPOLL_ENABLE_EMPTY: i32 = 1;
/// `SRT_LOGF_DISABLE_*`, all four.
const LOG_WITHOUT_TIME_THREAD_LEVEL_NEWLINE: c_int = 15;
