//! Who is at the keyboard, where their daily credentials and their codes come from.

use std::fmt;

/// Where the daily credentials come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A profile of the AWS CLI.
    Profile(String),
    /// A long-lived access key in the system keyring.
    Keyring(Store),
}

/// Where the MFA code comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CodeSource {
    /// The person types it.
    Ask,
    /// A program prints it.
    Command(Vec<String>),
    /// It is computed from a seed in the system keyring.
    Keyring(Store),
}

/// A system keyring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// The Secret Service of the desktop session.
    SecretService,
    /// The login keychain of macOS.
    Macos,
    /// The kernel's persistent keyring of the user.
    Keyutils,
}

impl Store {
    /// The store's name in the identity file.
    pub fn name(self) -> &'static str {
        match self {
            Store::SecretService => "secret-service",
            Store::Macos => "macos",
            Store::Keyutils => "keyutils",
        }
    }
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
