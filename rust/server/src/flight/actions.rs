//! Actions: what is done with tickets and statements.

use arrow::datatypes::Schema;
use arrow::ipc::writer::IpcWriteOptions;
use arrow_flight::sql::{
    ActionCancelQueryRequest, ActionCancelQueryResult, ActionClosePreparedStatementRequest,
    ActionCreatePreparedStatementRequest, ActionCreatePreparedStatementResult, Any, ProstMessageExt,
};
use arrow_flight::{
    Action, ActionType, CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus, FlightEndpoint,
    FlightInfo, IpcMessage, RenewFlightEndpointRequest, SchemaAsIpc,
};
use bytes::Bytes;
use prost::Message;
use tonic::Status;

use super::Flight;
use super::answers::status;
use super::prepared::Prepared;
use super::ticket::Ticket;

/// Names and what they do.
const KINDS: [(&str, &str); 5] = [
    (
        "CancelFlightInfo",
        "Keeps an answer no longer. Takes a CancelFlightInfoRequest, gives a CancelFlightInfoResult",
    ),
    (
        "RenewFlightEndpoint",
        "Makes a ticket good for longer. Takes a RenewFlightEndpointRequest, gives a FlightEndpoint",
    ),
    ("CreatePreparedStatement", "Prepares a query (Flight SQL)"),
    ("ClosePreparedStatement", "Forgets a prepared query (Flight SQL)"),
    ("CancelQuery", "Keeps an answer no longer (Flight SQL)"),
];

/// What begins or ends what there is not.
const OF_TRANSACTIONS: [&str; 4] = ["BeginTransaction", "EndTransaction", "BeginSavepoint", "EndSavepoint"];

/// All actions.
pub(crate) fn kinds() -> Vec<ActionType> {
    let kind =
        |(name, does): (&str, &str)| ActionType { r#type: name.to_owned(), description: does.to_owned() };
    KINDS.into_iter().map(kind).collect()
}

impl Flight {
    /// Does what an action says; gives the body of its result, where it has one.
    pub(crate) async fn act(&self, action: Action) -> Result<Option<Bytes>, Status> {
        match action.r#type.as_str() {
            "CancelFlightInfo" => {
                let request: CancelFlightInfoRequest = decoded(&action.body)?;
                let status = self.cancel(request.info.as_ref())?;
                Ok(Some(CancelFlightInfoResult::new(status).encode_to_vec().into()))
            }
            "RenewFlightEndpoint" => {
                let request: RenewFlightEndpointRequest = decoded(&action.body)?;
                let endpoint = request.endpoint.ok_or_else(|| wrong("the request has no endpoint"))?;
                Ok(Some(self.renew(endpoint)?.encode_to_vec().into()))
            }
            "CreatePreparedStatement" => {
                let request: ActionCreatePreparedStatementRequest = unpacked(&action.body)?;
                self.prepare(request).await.map(Some)
            }
            "ClosePreparedStatement" => {
                let request: ActionClosePreparedStatementRequest = unpacked(&action.body)?;
                self.statements.close(&request.prepared_statement_handle);
                Ok(None)
            }
            "CancelQuery" => {
                let request: ActionCancelQueryRequest = unpacked(&action.body)?;
                let info = FlightInfo::decode(request.info).map_err(|error| wrong(error.to_string()))?;
                let result = self.cancel(Some(&info))? as i32;
                Ok(Some(ActionCancelQueryResult { result }.as_any().encode_to_vec().into()))
            }
            name if OF_TRANSACTIONS.contains(&name) => Err(Status::unimplemented(
                "there are no transactions: SQL only reads, each query at one moment",
            )),
            name => {
                let names = KINDS.map(|(name, _)| name).join(", ");
                Err(Status::unimplemented(format!("there is no action {name:?}; there are {names}")))
            }
        }
    }

    fn cancel(&self, info: Option<&FlightInfo>) -> Result<CancelStatus, Status> {
        let ticket =
            info.and_then(|info| info.endpoint.first()).and_then(|endpoint| endpoint.ticket.as_ref());
        let ticket = ticket.ok_or_else(|| wrong("the request has no ticket"))?;
        let there = self.shelf.cancel(Ticket::read(&ticket.ticket)?);
        Ok(if there { CancelStatus::Cancelled } else { CancelStatus::NotCancellable })
    }

    fn renew(&self, endpoint: FlightEndpoint) -> Result<FlightEndpoint, Status> {
        let ticket = endpoint.ticket.as_ref().ok_or_else(|| wrong("the endpoint has no ticket"))?;
        self.shelf.renew(Ticket::read(&ticket.ticket)?)?;
        Ok(endpoint.with_expiration_time(super::answers::timestamp(self.shelf.expiry_utc())))
    }

    async fn prepare(&self, request: ActionCreatePreparedStatementRequest) -> Result<Bytes, Status> {
        if request.transaction_id.is_some_and(|id| !id.is_empty()) {
            return Err(wrong("there are no transactions: leave the transaction's id out"));
        }
        let described = self.sql.describe(&request.query).await.map_err(status)?;
        let result = ActionCreatePreparedStatementResult {
            dataset_schema: schema_bytes(&described.schema)?,
            parameter_schema: schema_bytes(&described.parameters)?,
            prepared_statement_handle: self.statements.put(Prepared {
                text: request.query,
                described,
                parameters: None,
            }),
        };
        Ok(result.as_any().encode_to_vec().into())
    }
}

/// Columns as Flight has them.
pub(crate) fn schema_bytes(schema: &Schema) -> Result<Bytes, Status> {
    let options = IpcWriteOptions::default();
    let IpcMessage(bytes) = SchemaAsIpc::new(schema, &options)
        .try_into()
        .map_err(|error: arrow::error::ArrowError| Status::internal(error.to_string()))?;
    Ok(bytes)
}

fn wrong(message: impl Into<String>) -> Status {
    Status::invalid_argument(message)
}

fn decoded<T: Message + Default>(body: &Bytes) -> Result<T, Status> {
    T::decode(body.clone()).map_err(|error| wrong(format!("the action's body: {error}")))
}

fn unpacked<T: ProstMessageExt>(body: &Bytes) -> Result<T, Status> {
    let any: Any = decoded(body)?;
    let message = any.unpack().map_err(|error| wrong(format!("the action's body: {error}")))?;
    message.ok_or_else(|| wrong(format!("the action's body is a {}", any.type_url)))
}
