//! Schemas with shapes that the published one does not have, or not yet: generated or refused, but
//! never a panic.

use seqera_codegen::document::Document;
use seqera_codegen::surface::{Surface, TypeSurface};
use seqera_codegen::{Tags, generate};

const ODD: &str = include_str!("fixtures/odd.yml");

#[test]
fn odd_shapes_are_generated() {
    let output = generate(ODD, None, &Tags::All).unwrap_or_else(|problem| panic!("{problem:#}"));
    let surface = output.inventory;
    let operation = &surface.operations["describe_thing"];
    let setters: Vec<_> = operation.setters.keys().map(String::as_str).collect();
    assert_eq!(
        setters,
        ["either", "filter", "id", "json", "type_", "x_trace"]
    );
    assert_eq!(operation.setters["id"].place, "path");
    assert_eq!(operation.reply, "Thing");
    assert_eq!(
        surface.operations["create_thing"].body.as_deref(),
        Some("Thing")
    );
    assert_eq!(surface.operations["create_thing"].reply, "Vec<Vec<String>>");
    assert_eq!(surface.operations["export_things"].reply, "ByteStream");
    assert_eq!(surface.operations["download_thing"].reply, "ByteStream");
    assert_eq!(surface.operations["describe_either"].reply, "Value");
    assert!(surface.operations["list_things"].paged);

    let bottom = fields(&surface, "Bottom");
    assert_eq!(bottom, ["bottom", "middle", "name"]);
    assert_eq!(variants(&surface, "Kind"), ["3d", "a-b", "self"]);
    assert_eq!(variants(&surface, "Untyped"), ["off", "on"]);
    assert_eq!(fields(&surface, "PlanInfo"), ["b"]);
    assert_eq!(fields(&surface, "PlanInfo2"), ["a"]);
    assert_eq!(fields(&surface, "Option2"), ["value"]);
    let thing = fields(&surface, "Thing");
    for wire in [
        "type", "self", "new", "", "3d", "fooBar", "foo_bar", "unions", "rows",
    ] {
        assert!(thing.contains(&wire.to_owned()), "{wire:?} is lost");
    }
}

/// A document with these operations below `/x`.
fn with_paths(paths: &str) -> String {
    format!(
        "openapi: 3.0.1\ninfo: {{ title: Odd, version: 1.0.0 }}\npaths:\n{paths}\ncomponents:\n  schemas:\n    \
         Color: {{ type: string, enum: [red] }}\n"
    )
}

const DONE: &str = "responses: { '200': { description: done } }";

#[test]
fn names_of_setters_and_bodies_without_a_default_are_no_trouble() {
    let schema = with_paths(&format!(
        "  /x/{{id}}: {{ get: {{ operationId: get, {DONE}, parameters: [{{ in: query, name: send }}, \
         {{ in: query, name: new, schema: {{ type: string }} }}] }} }}\n  \
         /y: {{ post: {{ operationId: Paint, {DONE}, requestBody: {{ content: {{ application/json: {{ schema: \
         {{ $ref: '#/components/schemas/Color' }} }} }} }} }} }}"
    ));
    let schema = schema.replace("name: send }", "name: send, schema: { type: string } }");
    let output = generate(&schema, None, &Tags::All).unwrap();
    let setters = output.inventory.operations["get"].setters.keys();
    assert_eq!(setters.collect::<Vec<_>>(), ["id", "new_", "send_"]);
    // An alias that is the name of its item is an error of the compiler; `Get` is another name.
    assert_eq!(output.operations.matches("alias = \"get\"").count(), 1);
    assert!(output.operations.contains("fn body(") && !output.operations.contains("body_map"));
    assert_eq!(output.report.tags, [""; 0]);
}

#[test]
fn what_can_not_be_generated_is_named() {
    let good = format!(
        "  /a: {{ get: {{ operationId: A, {DONE} }} }}\n  /b: {{ get: {{ operationId: B, {DONE} }} }}\n"
    );
    let body = |kind: &str| {
        format!(
            "{good}  /c: {{ put: {{ operationId: C, {DONE}, requestBody: {{ content: {{ {kind}: \
         {{ schema: {{ type: string }} }} }} }} }} }}"
        )
    };
    for (paths, place) in [
        (body("application/yaml"), "PUT /c: "),
        (
            good.replace("operationId: B, ", ""),
            "GET /b: the operation has no operationId",
        ),
        (
            good.replace("operationId: B", "operationId: Request"),
            "the operationId `Request`",
        ),
    ] {
        let Err(problem) = generate(&with_paths(&paths), None, &Tags::All) else {
            panic!("generated: {paths}");
        };
        let problem = format!("{problem:#}");
        assert!(problem.starts_with(place), "{problem}, not {place}");
    }
}

