//! The methods of Flight.

use std::pin::Pin;
use std::sync::Arc;

use arrow_flight::flight_service_server::FlightService;
use arrow_flight::{
    Action, ActionType, Criteria, Empty, FlightData, FlightDescriptor, FlightInfo, HandshakeRequest,
    HandshakeResponse, PollInfo, PutResult, SchemaResult, Ticket,
};
use futures::{Stream, StreamExt, future, stream};
use silverbullet_query::catalog;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status, Streaming};

use super::Flight;
use super::actions::{kinds, schema_bytes};
use super::asked::Asked;

/// What is streamed to a client.
type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// Flight as gRPC calls it.
pub(crate) struct Service(pub(crate) Arc<Flight>);

fn one<T: Send + 'static>(item: T) -> Answers<T> {
    Box::pin(stream::iter([Ok(item)]))
}

#[tonic::async_trait]
impl FlightService for Service {
    type HandshakeStream = Answers<HandshakeResponse>;
    type ListFlightsStream = Answers<FlightInfo>;
    type DoGetStream = Answers<FlightData>;
    type DoPutStream = Answers<PutResult>;
    type DoExchangeStream = Answers<FlightData>;
    type DoActionStream = Answers<arrow_flight::Result>;
    type ListActionsStream = Answers<ActionType>;

    /// Logs in: a password that is the token gives what is to be sent as `authorization` from then on.
    async fn handshake(
        &self,
        request: Request<Streaming<HandshakeRequest>>,
    ) -> Result<Response<Self::HandshakeStream>, Status> {
        let bearer = self.0.door.log_in(request.metadata().as_ref())?;
        let payload = bearer.as_bytes().strip_prefix(b"Bearer ").unwrap_or_default().to_vec();
        let mut response =
            Response::new(one(HandshakeResponse { protocol_version: 0, payload: payload.into() }));
        response.metadata_mut().insert("authorization", bearer);
        Ok(response)
    }

    /// Every table, with its columns; how many rows it has is known once it is asked for.
    async fn list_flights(
        &self,
        _request: Request<Criteria>,
    ) -> Result<Response<Self::ListFlightsStream>, Status> {
        let flight = |table: catalog::TableInfo| {
            let path = table.name.split('.').map(str::to_owned).collect();
            let info = FlightInfo::new()
                .with_descriptor(FlightDescriptor::new_path(path))
                .with_total_records(-1)
                .with_total_bytes(-1);
            let Some(schema) = catalog::schema(&table.name) else { return Ok(info) };
            info.try_with_schema(&schema).map_err(|error| Status::internal(error.to_string()))
        };
        Ok(Response::new(Box::pin(stream::iter(catalog::tables().into_iter().map(flight)))))
    }

    async fn get_flight_info(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        let (headers, descriptor) = parts(request);
        let asked = Asked::of(&descriptor, &headers)?;
        Ok(Response::new(self.0.info(asked, descriptor).await?))
    }

    /// Answers are complete when they are given out: there is nothing to come back for.
    async fn poll_flight_info(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<PollInfo>, Status> {
        let info = self.get_flight_info(request).await?.into_inner();
        let poll = PollInfo::new().with_info(info).try_with_progress(1.0);
        Ok(Response::new(poll.map_err(|error| Status::internal(error.to_string()))?))
    }

    async fn get_schema(&self, request: Request<FlightDescriptor>) -> Result<Response<SchemaResult>, Status> {
        let (headers, descriptor) = parts(request);
        let schema = self.0.schema(Asked::of(&descriptor, &headers)?).await?;
        Ok(Response::new(SchemaResult { schema: schema_bytes(&schema)? }))
    }

    /// [`wire`](super::wire) answers it before it gets here.
    async fn do_get(&self, _request: Request<Ticket>) -> Result<Response<Self::DoGetStream>, Status> {
        Err(Status::internal("DoGet has reached the wrong place: please report it"))
    }

    async fn do_put(
        &self,
        request: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoPutStream>, Status> {
        Ok(Response::new(self.0.put(request.into_inner()).await?))
    }

    async fn do_exchange(
        &self,
        _request: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoExchangeStream>, Status> {
        Err(Status::unimplemented("there is no exchange: ask by GetFlightInfo and DoGet"))
    }

    async fn do_action(&self, request: Request<Action>) -> Result<Response<Self::DoActionStream>, Status> {
        let body = self.0.act(request.into_inner()).await?;
        let results = body.map(|body| Ok(arrow_flight::Result { body }));
        Ok(Response::new(Box::pin(stream::iter(results))))
    }

    async fn list_actions(
        &self,
        _request: Request<Empty>,
    ) -> Result<Response<Self::ListActionsStream>, Status> {
        Ok(Response::new(Box::pin(stream::iter(kinds()).then(|kind| future::ready(Ok(kind))))))
    }
}

/// Headers and message of a request.
fn parts(request: Request<FlightDescriptor>) -> (MetadataMap, FlightDescriptor) {
    let (headers, _, descriptor) = request.into_parts();
    (headers, descriptor)
}
