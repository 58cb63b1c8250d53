//! What lies where requests are left: its names, and what is made of what was found under them.
//!
//! Keeps the promise that a place is never believed: what is there under a name that glass would not have given it
//! is passed over, and two requests of one id are none. Rules: section 2 of `docs/formats.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::approval::Approval;
use super::block;
use super::count::SKEW;
use super::growth::Growth;
use super::sheet::Sheet;
use crate::model::catalogue::LONGEST_WAIT;
use crate::model::name::{Digest, Id};
use crate::model::time::Timestamp;

/// The folder below which everything lies, one folder for each day on which requests expire.
pub const FOLDER: &str = "requests";

/// How many answers to one request are looked at, and how many proofs; more are passed over.
pub const MOST_ANSWERS: usize = 100;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// One thing that lies somewhere, always of a request.
#[derive(Clone, Copy, Debug)]
pub enum Paper<'p> {
    /// The request.
    Request,
    /// An answer to it.
    Approval(&'p Approval),
    /// What shows that the ledger of who asks only grew.
    Proof(&'p Growth),
    /// That a session has used it: a hint, for the ledger alone tells.
    Used(&'p Id),
}

impl Paper<'_> {
    /// Its name in a place.
    pub fn name(self, sheet: &Sheet) -> String {
        let asked = sheet.asked();
        let (kind, mark) = match self {
            Paper::Request => (Kind::Request, short(&sheet.digest())),
            Paper::Approval(approval) => (Kind::Approval, short(&approval.digest())),
            Paper::Proof(growth) => (Kind::Proof, short(&growth.digest())),
            Paper::Used(session) => (Kind::Used, session.to_string()),
        };
        format!("{}/{}.{}.{mark}", folder(asked.expires), asked.id, kind.as_str())
    }

    /// What is put there.
    pub fn content(self, sheet: &Sheet) -> Vec<u8> {
        match self {
            Paper::Request => sheet.line().as_bytes().to_vec(),
            Paper::Approval(approval) => approval.stored().as_bytes().to_vec(),
            Paper::Proof(growth) => growth.stored().as_bytes().to_vec(),
            Paper::Used(_) => format!("{}\n", sheet.digest()).into_bytes(),
        }
    }
}

/// The folder of the requests that expire on the day of a moment.
pub fn folder(expires: Timestamp) -> String {
    let moment = expires.to_string();
    format!("{FOLDER}/{}", moment.split('T').next().unwrap_or_default())
}

/// The folders of all requests that can still be used, and of those that expired within the last day.
pub fn recent_folders(now: Timestamp) -> Vec<String> {
    let last = now.plus(LONGEST_WAIT + SKEW);
    let mut day = Timestamp::from_seconds(now.seconds().saturating_sub(DAY.as_secs().cast_signed()));
    let mut folders = vec![folder(day)];
    while day < last {
        day = day.plus(DAY).min(last);
        folders.push(folder(day));
    }
    folders.dedup();
    folders
}

fn short(digest: &Digest) -> String {
    format!("{:.16}", digest.to_string())
}

/// What kind of paper a name is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Request,
    Approval,
    Proof,
    Used,
}

impl Kind {
    const ALL: [Kind; 4] = [Kind::Request, Kind::Approval, Kind::Proof, Kind::Used];

    fn as_str(self) -> &'static str {
        match self {
            Kind::Request => "request",
            Kind::Approval => "approval",
            Kind::Proof => "proof",
            Kind::Used => "used",
        }
    }
}

/// The last parts of a name.
fn parse(name: &str) -> Option<(Id, Kind, &str)> {
    let file = name.rsplit('/').next()?;
    let mut parts = file.splitn(3, '.');
    let id = Id::parse(parts.next()?).ok()?;
    let word = parts.next()?;
    let kind = Kind::ALL.into_iter().find(|kind| kind.as_str() == word)?;
    Some((id, kind, parts.next()?))
}

/// Whether a name is of this request.
pub fn is_of(name: &str, id: &Id) -> bool {
    parse(name).is_some_and(|(of, ..)| of == *id)
}

