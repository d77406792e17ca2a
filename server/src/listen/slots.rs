//! How many connections there may be: in all, and from one address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// Counts open connections; cheap to clone.
#[derive(Clone, Debug)]
pub struct Slots {
    most: u32,
    most_of_one: u32,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Debug, Default)]
struct Taken {
    all: u32,
    of: HashMap<IpAddr, u32>,
}

/// Why a connection is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// There are as many as there may be.
    Full,
    /// There are as many from this address as there may be.
    FullOfOne,
}

/// A place among the connections, given back when it is dropped.
#[derive(Debug)]
pub struct Slot {
    taken: Arc<Mutex<Taken>>,
    of: Option<IpAddr>,
}

impl Slots {
    /// Room for `most` connections, of which `most_of_one` may come from one address.
    #[must_use]
    pub fn new(most: u32, most_of_one: u32) -> Self {
        Self {
            most,
            most_of_one,
            taken: Arc::default(),
        }
    }

    /// Takes a place for a connection from `address`; `None` for one whose address says nothing
    /// of its sender, as a trusted proxy's: it counts among all only.
    ///
    /// # Errors
    /// Where there is no room.
    pub fn take(&self, address: Option<IpAddr>) -> Result<Slot, Refused> {
        let of = address.map(network);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.all >= self.most {
            return Err(Refused::Full);
        }
        if let Some(of) = of {
            let count = taken.of.entry(of).or_default();
            if *count >= self.most_of_one {
                return Err(Refused::FullOfOne);
            }
            *count += 1;
        }
        taken.all += 1;
        Ok(Slot {
            taken: Arc::clone(&self.taken),
            of,
        })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all -= 1;
        if let Some(of) = self.of
            && let Some(count) = taken.of.get_mut(&of)
        {
            *count -= 1;
            if *count == 0 {
                taken.of.remove(&of);
            }
        }
    }
}

/// What counts as one address: of IPv6 the first 64 bits, since a single host has all the rest
/// (RFC 4291, section 2.5.4).
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let bits = address.to_bits() & (u128::MAX << 64);
            IpAddr::V6(Ipv6Addr::from_bits(bits))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn one_address_leaves_room_for_others() {
        let slots = Slots::new(4, 2);
        let held: Vec<Slot> = (0..2)
            .map(|_| slots.take(Some(address("192.0.2.1"))).expect("room"))
            .collect();
        let refused = slots.take(Some(address("192.0.2.1"))).expect_err("no more");
        assert_eq!(refused, Refused::FullOfOne);
        // The same one, as a socket that takes both kinds tells it.
        let refused = slots
            .take(Some(address("::ffff:192.0.2.1")))
            .expect_err("no more");
        assert_eq!(refused, Refused::FullOfOne);
        let other = slots.take(Some(address("192.0.2.2"))).expect("room");
        drop(held);
        slots.take(Some(address("192.0.2.1"))).expect("room again");
        drop(other);
        assert!(slots.taken.lock().expect("whole").of.is_empty());
    }

    #[test]
    fn a_host_with_many_addresses_is_one() {
        let slots = Slots::new(9, 1);
        let _held = slots.take(Some(address("2001:db8::1"))).expect("room");
        let same = slots
            .take(Some(address("2001:db8::ffff:1")))
            .expect_err("the same");
        assert_eq!(same, Refused::FullOfOne);
        slots
            .take(Some(address("2001:db8:0:1::1")))
            .expect("another");
    }

    #[test]
    fn a_proxy_counts_among_all_only() {
        let slots = Slots::new(3, 1);
        let held: Vec<Slot> = (0..3).map(|_| slots.take(None).expect("room")).collect();
        assert_eq!(slots.take(None).expect_err("full"), Refused::Full);
        drop(held);
        slots.take(None).expect("room again");
    }
}
