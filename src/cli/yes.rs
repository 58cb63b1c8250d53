//! What counts as a yes to a question on the terminal.

/// Whether an answer is `y` or `yes`, in letters of either case; everything else is a no.
pub fn is_yes(answer: &str) -> bool {
    ["y", "yes"].iter().any(|yes| answer.trim().eq_ignore_ascii_case(yes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_word_is_a_yes() {
        for (answer, is) in [("y", true), (" YES\n", true), ("", false), ("yep", false), ("y y", false), ("n", false)] {
            assert_eq!(is_yes(answer), is, "{answer:?}");
        }
    }
}
