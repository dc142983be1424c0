use oxmcp_proto::Method;
use oxmcp_proto::model::{
    ListResourceTemplatesResult, ListResourcesResult, ReadResourceResult, Resource, ResourceTemplate,
};
use serde::Serialize;

use super::list::Cursor;
use super::{Client, List, Request};

impl Client {
    /// The server's resources, in its order.
    pub fn list_resources(&self) -> List<Resource> {
        List::new(self, Method::ListResources)
    }

    /// One page of the server's resources; the first without a cursor.
    pub fn list_resources_page(&self, cursor: Option<&str>) -> Request<ListResourcesResult> {
        Request::new(self, Method::ListResources, &Cursor { cursor })
    }

    /// The server's resource templates, in its order.
    pub fn list_resource_templates(&self) -> List<ResourceTemplate> {
        List::new(self, Method::ListResourceTemplates)
    }

    /// One page of the server's resource templates; the first without a cursor.
    pub fn list_resource_templates_page(&self, cursor: Option<&str>) -> Request<ListResourceTemplatesResult> {
        Request::new(self, Method::ListResourceTemplates, &Cursor { cursor })
    }

    /// Reads a resource.
    pub fn read_resource(&self, uri: impl Into<String>) -> Request<ReadResourceResult> {
        #[derive(Serialize)]
        struct Params {
            uri: String,
        }
        Request::new(self, Method::ReadResource, &Params { uri: uri.into() })
    }
}
