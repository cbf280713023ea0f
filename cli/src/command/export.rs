//! `spanlake export`: spans back into OTLP files.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use arrow::array::RecordBatch;
use datasets::{Compressed, Encoding, Format};
use indicatif::HumanCount;
use prost::Message;

use crate::args::ExportArgs;
use crate::export::request;
use crate::output::PendingFile;
use crate::terminal;

/// Writes the spans; the file appears when it is complete.
pub(crate) async fn run(args: ExportArgs) -> Result<()> {
    let format = Format::from_path(&args.out)?;
    let engine = super::open(&args.lake).await?;
    let mut sql = "SELECT * FROM storage.spans".to_owned();
    if let Some(condition) = &args.condition {
        sql.push_str(&format!(
            " WHERE trace_id_hex(trace_id) IN (SELECT trace_id FROM spans WHERE ({condition}\n))"
        ));
    }
    let mut query = engine.session().await?.query(&sql).await?;
    let file = PendingFile::create(&args.out)?;
    let mut out = Compressed::new(file.writer()?, format.compression)?;
    let mut spans = 0;
    while let Some(batch) = query.next().await? {
        if batch.num_rows() > 0 {
            spans += batch.num_rows() as u64;
            out.write_all(&encoded(&batch, format.encoding)?).with_context(|| cannot(&args.out))?;
        }
    }
    out.finish().with_context(|| cannot(&args.out))?;
    file.publish()?;
    let path = args.out.display();
    Ok(terminal::say(format_args!("exported {} spans to {path}", HumanCount(spans)))?)
}

fn cannot(path: &Path) -> String {
    format!("cannot write {}", path.display())
}

/// A batch as one request, framed for a file.
fn encoded(batch: &RecordBatch, encoding: Encoding) -> Result<Vec<u8>> {
    let request = request(batch)?;
    let mut bytes = Vec::new();
    match encoding {
        Encoding::Protobuf => {
            let length = u32::try_from(request.encoded_len()).context("a batch is too large")?;
            bytes.extend(length.to_be_bytes());
            request.encode(&mut bytes)?;
        }
        _ => {
            serde_json::to_writer(&mut bytes, &request)?;
            bytes.push(b'\n');
        }
    }
    Ok(bytes)
}
