//! What of a session the kernel is asked to tell.

use super::reader::Section;

/// Which programs of a session the kernel is asked to tell of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TraceDemand {
    /// None.
    #[default]
    None,
    /// Every one that is started, from whatever process.
    Exec,
}

impl TraceDemand {
    /// The word that the catalogue has for it.
    pub fn as_str(self) -> &'static str {
        match self {
            TraceDemand::None => "none",
            TraceDemand::Exec => "exec",
        }
    }
}

/// Reads `trace`.
pub(super) fn read(section: &mut Section<'_>) -> Option<TraceDemand> {
    let words = [TraceDemand::None, TraceDemand::Exec].map(|demand| (demand.as_str(), demand));
    section.optional("trace").map_or(Some(TraceDemand::None), |value| value.one_of(&words))
}
