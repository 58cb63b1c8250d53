//! Which event of the ledger is which event of OCSF.
//!
//! Details are taken as far as they are there and of the right kind: entries of a copy may be anybody's.

use serde_json::{Map, Value, json};

use super::class::{
    API, AUTHENTICATION, BASE, Class, ENTITY, FAILURE, FILE, HIGH, INFORMATIONAL, LOG, LOW, MEDIUM, OTHER, PROCESS,
    SCRIPT, SUCCESS, Severity, Status,
};
use super::{moment, sha256};
use crate::model::chain::entry::Entry;

/// An entry, and what its event is made of.
pub(super) struct Details<'e> {
    pub(super) entry: &'e Entry<'e>,
    pub(super) of: &'e Map<String, Value>,
    /// What names the entry: the ledger's origin and its number.
    pub(super) uid: &'e str,
    pub(super) host: &'e str,
    pub(super) origin: &'e str,
}

/// What an event is, beside what all events have.
#[derive(Debug)]
pub(super) struct Mapped {
    pub(super) class: Class,
    /// Its number and name; with [`OTHER`] the name is ours.
    pub(super) activity: (u64, &'static str),
    pub(super) severity: Severity,
    pub(super) status: Option<Status>,
    /// Further fields; what is null is left out.
    pub(super) more: Map<String, Value>,
}

/// What an entry's event is.
pub(super) fn of(details: &Details<'_>) -> Mapped {
    match details.entry.ev {
        "run.start" => process(LAUNCH, details.glass()),
        "run.end" => process(TERMINATE, details.glass()).ended(details),
        "ledger.open" => log(details, (6, "Start")),
        "ledger.rotate" => log(details, (5, "Rotate")),
        "ledger.key" => log(details, (OTHER, "Key")),
        "ledger.checkpoint" => log(details, (OTHER, "Checkpoint")),
        "ledger.anchor" => log(details, (OTHER, "Anchor")),
        "ledger.recover" => log(details, (OTHER, "Recover")).of_severity(LOW),
        "elevate.intent" => intent(details),
        "elevate.ok" => elevated(details),
        "elevate.fail" => failed(details),
        "elevate.refused" => refused(details),
        "session.start" => authentication(details, (1, "Logon"))
            .with("logon_process", details.program(None))
            .with("session", json!({ "uid": details.session(), "expiration_time": details.moment("deadline") })),
        "session.warn" => authentication(details, (OTHER, "Warn")),
        "session.reissue" => {
            authentication(details, (OTHER, "Reissue")).with("logon_process", details.program(details.text("exe")))
        }
        "session.end" => session_end(details),
        "command" => command(details),
        "command.end" => process(TERMINATE, details.program(None)).ended(details),
        "api" => api(details),
        "recording.chunk" | "recording.end" => recording(details),
        "request.made" => entity(details, (1, "Create"), "request"),
        "request.signed" => entity(details, (OTHER, "Sign"), "request"),
        "request.denied" => entity(details, (OTHER, "Deny"), "request").of_severity(LOW),
        "request.used" => entity(details, (OTHER, "Use"), "request"),
        "override.used" => entity(details, (OTHER, "Override"), "profile").of_severity(HIGH),
        "review.closed" => entity(details, (OTHER, "Review"), "session"),
        "hook.failed" => {
            entity(details, (OTHER, "Fail"), "hook").of_severity(MEDIUM).with("message", details.text("why"))
        }
        "hook.recovered" => entity(details, (OTHER, "Recover"), "hook"),
        "loss" => base("Loss")
            .of_severity(MEDIUM)
            .with("count", details.number("count"))
            .with("message", details.text("what")),
        _ => base("Other"),
    }
}

const LAUNCH: (u64, &str) = (1, "Launch");
const TERMINATE: (u64, &str) = (2, "Terminate");

fn base(activity: &'static str) -> Mapped {
    Mapped::new(BASE, (OTHER, activity))
}

fn log(details: &Details<'_>, activity: (u64, &'static str)) -> Mapped {
    let name = if details.origin.is_empty() { "glass" } else { details.origin };
    Mapped::new(LOG, activity).with("log_name", name).with("log_type_id", 2).with("log_type", "Application")
}

