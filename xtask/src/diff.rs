//! What changes for a program that uses the crate, between two schemas.
//!
//! Compared is what the generator makes of them, not what they say: a field that becomes required
//! in replies is the same `Option` as before.

use std::collections::{BTreeMap, BTreeSet};

use seqera_codegen::document::template;
use seqera_codegen::surface::{
    FieldSurface, OperationSurface, Setter, Surface, TypeSurface, UnionSurface, translate,
};

/// What a change is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// An operation.
    Operation,
    /// A setter of an operation.
    Parameter,
    /// A type.
    Type,
    /// A field of a struct.
    Field,
    /// A variant of an enum or of a union.
    Value,
}

/// What happened to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It has another name.
    Renamed,
    /// It is another.
    Changed,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// What it is about.
    pub subject: Subject,
    /// What happened.
    pub kind: Kind,
    /// The thing: `list_workflows`, `list_workflows.search`, `Workflow.id`.
    pub name: String,
    /// What is different, in words.
    pub detail: String,
    /// Whether a program that worked may no longer compile, or its calls be refused.
    pub breaking: bool,
}

/// Compares two surfaces.
pub fn compare(old: &Surface, new: &Surface) -> Vec<Change> {
    let mut comparison = Comparison {
        renamed_types: renamed_types(old, new),
        changes: Vec::new(),
    };
    comparison.operations(old, new);
    comparison.types(old, new);
    comparison.changes.sort();
    comparison.changes
}

struct Comparison {
    /// New names of types by old name.
    renamed_types: BTreeMap<String, String>,
    changes: Vec<Change>,
}

impl Comparison {
    fn note(&mut self, subject: Subject, kind: Kind, name: &str, detail: String, breaking: bool) {
        self.changes.push(Change {
            subject,
            kind,
            name: name.to_owned(),
            detail,
            breaking,
        });
    }

    /// A type as the new schema writes it, if all that happened to it is a new name.
    fn translate(&self, ty: &str) -> String {
        translate(ty, &self.renamed_types)
    }

    /// Notes a type that is another. A type that only has another name is noted where it is defined.
    fn retyped(&mut self, subject: Subject, name: &str, what: &str, old: &str, new: &str) {
        if self.translate(old) != new {
            let detail = format!("{what}`{old}` is now `{new}`");
            self.note(subject, Kind::Changed, name, detail, true);
        }
    }

    fn operations(&mut self, old: &Surface, new: &Surface) {
        let (removed, added) = unpaired(&old.operations, &new.operations);
        let place =
            |operation: &OperationSurface| (operation.method.clone(), template(&operation.path));
        let mut renamed = BTreeMap::new();
        for name in &removed {
            let (before, is) = (&old.operations[*name], |other: &&&String| {
                place(&new.operations[**other]) == place(&old.operations[*name])
            });
            match added.iter().find(is) {
                Some(now) => {
                    renamed.insert((*name).clone(), (*now).clone());
                    let detail = format!("is now `{now}`");
                    self.note(Subject::Operation, Kind::Renamed, name, detail, true);
                }
                None => {
                    let detail = format!("{} {}", before.method, before.path);
                    self.note(Subject::Operation, Kind::Removed, name, detail, true);
                }
            }
        }
        for name in added {
            if !renamed.values().any(|now| now == name) {
                let operation = &new.operations[name];
                let OperationSurface {
                    method, path, tag, ..
                } = operation;
                let detail = format!("{method} {path}, feature `{tag}`");
                self.note(Subject::Operation, Kind::Added, name, detail, false);
            }
        }
        for (name, before) in &old.operations {
            let now = renamed.get(name).unwrap_or(name);
            if let Some(after) = new.operations.get(now) {
                self.operation(now, before, after);
            }
        }
    }

