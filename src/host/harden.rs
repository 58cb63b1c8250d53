//! What is done before anything else, so that nothing secret leaves by a side door.
#![allow(unsafe_code, reason = "changing the environment of the own process is unsafe in Rust")]

/// Makes the process undumpable, and drops a variable that makes the AWS SDK print credentials.
///
/// To be called first, while there is only one thread.
pub fn at_start() {
    // Where the kernel refuses, core dumps are at worst what they are for every program.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    // Elsewhere a limit of 0 does the same; children inherit it.
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = rustix::process::setrlimit(
        rustix::process::Resource::Core,
        rustix::process::Rlimit { current: Some(0), maximum: Some(0) },
    );
    // SAFETY: nothing else runs yet that could read the environment.
    unsafe { std::env::remove_var("LOG_SENSITIVE_BODIES") };
}
