//! Which spans are calls, and of which edge: what `sql/views/edges.sql` says, row by row.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, StringArray,
};
use datafusion::arrow::datatypes::Int64Type;
use datafusion::arrow::error::ArrowError;
use schema::rollups::edges_schema;
use schema::spans::{SERVICE_NAME, SPAN_KIND, STATUS_CODE};

use super::Level;
use super::build::Measured;
use super::codes::{Codes, NULL};
use super::groups::{Groups, texts};
use crate::error::Result;
use crate::text_dictionary::TextDictionary;

/// Kinds of spans that matter here; their codes are their places.
const KINDS: [&str; 4] = ["client", "producer", "server", "consumer"];
const CLIENT: i32 = 0;
const PRODUCER: i32 = 1;
const SERVER: i32 = 2;
const CONSUMER: i32 = 3;

/// The code of the status of a failed span.
const ERROR: i32 = 0;

/// Kinds of connections; their codes are their places.
const CONNECTIONS: [&str; 5] = ["", "messaging_system", "database", "virtual_node", "structural"];
const PAIR: i32 = 0;
const MESSAGING_SYSTEM: i32 = 1;
const DATABASE: i32 = 2;
const VIRTUAL_NODE: i32 = 3;
const STRUCTURAL: i32 = 4;

/// Who calls a root that does not say so.
const USER: &str = "user";

/// The calls of a file by edge.
#[derive(Debug)]
pub(super) struct Calls {
    kinds: TextDictionary,
    statuses: TextDictionary,
    /// Services and peers.
    names: TextDictionary,
    addresses: TextDictionary,
    /// The name of a peer of which address and port are known.
    names_of_addresses: HashMap<(i32, Option<i64>), i32>,
    kind: Codes,
    status: Codes,
    service: Codes,
    parent_service: Codes,
    peer_service: Codes,
    server_address: Codes,
    network_peer_address: Codes,
    db_namespace: Codes,
    db_system: Codes,
    /// Caller, callee, connection, and 1 if the call failed.
    groups: Groups<4>,
}

impl Default for Calls {
    fn default() -> Self {
        let (kinds, statuses, names, addresses) = Default::default();
        let (names_of_addresses, groups) = Default::default();
        Self {
            kinds,
            statuses,
            names,
            addresses,
            names_of_addresses,
            kind: Codes::new(SPAN_KIND),
            status: Codes::new(STATUS_CODE),
            service: Codes::new(SERVICE_NAME),
            parent_service: Codes::new("parent_service_name"),
            peer_service: Codes::new("peer_service"),
            server_address: Codes::new("server_address"),
            network_peer_address: Codes::new("network_peer_address"),
            db_namespace: Codes::new("db_namespace"),
            db_system: Codes::new("db_system"),
            groups,
        }
    }
}

/// A column of truths; what is missing or NULL is not true.
struct Flags<'a>(Option<&'a BooleanArray>);

impl<'a> Flags<'a> {
    fn of(rows: &'a RecordBatch, name: &str) -> Self {
        Self(rows.column_by_name(name).and_then(|column| column.as_boolean_opt()))
    }

    fn get(&self, row: usize) -> bool {
        self.0.is_some_and(|flags| flags.is_valid(row) && flags.value(row))
    }
}

impl Calls {
    /// Adds the calls among rows.
    pub(super) fn add(&mut self, rows: &RecordBatch, measured: &Measured) -> Result<()> {
        for column in [
            &mut self.kind,
            &mut self.status,
            &mut self.service,
            &mut self.parent_service,
            &mut self.peer_service,
            &mut self.server_address,
            &mut self.network_peer_address,
            &mut self.db_namespace,
            &mut self.db_system,
        ] {
            column.read(rows)?;
        }
        for kind in KINDS {
            self.kinds.code(kind)?;
        }
        self.statuses.code("error")?;
        let ports = rows.column_by_name("network_peer_port");
        let ports = ports.and_then(|ports| ports.as_primitive_opt::<Int64Type>());
        let is_duplicate = Flags::of(rows, "is_duplicate");
        let is_paired = Flags::of(rows, "is_paired");
        let is_root = Flags::of(rows, "is_root");
        let is_parent_failed = Flags::of(rows, "is_parent_failed");
        for row in 0..rows.num_rows() {
            if is_duplicate.get(row) {
                continue;
            }
            let is_paired = is_paired.get(row);
            let edge = self.edge(row, is_paired, is_root.get(row), ports)?;
            let Some([client, server, connection]) = edge else { continue };
            let is_failed = self.status.get(row, &mut self.statuses)? == ERROR
                || (is_paired && is_parent_failed.get(row));
            let codes = [client, server, connection, is_failed.into()];
            let (start_ns, weight) = (measured.starts_ns.value(row), measured.weight(row));
            self.groups.add(start_ns, codes, weight, measured.durations_ns.value(row));
        }
        Ok(())
    }

