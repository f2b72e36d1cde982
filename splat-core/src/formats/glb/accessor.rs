//! Values of attributes in their buffers, checked once so that reading a row cannot fail.

use serde_json::Value;

use super::FLOAT;

/// How a component is stored, and whether integers stand for shares of their largest value.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Component {
    Float,
    U8 { normalized: bool },
    I8 { normalized: bool },
    U16 { normalized: bool },
    I16 { normalized: bool },
}

impl Component {
    fn new(code: u64, normalized: bool) -> Option<Self> {
        match code {
            FLOAT => Some(Component::Float),
            5120 => Some(Component::I8 { normalized }),
            5121 => Some(Component::U8 { normalized }),
            5122 => Some(Component::I16 { normalized }),
            5123 => Some(Component::U16 { normalized }),
            _ => None,
        }
    }

    fn bytes(self) -> usize {
        match self {
            Component::Float => 4,
            Component::U8 { .. } | Component::I8 { .. } => 1,
            Component::U16 { .. } | Component::I16 { .. } => 2,
        }
    }

    fn read(self, bytes: &[u8]) -> f32 {
        let share = |value: f32, most: f32, normalized| if normalized { (value / most).max(-1.0) } else { value };
        match (self, bytes) {
            (Component::Float, &[a, b, c, d, ..]) => f32::from_le_bytes([a, b, c, d]),
            (Component::U8 { normalized }, &[a, ..]) => share(f32::from(a), 255.0, normalized),
            (Component::I8 { normalized }, &[a, ..]) => share(f32::from(a as i8), 127.0, normalized),
            (Component::U16 { normalized }, &[a, b, ..]) => {
                share(f32::from(u16::from_le_bytes([a, b])), 65535.0, normalized)
            }
            (Component::I16 { normalized }, &[a, b, ..]) => {
                share(f32::from(i16::from_le_bytes([a, b])), 32767.0, normalized)
            }
            // Unreachable: `Accessor::new` has checked the length.
            _ => 0.0,
        }
    }
}

/// The rows of one attribute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Accessor {
    buffer: usize,
    offset: usize,
    stride: usize,
    pub(super) count: usize,
    pub(super) components: usize,
    component: Component,
}

/// The `index`-th object of an array of the document.
pub(super) fn item<'a>(document: &'a Value, array: &str, index: &Value) -> Option<&'a Value> {
    document.get(array)?.get(usize::try_from(index.as_u64()?).ok()?)
}

/// A count or an offset; 0 where there is none.
fn number(object: &Value, name: &str) -> Option<usize> {
    match object.get(name) {
        None => Some(0),
        Some(value) => usize::try_from(value.as_u64()?).ok(),
    }
}

/// Where the bytes of a buffer view are: the buffer, the first byte, the length.
pub(super) fn view_range(view: &Value, buffers: &[Vec<u8>]) -> Option<(usize, usize, usize)> {
    let (buffer, offset, length) = (number(view, "buffer")?, number(view, "byteOffset")?, number(view, "byteLength")?);
    let end = offset.checked_add(length)?;
    (end <= buffers.get(buffer)?.len()).then_some((buffer, offset, length))
}

impl Accessor {
    /// The accessor that an attribute names; or what is wrong with it.
    pub(super) fn new(document: &Value, index: &Value, buffers: &[Vec<u8>]) -> Result<Self, String> {
        let damaged = || format!("accessor {index} is incomplete or reaches beyond its buffer");
        let accessor = item(document, "accessors", index).ok_or_else(damaged)?;
        if accessor.get("sparse").is_some() {
            return Err(format!("accessor {index} is sparse, which is not understood"));
        }
        let view = accessor.get("bufferView").and_then(|view| item(document, "bufferViews", view));
        let view = view.ok_or_else(damaged)?;
        if view.get("extensions").is_some_and(|extensions| extensions.get("EXT_meshopt_compression").is_some()) {
            return Err(format!("accessor {index} is compressed with meshopt, which is not understood"));
        }
        let components = match accessor.get("type").and_then(Value::as_str) {
            Some("SCALAR") => 1,
            Some("VEC3") => 3,
            Some("VEC4") => 4,
            _ => return Err(format!("accessor {index} is of a type that no attribute of splats has")),
        };
        let normalized = accessor.get("normalized").and_then(Value::as_bool).unwrap_or(false);
        let code = accessor.get("componentType").and_then(Value::as_u64).unwrap_or(0);
        let component = Component::new(code, normalized)
            .ok_or_else(|| format!("accessor {index} has components of type {code}"))?;
        let (buffer, start, length) = view_range(view, buffers).ok_or_else(damaged)?;
        let size = components * component.bytes();
        let stride = match number(view, "byteStride").ok_or_else(damaged)? {
            0 => size,
            stride => stride,
        };
        let (count, inside) = number(accessor, "count").zip(number(accessor, "byteOffset")).ok_or_else(damaged)?;
        let end =
            count.saturating_sub(1).checked_mul(stride).and_then(|end| end.checked_add(inside)?.checked_add(size));
        if count == 0 || stride < size || end.is_none_or(|end| end > length) {
            return Err(damaged());
        }
        Ok(Accessor { buffer, offset: start + inside, stride, count, components, component })
    }

