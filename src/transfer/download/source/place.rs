//! [`Place`]: where an object is.

use crate::{Call, Client, Error, LakeFsUri, Result, api::objects::GetObject, models::ObjectStats};

/// Where an object is.
#[derive(Clone, Debug)]
pub(in super::super) struct Place {
    pub(in super::super) repository: String,
    pub(in super::super) reference: String,
    pub(in super::super) path: String,
}

// ===== impl Place =====

impl Place {
    pub(in super::super) fn of<U>(uri: U) -> Result<Self>
    where
        U: TryInto<LakeFsUri>,
        Error: From<U::Error>,
    {
        let uri = uri.try_into()?;
        Ok(Self {
            repository: uri.repository().to_owned(),
            reference: uri.reference().to_owned(),
            path: uri.path().to_owned(),
        })
    }

    pub(super) fn check(&self) -> Result<()> {
        match self.path.is_empty() {
            true => Err(Error::invalid_input(
                "`path` is empty; give the path of an object",
            )),
            false => Ok(()),
        }
    }

    pub(super) fn get(&self, client: &Client) -> Call<GetObject> {
        client.get_object(&self.repository, &self.reference, &self.path)
    }

    pub(super) async fn stat(&self, client: &Client, presign: bool) -> Result<ObjectStats> {
        let call = client.stat_object(&self.repository, &self.reference, &self.path);
        let call = call.user_metadata(false);
        match presign {
            true => call.presign(true).await,
            false => call.await,
        }
    }
}
