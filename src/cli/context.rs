//! What a command works with: the options of the command line, the files they lead to, the world.

use std::error::Error;
use std::path::{Path, PathBuf};

use super::args::{Args, ColorChoice};
use super::exit::Exit;
use super::failure::Failure;
use crate::host::files::{self, FileError};
use crate::host::hooks::HostHooks;
use crate::host::live;
use crate::host::places::{Places, variable};
use crate::host::source::Source;
use crate::host::watcher::Watcher;
use crate::host::world::HostWorld;
use crate::model::catalogue::{Beside, Catalogue, DocumentError};
use crate::model::identity::Identity;
use crate::model::name::{Id, PersonName};
use crate::model::session::Credentials;
use crate::world::{World, variables};

/// Everything that a command is given.
pub struct Context {
    places: Places,
    world: HostWorld,
    catalogue: Option<PathBuf>,
    color: ColorChoice,
    inherited: Option<Credentials>,
}

impl Context {
    /// The context of a command line, and of the credentials that glass was started with; `watcher` watches
    /// what is started.
    pub fn of(args: &Args, inherited: Option<Credentials>, watcher: Option<Watcher>) -> Result<Context, Failure> {
        Ok(Context { inherited, ..Context::new(args.catalogue.clone(), args.color, watcher)? })
    }

    /// The context of a command line that was not understood.
    pub fn without_options() -> Result<Context, Failure> {
        Context::new(None, ColorChoice::Auto, None)
    }

    fn new(catalogue: Option<PathBuf>, color: ColorChoice, watcher: Option<Watcher>) -> Result<Context, Failure> {
        let places = Places::find().ok_or_else(|| {
            Failure::new(Exit::Failed, "there is no home folder to keep the ledger in").hint("set HOME")
        })?;
        // The organisation is written into a new ledger only; without a catalogue that is `-`.
        let organisation =
            || load_catalogue(&places, catalogue.as_deref()).ok().map(|found| found.organisation().clone());
        let world = HostWorld::new(&places, &organisation, watcher, catalogue.as_deref())?;
        Ok(Context { places, world, catalogue, color, inherited: None })
    }

    /// The surroundings.
    pub fn world(&self) -> World<'_> {
        self.world.world()
    }

    /// Who is told of what happens.
    pub fn hooks(&self) -> &HostHooks {
        self.world.hooks()
    }

    /// When to use colours.
    pub fn color(&self) -> ColorChoice {
        self.color
    }

    /// Where files lie.
    pub fn places(&self) -> &Places {
        &self.places
    }

    /// The catalogue's file, if it was named, by flag or variable, and is not where glass looks by itself.
    pub fn named_catalogue(&self) -> Option<PathBuf> {
        self.catalogue.clone().or_else(|| variable(variables::CATALOGUE).map(PathBuf::from))
    }

    /// The catalogue.
    pub fn catalogue(&self) -> Result<Catalogue, Failure> {
        load_catalogue(&self.places, self.catalogue.as_deref())
    }

    /// The catalogue; none where nobody has named one, and none is where it is looked for.
    ///
    /// # Errors
    /// When there is one that cannot be used: what it pins must not be passed over.
    pub fn catalogue_if_any(&self) -> Result<Option<Catalogue>, Failure> {
        match self.places.catalogue(self.catalogue.as_deref()) {
            Err(FileError::Absent { .. }) => Ok(None),
            Ok(_) | Err(_) => self.catalogue().map(Some),
        }
    }

    /// The catalogue's file, if it was named by flag.
    pub fn named_by_flag(&self) -> Option<&Path> {
        self.catalogue.as_deref()
    }

    /// The name by which the catalogue is told apart from others.
    pub fn catalogue_name(&self) -> Option<String> {
        self.places.catalogue_name(self.catalogue.as_deref())
    }

    /// Has the supervisor of the next child listen to something.
    pub fn listen_to(&self, source: Box<dyn Source + Send>) {
        self.world.listen_to(source);
    }

    /// The catalogue, or that of another file, with what is wrong with its text apart from what keeps it from being read.
    pub fn look_through(&self, file: Option<&Path>) -> Result<Result<Catalogue, DocumentError>, Failure> {
        look_through(&self.places, file.or(self.catalogue.as_deref()))
    }

    /// The identity file.
    pub fn identity(&self) -> Result<Identity, Failure> {
        identity(&self.places)
    }

    /// The identity file; none where nobody has named one, and none is where it is looked for.
    ///
    /// # Errors
    /// When there is one that cannot be used.
    pub fn identity_if_any(&self) -> Result<Option<Identity>, Failure> {
        match self.places.identity() {
            Err(FileError::Absent { .. }) => Ok(None),
            Ok(_) | Err(_) => self.identity().map(Some),
        }
    }

    /// The person that the identity file names, as far as that can be read.
    pub fn person(&self) -> Option<PersonName> {
        self.identity().ok().map(|identity| identity.person)
    }

    /// The live session that this process is in; a variable that outlived its session does not count.
    pub fn inside(&self) -> Option<Id> {
        let session = Id::parse(variable(variables::SESSION)?.to_str()?).ok()?;
        live::is_alive(self.places.state(), &session).then_some(session)
    }

    /// The live session that this process is in, with the credentials that its environment came with.
    pub fn inside_with_credentials(&self) -> Option<(Id, Credentials)> {
        self.inside().zip(self.inherited.as_ref().map(Credentials::duplicate))
    }

    /// The name of the profile of the session that this process is in.
    pub fn profile_of_session(&self) -> Option<String> {
        variable(variables::PROFILE)?.into_string().ok()
    }
}

