//! What a person hands over, as a file or a paste: requests and approvals, each once.
//!
//! Keeps the promise that what is damaged, or there twice and not the same, is told and never half used.

use std::fmt;

use super::approval::{Approval, ApprovalError};
use super::block::{self, BlockError, Kind};
use super::growth::{Growth, GrowthError};
use super::sheet::{START, Sheet, SheetError};
use crate::model::name::Id;

/// Requests, approvals and proofs in the order in which they were found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gathered {
    /// The requests, no two of one id.
    pub sheets: Vec<Sheet>,
    /// The approvals, no two the same.
    pub approvals: Vec<Approval>,
    /// What shows that the ledgers of requests only grew, each once.
    pub growths: Vec<Growth>,
}

/// Reads a request or an approval as it is stored, or a text with blocks of them.
///
/// # Errors
/// When there is none, or any of them is damaged, or two requests with one id are not the same.
pub fn gather(bytes: &[u8]) -> Result<Gathered, GatherError> {
    let mut gathered = Gathered::default();
    if bytes.starts_with(START.as_bytes()) {
        gathered.add_sheet(bytes)?;
        return Ok(gathered);
    }
    let text = String::from_utf8_lossy(bytes);
    if text.starts_with("glass-approval-v1") {
        // No approval has a CR, so that one before a LF was put there on the way.
        gathered.add_approval(text.replace("\r\n", "\n").as_bytes())?;
        return Ok(gathered);
    }
    for (kind, content) in block::read(&text).map_err(GatherError::Block)? {
        match kind {
            Kind::Request => gathered.add_sheet(&content)?,
            Kind::Approval => gathered.add_approval(&content)?,
            Kind::Proof => gathered.add_growth(Growth::parse(&content).map_err(GatherError::Growth)?),
        }
    }
    let is_nothing = gathered.sheets.is_empty() && gathered.approvals.is_empty();
    if is_nothing { Err(GatherError::Nothing) } else { Ok(gathered) }
}

impl Gathered {
    /// Adds what was found elsewhere.
    ///
    /// # Errors
    /// When both have a request of one id, and these are not the same.
    pub fn join(&mut self, other: Gathered) -> Result<(), GatherError> {
        for sheet in other.sheets {
            self.add_sheet(sheet.line().as_bytes())?;
        }
        self.approvals.extend(other.approvals);
        other.growths.into_iter().for_each(|growth| self.add_growth(growth));
        Ok(())
    }

    fn add_sheet(&mut self, bytes: &[u8]) -> Result<(), GatherError> {
        let sheet = Sheet::parse(bytes).map_err(GatherError::Sheet)?;
        match self.sheets.iter().find(|other| other.asked().id == sheet.asked().id) {
            None => self.sheets.push(sheet),
            Some(same) if *same == sheet => {}
            Some(_) => return Err(GatherError::Twins(sheet.asked().id.clone())),
        }
        Ok(())
    }

    fn add_growth(&mut self, growth: Growth) {
        if !self.growths.contains(&growth) {
            self.growths.push(growth);
        }
    }

    fn add_approval(&mut self, bytes: &[u8]) -> Result<(), GatherError> {
        let approval = Approval::parse(bytes).map_err(GatherError::Approval)?;
        if !self.approvals.contains(&approval) {
            self.approvals.push(approval);
        }
        Ok(())
    }
}

/// Why what was handed over cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GatherError {
    /// A block is not whole.
    Block(BlockError),
    /// A request is damaged.
    Sheet(SheetError),
    /// An approval is damaged.
    Approval(ApprovalError),
    /// A proof is damaged.
    Growth(GrowthError),
    /// There are two requests of this id, and they are not the same.
    Twins(Id),
    /// There is neither request nor approval.
    Nothing,
}

impl fmt::Display for GatherError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GatherError::Block(error) => error.fmt(f),
            GatherError::Sheet(error) => error.fmt(f),
            GatherError::Approval(error) => error.fmt(f),
            GatherError::Growth(error) => error.fmt(f),
            GatherError::Twins(id) => write!(f, "there are two requests {id}, and they are not the same"),
            GatherError::Nothing => f.write_str("there is no request and no approval of glass in it"),
        }
    }
}

impl std::error::Error for GatherError {}