fn process(activity: (u64, &'static str), process: Value) -> Mapped {
    Mapped::new(PROCESS, activity).with("process", process)
}

fn authentication(details: &Details<'_>, activity: (u64, &'static str)) -> Mapped {
    Mapped::new(AUTHENTICATION, activity)
        .with("user", json!({ "name": details.name() }))
        .with("service", json!({ "name": "AWS STS" }))
        .with("session", json!({ "uid": details.session() }))
}

fn intent(details: &Details<'_>) -> Mapped {
    let is_mfa = details.of.get("mfa").map(|mfa| mfa["serial"].is_string());
    authentication(details, (6, "Preauth"))
        .with("user", json!({ "name": details.name(), "uid": details.text("caller_arn") }))
        .with("is_mfa", is_mfa)
        .with("message", details.text("reason"))
}

const SWITCH: (u64, &str) = (7, "Account Switch");

fn switch(details: &Details<'_>) -> Mapped {
    authentication(details, SWITCH).with("account_switch_type_id", 2).with("account_switch_type", "Impersonate")
}

fn elevated(details: &Details<'_>) -> Mapped {
    let key = details.text("access_key_id");
    let user = json!({ "name": details.name(), "uid": details.text("assumed_role_id"), "credential_uid": key });
    let expires = details.moment("expires");
    switch(details)
        .of_status(SUCCESS)
        .of_severity(MEDIUM)
        .with("user", user)
        .with("session", json!({ "uid": details.session(), "credential_uid": key, "expiration_time": expires }))
}

fn failed(details: &Details<'_>) -> Mapped {
    switch(details)
        .of_status(FAILURE)
        .of_severity(LOW)
        .with("status_code", details.text("code"))
        .with("status_detail", details.text("message"))
}

fn refused(details: &Details<'_>) -> Mapped {
    let rules = details.words("rules").map(|rules| format!("refused by the rules: {}", rules.join(", ")));
    authentication(details, (6, "Preauth")).of_status(FAILURE).of_severity(MEDIUM).with("status_detail", rules)
}

fn session_end(details: &Details<'_>) -> Mapped {
    let cause = details.text("cause");
    let severity = if cause == Some("lost") { MEDIUM } else { INFORMATIONAL };
    authentication(details, (2, "Logoff"))
        .of_severity(severity)
        .with("status_detail", cause)
        .with("duration", details.number("seconds").map(milliseconds))
}

fn command(details: &Details<'_>) -> Mapped {
    if let Some(line) = details.text("line") {
        let script = json!({ "type_id": 6, "type": "Unix Shell", "script_content": { "value": line } });
        let shell = json!({
            "user": { "name": details.name() },
            "process": { "pid": details.number("shell") },
            "session": { "uid": details.session() },
        });
        let executed = Mapped::new(SCRIPT, (1, "Execute")).with("script", script).with("actor", shell);
        return executed.ended(details).with("start_time", details.moment("start"));
    }
    let mut program = details.program(details.text("path"));
    program["working_directory"] = json!(details.text("cwd"));
    program["created_time"] = json!(details.moment("start"));
    program["parent_process"] = json!({ "pid": details.number("parent") });
    process(LAUNCH, program).ended(details)
}

fn api(details: &Details<'_>) -> Mapped {
    let Some(operation) = details.text("operation") else { return base("Other") };
    let call = json!({
        "operation": operation,
        "service": { "name": details.text("service") },
        "request": { "uid": details.text("request_id") },
        "response": { "code": details.number("status"), "error": details.text("error") },
    });
    let status = if details.text("error").is_some() { FAILURE } else { SUCCESS };
    Mapped::new(API, verb(operation))
        .of_status(status)
        .with("api", call)
        .with("src_endpoint", json!({ "hostname": details.host }))
        .with("duration", details.number("ms"))
        .with("status_code", details.number("status").map(|status| status.to_string()))
        .with("status_detail", details.text("error"))
}

