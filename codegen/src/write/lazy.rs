//! Has functions compiled where they are called. What is not generic would be compiled with the
//! crate, whether a program calls it or not: reading and writing all types, sending all operations.

use syn::{Attribute, File, ImplItem, Item, Signature, parse_quote};

/// Marks all functions that are not generic.
pub fn mark(file: &mut File) {
    mark_items(&mut file.items);
}

fn mark_items(items: &mut [Item]) {
    for item in items {
        match item {
            Item::Mod(module) => {
                if let Some((_, items)) = &mut module.content {
                    mark_items(items);
                }
            }
            Item::Fn(function) => mark_function(&mut function.attrs, &function.sig),
            Item::Impl(item) if item.generics.type_params().next().is_none() => {
                for member in &mut item.items {
                    if let ImplItem::Fn(method) = member {
                        mark_function(&mut method.attrs, &method.sig);
                    }
                }
            }
            _ => {}
        }
    }
}

fn mark_function(attributes: &mut Vec<Attribute>, signature: &Signature) {
    if signature.generics.type_params().next().is_none() {
        attributes.push(parse_quote!(#[inline]));
    }
}

#[cfg(test)]
mod tests {
    use quote::ToTokens;

    use super::*;

    #[test]
    fn functions_are_marked_unless_they_are_generic() {
        let mut file: File = parse_quote! {
            mod builder {
                impl Get {
                    pub fn send(self) -> Sending {}
                    pub fn id<M>(self, id: M) -> Self {}
                }
                impl IntoFuture for Get {
                    fn into_future(self) -> Sending {}
                }
            }
        };
        mark(&mut file);
        let expected: File = parse_quote! {
            mod builder {
                impl Get {
                    #[inline]
                    pub fn send(self) -> Sending {}
                    pub fn id<M>(self, id: M) -> Self {}
                }
                impl IntoFuture for Get {
                    #[inline]
                    fn into_future(self) -> Sending {}
                }
            }
        };
        let text = |file: &File| file.to_token_stream().to_string();
        assert_eq!(text(&file), text(&expected));
    }
}
