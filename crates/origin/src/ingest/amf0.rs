//! The little of AMF0 that RTMP commands need.
//!
//! Values are read in place and skipped without building them: an announced array length allocates
//! nothing, and nesting is limited, so a command of any content costs no more than its own bytes.
//!
//! Spec: Action Message Format AMF 0, Adobe 2007.

use thiserror::Error;

/// Reads the values of one command from front to back.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

/// A command that is no AMF0, or not the AMF0 that was expected.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(super) enum Error {
    #[error("AMF0 value cut short")]
    Truncated,
    #[error("AMF0 marker {found:#04x} where {expected} was expected")]
    Unexpected { found: u8, expected: &'static str },
    #[error("AMF0 string is no UTF-8")]
    NotText,
    #[error("AMF0 values nested deeper than {DEPTH_MAX}")]
    TooDeep,
}

impl<'a> Reader<'a> {
    pub(super) fn new(body: &'a [u8]) -> Reader<'a> {
        Reader { rest: body }
    }

    /// A string value.
    pub(super) fn string(&mut self) -> Result<&'a str, Error> {
        match self.byte()? {
            STRING => self.text16(),
            found => Err(Error::Unexpected { found, expected: "a string" }),
        }
    }

    /// A number value.
    pub(super) fn number(&mut self) -> Result<f64, Error> {
        match self.byte()? {
            NUMBER => Ok(f64::from_be_bytes(*self.take(8)?.first_chunk().ok_or(Error::Truncated)?)),
            found => Err(Error::Unexpected { found, expected: "a number" }),
        }
    }

    /// Passes over one value of any kind.
    pub(super) fn skip(&mut self) -> Result<(), Error> {
        self.skip_at(0)
    }

    /// Reads an object and answers its string property `key`, if it has that.
    pub(super) fn object_string(&mut self, key: &str) -> Result<Option<&'a str>, Error> {
        match self.byte()? {
            OBJECT => {}
            ECMA_ARRAY => {
                self.take(4)?;
            }
            found => return Err(Error::Unexpected { found, expected: "an object" }),
        }
        let mut value = None;
        loop {
            let name = self.text16()?;
            match self.rest.first() {
                Some(&OBJECT_END) if name.is_empty() => {
                    self.byte()?;
                    return Ok(value);
                }
                Some(&STRING) if name == key => value = Some(self.string()?),
                Some(_) => self.skip_at(1)?,
                None => return Err(Error::Truncated),
            }
        }
    }

    fn skip_at(&mut self, depth: usize) -> Result<(), Error> {
        if depth > DEPTH_MAX {
            return Err(Error::TooDeep);
        }
        match self.byte()? {
            NUMBER => self.take(8).map(drop),
            BOOLEAN => self.take(1).map(drop),
            STRING => self.text16().map(drop),
            LONG_STRING | XML => {
                let length = self.u32()?;
                self.take(length).map(drop)
            }
            NULL | UNDEFINED | UNSUPPORTED => Ok(()),
            REFERENCE => self.take(2).map(drop),
            DATE => self.take(10).map(drop),
            OBJECT => self.skip_properties(depth),
            TYPED_OBJECT => {
                self.text16()?;
                self.skip_properties(depth)
            }
            ECMA_ARRAY => {
                self.take(4)?;
                self.skip_properties(depth)
            }
            STRICT_ARRAY => {
                // Every element takes at least a byte, so the announced count is bounded by what follows.
                for _ in 0..self.u32()? {
                    self.skip_at(depth + 1)?;
                }
                Ok(())
            }
            found => Err(Error::Unexpected { found, expected: "a value" }),
        }
    }

    fn skip_properties(&mut self, depth: usize) -> Result<(), Error> {
        loop {
            let name = self.text16()?;
            if name.is_empty() && self.rest.first() == Some(&OBJECT_END) {
                return self.byte().map(drop);
            }
            self.skip_at(depth + 1)?;
        }
    }

    fn text16(&mut self) -> Result<&'a str, Error> {
        let length = self.take(2)?;
        let length = usize::from(length[0]) << 8 | usize::from(length[1]);
        std::str::from_utf8(self.take(length)?).map_err(|_| Error::NotText)
    }

    fn u32(&mut self) -> Result<usize, Error> {
        let bytes = self.take(4)?.first_chunk().ok_or(Error::Truncated)?;
        Ok(u32::from_be_bytes(*bytes) as usize)
    }

    fn byte(&mut self) -> Result<u8, Error> {
        Ok(self.take(1)?[0])
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Error> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Error::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }
}

