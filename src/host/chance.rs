//! Randomness from the operating system.

use crate::model::name::Id;
use crate::world::machine::Chance;

/// The system's random source.
pub struct HostChance;

impl Chance for HostChance {
    fn id(&self) -> Id {
        let mut bytes = [0u8; 5];
        // An id only has to be unique, but without randomness nothing here should go on.
        getrandom::fill(&mut bytes).expect("the system has a random source");
        Id::from_random(bytes)
    }
}
