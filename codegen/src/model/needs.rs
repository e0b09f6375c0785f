//! What the crate's hand-written code needs of a schema: operations, and members of them and of
//! types, that other versions may lack.
//!
//! The compiler knows it best: what is generated is marked ([`marks`](crate::marks)), and the
//! warnings of hand-written code are the list, `needs.txt`: `cargo xtask needs` writes it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail};

use crate::document::select::Tags;
use crate::model::surface::{OperationSurface, Surface, TypeSurface};
use crate::names::normal;

const LIST: &str = include_str!("needs.txt");

/// Something that a file of `src` uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Need<'a> {
    /// The feature with which the file is compiled.
    pub feature: &'a str,
    /// The file.
    pub file: &'a str,
    /// `operation`, `parameter`, `paging`, `type`, `field` or `value`.
    pub kind: &'a str,
    /// `ListWorkflows`, `ListWorkflows.search`.
    pub name: &'a str,
}

/// All that is needed.
pub fn all() -> impl Iterator<Item = Need<'static>> {
    LIST.lines().filter_map(|line| {
        let mut words = line.split(' ');
        let mut word = || words.next();
        let (feature, file, kind, name) = (word()?, word()?, word()?, word()?);
        Some(Need {
            feature,
            file,
            kind,
            name,
        })
    })
}

/// Checks that a schema has what the enabled parts of the crate need.
///
/// # Errors
///
/// The schema lacks something without which a file can't be compiled; the error names all of it,
/// and the features to leave out.
pub fn check(version: &str, surface: &Surface, features: &Tags) -> Result<()> {
    let mut lacking: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for need in lacking_of(all(), surface).filter(|need| features.contains(need.feature)) {
        let Need {
            feature,
            file,
            kind,
            name,
        } = need;
        let text = format!("the {kind} `{name}` (src/{file})");
        lacking.entry(feature).or_default().push(text);
    }
    let texts: Vec<String> = lacking
        .iter()
        .map(|(feature, lacking)| {
            format!(
                "the feature `{feature}` needs what version {version} of the API lacks, leave it out: {}",
                lacking.join(", ")
            )
        })
        .collect();
    if !texts.is_empty() {
        bail!("{}", texts.join("; "));
    }
    Ok(())
}

/// What a schema lacks of that which each feature needs.
pub fn lacking_by_feature(surface: &Surface) -> BTreeMap<String, BTreeSet<String>> {
    let mut lacking: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for need in lacking_of(all(), surface) {
        let names = lacking.entry(need.feature.to_owned()).or_default();
        names.insert(need.name.to_owned());
    }
    lacking
}

/// Where a type or an operation is missing, its members go without saying.
fn lacking_of<'a>(
    needs: impl Iterator<Item = Need<'a>>,
    surface: &Surface,
) -> impl Iterator<Item = Need<'a>> {
    needs.filter(move |need| {
        let (owner, member) = need.name.split_once('.').unwrap_or((need.name, ""));
        let has = match need.kind {
            "operation" => operation(surface, owner).is_some(),
            "parameter" => {
                operation(surface, owner).is_none_or(|found| found.setters.contains_key(member))
            }
            "paging" => operation(surface, owner).is_none_or(|found| found.paged),
            "type" => surface.types.contains_key(owner),
            _ => surface.types.get(owner).is_none_or(|ty| match ty {
                TypeSurface::Struct { fields, .. } => fields.contains_key(member),
                TypeSurface::Enum { variants } | TypeSurface::Union { variants } => {
                    variants.contains_key(member)
                }
                TypeSurface::Other(_) => false,
            }),
        };
        !has
    })
}

fn operation<'a>(surface: &'a Surface, builder: &str) -> Option<&'a OperationSurface> {
    let wanted = normal(builder);
    let mut operations = surface.operations.values();
    operations.find(|operation| normal(&operation.id) == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::surface::{FieldSurface, Setter};

    fn surface() -> Surface {
        let mut surface = Surface::default();
        for need in all() {
            let (owner, member) = need.name.split_once('.').unwrap_or((need.name, ""));
            match need.kind {
                "operation" => {
                    let operation = surface.operations.entry(owner.to_owned()).or_default();
                    operation.id = owner.to_owned();
                }
                "parameter" => {
                    let operation = surface.operations.entry(owner.to_owned()).or_default();
                    operation.id = owner.to_owned();
                    operation
                        .setters
                        .insert(member.to_owned(), Setter::default());
                }
                "paging" => {
                    let operation = surface.operations.entry(owner.to_owned()).or_default();
                    operation.paged = true;
                }
                "value" => {
                    let variants = BTreeMap::new();
                    let ty = surface.types.entry(owner.to_owned());
                    if let TypeSurface::Enum { variants } =
                        ty.or_insert(TypeSurface::Enum { variants })
                    {
                        variants.insert(member.to_owned(), String::new());
                    }
                }
                "field" => {
                    let (fields, sent) = (BTreeMap::new(), false);
                    let ty = surface.types.entry(owner.to_owned());
                    let ty = ty.or_insert(TypeSurface::Struct { fields, sent });
                    if let TypeSurface::Struct { fields, .. } = ty {
                        fields.insert(member.to_owned(), FieldSurface::default());
                    }
                }
                _ => {}
            }
        }
        for need in all().filter(|need| need.kind == "type") {
            let other = TypeSurface::Other(String::new());
            surface.types.entry(need.name.to_owned()).or_insert(other);
        }
        surface
    }

    #[test]
    fn what_is_missing_is_named_with_the_feature_to_leave_out() {
        let mut surface = surface();
        assert!(check("1.2.3", &surface, &Tags::All).is_ok());
        assert!(lacking_by_feature(&surface).is_empty());

        surface.operations.remove("DownloadWorkflowLog");
        let Some(TypeSurface::Struct { fields, .. }) =
            surface.types.get_mut("WorkflowLaunchRequest")
        else {
            panic!("no such struct");
        };
        fields.remove("output_dir");
        let problem = check("1.2.3", &surface, &Tags::All)
            .unwrap_err()
            .to_string();
        assert_eq!(
            problem,
            "the feature `runs` needs what version 1.2.3 of the API lacks, leave it out: \
             the operation `DownloadWorkflowLog` (src/runs/dump/job.rs), \
             the field `WorkflowLaunchRequest.output_dir` (src/runs/launch.rs)"
        );
        assert!(lacking_by_feature(&surface)["runs"].contains("DownloadWorkflowLog"));
        let without = Tags::from_features(["names".to_owned(), "transfers".to_owned()]);
        assert!(check("1.2.3", &surface, &without).is_ok());
    }
}