fn fields(surface: &Surface, name: &str) -> Vec<String> {
    match surface.types.get(name) {
        Some(TypeSurface::Struct { fields, .. }) => {
            let mut wires: Vec<_> = fields.values().map(|field| field.wire.clone()).collect();
            wires.sort();
            wires
        }
        other => panic!("{name} is {other:?}"),
    }
}

fn variants(surface: &Surface, name: &str) -> Vec<String> {
    match surface.types.get(name) {
        Some(TypeSurface::Enum { variants }) => {
            let mut values: Vec<_> = variants.values().cloned().collect();
            values.sort();
            values
        }
        other => panic!("{name} is {other:?}"),
    }
}

/// A document with one operation and these members more.
fn document(more: &str) -> String {
    format!(
        "openapi: 3.0.1\ninfo: {{title: t, version: '1'}}\npaths:\n  /a:\n    get:\n      operationId: A\n      \
         responses: {{'204': {{description: ''}}}}\n{more}"
    )
}

#[test]
fn broken_documents_are_refused_in_words() {
    let twice = document(
        "  /b:\n    get:\n      operationId: A\n      responses: {'204': {description: ''}}\n",
    );
    let clash = twice.replacen("operationId: A", "operationId: a", 1);
    let nameless = document("").replace("operationId: A", "summary: s");
    let deep = format!("openapi: 3.0.1\npaths: {}", "[".repeat(1_000));
    let cases = [
        (String::new(), "the document is empty"),
        (
            "<!DOCTYPE html><html></html>".to_owned(),
            "this is an HTML or XML page",
        ),
        ("just words".to_owned(), "its root is no mapping"),
        (
            "{\"openapi\": \"3.0.1\", ".to_owned(),
            "not readable as YAML",
        ),
        (
            "swagger: '2.0'\npaths: {}".to_owned(),
            "a Swagger 2.0 document",
        ),
        (
            document("").replace("3.0.1", "3.1.0"),
            "an OpenAPI 3.1.0 document",
        ),
        (
            "openapi: 3.0.1\npaths: {}\n".to_owned(),
            "has no operations",
        ),
        (twice, "the operationId `A` is used twice"),
        (clash, "`a` and `A` are one name in Rust"),
        (nameless, "GET /a: the operation has no operationId"),
        (deep, "not readable as YAML"),
        (
            document("components: {schemas: {S: {$ref: '#/components/schemas/T'}}}\n"),
            "leads nowhere",
        ),
        (
            document("components: {schemas: {S: {$ref: 'other.yml'}}}\n"),
            "leads out of the document",
        ),
        (
            document("components: {schemas: {S: {$ref: '#/components/schemas/S'}}}\n"),
            "leads in a circle",
        ),
        (
            document(
                "components: {schemas: {S: {$ref: '#/components/schemas/T'}, T: {$ref: '#/components/schemas/S'}}}\n",
            ),
            "leads in a circle",
        ),
        (
            document("components: {schemas: {S: 3}}\n"),
            "the schema `S` is no mapping",
        ),
        (
            document("components: {schemas: {S: {properties: {x: 3}}}}\n"),
            "the property `S.x` is no mapping",
        ),
        (
            document("").replace("{'204': {description: ''}}", "{}"),
            "the operation has no responses",
        ),
        (
            document("")
                .replace("operationId: A", "operationId: A\n      tags: [things]")
                .trim_end()
                .trim_end_matches('}')
                .to_owned(),
            "not readable as YAML",
        ),
    ];
    for (schema, expected) in cases {
        let problem = match generate(&schema, None, &Tags::All) {
            Ok(_) => panic!("generated, but {expected} was to be said"),
            Err(problem) => format!("{problem:#}"),
        };
        assert!(problem.contains(expected), "{problem}, not {expected}");
    }
}

#[test]
fn a_document_that_lost_its_end_is_noticed() {
    let whole = "info: {title: t, version: '1'}\nopenapi: 3.0.1\npaths:\n  /a:\n    get:\n      operationId: A\n      \
                 responses:\n        '204':\n          description: nothing to say\n      tags:\n      - things\ntags:\n- name: things\n";
    assert!(Document::parse(whole).is_ok());
    assert!(Document::parse(whole.trim_end()).is_ok());
    for length in 1..whole.len() - 2 {
        let refused = Document::parse(&whole[..length]).is_err();
        // Cut exactly between two lines, what is left may be a document like any other.
        let clean = whole[..length].ends_with('\n') || whole[length..].starts_with('\n');
        assert!(refused || clean, "{}", &whole[..length]);
    }
}