    fn operation(&mut self, name: &str, old: &OperationSurface, new: &OperationSurface) {
        let mut changed = |detail: String, breaking| {
            self.note(Subject::Operation, Kind::Changed, name, detail, breaking);
        };
        if (&old.method, &old.path) != (&new.method, &new.path) {
            let (before, after) = ((&old.method, &old.path), (&new.method, &new.path));
            let detail = format!(
                "`{} {}` is now `{} {}`",
                before.0, before.1, after.0, after.1
            );
            changed(detail, false);
        }
        if old.tag != new.tag {
            let detail = format!("needs the feature `{}` instead of `{}`", new.tag, old.tag);
            changed(detail, true);
        }
        match (old.paged, new.paged) {
            (true, false) => changed("has no pages any more".to_owned(), true),
            (false, true) => changed("has pages: `.stream()`".to_owned(), false),
            _ => match (old.listed, new.listed) {
                (true, false) => changed("has no `.stream()` any more".to_owned(), true),
                (false, true) => changed("has `.stream()`, without pages".to_owned(), false),
                _ => {}
            },
        }
        match (old.deprecated, new.deprecated) {
            (false, true) => changed("is deprecated".to_owned(), false),
            (true, false) => changed("is no longer deprecated".to_owned(), false),
            _ => {}
        }
        match (&old.body, &new.body) {
            (None, Some(after)) => changed(format!("takes a body: `{after}`"), true),
            (Some(before), None) => changed(format!("takes no body any more: `{before}`"), true),
            (Some(before), Some(after)) => {
                self.retyped(Subject::Operation, name, "the body ", before, after);
            }
            (None, None) => {}
        }
        if old.body.is_some() && new.body.is_some() && old.body_required != new.body_required {
            let (how, breaking) = match new.body_required {
                true => ("required", true),
                false => ("optional", false),
            };
            let detail = format!("the body is {how} now");
            self.note(Subject::Operation, Kind::Changed, name, detail, breaking);
        }
        self.retyped(
            Subject::Operation,
            name,
            "the reply ",
            &old.reply,
            &new.reply,
        );
        self.setters(name, &old.setters, &new.setters);
    }

    fn setters(
        &mut self,
        operation: &str,
        old: &BTreeMap<String, Setter>,
        new: &BTreeMap<String, Setter>,
    ) {
        let renamed = renamed_members(old, new, |before, after| {
            before.place == after.place && self.translate(&before.ty) == after.ty
        });
        self.members(
            Subject::Parameter,
            operation,
            old,
            new,
            &renamed,
            |setter| {
                let required = if setter.required { ", required" } else { "" };
                (format!("`{}`{required}", setter.ty), setter.required)
            },
        );
        for (name, before, after) in pairs(old, new, &renamed) {
            let keeps_name = old.contains_key(name);
            let name = format!("{operation}.{name}");
            self.retyped(Subject::Parameter, &name, "", &before.ty, &after.ty);
            // The place of a path parameter is all that is seen of it on the wire.
            if keeps_name && after.place != "path" {
                self.respelled(Subject::Parameter, &name, &before.wire, &after.wire);
            }
            if before.joined != after.joined {
                let how = |joined| {
                    if joined {
                        "joined by commas"
                    } else {
                        "repeated"
                    }
                };
                let detail = format!("its values are {} now", how(after.joined));
                self.note(Subject::Parameter, Kind::Changed, &name, detail, true);
            }
            if before.place != after.place {
                let detail = format!("moved from the {} to the {}", before.place, after.place);
                self.note(Subject::Parameter, Kind::Changed, &name, detail, false);
            }
            self.requirement(Subject::Parameter, &name, before.required, after.required);
        }
    }

    /// Notes a name on the wire that is another under the same name in Rust: what a program sends
    /// and reads is no longer what its server knew it by.
    fn respelled(&mut self, subject: Subject, name: &str, before: &str, after: &str) {
        if before != after {
            let detail = format!("`{before}` is `{after}` on the wire now");
            self.note(subject, Kind::Changed, name, detail, true);
        }
    }

    fn requirement(&mut self, subject: Subject, name: &str, before: bool, after: bool) {
        let (detail, breaking) = match (before, after) {
            (false, true) => ("is required now", true),
            (true, false) => ("is optional now", false),
            _ => return,
        };
        self.note(subject, Kind::Changed, name, detail.to_owned(), breaking);
    }

    fn types(&mut self, old: &Surface, new: &Surface) {
        let renamed = self.renamed_types.clone();
        let (removed, added) = unpaired(&old.types, &new.types);
        for name in removed {
            match renamed.get(name) {
                Some(now) => {
                    let detail = format!("is now `{now}`");
                    self.note(Subject::Type, Kind::Renamed, name, detail, true);
                }
                None => {
                    let detail = form(&old.types[name]).to_owned();
                    self.note(Subject::Type, Kind::Removed, name, detail, true);
                }
            }
        }
        for name in added {
            if !renamed.values().any(|now| now == name) {
                let detail = form(&new.types[name]).to_owned();
                self.note(Subject::Type, Kind::Added, name, detail, false);
            }
        }
        for (name, before) in &old.types {
            let now = renamed.get(name).unwrap_or(name);
            if let Some(after) = new.types.get(now) {
                self.ty(now, before, after);
            }
        }
    }

