//! A store in memory at which one call goes wrong, in one of several ways.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path as Key;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// What happens at one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It fails, and has done nothing.
    Error,
    /// It is done, and the caller is told that it failed.
    LostAnswer,
    /// It is done or not, as the number of the call is odd or even, and nothing works any more.
    Crash,
    /// An object is created, and the caller is told that somebody else did it: the client of the store
    /// has tried again below us.
    Taken,
    /// An object is not created, and the caller is told that somebody else did it: S3 answers 409 when
    /// two try at once, and may refuse both.
    Refused,
}

impl Fault {
    /// Whether it can only happen where an object is created.
    fn is_of_creation(self) -> bool {
        matches!(self, Self::Taken | Self::Refused)
    }
}

/// A store in memory with one fault.
#[derive(Debug)]
pub(crate) struct FaultyStore {
    objects: Arc<InMemory>,
    calls: AtomicU64,
    at: u64,
    fault: Fault,
    is_down: AtomicBool,
}

/// What to do with a call.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Do,
    DoAndFail,
    Fail,
}

impl FaultyStore {
    /// The fault happens at call `at`, counted from 0; for faults of creation, at that object.
    pub(crate) fn new(objects: &Arc<InMemory>, at: u64, fault: Fault) -> Arc<Self> {
        let (calls, is_down) = (AtomicU64::new(0), AtomicBool::new(false));
        Arc::new(Self { objects: Arc::clone(objects), calls, at, fault, is_down })
    }

    fn verdict(&self) -> Verdict {
        if self.fault.is_of_creation() { Verdict::Do } else { self.next_verdict() }
    }

    fn next_verdict(&self) -> Verdict {
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        if self.is_down.load(Ordering::SeqCst) {
            return Verdict::Fail;
        }
        if call != self.at {
            return Verdict::Do;
        }
        self.is_down.store(self.fault == Fault::Crash, Ordering::SeqCst);
        match self.fault {
            Fault::Error | Fault::Refused => Verdict::Fail,
            Fault::LostAnswer | Fault::Taken => Verdict::DoAndFail,
            Fault::Crash if call % 2 == 1 => Verdict::DoAndFail,
            Fault::Crash => Verdict::Fail,
        }
    }

    /// Calls so far; for faults of creation, objects that were to be created.
    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    /// Whether the process that uses it is dead.
    pub(crate) fn is_down(&self) -> bool {
        self.is_down.load(Ordering::SeqCst)
    }
}

fn broken() -> Error {
    Error::Generic { store: "faulty", source: "the fault of this test".into() }
}

/// Does a call as the verdict says.
macro_rules! with_fault {
    ($store:expr, $call:expr) => {
        match $store.verdict() {
            Verdict::Do => $call.await,
            Verdict::DoAndFail => $call.await.and(Err(broken())),
            Verdict::Fail => Err(broken()),
        }
    };
}

impl fmt::Display for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FaultyStore")
    }
}

#[async_trait]
impl ObjectStore for FaultyStore {
    async fn put_opts(
        &self,
        location: &Key,
        payload: PutPayload,
        opts: PutOptions,
    ) -> Result<PutResult> {
        let is_creation = opts.mode == PutMode::Create;
        if !(is_creation && self.fault.is_of_creation()) {
            return with_fault!(self, self.objects.put_opts(location, payload, opts));
        }
        let taken = || {
            let (path, source) = (location.to_string(), "the fault of this test".into());
            Err(Error::AlreadyExists { path, source })
        };
        match self.next_verdict() {
            Verdict::Do => self.objects.put_opts(location, payload, opts).await,
            Verdict::DoAndFail => {
                self.objects.put_opts(location, payload, opts).await?;
                taken()
            }
            Verdict::Fail => taken(),
        }
    }

    async fn put_multipart_opts(
        &self,
        location: &Key,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        with_fault!(self, self.objects.put_multipart_opts(location, opts))
    }

    async fn get_opts(&self, location: &Key, options: GetOptions) -> Result<GetResult> {
        with_fault!(self, self.objects.get_opts(location, options))
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Key>>,
    ) -> BoxStream<'static, Result<Key>> {
        match self.verdict() {
            Verdict::Do => self.objects.delete_stream(locations),
            Verdict::Fail => futures::stream::once(async { Err(broken()) }).boxed(),
            Verdict::DoAndFail => {
                let deleted = self.objects.delete_stream(locations);
                deleted.map(|result| result.and(Err(broken()))).boxed()
            }
        }
    }

    fn list(&self, prefix: Option<&Key>) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.verdict() {
            Verdict::Do => self.objects.list(prefix),
            _ => futures::stream::once(async { Err(broken()) }).boxed(),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Key>) -> Result<ListResult> {
        with_fault!(self, self.objects.list_with_delimiter(prefix))
    }

    async fn copy_opts(&self, from: &Key, to: &Key, options: CopyOptions) -> Result<()> {
        with_fault!(self, self.objects.copy_opts(from, to, options))
    }
}
