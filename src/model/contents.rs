//! The larger contents that entries refer to by their hash: the catalogue of an intent and what was signed for it.
//!
//! Keeps the promise that what an elevation rests on is asked for when its ledger is verified: `docs/formats.md`, *Contents*.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::model::chain::entry::Entry;
use crate::model::name::Digest;

/// The hashes that entries name.
#[derive(Debug, Default)]
pub struct Named(BTreeMap<Digest, u64>);

/// What is read of the details of all these events; each has some of it.
#[derive(Deserialize)]
struct Details {
    catalogue: Option<Digest>,
    policy_sha256: Option<Digest>,
    #[serde(default)]
    approvals: Vec<Digest>,
    request_sha256: Option<Digest>,
    approval_sha256: Option<Digest>,
}

impl Named {
    /// Whether entries of an event are for this. A request that was made is kept once it is used or signed.
    pub fn takes(event: &str) -> bool {
        ["elevate.intent", "request.used", "request.signed", "request.denied", "review.closed"].contains(&event)
    }

    /// Takes an entry that was verified.
    pub fn take(&mut self, entry: &Entry<'_>) {
        let Some(details) = Self::takes(entry.ev).then(|| serde_json::from_str(entry.d).ok()).flatten() else { return };
        let Details { catalogue, policy_sha256, approvals, request_sha256, approval_sha256 } = details;
        let single = [catalogue, policy_sha256, request_sha256, approval_sha256];
        for digest in single.into_iter().flatten().chain(approvals) {
            self.0.entry(digest).or_insert(entry.seq);
        }
    }

    /// The first entry that names a hash.
    pub fn first(&self, digest: &Digest) -> Option<u64> {
        self.0.get(digest).copied()
    }

    /// All of them, each with the first entry that names it.
    pub fn iter(&self) -> impl Iterator<Item = (&Digest, u64)> {
        self.0.iter().map(|(digest, seq)| (digest, *seq))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(entries: &[(u64, &str, &str)]) -> Vec<(Digest, u64)> {
        let mut named = Named::default();
        for (seq, ev, d) in entries {
            let prev = "b".repeat(64);
            let line = format!(
                "{{\"v\":1,\"seq\":{seq},\"prev\":\"{prev}\",\"ts\":\"2026-01-31T02:13:00.000042Z\",\"mono\":\"7\",\"boot\":\"b\",\
                 \"host\":\"h\",\"pid\":1,\"uid\":0,\"who\":\"\",\"ev\":\"{ev}\",\"session\":\"\",\"d\":{d}}}\n"
            );
            named.take(&Entry::parse(line.as_bytes()).unwrap());
        }
        named.iter().map(|(digest, seq)| (*digest, seq)).collect()
    }

    #[test]
    fn an_intent_names_the_catalogue_the_policy_and_the_approvals() {
        let [catalogue, policy, one, two] = ["1", "2", "3", "4"].map(|digit| digit.repeat(64));
        let all = [&catalogue, &policy, &one, &two].map(|digest| Digest::parse(digest).unwrap());
        let rich = format!(
            "{{\"catalogue\":\"{catalogue}\",\"profile_sha256\":\"{}\",\"policy_sha256\":\"{policy}\",\"approvals\":[\"{one}\",\"{two}\"]}}",
            "9".repeat(64)
        );
        assert_eq!(named(&[(4, "elevate.intent", &rich)]), all.map(|digest| (digest, 4)));
        let poor = format!("{{\"catalogue\":\"{catalogue}\",\"policy_sha256\":null,\"approvals\":[]}}");
        assert_eq!(named(&[(3, "elevate.intent", &poor), (4, "elevate.intent", &rich)])[0], (all[0], 3), "the first");
    }

    #[test]
    fn what_was_signed_is_named_and_a_request_that_was_only_made_is_not() {
        let [request, approval] = ["5", "6"].map(|digit| digit.repeat(64));
        let d =
            format!("{{\"request\":\"0a1b2c3d\",\"request_sha256\":\"{request}\",\"approval_sha256\":\"{approval}\"}}");
        for event in ["request.signed", "request.denied", "request.used", "review.closed"] {
            assert_eq!(named(&[(1, event, &d)]).len(), 2, "{event}");
        }
        for (event, d) in
            [("request.made", d.as_str()), ("elevate.intent", "{\"catalogue\":\"none\"}"), ("review.closed", "{}")]
        {
            assert_eq!(named(&[(1, event, d)]), [], "{event}");
        }
    }
}