    fn ty(&mut self, name: &str, old: &TypeSurface, new: &TypeSurface) {
        match (old, new) {
            (TypeSurface::Struct { fields: old, .. }, TypeSurface::Struct { fields: new, .. }) => {
                self.fields(name, old, new);
            }
            (TypeSurface::Enum { variants: old }, TypeSurface::Enum { variants: new }) => {
                self.variants(name, old, new);
                for (variant, before, after) in pairs(old, new, &BTreeMap::new()) {
                    let name = format!("{name}.{variant}");
                    self.respelled(Subject::Value, &name, before, after);
                }
            }
            (TypeSurface::Union(old), TypeSurface::Union(new)) => {
                self.variants(name, &old.variants, &new.variants);
                for (variant, before, after) in
                    pairs(&old.variants, &new.variants, &BTreeMap::new())
                {
                    let name = format!("{name}.{variant}");
                    self.retyped(Subject::Value, &name, "", before, after);
                }
                for (variant, before, after) in pairs(&old.values, &new.values, &BTreeMap::new()) {
                    let name = format!("{name}.{variant}");
                    self.respelled(Subject::Value, &name, before, after);
                }
                if old.tag != new.tag {
                    let (before, after) = (&old.tag, &new.tag);
                    let detail = format!("is told apart by `{after}` instead of `{before}`");
                    self.note(Subject::Type, Kind::Changed, name, detail, true);
                }
            }
            (TypeSurface::Other(old), TypeSurface::Other(new)) => {
                self.retyped(Subject::Type, name, "", old, new);
            }
            _ => {
                let detail = format!("{} is now {}", form(old), form(new));
                self.note(Subject::Type, Kind::Changed, name, detail, true);
            }
        }
    }

    fn variants(
        &mut self,
        owner: &str,
        old: &BTreeMap<String, String>,
        new: &BTreeMap<String, String>,
    ) {
        self.members(Subject::Value, owner, old, new, &BTreeMap::new(), |value| {
            (format!("`{value}`"), false)
        });
    }

    fn fields(
        &mut self,
        owner: &str,
        old: &BTreeMap<String, FieldSurface>,
        new: &BTreeMap<String, FieldSurface>,
    ) {
        let renamed = renamed_members(old, new, |before, after| {
            before.nullable == after.nullable && self.translate(&before.ty) == after.ty
        });
        self.members(Subject::Field, owner, old, new, &renamed, |field| {
            let required = if field.required {
                ", required when sent"
            } else {
                ""
            };
            (format!("`{}`{required}", field.ty), field.required)
        });
        for (name, before, after) in pairs(old, new, &renamed) {
            let keeps_name = old.contains_key(name);
            let name = format!("{owner}.{name}");
            self.retyped(Subject::Field, &name, "", &before.ty, &after.ty);
            if keeps_name {
                self.respelled(Subject::Field, &name, &before.wire, &after.wire);
            }
            if before.nullable != after.nullable {
                let declared = |nullable| if nullable { "Nullable" } else { "Option" };
                let (was, is) = (declared(before.nullable), declared(after.nullable));
                let detail = format!("`{was}` is now `{is}`");
                self.note(Subject::Field, Kind::Changed, &name, detail, true);
            }
            self.requirement(Subject::Field, &name, before.required, after.required);
        }
    }

    /// Notes the members that are only on one side. `describe` says what one is, and whether a new
    /// one breaks programs that do not know it.
    fn members<T>(
        &mut self,
        subject: Subject,
        owner: &str,
        old: &BTreeMap<String, T>,
        new: &BTreeMap<String, T>,
        renamed: &BTreeMap<String, String>,
        describe: impl Fn(&T) -> (String, bool),
    ) {
        let (removed, added) = unpaired(old, new);
        for name in removed {
            let full = format!("{owner}.{name}");
            match renamed.get(name) {
                Some(now) => {
                    let detail = format!("is now `{now}`");
                    self.note(subject, Kind::Renamed, &full, detail, true);
                }
                None => {
                    let detail = describe(&old[name]).0;
                    self.note(subject, Kind::Removed, &full, detail, true);
                }
            }
        }
        for name in added {
            if !renamed.values().any(|now| now == name) {
                let (detail, breaking) = describe(&new[name]);
                let full = format!("{owner}.{name}");
                self.note(subject, Kind::Added, &full, detail, breaking);
            }
        }
    }
}

fn form(ty: &TypeSurface) -> &'static str {
    match ty {
        TypeSurface::Struct { .. } => "a struct",
        TypeSurface::Enum { .. } => "an enum",
        TypeSurface::Union(_) => "a union",
        TypeSurface::Other(_) => "a named array or map",
    }
}

