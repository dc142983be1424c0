use oxmcp_proto::Method;
use oxmcp_proto::jsonrpc::RawJson;

use super::list::Cursor;
use crate::{Error, ErrorKind, Limits, Result};

/// A walk over the pages of a list: where it is, and what keeps it from going on for ever.
pub(super) struct Walk {
    method: Method,
    max_pages: usize,
    /// The pages that were read.
    pages: usize,
    cursor: Option<String>,
    /// A page that was read, and its cursor. It moves on to every page whose number is a power of two, so a circle of any length is
    /// found before it was gone through three times, with one cursor kept.
    landmark: Option<(usize, String)>,
}

impl Walk {
    pub(super) fn new(method: Method, limits: &Limits) -> Self {
        Self { method, max_pages: limits.list_pages, pages: 0, cursor: None, landmark: None }
    }

    /// The parameters of the next page.
    pub(super) fn params(&self) -> Result<RawJson> {
        let params = RawJson::of(&Cursor { cursor: self.cursor.as_deref() });
        params.map_err(|error| Error::misuse(error.to_string()))
    }

    /// Takes the cursor that a page came with. False when it was the last page.
    pub(super) fn advance(&mut self, next: Option<String>) -> Result<bool> {
        self.pages += 1;
        let Some(next) = next else { return Ok(false) };
        let (method, page) = (self.method.name(), self.pages);
        if let Some((earlier, cursor)) = &self.landmark
            && *cursor == next
        {
            return Err(Error::protocol(format!(
                "the server's {method} goes in circles: page {page} has the cursor of page {earlier}"
            )));
        }
        if page >= self.max_pages {
            let message =
                format!("the server's {method} has more than {page} pages, the limit of this client");
            return Err(Error::new(ErrorKind::TooLarge, message));
        }
        if page.is_power_of_two() {
            self.landmark = Some((page, next.clone()));
        }
        self.cursor = Some(next);
        Ok(true)
    }
}
