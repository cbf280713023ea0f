//! From files to SLOs.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::document::{Document, Wrong};
use super::openslo::Documents;
use super::{Place, Slo, SloProblem, Slos, short};

impl Slos {
    /// Reads files, and the `.yaml` and `.yml` files of folders. What cannot be read is a problem, not a failure.
    pub fn of_files(paths: &[PathBuf]) -> Self {
        let (mut texts, mut problems) = (Vec::new(), Vec::new());
        for path in paths {
            for file in files_of(path, &mut problems) {
                match fs::read_to_string(&file) {
                    Ok(text) => texts.push((file.display().to_string(), text)),
                    Err(error) => problems.push(unreadable(&file, &error)),
                }
            }
        }
        let mut slos = Self::of_texts(&texts);
        problems.append(&mut slos.problems);
        Self { problems, ..slos }
    }

    /// Reads the texts of files; each has a name.
    pub fn of_texts(texts: &[(String, String)]) -> Self {
        let mut problems = Vec::new();
        let mut read = Vec::new();
        for (file, text) in texts {
            for document in Document::all(file, text) {
                match document {
                    Ok(document) => read.push(document),
                    Err(wrong) => problems.push(problem(None, wrong)),
                }
            }
        }
        let (mut slos, mut documents) = (Vec::new(), Documents::default());
        for document in &read {
            let root = document.root();
            if root.is_empty() {
                continue;
            }
            match root.get("slos") {
                None => {
                    problems.extend(documents.add(root).err().map(|wrong| problem(None, wrong)))
                }
                Some(list) => {
                    let items = root.only(&["slos"]).and_then(|()| list.items());
                    let items = items.unwrap_or_else(|wrong| {
                        problems.push(problem(None, wrong));
                        Vec::new()
                    });
                    for item in items {
                        match short::read(&item) {
                            Ok(slo) => slos.push(slo),
                            Err(wrong) => {
                                let name = item.get("name").and_then(|name| name.text().ok());
                                problems.push(problem(name, wrong));
                            }
                        }
                    }
                }
            }
        }
        slos.extend(documents.slos(&mut problems));
        let slos = without_doubles(slos, &mut problems);
        Self { slos, problems }
    }
}

fn problem(slo: Option<String>, Wrong { place, reason }: Wrong) -> SloProblem {
    SloProblem { slo, place, reason }
}

/// The first of each name, in order of names.
fn without_doubles(slos: Vec<Slo>, problems: &mut Vec<SloProblem>) -> Vec<Slo> {
    let mut first: HashMap<String, Place> = HashMap::new();
    let mut kept = Vec::new();
    for slo in slos {
        match first.get(&slo.name) {
            Some(Place { file, line }) => problems.push(SloProblem {
                reason: format!("there is one of that name already, in {file}:{line}; rename one"),
                place: slo.place,
                slo: Some(slo.name),
            }),
            None => {
                first.insert(slo.name.clone(), slo.place.clone());
                kept.push(slo);
            }
        }
    }
    kept.sort_by(|a, b| a.name.cmp(&b.name));
    kept
}

fn files_of(path: &Path, problems: &mut Vec<SloProblem>) -> Vec<PathBuf> {
    if !path.is_dir() {
        return vec![path.to_owned()];
    }
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) => {
            problems.push(unreadable(path, &error));
            return Vec::new();
        }
    };
    let is_yaml = |path: &PathBuf| {
        path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
    };
    let mut files: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(is_yaml).collect();
    files.sort();
    files
}

fn unreadable(path: &Path, error: &std::io::Error) -> SloProblem {
    let place = Place { file: path.display().to_string(), line: 1 };
    SloProblem { slo: None, place, reason: format!("cannot be read: {error}") }
}
