//! Makes values of a schema's types.

use serde_json::{Map, Value, json};

use super::{Schema, list, object, reference, text};

/// A value, and the places in it at which a test may change it.
pub struct Instance {
    pub value: Value,
    pub places: Vec<Place>,
}

/// A place in a value.
#[derive(Clone, Debug)]
pub struct Place {
    /// The JSON pointer to it.
    pub pointer: String,
    pub kind: Kind,
    /// Whether it is a property, which may be null or missing.
    pub is_property: bool,
    /// Whether the schema requires it.
    pub is_required: bool,
}

/// What the schema says of a place.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    Text,
    Enum,
    Date,
    Integer,
    Number,
    Boolean,
    /// An object with properties of its own.
    Object,
    /// A union, told apart by this property.
    Union(String),
    Array,
    Map,
    /// Any JSON value.
    Anything,
}

/// How much of an instance there is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Extent {
    /// Every property.
    Full,
    /// What the schema requires.
    Required,
}

/// How many named types may be around a place of an instance of a named type.
const DEPTH: usize = 1;

pub const MOMENT: &str = "2026-03-01T09:30:00Z";

impl Schema {
    /// A value of a schema. `variant` chooses among the variants of the unions in it.
    pub fn instance(&self, schema: &Value, extent: Extent, variant: usize) -> Instance {
        let mut drawing = Drawing::new(self, extent, variant);
        let value = drawing.draw(schema, "", "value", false);
        Instance {
            value,
            places: drawing.places,
        }
    }

    /// The number of variants of the union with most of them that a schema reaches; 1 without any.
    pub fn variants(&self, schema: &Value) -> usize {
        self.variants_inside(schema, &mut Vec::new())
    }

    fn variants_inside(&self, schema: &Value, around: &mut Vec<String>) -> usize {
        let name = reference(schema);
        if name.is_some_and(|name| around.iter().any(|other| other == name)) {
            return 1;
        }
        around.extend(name.map(str::to_owned));
        let flat = self.flat(schema);
        let own = object(&flat["discriminator"]["mapping"]).count();
        let inner = object(&flat["properties"])
            .map(|(_, property)| property)
            .chain(flat.get("items"))
            .chain(flat.get("additionalProperties"))
            .map(|inner| self.variants_inside(inner, around))
            .max();
        if name.is_some() {
            around.pop();
        }
        own.max(inner.unwrap_or_default()).max(1)
    }
}

struct Drawing<'a> {
    schema: &'a Schema,
    extent: Extent,
    variant: usize,
    /// The number of named types around the place that is being drawn.
    depth: usize,
    /// Their names. What would hold itself without an end is left out once it does.
    around: Vec<String>,
    /// The depth to which places are noted.
    deepest: usize,
    places: Vec<Place>,
}

impl<'a> Drawing<'a> {
    fn new(schema: &'a Schema, extent: Extent, variant: usize) -> Self {
        Self {
            schema,
            extent,
            variant,
            depth: 0,
            around: Vec::new(),
            deepest: usize::MAX,
            places: Vec::new(),
        }
    }

    fn draw(&mut self, schema: &Value, pointer: &str, name: &str, is_property: bool) -> Value {
        let named = reference(schema);
        let schema = self.schema.flat(schema);
        let kind = kind(named, &schema);
        if self.depth <= self.deepest {
            self.places.push(Place {
                pointer: pointer.to_owned(),
                kind: kind.clone(),
                is_property,
                is_required: false,
            });
        }
        self.depth += usize::from(named.is_some());
        self.around.extend(named.map(str::to_owned));
        let value = self.value(kind, named, &schema, pointer, name);
        if named.is_some() {
            self.depth -= 1;
            self.around.pop();
        }
        value
    }

    /// Whether a value of this schema would hold another of a type that holds one already.
    fn is_endless(&self, schema: &Value) -> bool {
        let is_around = |name: &str| self.around.iter().filter(|other| *other == name).count() > 1;
        let parts = list(&schema["allOf"]).chain([schema]);
        let mut inner = parts.chain(schema.get("items"));
        inner.any(|part| reference(part).is_some_and(is_around))
    }

    fn value(
        &mut self,
        kind: Kind,
        named: Option<&str>,
        schema: &Value,
        pointer: &str,
        name: &str,
    ) -> Value {
        match kind {
            // Distinct values, so that one in the place of another is noticed.
            Kind::Text => json!(fit_text(schema, name)),
            Kind::Enum => {
                let values: Vec<&Value> = list(&schema["enum"]).collect();
                values[pointer.len() % values.len()].clone()
            }
            Kind::Date => json!(MOMENT),
            Kind::Integer => json!(fit_integer(schema, distinct(pointer))),
            Kind::Number => json!(distinct(pointer) as f64 + 0.25),
            Kind::Boolean => json!(distinct(pointer) > 5_000),
            Kind::Anything => json!({ name: [1, "two", { "three": 0.5 }] }),
            Kind::Array => self.array(named, schema, pointer, name),
            Kind::Map if self.is_endless(&schema["additionalProperties"]) => json!({}),
            Kind::Map => {
                let pointer = format!("{pointer}/key");
                let value = self.draw(&schema["additionalProperties"], &pointer, name, false);
                json!({ "key": value })
            }
            Kind::Union(tag) => self.union(schema, &tag, pointer, name),
            Kind::Object => self.object(schema, pointer),
        }
    }

