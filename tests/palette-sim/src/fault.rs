//! Faults: what goes wrong, where, and how often.
//!
//! A test queues them with `Sim::fault`. For each request the first fault in the
//! queue that matches its route, has nothing left to skip and is not used up acts;
//! so two queued faults act on two requests, one after the other. A fault shapes the
//! simulator's own answer and never changes its world.

use std::time::Duration;

use serde_json::{Value, json};

/// The calls of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Route {
    /// Every request, unknown paths among them.
    Any,
    /// `POST /v1/spectroclusters/spc/download`
    Download,
    /// `GET /v1/clusterprofiles/{uid}`
    Profile,
    /// `GET /v1/clusterprofiles/{uid}/variables`
    Variables,
    /// `GET /v1/dashboard/clusterprofiles/metadata`
    Metadata,
    /// `POST /v1/dashboard/clusterprofiles`
    Dashboard,
    /// `GET /v1/dashboard/projects/metadata`
    Projects,
    /// `GET /v1/projects/{uid}`
    Project,
    /// `POST /v1/clusterprofiles/validate/packs`
    Validate,
}

/// Something that goes wrong.
#[derive(Clone, Debug)]
pub struct Fault {
    on: Route,
    skip: usize,
    times: Option<usize>,
    act: Act,
}

impl Fault {
    /// Acts on the next request to this route, once.
    #[must_use]
    pub fn on(route: Route, act: Act) -> Self {
        Self {
            on: route,
            skip: 0,
            times: Some(1),
            act,
        }
    }

    /// Lets this many matching requests pass first.
    #[must_use]
    pub fn skip(mut self, requests: usize) -> Self {
        self.skip = requests;
        self
    }

    /// Acts this many times.
    #[must_use]
    pub fn times(mut self, times: usize) -> Self {
        self.times = Some(times);
        self
    }

    /// Acts until the faults are cleared.
    #[must_use]
    pub fn forever(mut self) -> Self {
        self.times = None;
        self
    }
}

/// What a fault does to the answer. Counts are in bytes of the body, before any
/// transfer coding; a cut behind the body's end is moved before its last byte.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// Answers this in place of the real answer.
    Status {
        /// The status code.
        status: u16,
        /// What follows the head.
        body: Reply,
        /// Besides those of the body, `Retry-After` for one.
        headers: Vec<(String, String)>,
    },
    /// The page of a captive portal, with status 200.
    Html200,
    /// This JSON, with status 200.
    Json200(Value),
    /// The real head, but with `Content-Length: 0`.
    EmptyBody,
    /// These bytes as an archive, with status 200.
    Bytes(Vec<u8>),
    /// A redirect without a body.
    Redirect(u16, String),
    /// The real answer, which then says `Content-Encoding: gzip`. Archives are sent
    /// as they are: a client that decodes them spoils them. Other bodies are compressed.
    ContentEncodingGzip,
    /// The real body with these bytes behind it, all counted in its length.
    Trailing(Vec<u8>),
    /// The real body under a `Content-Length` that is off by this; closed after it.
    WrongLength(i64),
    /// A reset before the first byte of the answer.
    ResetBeforeHead,
    /// An orderly close before the first byte of the answer.
    CloseBeforeHead,
    /// A reset in the middle of the head.
    ResetInHead,
    /// A reset after this many bytes of the body. The reset may overtake bytes that
    /// the client has not read yet, so it sees at most as many.
    ResetInBody(u64),
    /// An orderly close after this many bytes of the body.
    CloseInBody(u64),
    /// The real answer in full, then a close that no header announced, as a server
    /// does to idle connections.
    CloseAfter,
    /// Silence before the answer.
    StallBeforeHead(Duration),
    /// Silence after this many bytes of the body.
    StallInBody(u64, Duration),
    /// The body at this many bytes per second.
    Slow(u64),
    /// Another act, its body at this many bytes per second.
    Drip(Box<Act>, u64),
    /// The real answer with other headers: each replaces those of its name.
    Headers(Vec<(String, String)>),
    /// The real JSON with some of it exchanged or taken out.
    Edit(Vec<Edit>),
    /// The real JSON as Go servers may write it: `null` for every empty field, and behind
    /// the items of each list one that is `null` and one of nothing but nulls.
    Nulls,
    /// The first so many items, beside a `listmeta` that counts more.
    ShortList {
        /// How many are left.
        held: usize,
        /// What `listmeta.count` says.
        count: u64,
    },
    /// Whatever page is asked for, the first one.
    RepeatPage(Token),
}

/// What a repeated page has for a continue token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    /// The same each time.
    Same,
    /// Another one each time.
    New,
}

/// One change of an answer's JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct Edit {
    /// Where, as a JSON pointer (RFC 6901). Objects on the way must be there; `-` is the
    /// place behind a list's last item.
    pub pointer: String,
    /// What is to stand there; nothing takes it out.
    pub value: Option<Value>,
}

