use crate::{
    Call, Operation, Result,
    blocking::runtime,
    call::{ApiResponse, decode, decode_response},
    client::Received,
};

impl<Op: Operation + 'static> Call<Op> {
    /// Sends the call and waits for its answer: [`send`](Self::send) without async. See [`blocking`](crate::blocking).
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and as [`blocking::run`](crate::blocking::run).
    pub fn send_blocking(self) -> Result<Op::Output> {
        decode::<Op>(self.receive()?)
    }

    /// Sends the call, and answers with status and headers too: [`send_response`](Self::send_response) without async.
    ///
    /// # Errors
    ///
    /// As [`send_blocking`](Self::send_blocking).
    pub fn send_response_blocking(self) -> Result<ApiResponse<Op::Output>> {
        decode_response::<Op>(self.receive()?)
    }

    /// The answer, to be decoded here rather than on the thread that all blocking calls share.
    fn receive(self) -> Result<Received> {
        // Begun where it runs, as a timer belongs to the runtime that it is made on.
        runtime::wait(async move { self.execute().await }).map_err(|error| {
            error
                .with_operation(Some(Op::META))
                .with_effect_of(Some(Op::META))
        })?
    }
}