/// What is read in places, one paper after the other.
#[derive(Debug, Default)]
pub struct Pile {
    names: BTreeSet<String>,
    sheets: BTreeMap<Id, Vec<Sheet>>,
    approvals: BTreeMap<Id, Vec<Approval>>,
    growths: BTreeMap<Id, Vec<Growth>>,
    used: BTreeMap<Id, BTreeSet<Id>>,
    /// The requests with more answers than are looked at.
    flooded: BTreeSet<Id>,
    passed_over: usize,
}

impl Pile {
    /// Takes a name; says whether what lies there is to be read.
    pub fn wants(&mut self, name: &str) -> bool {
        if self.names.contains(name) {
            return false;
        }
        match parse(name) {
            Some((_, Kind::Request | Kind::Approval | Kind::Proof, _)) => true,
            Some((id, Kind::Used, session)) if let Ok(session) = Id::parse(session) => {
                self.used.entry(id).or_default().insert(session);
                false
            }
            Some((_, Kind::Used, _)) | None => self.pass_over(),
        }
    }

    fn pass_over(&mut self) -> bool {
        self.passed_over += 1;
        false
    }

    /// Takes what lies under a name that was wanted; nothing if it cannot be read.
    pub fn add(&mut self, name: &str, content: Option<&[u8]>) {
        if content.and_then(|content| self.read(name, content)).is_some() {
            self.names.insert(name.to_owned());
        } else {
            self.pass_over();
        }
    }

    fn read(&mut self, name: &str, content: &[u8]) -> Option<()> {
        let (id, kind, mark) = parse(name)?;
        match kind {
            Kind::Request => {
                let sheet = Sheet::parse(content).ok().filter(|sheet| Paper::Request.name(sheet) == name)?;
                self.sheets.entry(id).or_default().push(sheet);
            }
            Kind::Approval => {
                let approval = Approval::parse(content).ok().filter(|approval| short(&approval.digest()) == mark)?;
                let answers = self.approvals.entry(id.clone()).or_default();
                if push(answers, approval).is_none() {
                    self.flooded.insert(id);
                    return None;
                }
            }
            Kind::Proof => {
                let growth = Growth::parse(content).ok().filter(|growth| short(&growth.digest()) == mark)?;
                push(self.growths.entry(id).or_default(), growth)?;
            }
            Kind::Used => return None,
        }
        Some(())
    }

    /// Takes a request from elsewhere, whose answers are looked for.
    pub fn add_sheet(&mut self, sheet: &Sheet) {
        if self.names.insert(Paper::Request.name(sheet)) {
            self.sheets.entry(sheet.asked().id.clone()).or_default().push(sheet.clone());
        }
    }

    /// Whether there is a request of this id.
    pub fn has(&self, id: &Id) -> bool {
        self.sheets.contains_key(id)
    }

    /// Puts together what belongs together.
    pub fn sorted(mut self) -> Papers {
        let mut papers = Papers::default();
        for (id, sheets) in self.sheets {
            let approvals = self.approvals.remove(&id).unwrap_or_default();
            let growths = self.growths.remove(&id).unwrap_or_default();
            let used = self.used.remove(&id).unwrap_or_default();
            let used: Vec<Id> = used.into_iter().collect();
            let is_flooded = self.flooded.contains(&id);
            let bundle = |sheet| Bundle {
                sheet,
                approvals: approvals.clone(),
                is_flooded,
                growths: growths.clone(),
                used: used.clone(),
            };
            match <[Sheet; 1]>::try_from(sheets) {
                Ok([sheet]) => papers.bundles.push(bundle(sheet)),
                Err(sheets) => papers.twins.push(Twins { id, bundles: sheets.into_iter().map(bundle).collect() }),
            }
        }
        let strays = self.approvals.values().map(Vec::len).chain(self.growths.values().map(Vec::len));
        let strays = strays.chain(self.used.values().map(BTreeSet::len));
        papers.passed_over = self.passed_over + strays.sum::<usize>();
        papers
    }
}

