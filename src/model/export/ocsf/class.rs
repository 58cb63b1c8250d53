//! The words of OCSF that are used: classes, activities, severities, outcomes.

/// A class of events.
#[derive(Debug)]
pub(super) struct Class {
    pub(super) uid: u64,
    pub(super) name: &'static str,
    pub(super) category: (u64, &'static str),
}

const SYSTEM: (u64, &str) = (1, "System Activity");
const IDENTITY: (u64, &str) = (3, "Identity & Access Management");

pub(super) const BASE: Class = Class { uid: 0, name: "Base Event", category: (0, "Uncategorized") };
pub(super) const FILE: Class = Class { uid: 1001, name: "File System Activity", category: SYSTEM };
pub(super) const PROCESS: Class = Class { uid: 1007, name: "Process Activity", category: SYSTEM };
pub(super) const LOG: Class = Class { uid: 1008, name: "Event Log Activity", category: SYSTEM };
pub(super) const SCRIPT: Class = Class { uid: 1009, name: "Script Activity", category: SYSTEM };
pub(super) const AUTHENTICATION: Class = Class { uid: 3002, name: "Authentication", category: IDENTITY };
pub(super) const ENTITY: Class = Class { uid: 3004, name: "Entity Management", category: IDENTITY };
pub(super) const API: Class = Class { uid: 6003, name: "API Activity", category: (6, "Application Activity") };

/// The number of an activity, or of anything else, that the schema has none for.
pub(super) const OTHER: u64 = 99;

/// How grave an event is.
pub(super) type Severity = (u64, &'static str);

pub(super) const INFORMATIONAL: Severity = (1, "Informational");
pub(super) const LOW: Severity = (2, "Low");
pub(super) const MEDIUM: Severity = (3, "Medium");
pub(super) const HIGH: Severity = (4, "High");

/// What came of it.
pub(super) type Status = (u64, &'static str);

pub(super) const SUCCESS: Status = (1, "Success");
pub(super) const FAILURE: Status = (2, "Failure");
