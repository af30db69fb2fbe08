//! Linux: what the kernel tells on the netlink groups of links, addresses and routes. Any program may listen.

use std::io;

use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};
use tokio::io::unix::AsyncFd;

use super::Reporting;

/// Reports of something that came.
pub(super) struct Reports {
    socket: AsyncFd<Socket>,
    datagram: Vec<u8>,
}

impl Reports {
    pub(super) fn open() -> io::Result<Reports> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.set_non_blocking(true)?;
        socket.bind(&SocketAddr::new(0, GROUPS))?;
        // SAFETY: the socket owns its descriptor, gives out the same one each time and closes it when it is dropped, which
        // only happens with the `AsyncFd` that owns the socket.
        let socket = unsafe { AsyncFd::register(socket) }?;
        Ok(Reports { socket, datagram: Vec::with_capacity(DATAGRAM_BYTES_MAX) })
    }
}

impl Reporting for Reports {
    async fn next(&mut self) -> io::Result<()> {
        loop {
            let mut ready = self.socket.readable().await?;
            let datagram = &mut self.datagram;
            datagram.clear();
            match ready.try_io(|socket| socket.get_ref().recv(datagram, 0)) {
                Ok(Ok(_)) if has_come(datagram) => return Ok(()),
                Ok(Ok(_)) | Err(_) => {}
                // More was told than the socket keeps: something has come among it.
                Ok(Err(error)) if error.raw_os_error() == Some(libc::ENOBUFS) => return Ok(()),
                Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(Err(error)) => return Err(error),
            }
        }
    }
}

/// Whether one of a datagram's messages tells of a link that is up, an address or a route. What goes is no reason to try.
fn has_come(mut datagram: &[u8]) -> bool {
    while let Some((length, kind)) = header(datagram) {
        let message = datagram.get(..length).unwrap_or(datagram);
        let come = match kind {
            libc::RTM_NEWLINK => flags(message).is_some_and(|flags| flags & libc::IFF_RUNNING as u32 != 0),
            libc::RTM_NEWADDR | libc::RTM_NEWROUTE => true,
            _ => false,
        };
        if come {
            return true;
        }
        // Messages begin at multiples of four.
        datagram = datagram.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    false
}

/// Length and kind of the first message (`nlmsghdr`); `None` where none is left.
fn header(messages: &[u8]) -> Option<(usize, u16)> {
    let length = u32::from_ne_bytes(messages.get(..4)?.try_into().ok()?) as usize;
    let kind = u16::from_ne_bytes(messages.get(4..6)?.try_into().ok()?);
    (length >= HEADER_BYTES).then_some((length, kind))
}

/// `ifi_flags` of `ifinfomsg`, which follows the header.
fn flags(message: &[u8]) -> Option<u32> {
    message.get(HEADER_BYTES + 8..HEADER_BYTES + 12)?.try_into().ok().map(u32::from_ne_bytes)
}

const GROUPS: u32 = (libc::RTMGRP_LINK
    | libc::RTMGRP_IPV4_IFADDR
    | libc::RTMGRP_IPV4_ROUTE
    | libc::RTMGRP_IPV6_IFADDR
    | libc::RTMGRP_IPV6_ROUTE) as u32;

/// `nlmsghdr`.
const HEADER_BYTES: usize = 16;

/// What the kernel tells of one thing is less; of a longer datagram the rest is not read.
const DATAGRAM_BYTES_MAX: usize = 16 << 10;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(kind: u16, body: &[u8]) -> Vec<u8> {
        let length = (HEADER_BYTES + body.len()) as u32;
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.resize(HEADER_BYTES, 0);
        bytes.extend(body);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn link(flags: libc::c_int) -> Vec<u8> {
        let mut body = [0; 16];
        body[8..12].copy_from_slice(&(flags as u32).to_ne_bytes());
        message(libc::RTM_NEWLINK, &body)
    }

    #[test]
    fn what_comes_counts_and_what_goes_does_not() {
        let up = libc::IFF_UP | libc::IFF_RUNNING;
        for (datagram, come) in [
            (link(up), true),
            // The cable is out.
            (link(libc::IFF_UP), false),
            (message(libc::RTM_DELLINK, &[0xff; 16]), false),
            (message(libc::RTM_NEWADDR, &[0; 8]), true),
            (message(libc::RTM_DELADDR, &[0; 8]), false),
            (message(libc::RTM_NEWROUTE, &[0; 12]), true),
            (message(libc::RTM_DELROUTE, &[0; 12]), false),
            ([message(libc::RTM_DELADDR, &[0; 7]), link(0), link(up)].concat(), true),
            (Vec::new(), false),
        ] {
            assert_eq!(has_come(&datagram), come, "{datagram:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(datagram in proptest::collection::vec(any::<u8>(), 0..200)) {
            has_come(&datagram);
        }
    }
}