/// Adds what is not there yet; nothing if there is too much.
fn push<T: PartialEq>(known: &mut Vec<T>, one: T) -> Option<()> {
    if known.contains(&one) {
        return Some(());
    }
    (known.len() < MOST_ANSWERS).then(|| known.push(one))
}

/// What lies in some places.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Papers {
    /// The requests, in the order of their ids, no two of one id.
    pub bundles: Vec<Bundle>,
    /// The ids of which there are several requests. None of these can be used.
    pub twins: Vec<Twins>,
    /// How much was passed over: foreign, damaged, of no request that is there, or too much.
    pub passed_over: usize,
}

/// A request with what lies beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// The request.
    pub sheet: Sheet,
    /// What claims to be an answer to it, uncounted.
    pub approvals: Vec<Approval>,
    /// Whether there are more, which were not looked at: a no may be among them.
    pub is_flooded: bool,
    /// What claims to show that its ledger only grew.
    pub growths: Vec<Growth>,
    /// The sessions that are said to have used it.
    pub used: Vec<Id>,
}

impl Bundle {
    /// What an approver is given, as blocks: the request, and what shows that its ledger only grew.
    pub fn to_paste(&self) -> String {
        let request = block::write(block::Kind::Request, self.sheet.line().as_bytes());
        let growths = self.growths.iter().map(|growth| block::write(block::Kind::Proof, growth.stored().as_bytes()));
        growths.fold(request, |text, growth| text + &growth)
    }

    /// A request beside which nothing lies yet.
    pub fn of(sheet: Sheet) -> Self {
        Bundle { sheet, approvals: Vec::new(), is_flooded: false, growths: Vec::new(), used: Vec::new() }
    }
}

impl Papers {
    /// Every request, also those of which there are several of one id.
    pub fn every(self) -> impl Iterator<Item = Bundle> {
        self.bundles.into_iter().chain(self.twins.into_iter().flat_map(|twins| twins.bundles))
    }

    /// Leaves of the requests of one id that of this hash alone, if it is among them.
    pub fn single_out(&mut self, request: Digest) {
        let has = |twins: &Twins| twins.bundles.iter().any(|bundle| bundle.sheet.digest() == request);
        if let Some(place) = self.twins.iter().position(has) {
            let bundles = self.twins.remove(place).bundles;
            self.bundles.extend(bundles.into_iter().filter(|bundle| bundle.sheet.digest() == request));
        }
    }
}

/// Requests of one id that are not the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Twins {
    /// The id.
    pub id: Id,
    /// The requests, with what lies beside the id: it is not known of which of them.
    pub bundles: Vec<Bundle>,
}

