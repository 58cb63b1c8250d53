//! Hands the words of the command line to [`glass`].

fn main() -> std::process::ExitCode {
    glass::cli::main()
}