/// A value to write.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'a> {
    Number(f64),
    String(&'a str),
    Null,
    Object(&'a [(&'a str, Value<'a>)]),
    Array(&'a [Value<'a>]),
}

/// Writes values one after the other.
pub(super) fn write(values: &[Value<'_>]) -> Vec<u8> {
    let mut body = Vec::new();
    for value in values {
        write_value(&mut body, *value);
    }
    body
}

fn write_value(body: &mut Vec<u8>, value: Value<'_>) {
    match value {
        Value::Number(number) => {
            body.push(NUMBER);
            body.extend_from_slice(&number.to_be_bytes());
        }
        Value::String(text) => {
            body.push(STRING);
            write_text(body, text);
        }
        Value::Null => body.push(NULL),
        Value::Object(properties) => {
            body.push(OBJECT);
            for (name, value) in properties {
                write_text(body, name);
                write_value(body, *value);
            }
            body.extend_from_slice(&[0, 0, OBJECT_END]);
        }
        Value::Array(values) => {
            body.push(STRICT_ARRAY);
            body.extend_from_slice(&(values.len() as u32).to_be_bytes());
            for value in values {
                write_value(body, *value);
            }
        }
    }
}

fn write_text(body: &mut Vec<u8>, text: &str) {
    let length = u16::try_from(text.len()).expect("an answer's texts are short");
    body.extend_from_slice(&length.to_be_bytes());
    body.extend_from_slice(text.as_bytes());
}

const NUMBER: u8 = 0x00;
const BOOLEAN: u8 = 0x01;
const STRING: u8 = 0x02;
const OBJECT: u8 = 0x03;
const NULL: u8 = 0x05;
const UNDEFINED: u8 = 0x06;
const REFERENCE: u8 = 0x07;
const ECMA_ARRAY: u8 = 0x08;
const OBJECT_END: u8 = 0x09;
const STRICT_ARRAY: u8 = 0x0a;
const DATE: u8 = 0x0b;
const LONG_STRING: u8 = 0x0c;
const UNSUPPORTED: u8 = 0x0d;
const XML: u8 = 0x0f;
const TYPED_OBJECT: u8 = 0x10;
/// Real commands nest once or twice; each level costs a stack frame.
const DEPTH_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let properties = [("app", Value::String("live")), ("n", Value::Number(1.0)), ("x", Value::Null)];
        let body = write(&[Value::String("connect"), Value::Number(1.0), Value::Object(&properties)]);
        let mut reader = Reader::new(&body);
        assert_eq!(reader.string(), Ok("connect"));
        assert_eq!(reader.number(), Ok(1.0));
        assert_eq!(reader.object_string("app"), Ok(Some("live")));
        assert_eq!(reader.skip(), Err(Error::Truncated));
    }

    #[test]
    fn an_array_that_announces_four_thousand_million_values_allocates_nothing() {
        let mut body = vec![STRICT_ARRAY];
        body.extend_from_slice(&u32::MAX.to_be_bytes());
        assert_eq!(Reader::new(&body).skip(), Err(Error::Truncated));
    }

    #[test]
    fn nesting_is_limited() {
        let body = [STRICT_ARRAY, 0, 0, 0, 1].repeat(100_000);
        assert_eq!(Reader::new(&body).skip(), Err(Error::TooDeep));
    }
}
