use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The tools of the server made with oxmcp, in their order.
pub const TOOLS: [&str; 4] = ["add", "show", "who", "fail"];

/// The tools of the server made with rmcp, in their order.
pub const RMCP_TOOLS: [&str; 7] = ["add", "show", "who", "fail", "count", "nap", "naps"];

/// How many tools both servers show on a page.
pub const PAGE_SIZE: usize = 3;

/// The image that `show` answers, in base64. Nobody looks into it.
pub const IMAGE: &str = "aW1hZ2U=";

/// The sound that `show` answers, in base64.
pub const AUDIO: &str = "YXVkaW8=";

/// The URI and the text of the resource that `show` answers.
pub const RESOURCE: (&str, &str) = ("test://resource", "what the resource holds");

/// What `add` takes.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Add {
    pub(crate) a: i64,
    pub(crate) b: i64,
}

/// What `add` answers.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Sum {
    pub(crate) sum: i64,
}

/// What `count` takes.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Count {
    pub(crate) to: u32,
}
