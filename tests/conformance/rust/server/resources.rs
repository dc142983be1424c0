//! Resources: of text, of bytes, of a template, and one to watch.

use oxmcp::Server;
use oxmcp::model::{Content, ResourceContents};
use oxmcp::server::{Json, resource, resource_template};
use serde::{Deserialize, Serialize};

use crate::samples::PNG;

pub(crate) fn add(server: Server) -> Server {
    let image = || async { ResourceContents::blob("test://static-binary", "image/png", PNG) };
    server
        .with(
            resource("test://static-text", "static-text", "This is the content of the static text resource.")
                .description("Text that does not change.")
                .mime_type("text/plain"),
        )
        .with(
            resource("test://static-binary", "static-binary", image)
                .description("An image that does not change.")
                .mime_type("image/png"),
        )
        .with(
            resource("test://watched-resource", "watched-resource", "Nothing happens here.")
                .description("A resource to subscribe to.")
                .mime_type("text/plain"),
        )
        .with(
            resource_template("test://template/{id}/data", "template", from_template)
                .description("Data by its id.")
                .mime_type("application/json"),
        )
}

/// What the resource embedded in a tool's result is.
pub(crate) fn embedded() -> Content {
    let text = "This is an embedded resource content.";
    Content::resource(ResourceContents::text("test://embedded-resource", "text/plain", text))
}

#[derive(Deserialize)]
struct Variables {
    id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    id: String,
    template_test: bool,
    data: String,
}

async fn from_template(Variables { id }: Variables) -> Json<Data> {
    let data = format!("Data for ID: {id}");
    Json(Data { id, template_test: true, data })
}
