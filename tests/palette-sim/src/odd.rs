//! JSON that the contract does not foresee, and that live Palettes send all the same (facts,
//! section 1): made of the real answer, so that the rest of it stays true.

use serde_json::{Map, Value, json};

use crate::fault::{Act, Edit, Token};
use crate::http::{Body, Request, Response};

/// The answer with its JSON changed; one without JSON stays as it is.
pub(crate) fn shape(response: Response, act: &Act, number: u64) -> Response {
    let Body::Bytes(bytes) = &response.body else {
        return response;
    };
    let Ok(mut body) = serde_json::from_slice::<Value>(bytes) else {
        return response;
    };
    match act {
        Act::Edit(edits) => edits.iter().for_each(|edit| apply(&mut body, edit)),
        Act::Nulls => nulls(&mut body),
        Act::ShortList { held, count } => {
            if let Some(items) = body["items"].as_array_mut() {
                items.truncate(*held);
            }
            let meta = json!({ "continue": "", "count": count, "limit": held, "offset": held });
            body["listmeta"] = meta;
        }
        // A page that is the only one is repeated, too.
        Act::RepeatPage(token) => {
            body["listmeta"]["continue"] = match token {
                Token::Same => "again".into(),
                Token::New => format!("again-{number}").into(),
            };
        }
        _ => {}
    }
    Response {
        body: Body::Bytes(body.to_string().into_bytes()),
        ..response
    }
}

/// The request, for the first page of what it asks for.
pub(crate) fn first_page(request: &Request) -> Request {
    let mut request = request.clone();
    request.query.retain(|(name, _)| name != "continue");
    request
}

/// # Panics
/// Where the pointer leads nowhere: a test that changes nothing shows nothing.
fn apply(body: &mut Value, edit: &Edit) {
    let Edit { pointer, value } = edit;
    let (parent, last) = pointer
        .rsplit_once('/')
        .expect("a pointer begins with a slash");
    let last = last.replace("~1", "/").replace("~0", "~");
    match (body.pointer_mut(parent), value) {
        (Some(Value::Object(fields)), Some(value)) => drop(fields.insert(last, value.clone())),
        (Some(Value::Object(fields)), None) => drop(fields.remove(&last)),
        (Some(Value::Array(items)), Some(value)) if last == "-" => items.push(value.clone()),
        (Some(Value::Array(items)), value) => {
            let at: usize = last.parse().expect("the place of an item");
            match value {
                Some(value) => items[at] = value.clone(),
                None => drop(items.remove(at)),
            }
        }
        _ => panic!("{pointer} leads nowhere in {body}"),
    }
}

fn nulls(value: &mut Value) {
    match value {
        Value::String(text) if text.is_empty() => *value = Value::Null,
        Value::Array(items) if items.is_empty() => *value = Value::Null,
        Value::Object(fields) if fields.is_empty() => *value = Value::Null,
        Value::Array(items) => {
            items.iter_mut().for_each(nulls);
            let hollow = items.first().and_then(Value::as_object).map(|first| {
                let nulls: Map<String, Value> =
                    first.keys().map(|key| (key.clone(), Value::Null)).collect();
                Value::Object(nulls)
            });
            items.push(Value::Null);
            items.extend(hollow);
        }
        Value::Object(fields) => fields.values_mut().for_each(nulls),
        _ => {}
    }
}
