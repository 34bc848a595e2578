//! How reqsign reads files, runs programs and sends requests: over this crate's transport, on tokio.

use std::{collections::HashMap, path::Path};

use bytes::Bytes;
use http::{Request, Response};
use reqsign_core::{
    CommandExecute, CommandOutput, Context, Error as SignError, FileRead, HttpSend, OsEnv,
    StaticEnv,
};

use crate::{
    Body, Result,
    auth::{command, file},
    transport::BoxTransport,
};

#[derive(Debug)]
struct Tokio;

#[derive(Debug)]
struct Send(BoxTransport);

/// What the chain of AWS's providers runs in.
pub(super) fn context(
    environment: Option<&HashMap<String, String>>,
    transport: Option<BoxTransport>,
) -> Result<Context> {
    let transport = match transport {
        Some(transport) => transport,
        None => built_in()?,
    };
    let context = Context::new()
        .with_file_read(Tokio)
        .with_command_execute(Tokio)
        .with_http_send(Send(transport));
    Ok(match environment {
        None => context.with_env(OsEnv),
        Some(variables) => context.with_env(StaticEnv {
            home_dir: variables.get("HOME").map(Into::into),
            envs: variables.clone(),
        }),
    })
}

#[cfg(feature = "hyper")]
fn built_in() -> Result<BoxTransport> {
    use crate::transport::{Hyper, Proxies};

    // Outside of AWS nothing answers at the address of the metadata service.
    let patience = std::time::Duration::from_secs(3);
    // Those services are on the machine itself, or next to it: no proxy leads there.
    let proxies = Proxies::from_env().except("169.254.169.254, 169.254.170.2, fd00:ec2::254");
    let hyper = Hyper::builder().connect_timeout(patience).proxies(proxies);
    Ok(BoxTransport::new(hyper.build()?))
}

#[cfg(not(feature = "hyper"))]
fn built_in() -> Result<BoxTransport> {
    Err(crate::Error::invalid_input(
        "`aws_iam` lacks a `transport`; the built-in one needs the feature `hyper`",
    ))
}

impl FileRead for Tokio {
    async fn file_read(&self, path: &str) -> reqsign_core::Result<Vec<u8>> {
        file::read(Path::new(path)).await.map_err(|error| {
            SignError::config_invalid(format!("{path} cannot be read"))
                .with_source(std::io::Error::other(error))
        })
    }
}

impl CommandExecute for Tokio {
    async fn command_execute<'a>(
        &'a self,
        program: &'a str,
        arguments: &'a [&'a str],
    ) -> reqsign_core::Result<CommandOutput> {
        let (status, stdout) =
            command::run(program.as_ref(), arguments)
                .await
                .map_err(|error| {
                    SignError::config_invalid(format!("{program} cannot be run"))
                        .with_source(std::io::Error::other(error))
                })?;
        Ok(CommandOutput {
            status: status.code().unwrap_or(-1),
            stdout,
            // It went where this program's goes.
            stderr: Vec::new(),
        })
    }
}

impl HttpSend for Send {
    async fn http_send(&self, request: Request<Bytes>) -> reqsign_core::Result<Response<Bytes>> {
        let failed = |error| {
            SignError::unexpected("the request to AWS failed")
                .with_source(std::io::Error::other(error))
        };
        let sent = self.0.send(request.map(Body::from)).await;
        let (parts, body) = sent.map_err(failed)?.into_parts();
        let bytes = body.bytes().await.map_err(|error| failed(error.into()))?;
        Ok(Response::from_parts(parts, bytes))
    }
}