/// The body of an [`Act::Status`].
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// `application/json`
    Json(Value),
    /// `text/plain`
    Text(String),
    /// `text/html`
    Html(String),
}

impl Act {
    /// A status with an error in Palette's shape.
    #[must_use]
    pub fn status(status: u16) -> Self {
        let code = match status {
            401 => "Unauthorized",
            403 => "OperationForbidden",
            404 => "ResourceNotFound",
            429 => "TooManyRequests",
            500 => "InternalServerError",
            502 => "BadGateway",
            503 => "ServiceUnavailable",
            _ => "UnexpectedError",
        };
        Act::Status {
            status,
            body: Reply::Json(json!({
                "code": code,
                "message": format!("simulated failure with status {status}"),
                "details": {},
                "ref": "simulated",
            })),
            headers: Vec::new(),
        }
    }

    /// A status with a text body, as gateways in front of Palette send it.
    #[must_use]
    pub fn text(status: u16, text: &str) -> Self {
        Act::Status {
            status,
            body: Reply::Text(text.into()),
            headers: Vec::new(),
        }
    }

    /// An error of the framework that Palette is made with: its `code` is a number. It
    /// answers so to calls and parameters that it does not know.
    #[must_use]
    pub fn framework(status: u16, code: u16, message: &str) -> Self {
        Act::Status {
            status,
            body: Reply::Json(json!({ "code": code, "message": message })),
            headers: Vec::new(),
        }
    }

    /// The page of a gateway in front of Palette.
    #[must_use]
    pub fn gateway(status: u16, title: &str) -> Self {
        let page = format!(
            "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center>{title}</center>\r\n\
             <hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
        );
        Act::Status {
            status,
            body: Reply::Html(page),
            headers: Vec::new(),
        }
    }

    /// The real JSON with this value at a JSON pointer.
    #[must_use]
    pub fn set(pointer: &str, value: impl Into<Value>) -> Self {
        Act::Edit(Vec::new()).and_set(pointer, value)
    }

    /// The real JSON without what stands at a JSON pointer.
    #[must_use]
    pub fn unset(pointer: &str) -> Self {
        Act::Edit(Vec::new()).and_unset(pointer)
    }

    /// One more change of an [`Act::Edit`]; others stay as they are.
    #[must_use]
    pub fn and_set(self, pointer: &str, value: impl Into<Value>) -> Self {
        self.and(pointer, Some(value.into()))
    }

    /// One thing less of an [`Act::Edit`]; others stay as they are.
    #[must_use]
    pub fn and_unset(self, pointer: &str) -> Self {
        self.and(pointer, None)
    }

    fn and(mut self, pointer: &str, value: Option<Value>) -> Self {
        if let Act::Edit(edits) = &mut self {
            edits.push(Edit {
                pointer: pointer.into(),
                value,
            });
        }
        self
    }

    /// Adds a header to an [`Act::Status`]; others stay as they are.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Act::Status { headers, .. } = &mut self {
            headers.push((name.into(), value.into()));
        }
        self
    }

    /// Whether the client gets, in the end, what the simulator would have said
    /// anyway; only then an answer can be compared with the contract.
    #[must_use]
    pub fn is_honest(&self) -> bool {
        matches!(
            self,
            Act::CloseAfter | Act::StallBeforeHead(_) | Act::StallInBody(..) | Act::Slow(_)
        )
    }
}

/// The queue of a simulator.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn push(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// The act for a request to this route; `None` as the route is an unknown path.
    pub(crate) fn take(&mut self, route: Option<Route>) -> Option<Act> {
        for fault in &mut self.0 {
            if fault.on != Route::Any && Some(fault.on) != route {
                continue;
            }
            if fault.skip > 0 {
                fault.skip -= 1;
                continue;
            }
            match &mut fault.times {
                Some(0) => continue,
                Some(left) => *left -= 1,
                None => {}
            }
            return Some(fault.act.clone());
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::{Act, Fault, Faults, Route};

    #[test]
    fn queue_order_skip_and_times() {
        let mut faults = Faults::default();
        faults.push(Fault::on(Route::Download, Act::Html200).skip(1).times(2));
        faults.push(Fault::on(Route::Any, Act::EmptyBody));
        assert_eq!(faults.take(Some(Route::Profile)), Some(Act::EmptyBody));
        assert_eq!(faults.take(Some(Route::Download)), None);
        assert_eq!(faults.take(Some(Route::Download)), Some(Act::Html200));
        assert_eq!(faults.take(None), None);
        assert_eq!(faults.take(Some(Route::Download)), Some(Act::Html200));
        assert_eq!(faults.take(Some(Route::Download)), None);
        faults.push(Fault::on(Route::Any, Act::CloseAfter).forever());
        assert_eq!(faults.take(None), Some(Act::CloseAfter));
        assert_eq!(faults.take(Some(Route::Download)), Some(Act::CloseAfter));
        faults.clear();
        assert_eq!(faults.take(None), None);
    }
}
