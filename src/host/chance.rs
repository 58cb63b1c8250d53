//! Randomness from the operating system.

use crate::model::name::Id;
use crate::model::sign_off::sheet::Nonce;
use crate::world::machine::Chance;

/// The system's random source.
pub struct HostChance;

impl Chance for HostChance {
    fn id(&self) -> Id {
        Id::from_random(random())
    }

    fn nonce(&self) -> Nonce {
        Nonce::from_random(random())
    }
}

fn random<const BYTES: usize>() -> [u8; BYTES] {
    let mut bytes = [0u8; BYTES];
    // An id only has to be unique, but without randomness nothing here should go on.
    getrandom::fill(&mut bytes).expect("the system has a random source");
    bytes
}
