//! What the SDKs of a session tell of their calls: datagrams on a port of loopback.
//!
//! Whoever knows the session's client id can send them, so they are hearsay. Keeps the promises that a flood
//! holds nobody up, and that of a token, which stands in some in clear, nothing stays here.

use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};

use rustix::net::sockopt::set_socket_recv_buffer_size;
use zeroize::Zeroize;

use super::chance::HostChance;
use super::source::Source;
use crate::model::api_call::{Heard, LONGEST, NotTold, Told};
use crate::model::environment;
use crate::world::keeping::{Happening, Keeper, Then};
use crate::world::machine::Chance;

/// How many datagrams are read in one turn at the most.
const MOST: usize = 1024;

/// How many bytes may wait to be read: fewer than [`MOST`] of the shortest datagrams, as the system counts them,
/// so that the last turn of a session leaves none.
const ROOM: usize = 256 * 1024;

/// The port that a session's SDKs tell of their calls on.
pub struct Datagrams {
    socket: UdpSocket,
    client_id: String,
    dropped: u64,
}

impl Datagrams {
    /// Opens a port that only this machine can send to.
    ///
    /// # Errors
    /// When there is none.
    pub fn open() -> io::Result<Datagrams> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_nonblocking(true)?;
        // As far as the system allows; where it does not, more is dropped, and counted.
        let _ = set_socket_recv_buffer_size(&socket, ROOM);
        // Other users of the machine can send to the port, and do not know this.
        let client_id = format!("{}{}", HostChance.id(), HostChance.id());
        Ok(Datagrams { socket, client_id, dropped: 0 })
    }

    /// The variables that make an SDK send.
    ///
    /// # Errors
    /// When the system does not say which port it is.
    pub fn variables(&self) -> io::Result<[(&'static str, String); 4]> {
        let port = self.socket.local_addr()?.port();
        Ok(environment::monitored(&port.to_string(), &self.client_id))
    }

    fn hear(&mut self) -> Heard {
        let mut heard = Heard::default();
        // One byte more than there can be, so that what is too long is seen to be.
        let mut bytes = [0; LONGEST + 1];
        let mut count = 0;
        while count < MOST
            && let Some((length, from)) = self.receive(&mut bytes)
        {
            count += 1;
            match Told::parse(&bytes[..length], &self.client_id) {
                Ok(told) => heard.told.push((from, told)),
                Err(NotTold::Malformed) => heard.malformed += 1,
                Err(NotTold::Foreign) => heard.foreign += 1,
            }
            bytes[..length].zeroize();
        }
        if count > 0 {
            let dropped = dropped(&self.socket).unwrap_or(self.dropped);
            heard.dropped = dropped.saturating_sub(self.dropped);
            self.dropped = dropped;
        }
        heard
    }

    /// The length of the next datagram, and the port that it came from.
    fn receive(&self, bytes: &mut [u8]) -> Option<(usize, u16)> {
        loop {
            match self.socket.recv_from(bytes) {
                Ok((length, from)) => return Some((length, from.port())),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
        }
    }
}

impl Source for Datagrams {
    fn waits_for(&self) -> Vec<BorrowedFd<'_>> {
        vec![self.socket.as_fd()]
    }

    fn listen(&mut self, keeper: &mut dyn Keeper) -> Then {
        let heard = self.hear();
        if heard.told.is_empty() && heard.malformed + heard.foreign + heard.dropped == 0 {
            return Then::GoOn;
        }
        keeper.happened(Happening::ApiCalls(heard))
    }
}

/// How many datagrams the system had no room for, by its table of sockets (proc_net(5)).
#[cfg(any(target_os = "linux", target_os = "android"))]
fn dropped(socket: &UdpSocket) -> Option<u64> {
    let inode = rustix::fs::fstat(socket).ok()?.st_ino.to_string();
    let table = std::fs::read_to_string("/proc/self/net/udp").ok()?;
    let row = table
        .lines()
        .map(|row| row.split_whitespace().collect::<Vec<_>>())
        .find(|row| row.get(9) == Some(&inode.as_str()))?;
    row.last()?.parse().ok()
}

/// Elsewhere the system does not say.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn dropped(_: &UdpSocket) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sender(datagrams: &Datagrams) -> UdpSocket {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        socket.connect(datagrams.socket.local_addr().expect("it has one")).expect("an address");
        socket
    }

    fn call(client_id: &str, user_agent: &str) -> String {
        format!(
            r#"{{"Version":1,"ClientId":"{client_id}","Type":"ApiCall","Service":"S3","Api":"GetObject","Timestamp":1,"UserAgent":"{user_agent}"}}"#
        )
    }

    #[test]
    fn what_sdks_tell_is_heard_and_the_rest_is_counted() {
        let mut datagrams = Datagrams::open().expect("a port");
        let (one, two, id) = (sender(&datagrams), sender(&datagrams), datagrams.client_id.clone());
        let good = call(&id, "x");
        let long = call(&id, &"x".repeat(LONGEST));
        let longest = call(&id, &"x".repeat(LONGEST - good.len() + 1));
        assert_eq!(longest.len(), LONGEST);
        for text in [&good, &longest, &long, "", "no JSON", &call("other", "x")] {
            one.send(text.as_bytes()).expect("sent");
        }
        two.send(good.as_bytes()).expect("sent");
        let heard = datagrams.hear();
        assert_eq!((heard.malformed, heard.foreign, heard.dropped), (3, 1, 0));
        let ports: Vec<u16> = heard.told.iter().map(|(port, _)| *port).collect();
        let [one, two] = [one, two].map(|socket| socket.local_addr().expect("it has one").port());
        assert_eq!(ports, [one, one, two]);
        assert!(datagrams.hear().told.is_empty());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_flood_is_taken_in_pieces_and_what_is_dropped_of_it_is_counted() {
        const SENT: u64 = 4000;
        let mut datagrams = Datagrams::open().expect("a port");
        let (socket, text) = (sender(&datagrams), call(&datagrams.client_id, "x"));
        for _ in 0..SENT {
            socket.send(text.as_bytes()).expect("sent");
        }
        let turns = std::iter::repeat_with(|| datagrams.hear()).take_while(|heard| !heard.told.is_empty());
        let turns: Vec<(usize, u64)> = turns.map(|heard| (heard.told.len(), heard.dropped)).collect();
        assert!(turns.iter().all(|(told, _)| *told <= MOST), "{turns:?}");
        let dropped: u64 = turns.iter().map(|(_, dropped)| dropped).sum();
        let told: usize = turns.iter().map(|(told, _)| told).sum();
        assert!(dropped > 0, "{turns:?}");
        assert_eq!(told as u64 + dropped, SENT);
    }

    #[test]
    fn every_session_has_a_client_of_its_own() {
        let [one, two] = [(); 2].map(|()| Datagrams::open().expect("a port").variables().expect("variables"));
        assert_ne!(one[2], two[2], "ports");
        assert_ne!(one[3], two[3], "clients");
        assert_eq!(one[1], ("AWS_CSM_HOST", "127.0.0.1".to_owned()));
    }
}
