//! Single changes of a schema, each with the verdict that it gets.

use seqera_codegen::surface::Surface;
use seqera_codegen::{Tags, generate};

use super::{Change, compare};

const SCHEMA: &str = include_str!("verdicts.yml");

/// What a change of the schema is for programs.
#[derive(Debug, PartialEq)]
enum Verdict {
    Breaking,
    Compatible,
    Nothing,
}

use Verdict::{Breaking, Compatible, Nothing};

/// What is changed: a text of the schema, and what takes its place. The verdict, and a line that
/// the report has of it.
type Row = (&'static str, &'static str, Verdict, &'static str);

#[rustfmt::skip]
const TABLE: &[Row] = &[
    // Operations.
    ("  /things/{thingId}/picture:\n", "  /beta: {get: {operationId: DescribeBeta, tags: [beta], responses: {'204': {description: ''}}}}\n  /things/{thingId}/picture:\n",
        Compatible, "Added describe_beta: GET /beta, feature `beta`"),
    ("operationId: DeleteThing", "operationId: ThingDelete", Breaking, "Renamed delete_thing: is now `thing_delete`"),
    ("    delete:\n      operationId: DeleteThing", "    patch:\n      operationId: DeleteThing", Compatible, "Changed delete_thing: `DELETE /things/{thingId}` is now `PATCH /things/{thingId}`"),
    ("  /things/{thingId}/picture:", "  /things/{thingId}/image:", Compatible, "Changed download_picture: `GET /things/{thingId}/picture` is now `GET /things/{thingId}/image`"),
    ("operationId: DeleteThing\n      tags: [alpha]", "operationId: DeleteThing\n      tags: [beta]", Breaking, "Changed delete_thing: needs the feature `beta` instead of `alpha`"),
    ("operationId: DeleteThing\n", "operationId: DeleteThing\n      deprecated: true\n", Compatible, "Changed delete_thing: is deprecated"),
    ("summary: Lists things", "summary: Shows things", Nothing, ""),
    ("        '404': {description: none}\n", "", Nothing, ""),
    ("      - {name: max, in: query, schema: {type: integer}}\n      - {name: offset, in: query, schema: {type: integer}}\n", "", Breaking, "Changed list_things: has no pages any more"),
    ("deprecated: true\n      responses", "responses", Compatible, "Changed list_colors: is no longer deprecated"),
    ("colors: {type: array, items: {type: string}}}}", "colors: {type: string}}}", Breaking, "Changed list_colors: has no `.stream()` any more"),
    ("operationId: ListColors\n      tags: [beta]\n", "operationId: ListColors\n      tags: [beta]\n      parameters:\n      - {name: max, in: query, schema: {type: integer}}\n      - {name: offset, in: query, schema: {type: integer}}\n", Compatible, "Changed list_colors: has pages: `.stream()`"),
    ("shades: {type: string}", "shades: {type: array, items: {type: string}}", Breaking, "Changed list_shades: has `.stream()`, without pages"),
    // Parameters.
    ("      - {name: search, in: query, schema: {type: string}}\n", "", Breaking, "Removed list_things.search: `String`"),
    ("      - {name: search, in", "      - {name: owner, in: query, schema: {type: string}}\n      - {name: search, in", Compatible, "Added list_things.owner: `String`"),
    ("      - {name: search, in", "      - {name: owner, in: query, required: true, schema: {type: string}}\n      - {name: search, in", Breaking, "Added list_things.owner: `String`, required"),
    ("{name: search, in: query, schema", "{name: search, in: query, required: true, schema", Breaking, "Changed list_things.search: is required now"),
    ("{name: search, in: query, schema: {type: string}}", "{name: search, in: query, schema: {type: integer}}", Breaking, "Changed list_things.search: `String` is now `i64`"),
    ("{name: search, in: query, schema: {type: string}}", "{name: search, in: query, schema: {type: string, maxLength: 9}}", Nothing, ""),
    ("{name: search, in: query", "{name: searchText, in: query", Breaking, "Renamed list_things.search: is now `search_text`"),
    ("{name: sortBy, in: query", "{name: sort_by, in: query", Breaking, "Changed list_things.sort_by: `sortBy` is `sort_by` on the wire now"),
    ("{name: search, in: query", "{name: search, in: header", Compatible, "Changed list_things.search: moved from the query to the header"),
    ("enum: [name, date]", "enum: [name, date, size]", Compatible, "Added ListThingsSortBy.Size: `size`"),
    ("enum: [name, date]", "enum: [name]", Breaking, "Removed ListThingsSortBy.Date: `date`"),
    ("{name: labels, in: query, schema", "{name: labels, in: query, explode: false, schema", Breaking, "Changed list_things.labels: its values are joined by commas now"),
    ("{name: colors, in: query, explode: false, schema", "{name: colors, in: query, schema", Breaking, "Changed list_things.colors: its values are repeated now"),
    ("{name: labels, in: query, schema: {type: array, items: {type: string}}}", "{name: labels, in: query, schema: {type: array, items: {type: integer}}}", Breaking, "Changed list_things.labels: `Vec<String>` is now `Vec<i64>`"),
    ("{name: X-Trace, in: header, schema: {type: string}}", "{name: X-Trace, in: header, required: true, schema: {type: string}}", Breaking, "Changed describe_thing.x_trace: is required now"),
    // Bodies and replies.
    ("requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/NewThing'}}}}", "requestBody: {required: true, content: {application/json: {schema: {$ref: '#/components/schemas/NewThing'}}}}", Breaking, "Changed update_thing: the body is required now"),
    ("requestBody: {required: true, content", "requestBody: {content", Compatible, "Changed create_thing: the body is optional now"),
    ("      requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/NewThing'}}}}\n", "", Breaking, "Changed update_thing: takes no body any more: `NewThing`"),
    ("      operationId: DeleteThing\n", "      operationId: DeleteThing\n      requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/NewThing'}}}}\n", Breaking, "Changed delete_thing: takes a body: `NewThing`"),
    ("requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/NewThing'}}}}", "requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/Thing'}}}}", Breaking, "Changed update_thing: the body `NewThing` is now `Thing`"),
    ("{'204': {description: Done}}\n    delete", "{'200': {description: Done, content: {application/json: {schema: {$ref: '#/components/schemas/Thing'}}}}}\n    delete", Breaking, "Changed update_thing: the reply `()` is now `Thing`"),
    ("application/octet-stream: {schema: {type: string, format: binary}}", "application/json: {schema: {$ref: '#/components/schemas/Thing'}}", Breaking, "Changed download_picture: the reply `ByteStream` is now `Thing`"),
    ("properties: {file: {type: string, format: binary}}", "properties: {image: {type: string, format: binary}}", Breaking, "Removed upload_picture.file: `Upload`"),
    ("responses: {'204': {description: Gone}}", "responses: {'202': {description: Going}}", Nothing, ""),
    // Types and fields.
    ("    Status: {", "    Extra: {type: object, properties: {a: {type: string}}}\n    Status: {", Compatible, "Added Extra: a struct"),
    ("        size: {type: integer}\n        weight", "        weight", Breaking, "Removed Thing.size: `i64`"),
    ("        weight: {", "        color: {type: string}\n        weight: {", Compatible, "Added Thing.color: `String`"),
    ("        weight: {", "        more: {$ref: '#/components/schemas/More'}\n        weight: {", Compatible, "Added More: a struct"),
    ("        size: {type: integer}\n        weight", "        size: {type: string}\n        weight", Breaking, "Changed Thing.size: `i64` is now `String`"),
    ("        size: {type: integer}\n        weight", "        size: {type: number}\n        weight", Breaking, "Changed Thing.size: `i64` is now `f64`"),
    ("        size: {type: integer}\n        weight", "        size: {type: integer, format: int32}\n        weight", Nothing, ""),
    ("        size: {type: integer}\n        weight", "        size: {type: integer, nullable: true}\n        weight", Nothing, ""),
    ("        computeEnvId: {", "        compute_env_id: {", Breaking, "Changed Thing.compute_env_id: `computeEnvId` is `compute_env_id` on the wire now"),
    ("        computeEnvId: {", "        computeEnvironmentId: {", Breaking, "Renamed Thing.compute_env_id: is now `compute_environment_id`"),
    ("      required: [id]\n", "", Nothing, ""),
    ("dateCreated: {type: string, format: date-time}", "dateCreated: {type: string}", Breaking, "Changed Thing.date_created: `Timestamp` is now `String`"),
    ("tags: {type: array, items: {type: string}}\n        labels", "tags: {type: string}\n        labels", Breaking, "Changed Thing.tags: `Vec<String>` is now `String`"),
    ("additionalProperties: {type: string}", "additionalProperties: {type: integer}", Breaking, "Changed Thing.labels: `BTreeMap<String, String>` is now `BTreeMap<String, i64>`"),
    ("      required: [name]\n", "", Compatible, "Changed NewThing.name: is optional now"),
    ("      required: [name]\n", "      required: [name, size]\n", Breaking, "Changed NewThing.size: is required now"),
    ("note: {type: string, nullable: true}", "note: {type: string}", Breaking, "Changed NewThing.note: `Nullable` is now `Option`"),
    ("name: {type: string, maxLength: 40}", "name: {type: string, maxLength: 10}", Nothing, ""),
    ("name: {type: string, maxLength: 40}", "name: {type: string, readOnly: true}", Nothing, ""),
    ("        note: {", "        hue: {type: string}\n        note: {", Compatible, "Added NewThing.hue: `String`"),
    ("#/components/schemas/ThingList'", "#/components/schemas/Things'", Breaking, "Renamed ThingList: is now `Things`"),
    // Enums and unions.
    ("enum: [NEW, IN_USE, LOST]", "enum: [NEW, IN_USE, LOST, BROKEN]", Compatible, "Added Status.Broken: `BROKEN`"),
    ("enum: [NEW, IN_USE, LOST]", "enum: [NEW, IN_USE]", Breaking, "Removed Status.Lost: `LOST`"),
    ("enum: [NEW, IN_USE, LOST]", "enum: [NEW, in-use, LOST]", Breaking, "Changed Status.InUse: `IN_USE` is `in-use` on the wire now"),
    ("enum: [NEW, IN_USE, LOST]", "enum: [LOST, NEW, IN_USE]", Nothing, ""),
    ("Status: {type: string, enum: [NEW, IN_USE, LOST]}", "Status: {type: object, properties: {code: {type: string}}}", Breaking, "Changed Status: an enum is now a struct"),
    ("mapping: {round: '#/components/schemas/Round', square-cut", "mapping: {flat: '#/components/schemas/Round', round: '#/components/schemas/Round', square-cut", Compatible, "Added Config.Flat: `Round`"),
    ("round: '#/components/schemas/Round', square", "square", Breaking, "Removed Config.Round: `Round`"),
    ("square-cut: '", "square_cut: '", Breaking, "Changed Config.SquareCut: `square-cut` is `square_cut` on the wire now"),
    ("round: '#/components/schemas/Round', square", "round: '#/components/schemas/Square', square", Breaking, "Changed Config.Round: `Round` is now `Square`"),
    ("propertyName: kind", "propertyName: form", Breaking, "Changed Config: is told apart by `form` instead of `kind`"),
    ("radius: {type: integer}", "radius: {type: string}", Breaking, "Changed Round.radius: `i64` is now `String`"),
    // Elsewhere.
    ("title: Made-up", "title: Invented", Nothing, ""),
    ("tags: [{name: alpha}, ", "servers: [{url: 'https://example.com'}]\ntags: [{name: alpha}, ", Nothing, ""),
];

fn surface(schema: &str) -> Surface {
    generate(schema, None, &Tags::All).unwrap().inventory
}

#[test]
fn each_single_change_gets_its_verdict() {
    let old = surface(SCHEMA);
    let mut wrong = Vec::new();
    for (from, to, expected, line) in TABLE {
        assert!(SCHEMA.contains(from), "{from}");
        let mut schema = SCHEMA.replacen(from, to, 1);
        // What a row refers to in a new way has to be there.
        schema = schema.replace(
            "    ThingList:\n",
            match to.contains("Things'") {
                true => "    Things:\n",
                false => "    ThingList:\n",
            },
        );
        if to.contains("schemas/More") {
            schema.push_str("    More: {type: object, properties: {a: {type: string}}}\n");
        }
        let changes = compare(&old, &surface(&schema));
        let verdict = match changes.as_slice() {
            [] => Nothing,
            changes if changes.iter().any(|change| change.breaking) => Breaking,
            _ => Compatible,
        };
        let told: Vec<String> = changes.iter().map(tell).collect();
        if verdict != *expected || !(line.is_empty() || told.iter().any(|told| told == line)) {
            wrong.push(format!("`{from}` -> `{to}`: {verdict:?}, {told:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn tell(change: &Change) -> String {
    format!("{:?} {}: {}", change.kind, change.name, change.detail)
}
