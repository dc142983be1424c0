use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;

use napi::bindgen_prelude::{Function, Unknown};
use napi::{Env, JsString, Status};
use napi_derive::napi;
use oxmcp_bridge::{Answer, CallOutcome, Client, Queue, Server, ToolOptions};

use crate::batch::Batch;
use crate::error::{Exception, dropped, exception};
use crate::record::{Record, Records};
use crate::wakeup::Wakeup;

/// JSON-RPC 2.0, "Error object": a fault of the server.
const INTERNAL_ERROR: i64 = -32603;

/// The core as one Node environment sees it: its queue of events, its clients and its servers, each under a number.
///
/// It lives on the environment's thread. When the environment ends, it is dropped with everything in it.
#[napi]
pub struct NativeCore {
    queue: Arc<Queue>,
    wakeup: Arc<Wakeup>,
    batch: RefCell<Batch>,
    clients: RefCell<HashMap<u32, Client>>,
    servers: RefCell<HashMap<u32, Server>>,
    last_handle: Cell<u32>,
}

#[napi]
impl NativeCore {
    /// Makes a core that calls `wake` on the event loop when there is something to [`drain`](Self::drain).
    #[napi(constructor, catch_unwind)]
    pub fn new(wake: Function<'_, (), Unknown<'static>>) -> napi::Result<Self> {
        let wakeup = Arc::new(Wakeup::new(&wake)?);
        let signal = Arc::clone(&wakeup);
        Ok(Self {
            queue: Queue::with_questions(Some(Box::new(move || signal.signal()))),
            wakeup,
            batch: RefCell::default(),
            clients: RefCell::default(),
            servers: RefCell::default(),
            last_handle: Cell::new(0),
        })
    }