    fn array(&mut self, named: Option<&str>, schema: &Value, pointer: &str, name: &str) -> Value {
        // The platform writes an iterator as an array, whatever its schema says.
        let texts = json!({ "type": "string" });
        let items = if named.is_some_and(|name| name.starts_with("Iterator_")) {
            &texts
        } else {
            &schema["items"]
        };
        if self.is_endless(items) {
            return json!([]);
        }
        let is_object = matches!(kind(None, &self.schema.flat(items)), Kind::Object);
        let length = if is_object { 1 } else { 2 };
        (0..length)
            .map(|index| {
                self.draw(
                    items,
                    &format!("{pointer}/{index}"),
                    &format!("{name}{index}"),
                    false,
                )
            })
            .collect()
    }

    fn union(&mut self, schema: &Value, tag: &str, pointer: &str, name: &str) -> Value {
        let mapping: Vec<_> = object(&schema["discriminator"]["mapping"]).collect();
        let (kind, target) = mapping[self.variant % mapping.len()];
        let first = self.places.len();
        self.depth -= 1; // the variant's fields are the union's
        let mut value = self.draw(&json!({ "$ref": target }), pointer, name, false);
        self.depth += 1;
        value[tag] = json!(kind);
        // What becomes of the tag is the union's concern.
        let tag = format!("{pointer}/{tag}");
        if self.depth <= self.deepest {
            self.places.remove(first);
        }
        self.places.retain(|place| place.pointer != tag);
        value
    }

    fn object(&mut self, schema: &Value, pointer: &str) -> Value {
        let mut fields = Map::new();
        for (name, property) in object(&schema["properties"]) {
            let is_required = list(&schema["required"]).any(|required| required == name);
            let is_wanted = is_required || self.extent == Extent::Full;
            if !is_wanted || self.is_endless(property) {
                continue;
            }
            let pointer = format!("{pointer}/{name}");
            let own = self.places.len();
            let value = self.draw(property, &pointer, name, true);
            if let Some(place) = self.places.get_mut(own) {
                place.is_required = is_required;
            }
            fields.insert(name.clone(), value);
        }
        Value::Object(fields)
    }
}

impl Schema {
    /// A value of a named type, as [`instance`](Self::instance) makes it. The property that tells
    /// a variant of a union is left out: the union, not the variant, reads and writes it. Places
    /// further down than a type in this one are left to the instances of their own types.
    pub fn instance_of(&self, name: &str, extent: Extent, variant: usize) -> Instance {
        let mut drawing = Drawing::new(self, extent, variant);
        drawing.deepest = DEPTH;
        let schema = json!({ "$ref": format!("#/components/schemas/{name}") });
        let mut value = drawing.draw(&schema, "", "value", false);
        if let (Some(tag), Some(fields)) = (self.tag_of_variant(name), value.as_object_mut()) {
            fields.remove(tag);
            let tag = format!("/{tag}");
            drawing.places.retain(|place| place.pointer != tag);
        }
        Instance {
            value,
            places: drawing.places,
        }
    }
}

fn kind(name: Option<&str>, schema: &Value) -> Kind {
    if name.is_some_and(|name| name.starts_with("Iterator_")) {
        return Kind::Array;
    }
    if let Some(tag) = schema["discriminator"]["propertyName"].as_str() {
        return Kind::Union(tag.to_owned());
    }
    match text(&schema["type"]) {
        "string" if schema.get("enum").is_some() => Kind::Enum,
        "string" if schema["format"] == "date-time" => Kind::Date,
        "string" => Kind::Text,
        "integer" => Kind::Integer,
        "number" => Kind::Number,
        "boolean" => Kind::Boolean,
        "array" => Kind::Array,
        _ if schema.get("properties").is_some() => Kind::Object,
        _ if schema.get("additionalProperties").is_some() => Kind::Map,
        _ => Kind::Anything,
    }
}

/// A number that two places hardly share.
fn distinct(pointer: &str) -> i64 {
    pointer
        .bytes()
        .fold(7, |sum: i64, byte| (sum * 31 + i64::from(byte)) % 9_973)
        + 1
}

fn fit_integer(schema: &Value, wanted: i64) -> i64 {
    let low = schema["minimum"].as_i64().unwrap_or(i64::MIN);
    let high = schema["maximum"].as_i64().unwrap_or(i64::MAX);
    wanted.clamp(low, high)
}

fn fit_text(schema: &Value, wanted: &str) -> String {
    if schema["format"] == "email" {
        return "lab@example.com".to_owned();
    }
    let longest = schema["maxLength"].as_u64().unwrap_or(u64::MAX);
    wanted.chars().take(longest as usize).collect()
}
