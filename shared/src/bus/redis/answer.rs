//! Reading what a script answers.

use std::collections::VecDeque;
use std::str::FromStr;

use bytes::Bytes;
use fred::types::Value;

use crate::bus::BusError;
use crate::record::Record;

/// A list that a script answered, read from its front.
#[derive(Debug)]
pub(super) struct Answer {
    verb: &'static str,
    fields: VecDeque<Value>,
}

impl Answer {
    /// `None` where the script answered false.
    pub(super) fn of(verb: &'static str, value: Value) -> Option<Self> {
        let fields = |value: Value| value.into_array().into();
        (!value.is_null()).then(|| Self {
            verb,
            fields: fields(value),
        })
    }

    pub(super) fn text(&mut self) -> Result<String, BusError> {
        let value = self.next()?;
        value.into_string().ok_or_else(|| self.unreadable("text"))
    }

    /// A text that stands for something, or a number.
    pub(super) fn parsed<T: FromStr>(&mut self) -> Result<T, BusError> {
        let text = self.text()?;
        text.parse().map_err(|_| self.unreadable(&text))
    }

    /// A number that says yes or no.
    pub(super) fn flag(&mut self) -> Result<bool, BusError> {
        Ok(self.parsed::<u8>()? == 1)
    }

    pub(super) fn bytes(&mut self) -> Result<Bytes, BusError> {
        let bytes = self.next()?.into_bytes();
        let bytes = bytes.ok_or_else(|| self.unreadable("bytes"))?;
        // A slice would keep the connection's whole read buffer alive.
        Ok(Bytes::copy_from_slice(&bytes))
    }

    /// A list within the list, or `None` where the script said false.
    pub(super) fn list(&mut self) -> Result<Option<Self>, BusError> {
        Ok(Self::of(self.verb, self.next()?))
    }

    /// A list within the list, each of whose members `read` takes.
    pub(super) fn all<T>(
        &mut self,
        read: impl FnMut(&mut Self) -> Result<T, BusError>,
    ) -> Result<Vec<T>, BusError> {
        let list = self.list()?.ok_or_else(|| self.unreadable("no list"))?;
        list.rest(read)
    }

    /// What is left of the list, each of whose members `read` takes.
    pub(super) fn rest<T>(
        mut self,
        mut read: impl FnMut(&mut Self) -> Result<T, BusError>,
    ) -> Result<Vec<T>, BusError> {
        let mut rest = Vec::with_capacity(self.fields.len());
        while !self.fields.is_empty() {
            rest.push(read(&mut self)?);
        }
        Ok(rest)
    }

    pub(super) fn record(&mut self) -> Result<Record, BusError> {
        let bytes = self.bytes()?;
        Record::decode(&bytes).map_err(|error| BusError::Unreadable(error.to_string()))
    }

    pub(super) fn unreadable(&self, what: &str) -> BusError {
        BusError::Unreadable(format!("`{}` answered {what}", self.verb))
    }

    fn next(&mut self) -> Result<Value, BusError> {
        let next = self.fields.pop_front();
        next.ok_or_else(|| self.unreadable("too little"))
    }
}
