//! Sign-off with the built program: who asks and who approves have homes and keys of their own.

mod used;