/// What an operation of AWS does, as far as its name says.
fn verb(operation: &str) -> (u64, &'static str) {
    const VERBS: [(&str, (u64, &str)); 15] = [
        ("BatchGet", (2, "Read")),
        ("Describe", (2, "Read")),
        ("Get", (2, "Read")),
        ("Head", (2, "Read")),
        ("List", (2, "Read")),
        ("Lookup", (2, "Read")),
        ("Query", (2, "Read")),
        ("Scan", (2, "Read")),
        ("Create", (1, "Create")),
        ("Run", (1, "Create")),
        ("Modify", (3, "Update")),
        ("Put", (3, "Update")),
        ("Update", (3, "Update")),
        ("Delete", (4, "Delete")),
        ("Terminate", (4, "Delete")),
    ];
    VERBS.iter().find(|(verb, _)| operation.starts_with(verb)).map_or((OTHER, "Call"), |(_, activity)| *activity)
}

fn recording(details: &Details<'_>) -> Mapped {
    let name = format!("{}.cast", details.session().unwrap_or("-"));
    let whole = details.text("sha256").filter(|_| details.entry.ev == "recording.end").map(|hash| [sha256(hash)]);
    let size = whole.as_ref().and_then(|_| details.number("bytes"));
    let file = json!({ "name": name, "type_id": 1, "type": "Regular File", "size": size, "hashes": whole });
    Mapped::new(FILE, (3, "Update")).with("file", file)
}

fn entity(details: &Details<'_>, activity: (u64, &'static str), kind: &'static str) -> Mapped {
    let Some(uid) = details.text(kind) else { return base(activity.1) };
    let entity = json!({ "type_id": OTHER, "type": kind, "uid": uid, "name": uid });
    Mapped::new(ENTITY, activity).with("entity", entity).with("comment", details.text("reason"))
}

fn milliseconds(seconds: u64) -> u64 {
    seconds.saturating_mul(1000)
}

impl Mapped {
    fn new(class: Class, activity: (u64, &'static str)) -> Self {
        Mapped { class, activity, severity: INFORMATIONAL, status: None, more: Map::new() }
    }

    fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more.insert(name.to_owned(), value.into());
        self
    }

    fn of_severity(self, severity: Severity) -> Self {
        Mapped { severity, ..self }
    }

    fn of_status(self, status: Status) -> Self {
        Mapped { status: Some(status), ..self }
    }

    /// How something that was run has ended, if it has.
    fn ended(self, details: &Details<'_>) -> Self {
        let code = details.number("code");
        let took = details.number("ms").or_else(|| details.number("seconds").map(milliseconds));
        let mapped = Mapped { status: code.map(|code| if code == 0 { SUCCESS } else { FAILURE }), ..self };
        let mapped = mapped.with("duration", took);
        if mapped.class.uid == PROCESS.uid { mapped.with("exit_code", code) } else { mapped }
    }
}

impl<'e> Details<'e> {
    fn text(&self, name: &str) -> Option<&'e str> {
        self.of.get(name)?.as_str()
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.of.get(name)?.as_u64()
    }

    fn moment(&self, name: &str) -> Option<i64> {
        moment(self.text(name)?)
    }

    fn words(&self, name: &str) -> Option<Vec<&'e str>> {
        self.of.get(name)?.as_array().map(|words| words.iter().filter_map(Value::as_str).collect())
    }

    /// glass itself, as it was called.
    fn glass(&self) -> Value {
        let words = self.words("args").map(|words| ["glass"].into_iter().chain(words).collect::<Vec<_>>().join(" "));
        json!({ "name": "glass", "pid": self.entry.pid, "cmd_line": words })
    }

    /// A program that the details tell of; one without a number is named by its entry.
    fn program(&self, path: Option<&str>) -> Value {
        let pid = self.number("pid").filter(|pid| *pid > 0);
        let uid = pid.is_none().then_some(self.uid);
        let path = path.filter(|path| !path.is_empty());
        let name = path.map(|path| path.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or(path));
        let file = path.map(|path| json!({ "name": name, "path": path, "type_id": 1, "type": "Regular File" }));
        let words = self.words("argv").map(|words| words.join(" "));
        json!({ "pid": pid, "uid": uid, "name": name, "path": path, "cmd_line": words, "file": file })
    }

    fn name(&self) -> &'e str {
        Some(self.entry.who).filter(|who| !who.is_empty()).unwrap_or("-")
    }

    fn session(&self) -> Option<&'e str> {
        Some(self.entry.session).filter(|session| !session.is_empty())
    }
}