impl Twins {
    /// The hashes of the requests.
    pub fn hashes(&self) -> Vec<Digest> {
        self.bundles.iter().map(|bundle| bundle.sheet.digest()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::sign_off::sheet::Asked;
    use crate::model::sign_off::tests::people::{after, approval, asked, at, id, load, sheet, text};

    /// The pile of what lies somewhere.
    fn pile(lying: &[(String, Vec<u8>)]) -> Papers {
        let mut pile = Pile::default();
        for (name, content) in lying {
            if pile.wants(name) {
                pile.add(name, Some(content));
            }
        }
        pile.sorted()
    }

    fn lying(sheet: &Sheet, paper: Paper<'_>) -> (String, Vec<u8>) {
        (paper.name(sheet), paper.content(sheet))
    }

    #[test]
    fn what_was_put_is_found_once_wherever_it_lies() {
        let sheet = sheet();
        let (bobs, session) = (approval(&sheet, "bob", 2, 60), id("66666666"));
        let growth = Growth::write(sheet.digest(), &[]);
        let papers = [Paper::Request, Paper::Approval(&bobs), Paper::Proof(&growth), Paper::Used(&session)];
        let twice: Vec<_> = papers.iter().chain(&papers).map(|paper| lying(&sheet, *paper)).collect();
        assert_eq!(twice[0].0, format!("requests/2026-01-31/0123abcd.request.{:.16}", sheet.digest().to_string()));
        let found = pile(&twice);
        assert_eq!(
            found.bundles,
            [Bundle { approvals: vec![bobs], used: vec![session], growths: vec![growth], ..Bundle::of(sheet) }]
        );
        assert_eq!((found.twins.len(), found.passed_over), (0, 0));
    }

    #[test]
    fn what_is_foreign_or_damaged_or_has_another_name_is_passed_over() {
        let sheet = sheet();
        let (name, line) = lying(&sheet, Paper::Request);
        let bobs = approval(&sheet, "bob", 2, 60);
        let (approved, stored) = lying(&sheet, Paper::Approval(&bobs));
        for (name, content) in [
            ("requests/2026-01-31/notes.txt".to_owned(), b"hello".to_vec()),
            ("requests/2026-01-31/0123abcd.proof.1".to_owned(), b"{}".to_vec()),
            (name.replace("0123abcd", "0123abce"), line.clone()),
            (name.replace("01-31", "02-01"), line.clone()),
            (name.replace("requests/2026-01-31/", "requests/"), line.clone()),
            (format!("{name} (conflicted copy)"), line.clone()),
            (name.clone(), line[..line.len() / 2].to_vec()),
            (name.clone(), Vec::new()),
            (approved.clone(), stored[..stored.len() - 2].to_vec()),
            (format!("{approved}0"), stored.clone()),
            // Good, and of no request that is there.
            (approved, stored),
            ("requests/2026-01-31/0123abcd.used.66666666".to_owned(), Vec::new()),
            ("requests/2026-01-31/0123abcd.used.x".to_owned(), Vec::new()),
        ] {
            let found = pile(&[(name.clone(), content)]);
            assert_eq!(found, Papers { passed_over: 1, ..Papers::default() }, "{name}");
        }
    }

    #[test]
    fn two_requests_of_one_id_are_none() {
        let one = sheet();
        let other = Sheet::write(&Asked { duration: 1800, ..asked(&load(&text())) }).expect("a sheet");
        let found = pile(&[lying(&one, Paper::Request), lying(&other, Paper::Request)]);
        assert_eq!(found.bundles, []);
        let both = vec![Bundle::of(one.clone()), Bundle::of(other.clone())];
        assert_eq!(found.twins, [Twins { id: id("0123abcd"), bundles: both }]);
        assert_eq!((found.twins[0].hashes(), found.clone().every().count()), (vec![one.digest(), other.digest()], 2));
        // Who knows which one is meant has it by itself.
        let mut singled = found.clone();
        singled.single_out(Digest::of(b"neither"));
        assert_eq!(singled, found);
        singled.single_out(other.digest());
        assert_eq!((singled.bundles, singled.twins.len()), (vec![Bundle::of(other)], 0));
    }

    #[test]
    fn many_answers_are_not_all_kept() {
        let sheet = sheet();
        let mut all = vec![lying(&sheet, Paper::Request)];
        for second in 0..150 {
            all.push(lying(&sheet, Paper::Approval(&approval(&sheet, "bob", 2, second))));
        }
        let found = pile(&all);
        assert_eq!((found.bundles[0].approvals.len(), found.passed_over), (MOST_ANSWERS, 50));
        assert!(found.bundles[0].is_flooded);
        all.truncate(1 + MOST_ANSWERS);
        assert!(!pile(&all).bundles[0].is_flooded);
    }

    #[test]
    fn the_folders_of_the_last_day_and_of_all_that_stands_are_recent() {
        let days = |text| recent_folders(at(text)).join(" ");
        assert_eq!(days("2026-01-31T02:13:00Z"), "requests/2026-01-30 requests/2026-01-31 requests/2026-02-01");
        let late = "requests/2026-01-30 requests/2026-01-31 requests/2026-02-01 requests/2026-02-02";
        assert_eq!(days("2026-01-31T23:58:00Z"), late);
        assert!(recent_folders(after(0)).contains(&folder(sheet().asked().expires)));
    }
}