    /// Caller, callee and connection, if the span is a call.
    fn edge(
        &mut self,
        row: usize,
        is_paired: bool,
        is_root: bool,
        ports: Option<&Int64Array>,
    ) -> Result<Option<[i32; 3]>> {
        let kind = self.kind.get(row, &mut self.kinds)?;
        let is_caller = matches!(kind, CLIENT | PRODUCER);
        if is_paired && is_caller {
            return Ok(None);
        }
        let names = &mut self.names;
        let service = self.service.get(row, names)?;
        let parent = self.parent_service.get(row, names)?;
        let is_from_other = parent != NULL && parent != service;
        let (client, server, connection) = if is_caller {
            let peer = self.peer(row, ports)?;
            let is_database = kind == CLIENT
                && (self.db_namespace.get(row, &mut self.names)? != NULL
                    || self.db_system.get(row, &mut self.names)? != NULL);
            let server = if is_from_other && peer == NULL { service } else { peer };
            let connection = match (is_database, peer, is_from_other) {
                (true, ..) => DATABASE,
                (_, NULL, true) => STRUCTURAL,
                (_, NULL, false) => return Ok(None),
                _ => VIRTUAL_NODE,
            };
            (service, server, connection)
        } else {
            let client = if is_root {
                match self.peer_service.get(row, names)? {
                    NULL => names.code(USER)?,
                    peer => peer,
                }
            } else {
                parent
            };
            let connection = match kind {
                SERVER if is_paired => PAIR,
                CONSUMER if is_paired => MESSAGING_SYSTEM,
                SERVER | CONSUMER if is_root => VIRTUAL_NODE,
                _ if !is_paired && is_from_other => STRUCTURAL,
                _ => return Ok(None),
            };
            (client, service, connection)
        };
        let is_known = client != NULL && server != NULL;
        Ok(is_known.then_some([client, server, connection]))
    }

    /// The name of the other side, as far as the span says it.
    fn peer(&mut self, row: usize, ports: Option<&Int64Array>) -> Result<i32> {
        for column in [&mut self.peer_service, &mut self.server_address] {
            let name = column.get(row, &mut self.names)?;
            if name != NULL {
                return Ok(name);
            }
        }
        let address = self.network_peer_address.get(row, &mut self.addresses)?;
        if address != NULL {
            let port = ports.filter(|ports| ports.is_valid(row)).map(|ports| ports.value(row));
            if let Some(name) = self.names_of_addresses.get(&(address, port)) {
                return Ok(*name);
            }
            let address_text = self.addresses.text(address);
            let name = match port {
                Some(port) => self.names.code(&format!("{address_text}:{port}"))?,
                None => self.names.code(&address_text)?,
            };
            self.names_of_addresses.insert((address, port), name);
            return Ok(name);
        }
        for column in [&mut self.db_namespace, &mut self.db_system] {
            let name = column.get(row, &mut self.names)?;
            if name != NULL {
                return Ok(name);
            }
        }
        Ok(NULL)
    }

    /// The levels of the rollup, as [`Groups::levels`] chooses them.
    pub(super) fn finish(
        mut self,
        spans_per_row: u64,
    ) -> Result<Vec<(Level, RecordBatch)>, ArrowError> {
        let names: ArrayRef = Arc::new(self.names.take_texts());
        let connections: ArrayRef = Arc::new(StringArray::from_iter_values(CONNECTIONS));
        self.groups.levels(spans_per_row, &edges_schema(), |keys| {
            let codes = |at: usize| keys.iter().map(move |key| key.codes[at]);
            let is_failed: BooleanArray = codes(3).map(|code| Some(code == 1)).collect();
            Ok(vec![
                texts(codes(0), &names)?,
                texts(codes(1), &names)?,
                texts(codes(2), &connections)?,
                Arc::new(is_failed),
            ])
        })
    }
}
