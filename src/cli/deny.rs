//! `glass deny`: a no that is signed, with its reason.

use super::approve::{Consent, Wanted, say};
use super::args;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use crate::model::sign_off::approval::Answer;

/// Runs the command.
pub fn run(args: &args::Deny, context: &Context) -> Result<Exit, Failure> {
    if args.reason.trim().is_empty() {
        return Err(Failure::new(Exit::Usage, "a no needs its reason").hint("say in --reason why"));
    }
    let consent = if args.yes { Consent::Given } else { Consent::AskedIfThere };
    let (request, remark) = (&args.request, &args.reason);
    say(&Wanted { request, answer: Answer::Deny, remark, consent, qr: args.qr }, context)
}