    /// The waiting events as JSON, `[more, kind, id, target, payload, ...]`; null when there are none.
    #[napi(catch_unwind)]
    pub fn drain<'env>(&self, env: &'env Env) -> napi::Result<Option<JsString<'env>>> {
        let mut batch = self.batch.borrow_mut();
        let Some(json) = batch.take(&self.queue) else { return Ok(None) };
        // A one-byte string is made by a plain copy; anything else has to be decoded.
        if json.is_ascii() {
            return env.create_string_latin1(json).map(Some);
        }
        env.create_string(String::from_utf8_lossy(json)).map(Some)
    }

    /// Carries out the records of a text (see [`Record`]), in order.
    #[napi(catch_unwind)]
    pub fn send(&self, records: String) -> napi::Result<()> {
        let clients = self.clients.borrow();
        let servers = self.servers.borrow();
        let mut malformed = false;
        for record in Records::new(records) {
            match record {
                Some(Record::Submit { client, id, operation, options, params }) => {
                    if let Some(client) = clients.get(&client) {
                        client.submit(operation, &params, options, id, &self.queue);
                    }
                }
                Some(Record::Cancel { client, id }) => {
                    if let Some(client) = clients.get(&client) {
                        client.cancel(id, &self.queue);
                    }
                }
                Some(Record::Result { server, call, json }) => {
                    if let Some(server) = servers.get(&server) {
                        server.respond(call, CallOutcome::Result(json));
                    }
                }
                Some(Record::Text { server, call, text }) => {
                    if let Some(server) = servers.get(&server) {
                        server.respond(call, CallOutcome::Text(text));
                    }
                }
                Some(Record::InternalError { server, call, message }) => {
                    if let Some(server) = servers.get(&server) {
                        server
                            .respond(call, CallOutcome::Error { code: INTERNAL_ERROR, message, data: None });
                    }
                }
                None => malformed = true,
            }
        }
        if malformed {
            return Err(napi::Error::new(Status::InvalidArg, "a record sent to the core is malformed"));
        }
        Ok(())
    }

    /// Keeps the event loop alive until [`release`](Self::release).
    #[napi(catch_unwind)]
    pub fn hold(&self, env: Env) {
        self.wakeup.hold(&env);
    }

    /// Lets the event loop end when nothing else keeps it alive.
    #[napi(catch_unwind)]
    pub fn release(&self, env: Env) {
        self.wakeup.release(&env);
    }

    /// Starts connecting; the operation `id` settles when connected or failed. Returns the client's number.
    #[napi(catch_unwind)]
    pub fn open_client(&self, config: String, id: f64) -> Result<u32, Exception> {
        let client = Client::open(&config, number(id), &self.queue).map_err(|error| exception(&error))?;
        Ok(self.keep_client(client))
    }

    /// Starts connecting in memory to a server of this environment.
    #[napi(catch_unwind)]
    pub fn open_client_in_memory(&self, server: u32, config: String, id: f64) -> Result<u32, Exception> {
        let server = self.server(server)?;
        let client = Client::open_in_memory(&server, &config, number(id), &self.queue)
            .map_err(|error| exception(&error))?;
        Ok(self.keep_client(client))
    }

    /// The operation `id` completes when the client's connection is over, whichever side ended it.
    #[napi(catch_unwind)]
    pub fn client_closed(&self, client: u32, id: f64) -> Result<(), Exception> {
        self.client(client)?.closed(number(id), &self.queue);
        Ok(())
    }

    /// Closes a client; the operation `id` completes when everything is released.
    #[napi(catch_unwind)]
    pub fn close_client(&self, client: u32, id: f64) -> Result<(), Exception> {
        self.client(client)?.close(number(id), &self.queue);
        Ok(())
    }

    /// Forgets a client, which ends its connection if that is still open.
    #[napi(catch_unwind)]
    pub fn drop_client(&self, client: u32) {
        self.clients.borrow_mut().remove(&client);
    }

    /// Gives what a question asks for. False when nobody waits for it any more.
    #[napi(catch_unwind)]
    pub fn give_answer(&self, question: f64, json: String) -> bool {
        self.queue.answer(number(question), Answer::Given(json.into()))
    }

    /// Answers a question with no: `why`, for people.
    #[napi(catch_unwind)]
    pub fn refuse_answer(&self, question: f64, why: String) -> bool {
        self.queue.answer(number(question), Answer::Refused(why))
    }

    /// Says that a question cannot be answered: `why`, for people.
    #[napi(catch_unwind)]
    pub fn fail_answer(&self, question: f64, why: String) -> bool {
        self.queue.answer(number(question), Answer::Failed(why))
    }

    /// Makes a server and returns its number.
    #[napi(catch_unwind)]
    pub fn new_server(&self, config: String) -> Result<u32, Exception> {
        let server = Server::new(&config, &self.queue).map_err(|error| exception(&error))?;
        let handle = self.next_handle();
        self.servers.borrow_mut().insert(handle, server);
        Ok(handle)
    }

    /// Adds a tool to a server; its calls carry `target`, and need `scopes`.
    #[napi(catch_unwind)]
    pub fn add_tool(
        &self,
        server: u32,
        definition: String,
        target: f64,
        scopes: Vec<String>,
    ) -> Result<(), Exception> {
        let added = self.server(server)?.add_tool_with(&definition, ToolOptions { scopes }, number(target));
        added.map_err(|error| exception(&error))
    }

    /// Removes a tool; false when there is none of that name.
    #[napi(catch_unwind)]
    pub fn remove_tool(&self, server: u32, name: String) -> Result<bool, Exception> {
        Ok(self.server(server)?.remove_tool(&name))
    }

    /// Serves stdin and stdout; the operation `id` completes when the peer has closed.
    #[napi(catch_unwind)]
    pub fn serve_stdio(&self, server: u32, id: f64) -> Result<(), Exception> {
        self.server(server)?.serve_stdio(number(id), &self.queue);
        Ok(())
    }

    /// Serves HTTP; the operation `id` completes when it listens.
    #[napi(catch_unwind)]
    pub fn listen_http(&self, server: u32, config: String, id: f64) -> Result<(), Exception> {
        self.server(server)?.listen_http(&config, number(id), &self.queue);
        Ok(())
    }

    /// Reports progress of a tool call. False when nobody wants it, or the server was closed.
    #[napi(catch_unwind)]
    pub fn report_progress(
        &self,
        server: u32,
        call: f64,
        progress: f64,
        total: Option<f64>,
        message: Option<String>,
    ) -> bool {
        // A handler may outlive its server.
        self.servers
            .borrow()
            .get(&server)
            .is_some_and(|server| server.progress(number(call), progress, total, message.as_deref()))
    }

    /// What is known of a tool call in flight, as JSON; null when it has settled, or the server was closed.
    #[napi(catch_unwind)]
    pub fn call_context(&self, server: u32, call: f64) -> Option<String> {
        let context = self.servers.borrow().get(&server)?.call_context(number(call));
        context.map(|json| String::from_utf8_lossy(&json).into_owned())
    }

    /// Closes a server; the operation `id` completes when everything is released.
    #[napi(catch_unwind)]
    pub fn close_server(&self, server: u32, id: f64) -> Result<(), Exception> {
        self.server(server)?.close(number(id), &self.queue);
        Ok(())
    }

    /// Forgets a server.
    #[napi(catch_unwind)]
    pub fn drop_server(&self, server: u32) {
        self.servers.borrow_mut().remove(&server);
    }

    fn keep_client(&self, client: Client) -> u32 {
        let handle = self.next_handle();
        self.clients.borrow_mut().insert(handle, client);
        handle
    }

    fn client(&self, handle: u32) -> Result<Client, Exception> {
        self.clients.borrow().get(&handle).cloned().ok_or_else(|| dropped("client"))
    }

    fn server(&self, handle: u32) -> Result<Server, Exception> {
        self.servers.borrow().get(&handle).cloned().ok_or_else(|| dropped("server"))
    }

    fn next_handle(&self) -> u32 {
        let handle = self.last_handle.get().wrapping_add(1);
        self.last_handle.set(handle);
        handle
    }
}

impl Drop for NativeCore {
    fn drop(&mut self) {
        self.queue.close();
    }
}

/// An id as JavaScript has it: a whole number below 2^53.
fn number(id: f64) -> u64 {
    id as u64
}
