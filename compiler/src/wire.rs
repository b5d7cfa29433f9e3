//! A structural check of the protobuf bytes before the importer sees them.
//!
//! `rten-onnx` trusts lengths and nesting: it allocates what a length field says and recurses into sub-graphs. This
//! walk admits only bytes whose lengths fit their parents, whose nesting is shallow and whose number of messages is
//! bounded, so that what the importer allocates stays within a small multiple of the file's size.

/// Deepest nesting of messages: model, graph, node, attribute, tensor is 5; sub-graphs add three each.
const MAX_DEPTH: u32 = 24;
/// Most messages in a file.
const MAX_MESSAGES: u64 = 1 << 20;

/// The messages of `onnx.proto` that the importer descends into.
#[derive(Clone, Copy)]
enum Message {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
    ValueInfo,
    Type,
    TensorType,
    SequenceType,
    Shape,
    /// Holds scalars and strings only.
    Flat,
}

/// What a length-delimited field holds.
enum Content {
    Message(Message),
    Varints,
    /// Packed numbers of so many bytes.
    Fixed(u64),
    Bytes,
}

fn content(message: Message, field: u64) -> Content {
    use Content::Message as Sub;
    match (message, field) {
        (Message::Model, 7) | (Message::Attribute, 6) => Sub(Message::Graph),
        (Message::Model, 8 | 14) | (Message::Tensor, 13) | (Message::Shape, 1) => Sub(Message::Flat),
        (Message::Graph, 1) => Sub(Message::Node),
        (Message::Graph, 5) | (Message::Attribute, 5) => Sub(Message::Tensor),
        (Message::Graph, 11..=13) => Sub(Message::ValueInfo),
        (Message::Node, 5) => Sub(Message::Attribute),
        (Message::ValueInfo, 2) | (Message::SequenceType, 1) => Sub(Message::Type),
        (Message::Type, 1) => Sub(Message::TensorType),
        (Message::Type, 4) => Sub(Message::SequenceType),
        (Message::TensorType, 2) => Sub(Message::Shape),
        (Message::Tensor, 1 | 5 | 7) | (Message::Attribute, 8) => Content::Varints,
        (Message::Tensor, 4) | (Message::Attribute, 7) => Content::Fixed(4),
        (Message::Tensor, 10) => Content::Fixed(8),
        _ => Content::Bytes,
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    messages: u64,
}

impl Reader<'_> {
    fn varint(&self, at: &mut usize, end: usize) -> Result<u64, String> {
        let mut value = 0u64;
        for shift in (0..70).step_by(7) {
            if *at >= end {
                return Err(format!("truncated at byte {at}"));
            }
            let byte = self.bytes[*at];
            *at += 1;
            if shift == 63 && byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(format!("number longer than 64 bits at byte {at}"))
    }

    fn message(&mut self, kind: Message, mut at: usize, end: usize, depth: u32) -> Result<(), String> {
        self.messages += 1;
        if self.messages > MAX_MESSAGES {
            return Err(format!("more than {MAX_MESSAGES} messages"));
        }
        if depth > MAX_DEPTH {
            return Err(format!("nested deeper than {MAX_DEPTH} messages at byte {at}"));
        }
        while at < end {
            let tag = self.varint(&mut at, end)?;
            let size = match tag & 7 {
                0 => {
                    self.varint(&mut at, end)?;
                    0
                }
                1 => 8,
                2 => self.varint(&mut at, end)?,
                5 => 4,
                other => return Err(format!("wire type {other} at byte {at}")),
            };
            let room = (end - at) as u64;
            if size > room {
                return Err(format!("a field of {size} bytes at byte {at}, where {room} are left"));
            }
            let stop = at + size as usize;
            if tag & 7 == 2 {
                match content(kind, tag >> 3) {
                    Content::Message(sub) => self.message(sub, at, stop, depth + 1)?,
                    Content::Varints => {
                        let mut cursor = at;
                        while cursor < stop {
                            self.varint(&mut cursor, stop)?;
                        }
                    }
                    Content::Fixed(bytes) if !size.is_multiple_of(bytes) => {
                        return Err(format!("packed numbers cut short at byte {stop}"));
                    }
                    Content::Fixed(_) | Content::Bytes => {}
                }
            }
            at = stop;
        }
        Ok(())
    }
}

/// Checks that `bytes` are a well-formed, shallow `ModelProto`.
pub(crate) fn check(bytes: &[u8]) -> Result<(), String> {
    if bytes.is_empty() {
        return Err("the file is empty".into());
    }
    Reader { bytes, messages: 0 }.message(Message::Model, 0, bytes.len(), 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(number: u8, content: &[u8]) -> Vec<u8> {
        let mut out = vec![number << 3 | 2];
        let mut len = content.len();
        while len >= 0x80 {
            out.push(len as u8 | 0x80);
            len >>= 7;
        }
        out.push(len as u8);
        out.extend_from_slice(content);
        out
    }

    #[test]
    fn lengths_must_fit() {
        assert!(check(&[]).is_err());
        assert!(check(&[0x3a, 0x05, 0, 0]).is_err(), "graph longer than the file");
        let mut huge = vec![0x3a];
        huge.extend_from_slice(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]);
        assert!(check(&huge).is_err(), "2^64 - 1 bytes");
        assert!(check(&[0x08, 0x07]).is_ok(), "ir_version alone is well-formed");
        assert!(check(&[0x0b]).is_err(), "groups");
    }

    #[test]
    fn nesting_is_bounded() {
        let mut graph = Vec::new();
        for _ in 0..7 {
            graph = field(1, &field(5, &field(6, &graph)));
        }
        assert!(check(&field(7, &graph)).is_ok());
        for _ in 0..5000 {
            graph = field(1, &field(5, &field(6, &graph)));
        }
        assert!(check(&field(7, &graph)).is_err_and(|e| e.contains("nested deeper")));
    }

    #[test]
    fn messages_are_bounded() {
        let nodes = [0x0a, 0x00].repeat(MAX_MESSAGES as usize);
        assert!(check(&field(7, &nodes)).is_err_and(|e| e.contains("more than")));
    }

    #[test]
    fn packed_numbers_must_be_whole() {
        let tensor = |f: &[u8]| field(7, &field(5, f));
        assert!(check(&tensor(&field(5, &[0x81]))).is_err());
        assert!(check(&tensor(&field(5, &[0x81, 0x01]))).is_ok());
        assert!(check(&tensor(&field(4, &[0; 5]))).is_err());
    }
}
