//! Folders of a lake on local disk: their names are durable, and a sync that fails is final.

use std::path::Path;
use std::sync::Arc;

use engine::{DurablePuts, Engine, LiveSettings, Location, Settings};
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt};
use testing::{Loss, MountedDisk, SimDisk};

use crate::it::numbered_spans::{Numbered, send, visible};
use crate::it::sim::SimFiles;

/// Scenario: the sync of a folder fails: of the one that an object is put into, or of the one above it,
/// which has just got a new folder.
/// Guarantees: that put fails, and nothing is answered after it, for nobody knows what is on disk.
#[tokio::test]
async fn a_failed_sync_of_a_folder_is_final() {
    let folder = tempfile::tempdir().unwrap();
    let key = Key::from("spans/date=2026-11-09/a.parquet");
    let local = || LocalFileSystem::new_with_prefix(folder.path()).unwrap();
    let path = local().path_to_filesystem(&key).unwrap();
    for failing in [path.parent().unwrap(), path.ancestors().nth(2).unwrap()] {
        let disk = SimDisk::new();
        let store = DurablePuts::new(local(), Arc::new(SimFiles(disk.clone())));
        for folder in folder.path().ancestors().collect::<Vec<_>>().iter().rev().skip(1) {
            disk.create_dir(folder).unwrap();
        }
        store.put(&Key::from("first"), "1".into()).await.unwrap();
        disk.fail_sync_of(failing);
        store.put(&key, "2".into()).await.expect_err("the sync failed");
        let error = store.put(&key, "3".into()).await.expect_err("nothing more is promised");
        assert!(error.to_string().contains("could not be synced to disk; restart"), "{error}");
        assert!(store.get(&key).await.is_err());
        assert!(store.list_with_delimiter(None).await.is_err());
    }
}

/// The table log on the mounted disk.
const TABLE_LOG: &str = "a/lake/spans/_delta_log";

/// Opens a lake in a mounted folder, with its write-ahead log in it.
async fn open(folder: &Path) -> engine::Result<(Engine, engine::Intake)> {
    let location = Location::parse(folder.join("a/lake").to_str().unwrap()).unwrap();
    let live = LiveSettings { flush_age_ms: 3_600_000, ..LiveSettings::default() };
    Engine::open_live(&location, Settings::default(), live, Arc::new(Numbered)).await
}

/// Scenario: a commit of a flush gets its name, and the sync of that name fails; the flush is asked for
/// again; then the power is cut.
/// Guarantees: the flush is not taken for done, though the name is there to see; what was acknowledged
/// stays in the log, and is there once after the next start.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_may_be_lost_is_no_commit() {
    let folder = tempfile::tempdir().unwrap();
    let disk = SimDisk::new();
    let mounted = match MountedDisk::mount(&disk, folder.path()) {
        Ok(mounted) => mounted,
        Err(error) => {
            eprintln!("SKIPPED a_commit_that_may_be_lost_is_no_commit: cannot mount: {error}");
            return;
        }
    };
    let (engine, intake) = open(folder.path()).await.unwrap();
    send(&intake, 0, 10, 0).await.unwrap();
    intake.flush().await.unwrap();
    send(&intake, 10, 10, 0).await.unwrap();
    disk.fail_sync_of(Path::new(TABLE_LOG));
    for _ in 0..3 {
        intake.flush().await.expect_err("it may not be on disk");
    }
    assert_eq!(intake.status().committed_seq, 1);
    let _ = intake.shutdown().await;
    drop((engine, intake));
    mounted.unmount().unwrap();

    let disk = disk.after_power_cut(Loss::Everything);
    let mounted = MountedDisk::mount(&disk, folder.path()).unwrap();
    let (engine, intake) = open(folder.path()).await.unwrap();
    assert_eq!(visible(&engine).await, (0..20).collect());
    intake.shutdown().await.unwrap();
    assert_eq!(visible(&engine).await, (0..20).collect());
    drop((engine, intake));
    mounted.unmount().unwrap();
}

/// Scenario: a process is killed after it named a commit and before it synced the name. The next one
/// reads the commit, and lets the log forget what is in it. Then the power is cut.
/// Guarantees: everything that was acknowledged is there, once.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_process_left_is_synced() {
    let folder = tempfile::tempdir().unwrap();
    let disk = SimDisk::new();
    let mounted = match MountedDisk::mount(&disk, folder.path()) {
        Ok(mounted) => mounted,
        Err(error) => {
            eprintln!("SKIPPED what_a_killed_process_left_is_synced: cannot mount: {error}");
            return;
        }
    };
    let (engine, intake) = open(folder.path()).await.unwrap();
    send(&intake, 0, 10, 0).await.unwrap();
    disk.cut_power_at_sync_of(Path::new(TABLE_LOG));
    let _ = intake.shutdown().await;
    assert!(disk.is_cut());
    drop((engine, intake));
    mounted.unmount().unwrap();

    let disk = disk.after_power_cut(Loss::Nothing);
    let mounted = MountedDisk::mount(&disk, folder.path()).unwrap();
    let (engine, intake) = open(folder.path()).await.unwrap();
    assert_eq!(intake.status().replayed_records, 0, "the commit is there to see");
    // From here on nothing has an effect.
    disk.cut_power_at(disk.steps() + 1);
    let _ = intake.shutdown().await;
    drop((engine, intake));
    mounted.unmount().unwrap();

    let disk = disk.after_power_cut(Loss::Everything);
    let mounted = MountedDisk::mount(&disk, folder.path()).unwrap();
    let (engine, intake) = open(folder.path()).await.unwrap();
    assert_eq!(visible(&engine).await, (0..10).collect());
    intake.shutdown().await.unwrap();
    drop((engine, intake));
    mounted.unmount().unwrap();
}
