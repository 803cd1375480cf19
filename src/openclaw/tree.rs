//! A configuration as a tree with the place of every key and value in the text.

use std::ops::Range;

use jsonc_parser::ast;
use jsonc_parser::common::Ranged;
use serde_json::Value;

/// A value and where it stands.
pub(super) struct Node {
    pub(super) span: Range<usize>,
    pub(super) kind: Kind,
}

pub(super) enum Kind {
    Object(Vec<Property>),
    Array(Vec<Node>),
    Scalar(Value),
}

/// A key with its value.
pub(super) struct Property {
    pub(super) name: String,
    pub(super) name_span: Range<usize>,
    pub(super) is_bare: bool,
    pub(super) value: Node,
}

impl Node {
    /// Takes the tree over from the parser; `None` where it is deeper than `depth`.
    pub(super) fn from_ast(value: &ast::Value<'_>, depth: usize) -> Option<Self> {
        let below = depth.checked_sub(1)?;
        let kind = match value {
            ast::Value::Object(object) => {
                let properties = object.properties.iter();
                Kind::Object(
                    properties
                        .map(|property| Property::from_ast(property, below))
                        .collect::<Option<_>>()?,
                )
            }
            ast::Value::Array(array) => {
                let elements = array.elements.iter();
                Kind::Array(
                    elements
                        .map(|element| Self::from_ast(element, below))
                        .collect::<Option<_>>()?,
                )
            }
            scalar => Kind::Scalar(scalar.clone().into()),
        };
        let range = value.range();
        Some(Self {
            span: range.start..range.end,
            kind,
        })
    }

    /// Returns the properties of an object.
    pub(super) fn properties(&self) -> Option<&[Property]> {
        match &self.kind {
            Kind::Object(properties) => Some(properties),
            Kind::Array(_) | Kind::Scalar(_) => None,
        }
    }

    /// Returns the property that counts: the last of its name, as in JavaScript.
    pub(super) fn property(&self, name: &str) -> Option<&Property> {
        let mut from_last = self.properties()?.iter().rev();
        from_last.find(|property| property.name == name)
    }

    /// Returns the value as `serde_json` has it; the last of duplicate keys counts.
    pub(super) fn to_value(&self) -> Value {
        match &self.kind {
            Kind::Object(properties) => Value::Object(
                properties
                    .iter()
                    .map(|property| (property.name.clone(), property.value.to_value()))
                    .collect(),
            ),
            Kind::Array(elements) => Value::Array(elements.iter().map(Self::to_value).collect()),
            Kind::Scalar(value) => value.clone(),
        }
    }
}

impl Property {
    fn from_ast(property: &ast::ObjectProp<'_>, depth: usize) -> Option<Self> {
        let range = property.name.range();
        Some(Self {
            name: property.name.as_str().to_owned(),
            name_span: range.start..range.end,
            is_bare: matches!(property.name, ast::ObjectPropName::Word(_)),
            value: Node::from_ast(&property.value, depth)?,
        })
    }
}
