//! The made-up places where requests lie, and the key that signs them.

use std::path::Path;

use glass::model::catalogue::SshKey;
use glass::model::sign_off::papers::{self, Paper, Pile};
use glass::model::sign_off::sheet::Sheet;
use glass::world::archive::ArchiveError;
use glass::world::desk::{Desk, Desks, Found, Store as DeskStore, Trouble, Wanted};
use glass::world::signing::{AgentError, Keys, Signer, SigningError};

use super::{Fake, Parts};

impl Keys for Parts {
    fn find<'k>(&'k self, _: Option<&Path>, accepted: &'k [SshKey]) -> Result<Box<dyn Signer + 'k>, SigningError> {
        let mine = self.0.key.public();
        let found = accepted.iter().find(|key| key.blob() == mine.blob());
        let signer = found.map(|key| Box::new(FakeSigner { fake: &self.0, key }) as Box<dyn Signer>);
        self.0
            .call(|| signer.ok_or(SigningError::NoKey(AgentError::Absent)), || SigningError::NoKey(AgentError::Silent))
    }
}

struct FakeSigner<'k> {
    fake: &'k Fake,
    key: &'k SshKey,
}

impl Signer for FakeSigner<'_> {
    fn key(&self) -> &SshKey {
        self.key
    }

    fn sign(&self, namespace: &str, message: &[u8]) -> Result<String, SigningError> {
        let signed = || Ok(self.fake.key.approve(namespace, message));
        self.fake.call(signed, || SigningError::Agent(AgentError::Refused))
    }
}

impl Desks for Parts {
    fn open(&self, _: Option<&DeskStore<'_>>) -> Box<dyn Desk + '_> {
        Box::new(FakeDesk(&self.0))
    }
}

struct FakeDesk<'d>(&'d Fake);

fn left_out() -> Trouble {
    let why = ArchiveError::Unreachable { doing: "open".into(), message: "made to fail".into() };
    Trouble { place: "the store".into(), why }
}

impl Desk for FakeDesk<'_> {
    fn keep(&self, sheet: &Sheet, paper: Paper<'_>) -> Vec<Trouble> {
        let keep = || {
            self.0.papers.lock().unwrap().entry(paper.name(sheet)).or_insert_with(|| paper.content(sheet));
            Ok(Vec::new())
        };
        self.0.call(keep, || vec![left_out()]).unwrap_or_else(|troubles| troubles)
    }

    fn look(&self, wanted: Wanted<'_>) -> Found {
        let mut pile = Pile::default();
        let id = match wanted {
            Wanted::Id(id) => Some(id),
            Wanted::Beside(sheet) => {
                pile.add_sheet(sheet);
                Some(&sheet.asked().id)
            }
            Wanted::Recent(_) | Wanted::All | Wanted::Own => None,
        };
        let read = || {
            for (name, content) in self.0.papers.lock().unwrap().iter() {
                if id.is_none_or(|id| papers::is_of(name, id)) && pile.wants(name) {
                    pile.add(name, Some(content));
                }
            }
            Ok(())
        };
        let troubles = self.0.call(read, || vec![left_out()]).err().unwrap_or_default();
        Found { papers: pile.sorted(), troubles }
    }
}
