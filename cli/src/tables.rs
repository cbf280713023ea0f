//! The tables of a lake, in its newest version, and what was attached beside them.

use std::path::PathBuf;

use anyhow::Result;
use engine::{Engine, Error, Location, Session, Settings, Slos};

use crate::args::{Attach, LakeArg};
use crate::terminal;

/// Tables to query. A shell keeps them and sees what others commit meanwhile.
pub(crate) struct Tables {
    engine: Option<Engine>,
    attached: Vec<Attach>,
    version: Option<u64>,
    session: Session,
}

impl Tables {
    /// Opens the lake and attaches. Attached tables need no lake, unless one was named.
    pub(crate) async fn open(lake: &LakeArg, attach: &[Attach], slos: &[PathBuf]) -> Result<Self> {
        let location = Location::parse(lake.text())?;
        let settings = Settings::default();
        let engine = match Engine::open(&location, settings.clone()).await {
            Ok(engine) => Some(engine),
            Err(Error::NotALake { .. }) if lake.lake.is_none() && !attach.is_empty() => None,
            Err(error) => return Err(error.into()),
        };
        if let Some(engine) = engine.as_ref().filter(|_| !slos.is_empty()) {
            let slos = engine.watch_slos(Slos::of_files(slos)).await?;
            for problem in &slos.problems {
                terminal::note(format_args!("warning: {problem}"));
            }
        }
        let (version, session) = match &engine {
            Some(engine) => (Some(engine.snapshot().await?.version), engine.session().await?),
            None => (None, Session::without_lake(&settings)?),
        };
        for Attach { name, path } in attach {
            session.attach(name, path).await?;
        }
        Ok(Self { engine, attached: attach.to_vec(), version, session })
    }

    /// A session on the newest version.
    pub(crate) async fn session(&mut self) -> Result<Session> {
        let Some(engine) = &self.engine else { return Ok(self.session.clone()) };
        let version = engine.snapshot().await?.version;
        if self.version != Some(version) {
            let session = engine.session().await?;
            for Attach { name, path } in &self.attached {
                // The engine may have given this session out before.
                if session.table(name).await.is_err() {
                    session.attach(name, path).await?;
                }
            }
            (self.version, self.session) = (Some(version), session);
        }
        Ok(self.session.clone())
    }
}