/// The identity file.
pub fn identity(places: &Places) -> Result<Identity, Failure> {
    let path = places.identity().map_err(|error| untrusted("the identity file", &error))?;
    let bytes = files::read(&path).map_err(|error| untrusted("the identity file", &error))?;
    tracing::debug!(path = %path.display(), "reading the identity file");
    Ok(Identity::load(&path, &bytes)?)
}

fn load_catalogue(places: &Places, named: Option<&Path>) -> Result<Catalogue, Failure> {
    Ok(look_through(places, named)??)
}

/// Reads a catalogue; what is wrong with its text is apart from what keeps it from being read.
fn look_through(places: &Places, named: Option<&Path>) -> Result<Result<Catalogue, DocumentError>, Failure> {
    let path = places.catalogue(named).map_err(|error| untrusted("the catalogue", &error))?;
    let bytes = files::read(&path).map_err(|error| untrusted("the catalogue", &error))?;
    tracing::debug!(path = %path.display(), bytes = bytes.len(), "reading the catalogue");
    // The mistake that this becomes names the file already, so of one that cannot be read it tells why.
    let why = |error: FileError| error.source().map_or_else(|| error.to_string(), ToString::to_string);
    let read = |file: &Path| files::read(file).map_err(why);
    let check = |file: &Path| files::check_writers(file).map(|()| files::read_anybodys(file).ok()).map_err(why);
    Ok(Catalogue::load(&path, &bytes, Beside { read: &read, check: &check }))
}

fn untrusted(what: &'static str, error: &FileError) -> Failure {
    let failure = Failure::new(Exit::Usage, format!("{what} cannot be used")).caused_by(error);
    match error {
        FileError::Absent { .. } if what == "the catalogue" => failure
            .hint("name your team's with --catalogue, or put it there; `glass sandbox` shows everything without one"),
        FileError::Absent { .. } => failure.hint("`glass enrol` writes it; it says who you are"),
        FileError::Writable { path, .. } => failure.hint(format!("chmod go-w {}", path.display())),
        FileError::Foreign { .. } => {
            failure.hint("whoever owns it decides who may do what: it must be yours or root's")
        }
        FileError::Link(_) => failure.hint("put the file itself there, or name it where it is"),
        FileError::Unreadable { .. } => failure.hint("check that it is there, and that you may read it"),
        FileError::NotAFile(_) | FileError::TooLarge { .. } => failure.hint("look whether the right file is named"),
    }
}
