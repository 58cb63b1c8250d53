//! Diagnostic messages, for whoever wants to know what glass is doing: `-v` and `GLASS_LOG`.
//!
//! Only glass's own messages are listened to: those of the AWS SDK hold request bodies, and so codes.

use std::path::PathBuf;
use std::sync::Mutex;

use tracing::{Level, Metadata};
use tracing_subscriber::filter::{FilterFn, LevelFilter};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;

use super::exit::Exit;
use super::failure::Failure;
use crate::host::places::variable;
use crate::host::private;
use crate::world::variables;

/// Starts listening, if `-v` or `GLASS_LOG` ask for it.
///
/// `GLASS_LOG` is `info` or `debug` (to stderr, as `-v` and `-vv`), or the absolute path of a file.
pub fn start(verbose: u8) -> Result<(), Failure> {
    let wanted = variable(variables::LOG).map(|value| value.to_string_lossy().into_owned());
    let (level, file) = match (verbose, wanted.as_deref()) {
        (0, None) => return Ok(()),
        (0, Some("info")) | (1, None) => (Level::INFO, None),
        (_, None | Some("info" | "debug")) => (Level::DEBUG, None),
        (_, Some(path)) if path.starts_with('/') => (Level::DEBUG, Some(PathBuf::from(path))),
        (_, Some(_)) => {
            return Err(Failure::new(Exit::Usage, "GLASS_LOG is none of info, debug, and the absolute path of a file")
                .hint("unset GLASS_LOG, or set it to one of these"));
        }
    };
    let own = FilterFn::new(|metadata: &Metadata<'_>| metadata.target().starts_with("glass"));
    let registry = tracing_subscriber::registry().with(LevelFilter::from_level(level)).with(own);
    let layer = fmt::layer().with_target(false).with_ansi(false);
    let set = match file {
        None => tracing::subscriber::set_global_default(registry.with(layer.with_writer(std::io::stderr))),
        Some(path) => {
            let file = private::append_to(&path).map_err(|error| {
                Failure::new(Exit::Failed, format!("cannot write the log {}", path.display())).caused_by(&error)
            })?;
            tracing::subscriber::set_global_default(registry.with(layer.with_writer(Mutex::new(file))))
        }
    };
    set.map_err(|error| Failure::of(Exit::Failed, &error))
}
