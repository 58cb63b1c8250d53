//! Hands the words of the command line to [`glass`].

fn main() {}
