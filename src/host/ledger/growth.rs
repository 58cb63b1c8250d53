//! How the ledger grew: the paths between the trees of what it held.

use super::HostLedger;
use super::folder::Folder;
use super::tree::Tree;
use crate::model::sign_off::growth::Step;
use crate::model::sign_off::sheet::Extent;
use crate::world::ledger::LedgerError;

impl HostLedger {
    /// The steps from smaller sizes to a larger one; see [`crate::world::ledger::Ledger::growth`].
    pub(super) fn steps(&self, from: &[u64], to: u64) -> Result<Vec<Step>, LedgerError> {
        let folder = Folder::check(&self.path)?;
        let mut tree = Tree::load(&folder);
        tree.read_on(&folder, None)?;
        let from: Vec<u64> = from.iter().copied().filter(|size| (tree.first()..to).contains(size)).collect();
        let blocks = tree.blocks_at(&folder, &[&from[..], &[to]].concat())?;
        let step = |size: u64| {
            let from = Extent { size, root: blocks.root(size)? };
            Some(Step { from, path: blocks.consistency(size, to)? })
        };
        Ok(from.into_iter().filter_map(step).collect())
    }
}
