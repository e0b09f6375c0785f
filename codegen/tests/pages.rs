//! What the documentation of generated items says, and what rustdoc's search finds them by.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use quote::ToTokens;
use seqera_codegen::document::{Document, Operation};
use seqera_codegen::names::type_name;
use seqera_codegen::{Tags, fixups, generate, overlay};
use syn::{Attribute, ImplItem, Item, Lit, Meta};

const VENDORED: &str = include_str!("../../seqera-api-latest.yml");
const OVERLAY: &str = include_str!("../../overlays/docs.yml");

/// What an item's attributes say.
#[derive(Default)]
struct Page {
    text: String,
    aliases: Vec<String>,
    /// Attributes under a condition, as tokens.
    conditional: String,
}

impl Page {
    fn of(attributes: &[Attribute]) -> Self {
        let mut page = Self::default();
        for attribute in attributes {
            match &attribute.meta {
                Meta::NameValue(doc) if doc.path.is_ident("doc") => {
                    page.text += text(&doc.value).trim();
                    page.text.push('\n');
                }
                Meta::List(doc) if doc.path.is_ident("doc") => {
                    if let Ok(Meta::NameValue(alias)) = doc.parse_args::<Meta>()
                        && alias.path.is_ident("alias")
                    {
                        page.aliases.push(text(&alias.value));
                    }
                }
                Meta::List(list) if list.path.is_ident("cfg_attr") => {
                    page.conditional += &list.tokens.to_string();
                }
                _ => {}
            }
        }
        page
    }
}

fn text(value: &syn::Expr) -> String {
    match value {
        syn::Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) => text.value(),
            other => other.to_token_stream().to_string(),
        },
        other => other.to_token_stream().to_string(),
    }
}

/// The pages of what is generated from the vendored schema.
struct Pages {
    operations: Vec<Operation>,
    /// By the method of the client.
    methods: BTreeMap<String, Page>,
    builders: BTreeMap<String, Page>,
    types: BTreeMap<String, Page>,
    /// All types as text, for what macros make of them.
    source: String,
}

fn pages() -> &'static Pages {
    static PAGES: OnceLock<Pages> = OnceLock::new();
    PAGES.get_or_init(|| {
        let output = generate(VENDORED, Some(OVERLAY), &Tags::All).unwrap();
        let mut document = Document::parse(VENDORED).unwrap();
        overlay::apply(&mut document.tree, OVERLAY).unwrap();
        fixups::prepare(&mut document);
        let mut methods = BTreeMap::new();
        let mut builders = BTreeMap::new();
        for item in syn::parse_file(&output.operations).unwrap().items {
            match item {
                Item::Impl(block) => methods.extend(block.items.iter().filter_map(|item| {
                    let ImplItem::Fn(method) = item else {
                        return None;
                    };
                    Some((method.sig.ident.to_string(), Page::of(&method.attrs)))
                })),
                Item::Mod(module) if module.ident == "builder" => {
                    builders.extend(of_types(module.content.unwrap().1));
                }
                _ => {}
            }
        }
        Pages {
            operations: document.operations().unwrap(),
            methods,
            builders,
            types: of_types(syn::parse_file(&output.types).unwrap().items).collect(),
            source: output.types,
        }
    })
}

fn of_types(items: Vec<Item>) -> impl Iterator<Item = (String, Page)> {
    items.into_iter().filter_map(|item| match item {
        Item::Struct(item) => Some((item.ident.to_string(), Page::of(&item.attrs))),
        Item::Enum(item) => Some((item.ident.to_string(), Page::of(&item.attrs))),
        _ => None,
    })
}

fn builder(operation: &Operation) -> &'static Page {
    let name = heck::ToUpperCamelCase::to_upper_camel_case(operation.name.as_str());
    &pages().builders[&name]
}

#[test]
fn the_page_of_an_operation_says_where_it_is_and_what_goes_wrong() {
    assert_eq!(pages().operations.len(), 252);
    for operation in &pages().operations {
        let Operation { id, tag, .. } = operation;
        let page = builder(operation);
        let place = format!("`{}` (`{id}`), feature `{tag}`.", operation.route());
        assert!(page.text.contains(&place), "{id}");
        let method = &pages().methods[&operation.name];
        assert!(method.text.contains(&place), "{id}");
        let badge = format!("docsrs , doc (cfg (feature = {tag:?}))");
        assert!(
            page.conditional.contains(&badge),
            "{id}: {}",
            page.conditional
        );
        assert!(page.text.contains("# Example\n\n```no_run\n"), "{id}");
        let (_, errors) = page.text.split_once("# Errors\n").unwrap();
        for code in operation.errors.iter().filter(|code| code.starts_with('4')) {
            assert!(errors.contains(&format!("{code} (")), "{id}: {code}");
        }
        for (code, details) in &operation.error_details {
            let (_, of_code) = errors.split_once(&format!("{code} (")).unwrap();
            let link = format!("(crate::types::{})", type_name(details));
            let first = of_code.split(')').take(4).collect::<Vec<_>>().join(")") + ")";
            assert!(first.contains(&link), "{id}: {errors}");
        }
    }
    let declared = |id: &str| {
        let mut operations = pages().operations.iter();
        operations.find(|operation| operation.id == id).unwrap()
    };
    for (id, code) in [
        ("DeleteCredentials", "409"),
        ("DeleteManagedCredentials", "409"),
        ("CreateWorkflowLaunch", "400"),
    ] {
        let details = &declared(id).error_details;
        assert!(
            details.iter().any(|(of, _)| of == code),
            "{id}: {details:?}"
        );
    }
}

