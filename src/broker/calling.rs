//! Who is told of what happens, by the catalogue's word.

use super::place_of;
use crate::model::catalogue::Catalogue;
use crate::model::identity::Identity;
use crate::model::name::Region;
use crate::world::aws::Place;
use crate::world::hooks::Calling;

/// How AWS is reached for hooks; the region is the topic's.
pub fn place(catalogue: &Catalogue) -> Place {
    place_of(catalogue, Region::any())
}

/// Who is told by a person's glass.
pub fn calling<'a>(catalogue: &'a Catalogue, identity: &'a Identity, place: &'a Place) -> Calling<'a> {
    Calling { hooks: catalogue.hooks(), person: &identity.person, source: identity.source.as_ref(), place }
}