/// The keys that only the one and only the other has.
fn unpaired<'a, T>(
    old: &'a BTreeMap<String, T>,
    new: &'a BTreeMap<String, T>,
) -> (Vec<&'a String>, Vec<&'a String>) {
    let removed = old.keys().filter(|name| !new.contains_key(*name)).collect();
    let added = new.keys().filter(|name| !old.contains_key(*name)).collect();
    (removed, added)
}

/// The members that both have, under their new names.
fn pairs<'a, T>(
    old: &'a BTreeMap<String, T>,
    new: &'a BTreeMap<String, T>,
    renamed: &'a BTreeMap<String, String>,
) -> impl Iterator<Item = (&'a String, &'a T, &'a T)> {
    old.iter().filter_map(move |(name, before)| {
        let now = renamed.get(name).unwrap_or(name);
        Some((now, before, new.get(now)?))
    })
}

/// Members that are gone, each with the one new member that does the same by a name that shares at
/// least half of the words.
fn renamed_members<T>(
    old: &BTreeMap<String, T>,
    new: &BTreeMap<String, T>,
    same: impl Fn(&T, &T) -> bool,
) -> BTreeMap<String, String> {
    let (removed, added) = unpaired(old, new);
    let words = |name: &str| -> BTreeSet<String> { name.split('_').map(str::to_owned).collect() };
    let alike = |before: &str, after: &str| {
        let (first, second) = (words(before), words(after));
        let common = first.intersection(&second).count();
        same(&old[before], &new[after]) && common * 2 >= first.union(&second).count()
    };
    one_to_one(&removed, &added, alike)
}

/// Pairs those that fit exactly one of the other side, and are fitted by no other.
fn one_to_one(
    removed: &[&String],
    added: &[&String],
    alike: impl Fn(&str, &str) -> bool,
) -> BTreeMap<String, String> {
    let mut pairs = BTreeMap::new();
    for before in removed {
        let fits: Vec<_> = added.iter().filter(|after| alike(before, after)).collect();
        if let [after] = fits.as_slice()
            && removed.iter().filter(|other| alike(other, after)).count() == 1
        {
            pairs.insert((*before).clone(), (**after).clone());
        }
    }
    pairs
}

/// Types that are gone, each with the one new type of the same members. The types of members may
/// have new names themselves, so this is done until no more are found.
fn renamed_types(old: &Surface, new: &Surface) -> BTreeMap<String, String> {
    let (removed, added) = unpaired(&old.types, &new.types);
    let mut renamed = BTreeMap::new();
    loop {
        let found = one_to_one(&removed, &added, |before, after| {
            alike(&old.types[before], &new.types[after], &renamed)
        });
        if found == renamed {
            return renamed;
        }
        // What was found before stays found, so that this comes to an end.
        let more: BTreeMap<_, _> = renamed.clone().into_iter().chain(found).collect();
        if more == renamed {
            return renamed;
        }
        renamed = more;
    }
}

fn alike(old: &TypeSurface, new: &TypeSurface, renamed: &BTreeMap<String, String>) -> bool {
    /// The share of members that two types must have in common to be the same.
    const SHARE: f64 = 0.75;
    /// Types with fewer members are alike by chance.
    const FEWEST: usize = 2;
    let (before, after) = match (old, new) {
        (TypeSurface::Struct { .. }, TypeSurface::Struct { .. })
        | (TypeSurface::Enum { .. }, TypeSurface::Enum { .. })
        | (TypeSurface::Union(_), TypeSurface::Union(_)) => {
            (members(old, renamed), members(new, &BTreeMap::new()))
        }
        _ => return false,
    };
    let common = before.intersection(&after).count();
    let all = before.union(&after).count();
    common >= FEWEST && common as f64 >= SHARE * all as f64
}

fn members(ty: &TypeSurface, renamed: &BTreeMap<String, String>) -> BTreeSet<(String, String)> {
    match ty {
        TypeSurface::Struct { fields, .. } => fields
            .values()
            .map(|field| (field.wire.clone(), translate(&field.ty, renamed)))
            .collect(),
        TypeSurface::Enum { variants } | TypeSurface::Union(UnionSurface { variants, .. }) => {
            variants
                .iter()
                .map(|(name, value)| (name.clone(), translate(value, renamed)))
                .collect()
        }
        TypeSurface::Other(_) => BTreeSet::new(),
    }
}

#[cfg(test)]
mod verdicts;