    /// The values of a row below `count`; those beyond the components are zero.
    pub(super) fn row<const N: usize>(&self, buffers: &[Vec<u8>], row: usize) -> [f32; N] {
        let bytes = &buffers[self.buffer][self.offset + row * self.stride..];
        let size = self.component.bytes();
        std::array::from_fn(
            |index| {
                if index < self.components { self.component.read(&bytes[index * size..]) } else { 0.0 }
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Accessor;

    fn read<const N: usize>(component: u64, normalized: bool, bytes: &[u8]) -> [f32; N] {
        let kind = ["SCALAR", "", "VEC3", "VEC4"][N - 1];
        let document = json!({
            "accessors": [{ "bufferView": 0, "componentType": component, "normalized": normalized, "count": 1, "type": kind }],
            "bufferViews": [{ "buffer": 0, "byteLength": bytes.len() }],
        });
        let buffers = [bytes.to_vec()];
        Accessor::new(&document, &json!(0), &buffers).unwrap().row(&buffers, 0)
    }

    #[test]
    fn every_component_type_is_read() {
        assert_eq!(read(5126, false, &1.5_f32.to_le_bytes()), [1.5]);
        assert_eq!(read(5121, true, &[0, 51, 255]), [0.0, 0.2, 1.0]);
        assert_eq!(read(5121, false, &[0, 51, 255]), [0.0, 51.0, 255.0]);
        assert_eq!(read(5120, true, &[0x80, 0x81, 0, 127]), [-1.0, -1.0, 0.0, 1.0]);
        assert_eq!(read(5123, true, &[0xff, 0xff]), [1.0]);
        assert_eq!(read(5122, true, &[1, 0x80, 0xff, 0x7f, 0, 0]), [-1.0, 1.0, 0.0]);
        assert_eq!(read(5122, false, &[0, 1]), [256.0]);
    }

    #[test]
    fn what_reaches_beyond_its_buffer_is_refused() {
        let good = json!({
            "accessors": [{ "bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3", "byteOffset": 4 }],
            "bufferViews": [{ "buffer": 0, "byteLength": 56, "byteStride": 20, "byteOffset": 8 }],
        });
        let buffers = [vec![0; 64]];
        let read = |document: &Value| Accessor::new(document, &json!(0), &buffers);
        assert_eq!(read(&good).map(|accessor| accessor.offset), Ok(12));
        let huge = json!(u64::MAX);
        for (array, name, value) in [
            ("accessors", "count", json!(4)),
            ("accessors", "count", json!(0)),
            ("accessors", "count", json!(-1)),
            ("accessors", "count", huge.clone()),
            ("accessors", "byteOffset", json!(8)),
            ("accessors", "byteOffset", huge.clone()),
            ("accessors", "bufferView", json!(1)),
            ("accessors", "type", json!("MAT4")),
            ("accessors", "componentType", json!(5125)),
            ("accessors", "sparse", json!({})),
            ("bufferViews", "byteStride", json!(8)),
            ("bufferViews", "byteStride", huge.clone()),
            ("bufferViews", "byteLength", json!(57)),
            ("bufferViews", "byteOffset", huge),
            ("bufferViews", "buffer", json!(1)),
            ("bufferViews", "extensions", json!({ "EXT_meshopt_compression": {} })),
        ] {
            let mut bad = good.clone();
            bad[array][0][name] = value.clone();
            assert!(read(&bad).is_err(), "{array} {name} {value}");
        }
        assert!(Accessor::new(&good, &json!("0"), &buffers).is_err());
    }
}
