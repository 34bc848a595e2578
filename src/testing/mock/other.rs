use bytes::Bytes;
use http::{Method, Request, Response, response::Parts};

use super::{Mockable, Sent};
use crate::{
    Body, Error, Operation, Result,
    operation::{Idempotency, OperationMeta},
};

/// A request that is of no operation, to expect one: what a presigned URL leads to, or a path outside of the API.
///
/// ```
/// use http::Response;
/// use lakefs_sdk::{Body, Client, api::objects::GetObject, testing::{MockTransport, mock::Other}};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let lakefs = MockTransport::new();
/// let signed = "https://s3.example.com/bucket/a?X-Amz-Signature=c0ffee";
/// let redirect = Response::builder().status(302).header("location", signed).body("").unwrap();
/// lakefs.on::<GetObject>().reply_raw(redirect);
/// lakefs.on::<Other>().matching(move |other| other.sent.uri() == signed).reply(Response::new(Body::from("id,kind")));
///
/// let object = Client::new(lakefs.clone()).get_object("lake", "main", "a").presign(true).await?;
/// assert_eq!(object.text().await?, "id,kind");
/// # Ok::<_, lakefs_sdk::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Other {
    /// The request.
    pub sent: Sent,
}

impl Operation for Other {
    type Output = Response<Body>;

    const META: &'static OperationMeta =
        &OperationMeta::new("a request of no operation", Method::GET, "/")
            .with_idempotency(Idempotency::Safe);

    fn into_request(self) -> Result<Request<Body>> {
        let mut request = Request::new(self.sent.data());
        *request.method_mut() = self.sent.method().clone();
        *request.uri_mut() = self.sent.uri().clone();
        *request.headers_mut() = self.sent.headers().clone();
        Ok(request)
    }

    fn decode(parts: Parts, body: Bytes) -> Result<Self::Output> {
        Ok(Response::from_parts(parts, body.into()))
    }
}

impl Mockable for Other {
    const STATUS: u16 = 200;

    fn read(sent: &Sent) -> Result<Self> {
        match sent.operation() {
            None => Ok(Self { sent: sent.clone() }),
            Some(id) => Err(Error::decode(format!("this is a request of {id}"))),
        }
    }

    fn answer(output: Self::Output) -> Result<Response<Body>> {
        Ok(output)
    }
}
