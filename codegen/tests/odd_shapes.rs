//! Schemas with shapes that the published one does not have, or not yet: generated or refused, but
//! never a panic.

use seqera_codegen::document::Document;
use seqera_codegen::surface::{Surface, TypeSurface, UnionSurface};
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
    let odd = format!(
        "{good}  /c: {{ put: {{ operationId: C, {DONE}, parameters: [{{ in: query, name: x, \
         style: spaceDelimited, schema: {{ type: array, items: {{ type: string }} }} }}] }} }}"
    );
    for (paths, place) in [
        (odd, "PUT /c: "),
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

/// A document with one `PUT /x/{id}` with these parameters besides, that takes this.
fn with_body(parameters: &str, content: &str) -> String {
    with_paths(&format!(
        "  /x/{{id}}: {{ put: {{ operationId: Put, {DONE}, parameters: [{parameters}], \
         requestBody: {{ content: {content} }} }} }}"
    ))
}

/// The setters of `put`, and what its body takes.
fn taken(schema: &str) -> (Vec<String>, Option<String>) {
    let mut output =
        generate(schema, None, &Tags::All).unwrap_or_else(|problem| panic!("{problem:#}"));
    let put = output.inventory.operations.remove("put").unwrap();
    (put.setters.into_keys().collect(), put.body)
}

#[test]
fn bodies_that_are_neither_json_nor_forms_are_bytes() {
    for kind in [
        "application/octet-stream",
        "application/x-www-form-urlencoded",
        "application/yaml",
        "text/plain",
    ] {
        let content = format!("{{ {kind}: {{ schema: {{ type: string }} }} }}");
        let schema = with_body("", &content);
        let output = generate(&schema, None, &Tags::All).unwrap();
        assert_eq!(
            output.inventory.operations["put"].body.as_deref(),
            Some("Bytes")
        );
        let sent = format!("self.request.bytes(\"{kind}\", body)");
        assert!(output.operations.contains(&sent), "{kind}");
        assert!(output.calls().unwrap().contains(".body("));
    }
    let schema = with_body("", "{ 'text/*': { schema: { type: string } } }");
    let operations = generate(&schema, None, &Tags::All).unwrap().operations;
    assert!(operations.contains("bytes(\"application/octet-stream\", body)"));
}

#[test]
fn setters_of_a_form_s_parts_and_of_parameters_are_all_different() {
    let form = |properties: &str| {
        format!("multipart/form-data: {{ schema: {{ properties: {{ {properties} }} }} }}")
    };
    let (file, text) = ("{ type: string, format: binary }", "{ type: string }");
    let parts = form(&format!(
        "send: {text}, max: {file}, fileName: {text}, file_name: {text}"
    ));
    let max = "{ in: query, name: max, schema: { type: integer } }";
    let (setters, body) = taken(&with_body(max, &format!("{{ {parts} }}")));
    let expected = [
        "file_name",
        "file_name_part",
        "id",
        "max",
        "max_part",
        "send_part",
    ];
    assert_eq!(setters, expected);
    assert_eq!(body, None);

    let json = "application/json: { schema: { $ref: '#/components/schemas/Color' } }";
    let body_parameter = "{ in: query, name: body, schema: { type: integer } }";
    let (setters, body) = taken(&with_body(body_parameter, &format!("{{ {json} }}")));
    assert_eq!(setters, ["body_", "id"]);
    assert_eq!(body.as_deref(), Some("Color"));

    // Of a form beside JSON only the files are of interest.
    let both = |properties: &str| with_body("", &format!("{{ {json}, {} }}", form(properties)));
    assert_eq!(taken(&both(&format!("name: {text}"))).0, ["id"]);
    assert_eq!(
        taken(&both(&format!("name: {text}, sheet: {file}"))).0,
        ["id", "sheet"]
    );
    let several = format!("sheets: {{ type: array, items: {file} }}");
    assert_eq!(taken(&both(&several)).0, ["id", "sheets"]);
    let (setters, body) = taken(&both(&format!("workflow_url: {text}")));
    assert_eq!(setters, ["id", "workflow_attachment"]);
    assert_eq!(body.as_deref(), Some("Color"));
}

#[test]
fn unions_and_their_variants_go_by_the_names_of_their_schemas() {
    let text =
        |more: &str| format!("{{ type: object, properties: {{ {more}: {{ type: string }} }} }}");
    let schema = with_paths(&format!("  /a: {{ get: {{ operationId: A, {DONE} }} }}"))
        + &format!(
            "    Env_Config_: {{ oneOf: [{{ $ref: '#/components/schemas/Plan_Info' }}], discriminator: \
             {{ propertyName: kind, mapping: {{ plan: '#/components/schemas/Plan_Info', free: \
             '#/components/schemas/Free_Text_' }} }} }}\n    PlanInfo: {}\n    Plan_Info: {}\n    \
             Free_Text_: {{ type: object }}\n",
            text("b"),
            text("a"),
        );
    let output =
        generate(&schema, None, &Tags::All).unwrap_or_else(|problem| panic!("{problem:#}"));
    let Some(TypeSurface::Union(UnionSurface { variants, .. })) = output.inventory.types.get("Env")
    else {
        panic!("no union: {:?}", output.inventory.types);
    };
    let variants: Vec<_> = variants
        .iter()
        .map(|(name, ty)| (name.as_str(), ty.as_str()))
        .collect();
    assert_eq!(variants, [("Free", "Free"), ("Plan", "PlanInfo2")]);
    assert_eq!(fields(&output.inventory, "PlanInfo2"), ["a"]);
    assert!(
        output
            .types
            .contains("`Env_Config_` in the schema: one of several types")
    );
    assert!(!output.types.contains("pub struct Env "));
}

#[test]
fn members_of_pages_that_are_of_other_types_are_no_such_members() {
    let page = |parameters: &str, members: &str| {
        with_paths(&format!(
            "  /a: {{ get: {{ operationId: ListA, parameters: [{parameters}], responses: {{ '200': {{ \
             description: done, content: {{ application/json: {{ schema: {{ type: object, properties: {{ \
             page: {{ type: object, properties: {{ items: {{ type: array, items: {{ type: string }} }}, \
             {members} }} }} }} }} }} }} }} }} }} }}"
        ))
    };
    let emitted = |schema: &str| generate(schema, None, &Tags::All).unwrap();
    let integer =
        |name: &str| format!("{{ in: query, name: {name}, schema: {{ type: integer }} }}");
    let by_offset = format!("{}, {}", integer("max"), integer("offset"));

    let members = "totalSize: { type: integer }, hasMore: { type: boolean }";
    let operations = emitted(&page(&by_offset, members)).operations;
    for member in ["total_size", "has_more"] {
        let reached = format!("page.page.as_ref().and_then(|inner| inner.{member}.clone())");
        assert!(operations.contains(&reached), "{operations}");
    }
    let members = "totalSize: { type: string }, hasMore: { type: string }";
    let operations = emitted(&page(&by_offset, members)).operations;
    assert!(operations.contains("impl Paged for ListA"));
    assert!(!operations.contains("fn total(") && !operations.contains("fn has_more("));

    let by_token = |kind: &str| {
        page(
            &integer("nextPageToken"),
            &format!("nextPageToken: {{ type: {kind} }}"),
        )
    };
    assert!(emitted(&by_token("string")).inventory.operations["list_a"].paged);
    let output = emitted(&by_token("integer"));
    assert!(!output.inventory.operations["list_a"].paged);
    assert_eq!(output.report.unrecognised_paging, ["ListA"]);
}

#[test]
fn mocks_answer_statuses() {
    let paths = "  /a: { get: { operationId: A, responses: { '2XX': { description: '' }, '202': { description: '' }, \
                 '4XX': { description: '' }, '404': { description: '' }, default: { description: '' } } } }";
    let mocks = generate(&with_paths(paths), None, &Tags::All)
        .unwrap()
        .mocks()
        .unwrap();
    assert!(mocks.contains("fn accepted(") && mocks.contains("fn not_found("));
    assert!(
        !mocks.contains("XX") && !mocks.contains("default"),
        "{mocks}"
    );
}

#[test]
fn overloads_that_end_alike_are_generated() {
    let paths = format!(
        "  /a: {{ get: {{ operationId: Browse, {DONE} }} }}\n  \
         '/a/{{path}}': {{ get: {{ operationId: Browse_1, {DONE} }} }}\n  \
         '/a/x/{{dirPath}}': {{ get: {{ operationId: Browse_2, {DONE} }} }}"
    );
    let surface = generate(&with_paths(&paths), None, &Tags::All)
        .unwrap()
        .inventory;
    let names: Vec<_> = surface.operations.into_keys().collect();
    assert_eq!(names, ["browse", "browse_2", "browse_with_path"]);
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
