//! A server on loopback in this process, and a client that asks it over Flight SQL.

use anyhow::{Context, Result};
use arrow_flight::sql::client::FlightSqlServiceClient;
use arrow_flight::{FlightInfo, Ticket};
use engine::Engine;
use flight_server::{Settings, serve};
use futures::TryStreamExt;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::transport::{Channel, Endpoint};

/// A server and its only client. Dropping it without [`OverFlight::stop`] leaves the server running.
#[derive(Debug)]
pub struct OverFlight {
    client: FlightSqlServiceClient<Channel>,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<flight_server::Result<()>>,
}

impl OverFlight {
    /// Serves `engine` and connects to it.
    ///
    /// # Errors
    ///
    /// If no port is free or the server does not answer.
    pub async fn start(engine: Engine) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async {
            let _ = stopped.await;
        };
        let serving = serve(engine, listener, Settings::default(), Default::default(), shutdown);
        let serving = tokio::spawn(serving);
        let channel =
            Endpoint::new(format!("http://{address}"))?.tcp_nodelay(true).connect().await?;
        Ok(Self { client: FlightSqlServiceClient::new(channel), stop, serving })
    }

    /// Sends SQL, then fetches its rows: two calls. Says how many rows came.
    ///
    /// # Errors
    ///
    /// Those of the server.
    pub async fn ask(&mut self, sql: &str) -> Result<usize> {
        let info = self.client.execute(sql.into(), None).await?;
        self.rows(info).await
    }

    /// Prepares SQL, runs it, fetches its rows and closes it, as the ADBC drivers do: four calls. Says how many
    /// rows came.
    ///
    /// # Errors
    ///
    /// Those of the server.
    pub async fn ask_prepared(&mut self, sql: &str) -> Result<usize> {
        let mut statement = self.client.prepare(sql.into(), None).await?;
        let info = statement.execute().await?;
        let rows = self.rows(info).await?;
        statement.close().await?;
        Ok(rows)
    }

    async fn rows(&mut self, info: FlightInfo) -> Result<usize> {
        let mut rows = 0;
        for endpoint in info.endpoint {
            let ticket: Ticket = endpoint.ticket.context("an endpoint has no ticket")?;
            let mut batches = self.client.do_get(ticket).await?;
            while let Some(batch) = batches.try_next().await? {
                rows += batch.num_rows();
            }
        }
        Ok(rows)
    }

    /// Stops the server.
    ///
    /// # Errors
    ///
    /// If it failed.
    pub async fn stop(self) -> Result<()> {
        let Self { client, stop, serving } = self;
        drop(client);
        let _ = stop.send(());
        Ok(serving.await??)
    }
}