/// A method is found by its name; all else that one may look for is an alias.
#[test]
fn the_search_finds_an_operation_by_id_and_method_and_path() {
    for operation in &pages().operations {
        let page = &pages().methods[&operation.name];
        let path = operation.path.trim_start_matches('/');
        for looked_for in [&operation.id, &operation.route(), path, &operation.tag] {
            let is_found = operation.name == looked_for
                || page.aliases.iter().any(|alias| alias == looked_for);
            assert!(is_found, "{looked_for}: {:?}", page.aliases);
        }
    }
    let found = |word: &str| -> Vec<&str> {
        let methods = pages().methods.iter();
        let with = methods.filter(|(_, page)| page.aliases.iter().any(|alias| alias == word));
        with.map(|(method, _)| method.as_str()).collect()
    };
    assert_eq!(found("workflow/launch"), ["create_workflow_launch"]);
    assert_eq!(found("POST /workflow/launch"), ["create_workflow_launch"]);
    assert_eq!(found("CreateWorkflowLaunch"), ["create_workflow_launch"]);
    let of_data_links = found("data-links");
    assert!(
        of_data_links.contains(&"list_data_links"),
        "{of_data_links:?}"
    );
}

#[test]
fn a_type_says_which_operations_take_and_return_it() {
    let says = |name: &str, sentence: &str| {
        let text = &pages().types[name].text;
        assert!(text.contains(sentence), "{name}: {text}");
    };
    let create = "[`create_workflow_launch`](crate::builder::CreateWorkflowLaunch)";
    says("SubmitWorkflowLaunchRequest", &format!("Body of {create}."));
    says("WorkflowLaunchRequest", "Part of the body of");
    says("ListWorkflowsResponse", "Reply of [`list_workflows`]");
    says("Task", "Part of the reply of");
    says(
        "DeleteCredentialsConflictResponse",
        "Read by [`Error::details`]",
    );
    // Types that no operation reaches are types all the same: there are few.
    let idle: Vec<&String> = pages()
        .types
        .iter()
        .filter(|(_, page)| {
            let uses = ["Body of ", "Reply of ", "Part of the ", "Read by "];
            !uses.iter().any(|uses| page.text.contains(uses))
        })
        .map(|(name, _)| name)
        .collect();
    assert!(idle.len() <= 20, "{idle:?}");
}

/// Unions and open enums are made by macros.
#[test]
fn variants_and_values_say_what_they_mean() {
    for said in [
        "\" `aws-batch`: ",
        "\" `slurm-platform`: ",
        "\" `SUBMITTED`: ",
    ] {
        assert!(pages().source.contains(said), "{said}");
    }
}

/// Beside what is said of all of them alike, an operation that the library has a workflow for says so
/// before it describes itself.
#[test]
fn an_operation_that_has_a_workflow_says_so_at_the_top() {
    let mut with = 0;
    for operation in &pages().operations {
        let Some(library) = &operation.library else {
            continue;
        };
        with += 1;
        let page = builder(operation);
        let feature = format!("feature = {:?}", library.feature);
        assert!(page.conditional.contains(&feature), "{}", operation.id);
        let item = library.text.split('`').nth(1).unwrap();
        let link = format!("[`{item}`](");
        assert!(page.conditional.contains(&link), "{}: {link}", operation.id);
    }
    assert!(with > 70, "{with}");
    for id in [
        "CreateWorkflowLaunch",
        "DescribeWorkflow",
        "UploadDatasetV2",
        "GenerateDataLinkUploadUrl",
        "StartDataStudio",
        "CreateDataStudio",
        "ApplyLabelsToWorkflows",
        "CreateLabel",
        "UpdatePipeline",
    ] {
        let mut operations = pages().operations.iter();
        let operation = operations.find(|operation| operation.id == id).unwrap();
        assert!(operation.library.is_some(), "{id}");
    }
}
